/** Runs a program to its end and keeps what it said. */
import { spawn } from 'node:child_process';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
  ms: number;
}

export function run(
  file: string,
  args: readonly string[],
  options: { input?: string | Buffer; timeoutMs?: number } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 180_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString(), ms: performance.now() - start });
    });
    // A program that ends early closes its input; that is its affair.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}

/** The output, or an error with everything that was said. */
export async function runOk(
  file: string,
  args: readonly string[],
  options: { input?: string | Buffer; timeoutMs?: number } = {},
): Promise<Finished> {
  const finished = await run(file, args, options);
  if (finished.code !== 0)
    throw new Error(`${file} ${args.join(' ')} exited with ${finished.code}\n${finished.stderr}\n${finished.stdout.slice(0, 2_000)}`);
  return finished;
}
