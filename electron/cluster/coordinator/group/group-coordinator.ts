/**
 * The group coordinator of one broker: finds the partition and the shard of a group, and answers with the protocol's errors without one. Takes
 * decoded requests, returns response bodies; no client and no fault makes it reject.
 *
 * Topic ids: OffsetCommit and OffsetFetch v10 name topics by id. The caller, which has the metadata image, resolves `name` first and answers
 * unresolved topics itself; ids are echoed, and stored with the offset.
 */
import type { Clock } from '../../lib/clock.ts';
import type { EventSink } from '../../lib/events.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Random } from '../../lib/random.ts';
import type { deleteGroups } from '../../protocol/apis/delete-groups.ts';
import type { describeGroups } from '../../protocol/apis/describe-groups.ts';
import type { heartbeat } from '../../protocol/apis/heartbeat.ts';
import type { joinGroup } from '../../protocol/apis/join-group.ts';
import type { leaveGroup } from '../../protocol/apis/leave-group.ts';
import type { listGroups } from '../../protocol/apis/list-groups.ts';
import type { offsetCommit } from '../../protocol/apis/offset-commit.ts';
import type { offsetDelete } from '../../protocol/apis/offset-delete.ts';
import type { offsetFetch } from '../../protocol/apis/offset-fetch.ts';
import type { syncGroup } from '../../protocol/apis/sync-group.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { decodeGroupRecord, encodeGroupRecord, type GroupRecord, type GroupRecordIn } from '../../protocol/records/group-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import type { ImageChange, MetadataImage } from '../../quorum/image.ts';
import { partitionForKey } from '../java-hash.ts';
import { CoordinatorRuntime } from '../runtime.ts';
import type { CoordinatorStorage } from '../storage.ts';
import { joinError, syncError } from './classic-responses.ts';
import type { Leaver } from './classic-session.ts';
import { describeError, groupFilter, unknownGroup } from './group-queries.ts';
import { GroupShard } from './group-shard.ts';
import { commitError, fetchError, uncommitted, type FetchedGroup, type GroupToFetch } from './offset-requests.ts';
import type { GroupSettings } from './settings.ts';
import { groupStatus, type GroupCoordinatorStatus } from './status.ts';
import type { DeletedGroup, DescribedGroup, GroupChange, GroupRequestContext, ListedGroup } from './types.ts';

export interface GroupCoordinatorOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly storage: CoordinatorStorage;
  readonly settings: GroupSettings;
  /** The newest metadata of this broker. */
  image(): MetadataImage;
  /** See `GroupEnvironment.requestsHeld`; false if absent. */
  readonly requestsHeld?: () => boolean;
}

/** From this version of OffsetFetch on, a request has several groups. */
const MANY_GROUPS = 8;
/** From this version of LeaveGroup on, a request has several members. */
const MANY_LEAVERS = 3;

export class GroupCoordinator {
  private readonly options: GroupCoordinatorOptions;
  private readonly runtime: CoordinatorRuntime<GroupRecordIn, GroupRecord, GroupShard>;

  constructor(options: GroupCoordinatorOptions) {
    this.options = options;
    const { clock, random, logger, events, storage, settings } = options;
    this.runtime = new CoordinatorRuntime({
      clock,
      logger,
      storage,
      encode: encodeGroupRecord,
      decode: decodeGroupRecord,
      createShard: (partition, perform) =>
        new GroupShard({
          clock,
          random,
          logger,
          settings,
          image: () => options.image(),
          requestsHeld: options.requestsHeld ?? (() => false),
          emit: (type, group, reason, details) =>
            events({ type, at: clock.now(), group, reason, details: { offsetsPartition: partition, ...details } }),
          perform,
        }),
    });
  }

  /** The partition of `__consumer_offsets` that a group belongs to; undefined while the topic does not exist. */
  partitionFor(groupId: string): number | undefined {
    const count = this.options.storage.partitionCount();
    return count === undefined || count === 0 ? undefined : partitionForKey(groupId, count);
  }

  onElection(partition: number, leaderEpoch: number): void {
    this.runtime.onElection(partition, leaderEpoch);
  }

