import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { deleteGroups } from '../../protocol/apis/delete-groups.ts';
import type { describeGroups } from '../../protocol/apis/describe-groups.ts';
import type { joinGroup } from '../../protocol/apis/join-group.ts';
import type { listGroups } from '../../protocol/apis/list-groups.ts';
import type { offsetCommit } from '../../protocol/apis/offset-commit.ts';
import type { syncGroup } from '../../protocol/apis/sync-group.ts';
import type { GroupRecordIn } from '../../protocol/records/group-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { MetadataImage } from '../../quorum/image.ts';
import type { Change, Decision } from '../decision.ts';
import type { GroupSettings } from './settings.ts';

/** Context of a request beside its body. */
export interface GroupRequestContext {
  readonly version: number;
  readonly clientId: string | null;
  /** The client's address as tools show it. */
  readonly clientHost: string;
}

/** A change of members' state, which answers the waiting requests itself. */
export type GroupChange = Change<GroupRecordIn>;
export type GroupDecision<Response> = Decision<GroupRecordIn, Response>;

export type CommitRequest = RequestOf<typeof offsetCommit>;
export type CommitResponse = ResponseIn<typeof offsetCommit>;
export type DeletedGroup = ResponseIn<typeof deleteGroups>['results'][number];
export type ListedGroup = ResponseIn<typeof listGroups>['groups'][number];
export type DescribedGroup = ResponseIn<typeof describeGroups>['groups'][number];

/** Plain data, for the Lab. */
export interface GroupStatus {
  readonly groupId: string;
  /** Of `__consumer_offsets`. */
  readonly partition: number;
  readonly state: string;
  /** Wall-clock milliseconds of the last change of state. */
  readonly stateSince: number | null;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly leader: string | null;
  /** Reason of the last rebalance under this coordinator; empty: none. */
  readonly rebalanceReason: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly instanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
    /** The pending request of the member. */
    readonly waitsFor: 'join' | 'sync' | null;
  }[];
}

export type JoinRequest = RequestOf<typeof joinGroup>;
export type JoinResponse = ResponseIn<typeof joinGroup>;
export type SyncRequest = RequestOf<typeof syncGroup>;
export type SyncResponse = ResponseIn<typeof syncGroup>;

/** A pending request, answered at most once. */
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

/** Dependencies of one partition's state machine. */
export interface GroupEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: GroupSettings;
  /** The newest metadata of this broker; at least that of the partition's election. */
  image(): MetadataImage;
  /** Whether the broker holds requests of members, so that their heartbeats may be queued behind another request: no heartbeat proves nothing. */
  readonly requestsHeld: () => boolean;
  /** Adds an event to the timeline. */
  readonly emit: (type: GroupEventType, group: string, reason: string, details: Readonly<Record<string, unknown>>) => void;
  /** Writes the change of a timer. */
  perform(change: GroupChange | null): void;
}
