/** The part of the broker's context (`context.ts`) for handlers of the data path. */
import type { Clock } from '../lib/clock.ts';
import type { ConnectionInfo } from '../dispatch/request.ts';
import type { Authorizer } from '../security/authorizer.ts';
import type { Session } from '../security/session.ts';
import type { MetadataImage } from '../quorum/image.ts';
import type { FetchSessionCache } from './fetch-session.ts';
import type { ProducerIds } from './producer-ids.ts';
import type { ReplicaManager } from './replica-manager.ts';

export interface DataContext {
  readonly nodeId: number;
  readonly clock: Clock;
  /** The newest metadata that this node has applied. */
  image(): MetadataImage;
  readonly authorizer: Authorizer;
  readonly replicas: ReplicaManager;
  readonly fetchSessions: FetchSessionCache;
  readonly producerIds: ProducerIds;
  readonly settings: { readonly fetchMaxBytes: number };
}

/** The part of `RequestContext` that these handlers read. */
export interface DataRequestContext {
  readonly version: number;
  readonly clientId: string;
  readonly listener: string;
  readonly session: Session;
  readonly connection: Pick<ConnectionInfo, 'answerLater' | 'answerRoom' | 'holdAnswer'>;
}
