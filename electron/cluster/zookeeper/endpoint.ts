/** What a connection needs of the endpoint that it came in by, and the endpoint of the metadata quorum. */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { ControllerChannel } from '../quorum/controller-channel.ts';
import type { ImageChange, MetadataImage } from '../quorum/image.ts';
import type { ZooKeeperConnection } from './connection.ts';
import type { SessionRequests } from './session-requests.ts';
import type { Watches } from './watches.ts';

/** The metadata as a node has it, and the way to who decides on it; `MetadataQuorum` is one. */
export interface Coordination {
  image(): MetadataImage;
  onImage(listener: (change: ImageChange) => void): () => void;
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
  readonly sessionRequests: SessionRequests;
  /** False while there has been no active controller for a while: nothing can change, and what is read may be old. */
  readonly writable: boolean;
  /** Resolves when this node has applied the metadata up to there; rejects when that takes too long. */
  applied(zxid: bigint): Promise<void>;
  /** The connection has that session of the quorum from now on. */
  attach(connection: ZooKeeperConnection, sessionId: bigint): void;
  /** The client of that session is alive. */
  heard(sessionId: bigint): void;
  /** A four-letter word, answered. */
  word(word: string): string;
  /** Counts a request that was answered. */
  served(latencyMs: number): void;
}

/** The longest that a change or a session waits for the quorum. */
export const QUORUM_TIMEOUT_MS = 10_000;
