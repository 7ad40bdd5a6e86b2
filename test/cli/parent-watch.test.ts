import { describe, expect, it, vi } from 'vitest';
import { findEnded, findWatched, onParentEnd, type ProcessTable } from '../../electron/cli/parent-watch.ts';

const NPM_SCRIPT = { npm_lifecycle_event: 'cluster' };

/** Process 50 is this one; npm (30) runs its script in a shell (40), and the user's shell (20) runs npm. */
class Table implements ProcessTable {
  pid = 50;
  env: NodeJS.ProcessEnv = NPM_SCRIPT;
  readonly parents = new Map([
    [50, 40],
    [40, 30],
    [30, 20],
    [20, 1],
  ]);
  readonly commands = new Map([
    [40, ['sh', '-c', 'node build/launch.mjs cluster']],
    [30, ['npm run cluster']],
    [20, ['bash', '--login']],
  ]);
  detached = false;

  parent = (): number => this.parents.get(50) ?? 1;
  parentOf = (pid: number): number | undefined => this.parents.get(pid);
  commandOf = (pid: number): readonly string[] => this.commands.get(pid) ?? [];
  isDetached = (): boolean => this.detached;

  /** init adopts the children of the process. */
  end(pid: number): void {
    this.parents.delete(pid);
    for (const [child, parent] of this.parents) if (parent === pid) this.parents.set(child, 1);
  }
}

describe('parent watch', () => {
  it('watches the shell of an npm script and npm, but no further ancestor', () => {
    expect(findWatched(new Table())).toEqual({ parent: 40, grandparent: 30 });
  });

  it.each([
    ['its shell, which npm ends on a signal', [40], 40],
    ['npm alone, killed', [30], 30],
    ['npm and then its shell', [30, 40], 40],
    ['the shell that npm was started from', [20], null],
  ])('reports the end of %s', (_what, ends, reported) => {
    const table = new Table();
    const watched = findWatched(table);
    if (watched === null) throw new Error('nothing is watched');
    expect(findEnded(watched, table)).toBeNull();
    for (const pid of ends) table.end(pid);
    expect(findEnded(watched, table)).toBe(reported);
  });

  it('watches only the parent without npm, or when the shell has replaced itself by the program', () => {
    const plain = new Table();
    plain.env = {};
    expect(findWatched(plain)).toEqual({ parent: 40, grandparent: undefined });
    const replaced = new Table();
    replaced.parents.set(50, 30);
    expect(findWatched(replaced)).toEqual({ parent: 30, grandparent: undefined });
  });

  it('watches nothing when init started the process, or as the first process of a container', () => {
    for (const parent of [1, 0]) {
      const table = new Table();
      table.parents.set(50, parent);
      expect(findWatched(table)).toBeNull();
    }
  });

  it('does not watch npm as the first process of a container', () => {
    const table = new Table();
    table.parents.set(40, 1);
    expect(findWatched(table)).toEqual({ parent: 40, grandparent: undefined });
  });

  it('watches nothing when setsid or nohup detached the process', () => {
    const table = new Table();
    table.detached = true;
    expect(findWatched(table)).toBeNull();
  });

  it('reports a parent that ended during the build', () => {
    const table = new Table();
    table.env = { ...NPM_SCRIPT, BROKERDESK_STARTED_BY: '50:40' };
    table.end(40);
    const watched = findWatched(table);
    expect(watched?.parent).toBe(40);
    expect(watched && findEnded(watched, table)).toBe(40);
  });

  it('ignores the parent that another process has recorded', () => {
    const table = new Table();
    table.env = { BROKERDESK_STARTED_BY: '49:7' };
    expect(findWatched(table)?.parent).toBe(40);
  });

  it('calls back once', async () => {
    const table = new Table();
    const ended: number[] = [];
    const unwatch = onParentEnd((pid) => ended.push(pid), table, 5);
    table.end(40);
    await vi.waitFor(() => expect(ended).toEqual([40]), { timeout: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(ended).toEqual([40]);
    unwatch();
  });
});
