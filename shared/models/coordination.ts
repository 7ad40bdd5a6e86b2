/**
 * ZooKeeper clients of this app's own: real sessions with the coordination service, which a person opens, lets go silent and sees expire.
 * There are two at most: `own`, which makes nodes, and `watcher`, which holds the watches, so that somebody is told when `own` expires.
 */

export type CoordinationRole = 'own' | 'watcher';

export type CoordinationState =
  /** Between two servers; the server keeps the session for its timeout meanwhile. */
  | 'connecting'
  | 'connected'
  /** It holds its connection and says nothing, as a process that stands still. It does not hear either. */
  | 'silent'
  /** The server has said that the session is over. A client learns that only when it connects again. */
  | 'expired'
  | 'closed';

export interface CoordinationSession {
  role: CoordinationRole;
  state: CoordinationState;
  /** Wall-clock ms since when it is in that state. */
  since: number;
  /** In hexadecimal, as `ephemeralOwner` has it; null before the first server gave one. It outlives connections. */
  sessionId: string | null;
  askedTimeoutMs: number;
  /** What the server granted; null before it did. */
  timeoutMs: number | null;
  /** Whose endpoint it is connected to, and was last while it is silent; null between two. */
  broker: number | null;
  /** Wall-clock ms of the last it said: until then the server knows it alive. */
  lastSentAt: number | null;
  /** Paths of the ephemeral nodes it made and did not delete. That they are still there is for the tree to say. */
  ephemerals: string[];
  /** How often it went on with another server, or the same one anew, under the same id. */
  resumed: number;
  /** Why it has no server, or has ended; null: nothing to say. */
  problem: string | null;
}

/** `node`: its data, its making and its end; `children`: names directly below it. */
export type WatchKind = 'node' | 'children';

/** One that is set and has not fired. It fires once. */
export interface CoordinationWatch {
  path: string;
  kind: WatchKind;
  since: number;
  /** Whether the node was there when the watch was set. */
  existed: boolean;
}

export interface FiredWatch {
  /** Grows by one with each of a run. */
  id: number;
  at: number;
  path: string;
  /** `expired`: the session has, and nothing is watched any more. */
  event: 'created' | 'deleted' | 'changed' | 'childrenChanged' | 'expired';
  /** Whose endpoint told it. */
  broker: number | null;
  /** Wall-clock ms at which it had been set. */
  setAt: number;
}

/** What a session went through: oldest first, the last 50. */
export interface CoordinationStep {
  id: number;
  at: number;
  role: CoordinationRole;
  what: 'opened' | 'lost' | 'resumed' | 'silent' | 'spoke' | 'expired' | 'closed' | 'created' | 'deleted' | 'changed';
  /** A path, or whose endpoint; one clause. */
  detail: string;
}

export interface CoordinationClients {
  own: CoordinationSession | null;
  watcher: CoordinationSession | null;
  watches: CoordinationWatch[];
  /** Oldest first, the last 50. */
  fired: FiredWatch[];
  steps: CoordinationStep[];
}
