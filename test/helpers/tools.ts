/** Tools that a test wants and the machine may lack. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, test } from 'vitest';

export function onPath(tool: string): boolean {
  return spawnSync('/bin/sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' }).status === 0;
}

/** True when Debian's Python can import the module. */
export function pythonHas(module: string): boolean {
  return existsSync('/usr/bin/python3') && spawnSync('/usr/bin/python3', ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0;
}

/**
 * A suite that needs something of the machine. Where it is missing the suite is skipped by name, but in CI it fails:
 * a CI that skips proves nothing.
 */
export function describeWith(need: string, present: boolean, name: string, body: () => void): void {
  if (present) {
    describe(name, body);
  } else if (process.env['CI'] === 'true') {
    test(`${name}: ${need} is missing`, () => {
      throw new Error(`${need} is missing, and CI must not skip`);
    });
  } else {
    test.skip(`${name} (needs ${need})`, () => undefined);
  }
}
