/** The load worker as it is shipped, beside the node worker. */
import { dirname, join } from 'node:path';
import { builtWorker } from './built-worker.ts';

export function builtLoadWorker(): string {
  return join(dirname(builtWorker()), 'load-worker.cjs');
}
