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
