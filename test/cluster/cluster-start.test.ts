import { describe, expect, it } from 'vitest';
import { ClusterError } from '../../electron/cluster/cluster-errors.ts';
import { startTogether } from '../../electron/cluster/cluster-start.ts';

/** Nodes 1 to `size`; those in `failing` cannot start, and the others wait for a majority without limit. */
async function start(voters: number, failing: readonly number[], voteless: readonly number[], size = voters): Promise<unknown> {
  const ids = Array.from({ length: size }, (_, index) => index + 1);
  const causes = new Map(voteless.map((id) => [id, `node ${id}: its metadata was damaged`]));
  const startNode = ({ id }: { id: number }): Promise<void> =>
    failing.includes(id)
      ? Promise.reject(new ClusterError('NODE_FAILED', `Node ${id}: bad meta.properties`))
      : new Promise(() => undefined);
  const started = startTogether(
    ids.map((id) => ({ id })),
    ids.slice(0, voters),
    causes,
    startNode,
  ).catch((error: unknown) => error);
  return Promise.race([started, new Promise((resolve) => setTimeout(resolve, 20, 'waits'))]);
}

describe('startTogether', () => {
  it('rejects with both causes where one voter cannot start and another one has no vote', async () => {
    const error = await start(3, [2], [1]);
    expect(error).toBeInstanceOf(ClusterError);
    expect((error as ClusterError).message).toMatch(/^Node 2: bad meta\.properties.*node 1: its metadata was damaged/);
  });

  it('waits while a majority of the voters can still vote', async () => {
    expect(await start(3, [2], [])).toBe('waits');
    expect(await start(3, [1], [1])).toBe('waits');
    expect(await start(5, [2], [1])).toBe('waits');
    expect(await start(3, [4], [1], 4)).toBe('waits');
    expect(await start(5, [2, 3], [1])).toBeInstanceOf(ClusterError);
  });

  it('waits where an observer of two voters failed: a voter without a vote grants one to the other', async () => {
    expect(await start(2, [3], [1], 3)).toBe('waits');
    expect(await start(2, [2], [1])).toBeInstanceOf(ClusterError);
  });
});
