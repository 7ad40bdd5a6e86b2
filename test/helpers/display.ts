/** An X server without a screen, on a display number that it picks itself. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface Display {
  /** For the environment variable DISPLAY. */
  readonly name: string;
  close(): void;
}

export function startDisplay(): Promise<Display> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1440x900x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
    (child.stdio[3] as Readable).once('data', (digits: Buffer) =>
      resolve({ name: `:${digits.toString().trim()}`, close: () => void child.kill() }),
    );
  });
}
