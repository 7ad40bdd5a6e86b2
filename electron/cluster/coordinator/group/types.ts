import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { joinGroup } from '../../protocol/apis/join-group.ts';
import type { syncGroup } from '../../protocol/apis/sync-group.ts';
import type { GroupRecordIn } from '../../protocol/records/group-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { Decision } from '../runtime.ts';
import type { GroupSettings } from './settings.ts';

/** What the coordinator may know of a request beside its body. */
export interface GroupRequestContext {
  readonly version: number;
  readonly clientId: string | null;
  /** The client's address as tools show it. */
  readonly clientHost: string;
}

export type GroupDecision = Decision<GroupRecordIn>;

export type JoinRequest = RequestOf<typeof joinGroup>;
export type JoinResponse = ResponseIn<typeof joinGroup>;
export type SyncRequest = RequestOf<typeof syncGroup>;
export type SyncResponse = ResponseIn<typeof syncGroup>;

/** Someone who waits for an answer. Answered at most once. */
export interface Waiter<T> {
  readonly version: number;
  respond(response: T): void;
}

export type GroupEventType =
  | 'group/rebalanceStarted'
  | 'group/rebalanced'
  | 'group/memberJoined'
  | 'group/memberLeft'
  | 'group/memberExpired'
  | 'group/coordinatorMoved'
  | 'node/corruptionFound';

/** What the parts of one partition's state machine share. */
export interface GroupEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: GroupSettings;
  /** Whether the broker holds the requests of members, heartbeats behind another request among them: silence proves nothing then. */
  readonly requestsHeld: () => boolean;
  /** Tells the timeline. */
  readonly emit: (type: GroupEventType, group: string, reason: string, details: Readonly<Record<string, unknown>>) => void;
  /** Writes what a timer decided. */
  perform(decision: GroupDecision | null): void;
}
