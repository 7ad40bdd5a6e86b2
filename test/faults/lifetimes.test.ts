import { afterEach, describe, expect, test } from 'vitest';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { isRunning, until } from '../helpers/processes.ts';

interface Fault {
  id: number;
}

/** The answer, or the status of the refusal. */
async function ask<T>(cluster: ClusterProcess, method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T | string> {
  try {
    return await cluster.control<T>(method, path, body);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('requests that meet', () => {
  let cluster: ClusterProcess | undefined;
  afterEach(async () => {
    await cluster?.crash();
    cluster = undefined;
  });

  test('a broker that joins while it is started, killed and healed is managed, and SIGTERM ends the process', async () => {
    const one = await ClusterProcess.start();
    cluster = one;
    for (let round = 0; round < 4; round++) {
      const adding = ask(one, 'POST', '/nodes');
      const meanwhile = [
        () => ask(one, 'DELETE', '/faults'),
        () => ask(one, 'POST', '/nodes/4/start'),
        () => ask(one, 'POST', '/faults', { type: 'kill', node: 4 }),
        () => ask(one, 'POST', '/faults', { type: 'slowDisk', node: 4, latencyMs: 1 }),
      ];
      // In another order each round, so that each of them is once the first.
      const order = meanwhile.map((_, index) => meanwhile[(index + round) % meanwhile.length] as () => Promise<unknown>);
      await Promise.all([adding, ...order.map((send) => send())]);
      const nodes = await one.nodes();
      if (nodes.length === 4) await ask(one, 'DELETE', '/faults');
      for (const { id } of await one.control<Fault[]>('GET', '/faults')) {
        expect(await ask(one, 'DELETE', `/faults/${id}`), `fault ${id}`).toBeNull();
      }
      expect(await one.control('DELETE', '/faults')).toEqual([]);
      const after = await one.nodes();
      expect(after.map(({ state }) => state)).toEqual(after.map(() => 'running'));
      if (after.length === 4) expect(await ask(one, 'DELETE', '/nodes/4')).toBeNull();
    }
    process.kill(one.line.pid, 'SIGTERM');
    await until('the process ends', 40_000, () => !isRunning(one.line.pid));
  });
});
