/** A group of any type, as offsets, queries and the upkeep of its partition see it. The group's own requests know its class. */
import type { RequestOf } from '../../protocol/schema.ts';
import type { offsetCommit } from '../../protocol/apis/offset-commit.ts';
import type { CommittedOffset } from './offset-store.ts';
import type { DescribedGroup, GroupStatus, ListedGroup } from './types.ts';

export type GroupType = 'classic';

export interface Group {
  readonly groupId: string;
  readonly type: GroupType;
  /** Named as in the protocol. */
  readonly state: string;
  /** Of a classic group; the group epoch of others. */
  readonly generation: number;
  readonly memberCount: number;
  /** It has no members: it may be deleted, and offsets are committed from outside. */
  readonly isEmpty: boolean;
  /** It has no members, and none is about to join. */
  readonly isAbandoned: boolean;
  /** Whether the log may have a record of the group, so that its end needs a tombstone. */
  readonly persisted: boolean;
  /** Whether members consume the topic; true if that is unknown. */
  isSubscribed(topic: string): boolean;
  /** NONE, or why the member, or the client without a membership, may not commit offsets. A valid commit proves that its member is alive. */
  validateCommit(request: RequestOf<typeof offsetCommit>): number;
  /** NONE, or why the member may not read offsets. A request without a member id, and with epoch −1, needs no membership. */
  validateFetch(memberId: string | null, memberEpoch: number): number;
  /** NONE, or why no offset of the group may be deleted now. */
  validateOffsetDelete(): number;
  /** Start of the retention of one of its offsets, in wall-clock ms; null while none of them may expire. */
  retentionBegins(): ((committed: CommittedOffset) => number) | null;
  list(): ListedGroup;
  describe(): DescribedGroup;
  status(partition: number): GroupStatus;
  /** The group was loaded: its members' sessions start. */
  startSessions(): void;
  /** Stops all timers and answers all pending requests. */
  dispose(error: number): void;
  /** The deletion is final. */
  end(now: number): void;
}
