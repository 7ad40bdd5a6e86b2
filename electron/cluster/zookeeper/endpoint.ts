/** A connection's view of its endpoint, the context of a request, and the endpoint's view of the metadata quorum. */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { ControllerChannel } from '../quorum/controller-channel.ts';
import type { ZooKeeperChange, ZooKeeperView } from '../quorum/zookeeper-state/view.ts';
import type { ClientSession, SessionAnswer, SessionConnection, SessionRequest } from './session.ts';
import type { Watcher, Watches } from './watches.ts';

/** The node's metadata and its channel to the active controller; `MetadataQuorum` implements it. */
export interface Coordination {
  zookeeperView(): ZooKeeperView;
  /** Calls `listener` after every change of the view; returns its removal. */
  onZooKeeperChange(listener: (change: ZooKeeperChange) => void): () => void;
  readonly channel: Pick<ControllerChannel, 'send'>;
  /** −1 while there is no active controller. */
  readonly leaderId: number;
}

export interface Endpoint {
  readonly nodeId: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly coordination: Coordination;
  readonly watches: Watches;
  /** Opens, moves and closes sessions. */
  readonly sessionRequests: { ask(request: SessionRequest): Promise<SessionAnswer> };
  /** False after a while without an active controller: nothing can be changed, and reads may be stale. */
  readonly writable: boolean;
  /** Resolves when this node has applied the metadata up to `zxid`; rejects on timeout. */
  applied(zxid: bigint): Promise<void>;
  /** The connection owns that session of the quorum from now on. */
  attach(connection: SessionConnection, sessionId: bigint): void;
  /** The client of that session is active. */
  touchSession(sessionId: bigint): void;
  /** The response to a four-letter word. */
  word(word: string): string;
  /** Counts an answered request. */
  served(latencyMs: number): void;
}

export interface RequestContext {
  readonly endpoint: Endpoint;
  readonly session: ClientSession;
  readonly watcher: Watcher;
}

/** Maximum time that a change or a session waits for the quorum. */
export const QUORUM_TIMEOUT_MS = 10_000;
