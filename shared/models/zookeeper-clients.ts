/**
 * The app's own ZooKeeper clients, with real sessions that the user opens, suspends and sees expire. There are two at most: `own`, which
 * creates nodes, and `watcher`, which holds the watches and is notified when `own` expires.
 */

export type ZooKeeperClientRole = 'own' | 'watcher';

export type ZooKeeperClientState =
  /** Without a connection; the servers keep the session for its timeout. */
  | 'connecting'
  | 'connected'
  /** The connection is open, but the client neither sends nor reads, as a suspended process. */
  | 'silent'
  /** A server has reported that the session expired. A client receives that only when it reconnects. */
  | 'expired'
  | 'closed';

export interface ZooKeeperClientSession {
  role: ZooKeeperClientRole;
  state: ZooKeeperClientState;
  /** Wall-clock ms at which it entered that state. */
  since: number;
  /** Hexadecimal, as in `ephemeralOwner`; null before a server has assigned it. It is the same on every connection. */
  sessionId: string | null;
  askedTimeoutMs: number;
  /** The timeout that the server granted; null before it did. */
  timeoutMs: number | null;
  /** The broker that it is connected to, also while it is silent; null without a connection. */
  broker: number | null;
  /** Wall-clock ms of its last request or ping, from which the server counts the timeout. */
  lastSentAt: number | null;
  /** Paths of ephemeral nodes that it created and did not delete. They may have been deleted by others. */
  ephemerals: string[];
  /** Number of reconnects with the same session id. */
  resumed: number;
  /** Why it has no connection, or has ended; null without a problem. */
  problem: string | null;
}

/** `node`: data, creation and deletion of the node; `children`: the names of its children. */
export type WatchKind = 'node' | 'children';

/** A watch that is set and has not fired. It fires once. */
export interface ZooKeeperWatch {
  path: string;
  kind: WatchKind;
  since: number;
  /** True if the node existed when the watch was set. */
  existed: boolean;
}

export interface FiredWatch {
  /** Ascending within a run of the app. */
  id: number;
  at: number;
  path: string;
  /** `expired`: the session has expired, and its watches with it. */
  event: 'created' | 'deleted' | 'changed' | 'childrenChanged' | 'expired';
  /** The broker that sent the event. */
  broker: number | null;
  /** Wall-clock ms at which the watch was set. */
  setAt: number;
}

/** A step in the history of a session. The last 50 are kept, oldest first. */
export interface ZooKeeperClientStep {
  id: number;
  at: number;
  role: ZooKeeperClientRole;
  what: 'opened' | 'lost' | 'resumed' | 'silent' | 'spoke' | 'expired' | 'closed' | 'created' | 'deleted' | 'changed';
  /** A path, or a broker; one clause. */
  detail: string;
}

export interface ZooKeeperClients {
  own: ZooKeeperClientSession | null;
  watcher: ZooKeeperClientSession | null;
  watches: ZooKeeperWatch[];
  /** Oldest first, the last 50. */
  fired: FiredWatch[];
  steps: ZooKeeperClientStep[];
}
