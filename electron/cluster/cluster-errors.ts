/** Errors of the supervisor; the message names the directory, node or port and is shown to the user. */
import { messageOf } from '#shared/errors';

export class ClusterError extends Error {
  readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ClusterError';
    this.code = code;
  }
}

export type ClusterErrorCode =
  /** An invalid option: 12 brokers, a delay of 0 ms. */
  | 'BAD_OPTION'
  /** Another process, or another cluster of this one, uses the data directory. */
  | 'DIRECTORY_IN_USE'
  /** The content cannot be read, or belongs to another cluster. */
  | 'DIRECTORY_UNUSABLE'
  /** Written by a later version of the app. */
  | 'DIRECTORY_NEWER'
  | 'NO_FREE_PORT'
  | 'NO_SUCH_NODE'
  /** The broker holds no replica of that partition. */
  | 'NO_SUCH_REPLICA'
  /** No active fault has that id. */
  | 'NO_SUCH_FAULT'
  /** The action is not possible in the node's state. */
  | 'WRONG_STATE'
  | 'NODE_FAILED';

/** Advice about a file system error, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on its disk (ENOSPC). Free some space there, or choose another data directory',
  EDQUOT: "the user's disk quota is exceeded (EDQUOT). Free some space there, or choose another data directory",
  EROFS: 'its file system is read-only (EROFS). Choose another data directory',
  EACCES: 'permission is denied (EACCES). Change its permissions, or choose another data directory',
  EPERM: 'the operation is not permitted (EPERM). Change its permissions, or choose another data directory',
  ENOTDIR: 'a part of the path is a file (ENOTDIR). Choose another data directory',
  EEXIST: 'a file of that name exists (EEXIST). Choose another data directory',
};

/** The cause as a clause, with advice where there is some. */
export function describeFailure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const advice = Object.hasOwn(ADVICE, code) ? ADVICE[code] : undefined;
  return advice ?? messageOf(error);
}

/** Advice about a message with the code of a full disk; '' for any other. */
export function adviseOnFailure(message: string): string {
  return /\b(ENOSPC|EDQUOT)\b/.test(message) ? '. Its disk is full: free some space there, or choose another data directory' : '';
}