  onResignation(partition: number, leaderEpoch: number | null): void {
    this.runtime.onResignation(partition, leaderEpoch);
  }

  /** Removes all offsets of deleted topics. */
  onImage({ deletedTopics }: Pick<ImageChange, 'deletedTopics'>): void {
    if (deletedTopics.length === 0) return;
    const topics = new Set(deletedTopics.map(({ name }) => name));
    for (const { partition, shard } of this.runtime.partitions())
      for (const change of shard?.decideTopicsDeleted(topics) ?? []) this.runtime.perform(partition, change);
  }

  /** Answers all pending requests and stops all timers. Every later request gets COORDINATOR_NOT_AVAILABLE. */
  close(): void {
    this.runtime.close();
  }

  joinGroup(request: RequestOf<typeof joinGroup>, context: GroupRequestContext): Promise<ResponseIn<typeof joinGroup>> {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.options.settings;
    const found = this.find(request.groupId);
    if (typeof found === 'number') return Promise.resolve(joinError(context.version, found, request.memberId));
    if (request.sessionTimeoutMs < minSessionTimeoutMs || request.sessionTimeoutMs > maxSessionTimeoutMs)
      return Promise.resolve(joinError(context.version, ErrorCode.INVALID_SESSION_TIMEOUT, request.memberId));
    return new Promise((resolve) => {
      this.perform(found, found.shard.decideJoin(request, context, { version: context.version, respond: resolve }));
    });
  }

  syncGroup(request: RequestOf<typeof syncGroup>, context: GroupRequestContext): Promise<ResponseIn<typeof syncGroup>> {
    const found = this.find(request.groupId);
    if (found === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) {
      // A rebalance in progress is not recorded: this member has to start over at JoinGroup.
      return Promise.resolve(syncError(ErrorCode.REBALANCE_IN_PROGRESS));
    }
    if (typeof found === 'number') return Promise.resolve(syncError(found));
    return new Promise((resolve) => {
      this.perform(found, found.shard.decideSync(request, { version: context.version, respond: resolve }));
    });
  }

  heartbeat(request: RequestOf<typeof heartbeat>): ResponseIn<typeof heartbeat> {
    const found = this.find(request.groupId);
    // While the group is loading, its members count as alive: their sessions restart with the load.
    if (found === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) return { errorCode: ErrorCode.NONE };
    return { errorCode: typeof found === 'number' ? found : found.shard.heartbeat(request) };
  }

  leaveGroup(request: RequestOf<typeof leaveGroup>, context: GroupRequestContext): ResponseIn<typeof leaveGroup> {
    const found = this.find(request.groupId);
    if (typeof found === 'number') return { errorCode: found, members: [] };
    const single: Leaver = { memberId: request.memberId, groupInstanceId: null, reason: null };
    const { results, change } = found.shard.decideLeave(request.groupId, context.version < MANY_LEAVERS ? [single] : request.members);
    this.perform(found, change);
    if (context.version < MANY_LEAVERS) return { errorCode: results[0]?.errorCode ?? ErrorCode.NONE, members: [] };
    return { errorCode: ErrorCode.NONE, members: results };
  }

  offsetCommit(request: RequestOf<typeof offsetCommit>, context: GroupRequestContext): Promise<ResponseIn<typeof offsetCommit>> {
    // Consumers without a group may commit under the empty id, as in Apache Kafka.
    const found = this.find(request.groupId, { emptyIdAllowed: true });
    if (typeof found === 'number') return Promise.resolve(commitError(request, found));
    return this.runtime.decide(
      found.partition,
      (shard) => shard.decideCommit(request, context.version),
      (error, decided) => (decided === undefined ? commitError(request, error) : uncommitted(decided, error)),
    );
  }

