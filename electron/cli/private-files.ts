/** Files of this process are its user's alone: other users of the machine can neither read records nor tokens. */
import { isMainThread } from 'node:worker_threads';

const NOT_FOR_OTHERS = 0o077;

/** From here on, what this process creates has the modes 700 and 600. The mask belongs to the process: threads and children inherit it. */
export function keepFilesPrivate(): void {
  // Only the main thread may set it.
  if (isMainThread) process.umask(NOT_FOR_OTHERS);
}
