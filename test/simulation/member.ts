/** A member of a classic consumer group: joins, gets its share of the partitions, reads, and commits its positions. */
import type { Address } from '../../electron/cluster/lib/network.ts';
import { findCoordinator } from '../../electron/cluster/protocol/apis/find-coordinator.ts';
import { heartbeat } from '../../electron/cluster/protocol/apis/heartbeat.ts';
import { joinGroup } from '../../electron/cluster/protocol/apis/join-group.ts';
import { leaveGroup } from '../../electron/cluster/protocol/apis/leave-group.ts';
import { offsetCommit } from '../../electron/cluster/protocol/apis/offset-commit.ts';
import { offsetFetch } from '../../electron/cluster/protocol/apis/offset-fetch.ts';
import { syncGroup } from '../../electron/cluster/protocol/apis/sync-group.ts';
import { ErrorCode, errorName } from '../../electron/cluster/protocol/error-codes.ts';
import { decodeAssignment, encodeAssignment, encodeSubscription } from '../../electron/cluster/protocol/records/consumer-protocol.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import { Client, type ClientOptions } from './client.ts';
import { poll, type Place, type ReaderOptions } from './consumer.ts';
import type { Commit, History } from './history.ts';

export interface MemberOptions extends ClientOptions {
  history: History;
  group: string;
  topics: readonly { name: string; partitions: number }[];
  isVoid(topic: string, partition: number): boolean;
}

const SESSION_MS = 3_000;
const REBALANCE_MS = 4_000;
const HEARTBEAT_MS = 500;
const COMMIT_MS = 250;

/** Errors that a member may get at any time: it looks the coordinator up again, or rejoins. */
const EXPECTED: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.MEMBER_ID_REQUIRED,
]);

/** The group has to be rejoined, or its coordinator looked up. */
class Interrupted extends Error {}

export class Member {
  readonly client: Client;
  readonly places: Place[] = [];
  /** Its current generation; −1: none. */
  generation = -1;
  private readonly options: MemberOptions;
  private readonly reader: ReaderOptions;
  private memberId = '';
  private coordinator: Address | undefined;
  private rejoin = true;
  private leaving = false;

  constructor(options: MemberOptions) {
    this.options = options;
    this.client = new Client(options);
    this.reader = { client: this.client, name: options.name, history: options.history, isVoid: options.isVoid };
  }

  start(): void {
    void this.run();
  }

  /** Leaves the group and rejoins it after a while. */
  leave(): void {
    this.leaving = true;
  }

  private async run(): Promise<void> {
    const { client } = this;
    await client.refresh(this.options.topics.map(({ name }) => name));
    // Ends with its process: then nothing that it waits for arrives any more.
    for (;;) {
      try {
        if (this.coordinator === undefined) await this.find();
        if (this.rejoin) await this.join();
        await this.work();
      } catch (error) {
        if (!(error instanceof Interrupted)) this.coordinator = undefined;
        await client.sleep(50 + 100 * client.random.next());
      }
    }
  }

  private async find(): Promise<void> {
    const { client, options } = this;
    const answer = await client.anywhere(findCoordinator, 2, { key: options.group, keyType: 0 }, 1_500);
    this.expect(answer.errorCode, 'FindCoordinator');
    this.coordinator = { host: answer.host, port: answer.port };
  }