  offsetFetch(request: RequestOf<typeof offsetFetch>, context: GroupRequestContext): ResponseIn<typeof offsetFetch> {
    const { requireStable } = request;
    if (context.version >= MANY_GROUPS) {
      // All offsets of a group that a request names several times are read once.
      const whole = new Map<string, FetchedGroup>();
      const groups = request.groups.map((group) => {
        const known = group.topics === null ? whole.get(group.groupId) : undefined;
        const fetched = known ?? this.fetchGroup(group, requireStable);
        if (group.topics === null) whole.set(group.groupId, fetched);
        return fetched;
      });
      return { groups };
    }
    const topics = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null;
    const fetched = this.fetchGroup({ groupId: request.groupId, memberId: null, memberEpoch: -1, topics }, requireStable);
    return {
      topics: fetched.topics.map(({ name, partitions }) => ({ name: name ?? '', partitions })),
      errorCode: fetched.errorCode,
      groups: [],
    };
  }

  offsetDelete(request: RequestOf<typeof offsetDelete>): Promise<ResponseIn<typeof offsetDelete>> {
    const found = this.find(request.groupId);
    if (typeof found === 'number') return Promise.resolve({ errorCode: found, topics: [] });
    return this.runtime.decide(
      found.partition,
      (shard) => shard.decideOffsetDelete(request),
      (errorCode) => ({ errorCode, topics: [] }),
    );
  }

  /** The loaded groups, with COORDINATOR_LOAD_IN_PROGRESS while some are missing. */
  listGroups(request: RequestOf<typeof listGroups>): ResponseIn<typeof listGroups> {
    const matches = groupFilter(request);
    const groups: ListedGroup[] = [];
    let errorCode: number = ErrorCode.NONE;
    for (const { shard } of this.runtime.partitions()) {
      if (shard === null) errorCode = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
      else for (const group of shard.groups.readAll()) if (matches(group)) groups.push(group.list());
    }
    return { errorCode, groups };
  }

  describeGroups(request: RequestOf<typeof describeGroups>, context: GroupRequestContext): ResponseIn<typeof describeGroups> {
    const describe = (groupId: string): DescribedGroup => {
      const found = this.find(groupId, { emptyIdAllowed: true });
      if (typeof found === 'number') return describeError(groupId, found);
      const group = found.shard.groups.read(groupId);
      return group === undefined ? unknownGroup(groupId, context.version) : group.describe();
    };
    // A group that a request names several times is described once: a bound for the cost of a response.
    const described = new Map<string, DescribedGroup>();
    for (const groupId of request.groups) if (!described.has(groupId)) described.set(groupId, describe(groupId));
    return { groups: request.groups.map((groupId) => described.get(groupId) ?? describe(groupId)) };
  }

  async deleteGroups(request: RequestOf<typeof deleteGroups>): Promise<ResponseIn<typeof deleteGroups>> {
    const results = request.groupsNames.map((groupId) => {
      const found = this.find(groupId, { emptyIdAllowed: true });
      if (typeof found === 'number') return Promise.resolve<DeletedGroup>({ groupId, errorCode: found });
      return this.runtime.decide<DeletedGroup>(
        found.partition,
        (shard) => shard.decideDelete(groupId),
        (errorCode) => ({ groupId, errorCode }),
      );
    });
    return { results: await Promise.all(results) };
  }

  /** State of the groups for the Lab. */
  status(): GroupCoordinatorStatus {
    return groupStatus(this.runtime.partitions());
  }

  private fetchGroup(group: GroupToFetch, requireStable: boolean): FetchedGroup {
    const found = this.find(group.groupId, { emptyIdAllowed: true });
    return typeof found === 'number' ? fetchError(group, found) : found.shard.fetchOffsets(group, requireStable);
  }

  /** The shard of a group, or the error code without one. */
  private find(groupId: string, options: { emptyIdAllowed?: boolean } = {}): { partition: number; shard: GroupShard } | number {
    if (groupId === '' && options.emptyIdAllowed !== true) return ErrorCode.INVALID_GROUP_ID;
    const partition = this.partitionFor(groupId);
    // This broker has no metadata of the offsets topic yet, so it coordinates no group: the client has to find the coordinator again.
    if (partition === undefined) return ErrorCode.NOT_COORDINATOR;
    const shard = this.runtime.shard(partition);
    return typeof shard === 'number' ? shard : { partition, shard };
  }

  private perform({ partition }: { partition: number }, change: GroupChange | null): void {
    this.runtime.perform(partition, change);
  }
}
