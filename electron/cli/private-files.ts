/** Makes files of this process private to its user: other users can read neither records nor tokens. */
import { isMainThread } from 'node:worker_threads';

const NOT_FOR_OTHERS = 0o077;

/** Sets the umask so that new files have the modes 700 and 600. Threads and child processes inherit it. */
export function keepFilesPrivate(): void {
  // Worker threads cannot set the umask.
  if (isMainThread) process.umask(NOT_FOR_OTHERS);
}