  /** Sends to the coordinator, one request at a time per lane. */
  private async ask<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, timeoutMs = 2_000, lane = 'group'): Promise<S> {
    if (this.coordinator === undefined) throw new Interrupted();
    return this.client.send(this.coordinator, lane, api, version, body, timeoutMs);
  }

  private expect(errorCode: number, what: string): void {
    if (errorCode === ErrorCode.NONE) return;
    const { history, world, name } = this.options;
    switch (errorCode) {
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
        this.coordinator = undefined;
        break;
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.memberId = '';
        this.rejoin = true;
        break;
      case ErrorCode.ILLEGAL_GENERATION:
      case ErrorCode.REBALANCE_IN_PROGRESS:
        this.rejoin = true;
        break;
      default:
        if (!EXPECTED.has(errorCode))
          history.violation(
            'unexpected error',
            world.time,
            `${what} of ${name} was answered with ${errorName(errorCode)}`,
            `${what} ${errorCode}`,
          );
    }
    throw new Interrupted();
  }

  private async join(): Promise<void> {
    const { options } = this;
    this.places.length = 0;
    this.generation = -1;
    const subscription = encodeSubscription({ topics: options.topics.map(({ name }) => name) }, 1);
    const body = {
      groupId: options.group,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: subscription }],
    };
    let joined = await this.ask(joinGroup, 5, { ...body, memberId: this.memberId }, REBALANCE_MS + 4_000);
    if (joined.errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
      this.memberId = joined.memberId;
      joined = await this.ask(joinGroup, 5, { ...body, memberId: this.memberId }, REBALANCE_MS + 4_000);
    }
    this.expect(joined.errorCode, 'JoinGroup');
    this.memberId = joined.memberId;
    const assignments = joined.leader === joined.memberId ? this.assign(joined.members.map(({ memberId }) => memberId)) : [];
    const synced = await this.ask(
      syncGroup,
      3,
      { groupId: options.group, generationId: joined.generationId, memberId: this.memberId, assignments },
      REBALANCE_MS + 4_000,
    );
    this.expect(synced.errorCode, 'SyncGroup');
    const assignment = decodeAssignment(Buffer.from(synced.assignment)).assignedPartitions;
    this.generation = joined.generationId;
    options.history.assignments.push({
      group: options.group,
      member: this.memberId,
      generation: joined.generationId,
      at: options.world.time,
      partitions: assignment.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`)),
    });
    await this.resume(assignment);
    this.rejoin = false;
  }

  private assign(members: readonly string[]): { memberId: string; assignment: Buffer }[] {
    const sorted = [...members].sort();
    const all = this.options.topics.flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ name, partition })),
    );
    return sorted.map((memberId, index) => {
      const own = all.filter((_, at) => at % sorted.length === index);
      const topics = [...new Set(own.map(({ name }) => name))];
      const assignedPartitions = topics.map((topic) => ({
        topic,
        partitions: own.filter(({ name }) => name === topic).map(({ partition }) => partition),
      }));
      return { memberId, assignment: encodeAssignment({ assignedPartitions }, 1) };
    });
  }

  /** Continues at the committed offsets of the group. */
  private async resume(assignment: readonly { topic: string; partitions: readonly number[] }[]): Promise<void> {
    const { options, client } = this;
    if (assignment.length === 0) return;
    const askedAt = client.world.time;
    const answer = await this.ask(offsetFetch, 5, {
      groupId: options.group,
      topics: assignment.map(({ topic, partitions }) => ({ name: topic, partitionIndexes: partitions })),
    });
    this.expect(answer.errorCode, 'OffsetFetch');
    for (const topic of answer.topics) {
      for (const { partitionIndex, committedOffset, committedLeaderEpoch, errorCode } of topic.partitions) {
        this.expect(errorCode, 'OffsetFetch');
        client.sawEpoch(topic.name, partitionIndex, committedLeaderEpoch);
        options.history.committedReads.push({
          group: options.group,
          topic: topic.name,
          partition: partitionIndex,
          askedAt,
          offset: committedOffset,
        });
        this.places.push({
          topic: topic.name,
          partition: partitionIndex,
          position: committedOffset < 0n ? 0n : committedOffset,
          lastEpoch: -1,
        });
      }
    }
  }

  private async work(): Promise<void> {
    const { client } = this;
    let beatAt = client.world.time + HEARTBEAT_MS;
    let commitAt = client.world.time + COMMIT_MS;
    while (client.alive && !this.rejoin && this.coordinator !== undefined) {
      if (this.leaving) {
        await this.goAway();
        return;
      }
      if (this.places.length === 0) await client.sleep(150);
      else await poll(this.reader, this.places, 150);
      if (client.world.time >= commitAt) {
        await this.commit();
        commitAt = client.world.time + COMMIT_MS;
      }
      if (client.world.time >= beatAt) {
        await this.beat();
        beatAt = client.world.time + HEARTBEAT_MS;
      }
    }
  }

  private async beat(): Promise<void> {
    const answer = await this.ask(heartbeat, 3, { groupId: this.options.group, generationId: this.generation, memberId: this.memberId });
    if (answer.errorCode === ErrorCode.REBALANCE_IN_PROGRESS) await this.commit();
    this.expect(answer.errorCode, 'Heartbeat');
  }

  private async commit(): Promise<void> {
    const { options, client } = this;
    const moved = this.places.filter(({ position }) => position > 0n);
    if (moved.length === 0) return;
    const commits = moved.map(({ topic, partition, position }): Commit => ({
      group: options.group,
      member: this.memberId,
      generation: this.generation,
      topic,
      partition,
      offset: position,
      sentAt: client.world.time,
      acked: false,
    }));
    options.history.commits.push(...commits);
    const answer = await this.ask(offsetCommit, 7, {
      groupId: options.group,
      generationIdOrMemberEpoch: this.generation,
      memberId: this.memberId,
      topics: moved.map(({ topic, partition, position, lastEpoch }) => ({
        name: topic,
        partitions: [{ partitionIndex: partition, committedOffset: position, committedLeaderEpoch: lastEpoch, committedMetadata: null }],
      })),
    });
    let worst: number = ErrorCode.NONE;
    for (const topic of answer.topics) {
      for (const { partitionIndex, errorCode } of topic.partitions) {
        if (errorCode !== ErrorCode.NONE) {
          worst = errorCode;
          continue;
        }
        const commit = commits.find((one) => one.topic === topic.name && one.partition === partitionIndex);
        if (commit === undefined) continue;
        commit.acked = true;
        commit.answeredAt = client.world.time;
      }
    }
    this.expect(worst, 'OffsetCommit');
  }

  private async goAway(): Promise<void> {
    this.leaving = false;
    await this.ask(leaveGroup, 3, { groupId: this.options.group, members: [{ memberId: this.memberId }] });
    this.memberId = '';
    this.rejoin = true;
    this.places.length = 0;
    await this.client.sleep(1_000);
  }
}
