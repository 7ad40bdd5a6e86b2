import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const PORTS = resolve(import.meta.dirname, '../helpers/ports.ts');
/** Prints the ports of ten clusters, and holds its block until it is ended. */
const SCRIPT = `
  import { somePort } from ${JSON.stringify(PORTS)};
  console.log(JSON.stringify(Array.from({ length: 10 }, () => somePort())));
  setInterval(() => undefined, 1_000);`;

async function claim(children: ChildProcess[]): Promise<number[]> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return JSON.parse(line.toString()) as number[];
}

it('gives the clusters of test processes that run at the same time ports that do not meet', async () => {
  const children: ChildProcess[] = [];
  try {
    const claims = await Promise.all([claim(children), claim(children), claim(children)]);
    const used = claims.flatMap((firsts) => {
      // The tenth cluster takes the ports of the first.
      expect(firsts.at(-1)).toBe(firsts[0]);
      return firsts.slice(0, -1).flatMap((first) => [0, 100, 200].flatMap((more) => Array.from({ length: 9 }, (_, i) => first + more + i)));
    });
    expect(new Set(used).size).toBe(3 * 9 * 27);
    // Below the ports of outgoing connections.
    expect(Math.max(...used)).toBeLessThan(20_000);
  } finally {
    for (const child of children) child.kill();
  }
});
