/** `npm run scenario` as CI runs it, in a process of its own. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { ScenarioReport } from '../../shared/models/scenario.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export interface ScenarioEnded {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `on` receives all of stderr so far, and may send signals. */
export function runScenarioCommand(
  args: readonly string[],
  on: (stderr: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
): Promise<ScenarioEnded> {
  const child = spawn(process.execPath, [join(ROOT, 'build/launch.mjs'), 'scenario', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended: ScenarioEnded = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (ended.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    ended.stderr += chunk.toString();
    on(ended.stderr, (signal) => void child.kill(signal));
  });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ ...ended, code }));
  });
}

/** The one JSON document on stdout. */
export function reportOf({ stdout, stderr, code }: ScenarioEnded): ScenarioReport {
  try {
    return JSON.parse(stdout) as ScenarioReport;
  } catch (cause) {
    throw new Error(`exit ${code}, no report:\n${stdout}\n${stderr}`, { cause });
  }
}
