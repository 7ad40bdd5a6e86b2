/** What keeps the supervisor from doing as it was asked; the message names the directory, node or port and is fit to be shown. */
export class ClusterError extends Error {
  readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ClusterError';
    this.code = code;
  }
}

export type ClusterErrorCode =
  /** An option that makes no sense by itself: 12 brokers, a delay of 0 ms. */
  | 'BAD_OPTION'
  /** Another process, or another cluster of this one, uses the data directory. */
  | 'DIRECTORY_IN_USE'
  /** What lies there cannot be read, or belongs to another cluster. */
  | 'DIRECTORY_UNUSABLE'
  /** Written by a later version of the app. */
  | 'DIRECTORY_NEWER'
  | 'NO_FREE_PORT'
  | 'NO_SUCH_NODE'
  /** The broker holds no replica of that partition. */
  | 'NO_SUCH_REPLICA'
  /** No fault of that id is in force. */
  | 'NO_SUCH_FAULT'
  /** The node is not in a state in which that can be done. */
  | 'WRONG_STATE'
  | 'NODE_FAILED';

/** What a person can do about a failure of the file system, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on its disk (ENOSPC). Free some space there, or choose another data directory',
  EDQUOT: "the user's disk quota is exceeded (EDQUOT). Free some space there, or choose another data directory",
  EROFS: 'its file system is read-only (EROFS). Choose another data directory',
  EACCES: 'permission is denied (EACCES). Change its permissions, or choose another data directory',
  EPERM: 'the operation is not permitted (EPERM). Change its permissions, or choose another data directory',
  ENOTDIR: 'a part of the path is a file (ENOTDIR). Choose another data directory',
  EEXIST: 'a file of that name exists (EEXIST). Choose another data directory',
};

/** The cause as a clause, with what to do where that is known. */
export function describeFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const advice = Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined;
  return advice ?? (error instanceof Error ? error.message : String(error));
}

/** What to do about a message that names a full disk by its code; '' for any other. */
export function adviseOnFailure(message: string): string {
  return /\b(ENOSPC|EDQUOT)\b/.test(message) ? '. Its disk is full: free some space there, or choose another data directory' : '';
}
