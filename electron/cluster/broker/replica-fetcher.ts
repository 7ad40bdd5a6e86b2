/**
 * Follows one leading broker: fetches all partitions that it leads and this broker follows, over one connection of its own, one
 * fetch at a time. The next fetch is sent as soon as the records are appended, and reports the new log end to the leader: a write with
 * acks=all takes one such round.
 *
 * Divergence of logs is found by epoch, never by high watermark (KIP-101, KIP-279): each fetch holds the epoch of the last
 * record, and the leader returns the end of that epoch in its own log where that is lower (Fetch v12).
 */
import { sleep, type Clock, type Timer } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import { fetch } from '../protocol/apis/fetch.ts';
import { listOffsets } from '../protocol/apis/list-offsets.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Api, ResponseOf } from '../protocol/schema.ts';
import type { Partition } from './partition.ts';
import type { ReplicationThrottle } from './replication-throttle.ts';
import { FollowerSession, type WantedPartition } from './replica-fetcher-session.ts';

/** A connection to another broker (`network/client.ts`). The bytes in a response are valid only until the next request is sent. */
export interface Peer {
  send<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, options: { timeoutMs: number }): Promise<S>;
  close(): void;
}

export interface ReplicaFetcherSettings {
  readonly replicaFetchWaitMaxMs: number;
  readonly replicaFetchMinBytes: number;
  readonly replicaFetchMaxBytes: number;
  readonly replicaFetchResponseMaxBytes: number;
  readonly replicaFetchBackoffMs: number;
  readonly replicaSocketTimeoutMs: number;
}

export interface ReplicaFetcherOptions {
  readonly brokerId: number;
  /** This broker's epoch in the newest image; −1 while it is not registered. */
  brokerEpoch(): bigint;
  /** A new connection to the broker, at its address in the newest image; undefined while the image has none. */
  connect(leader: number): Peer | undefined;
  readonly clock: Clock;
  readonly disk: Pick<Disk, 'admit'>;
  readonly logger: Logger;
  readonly settings: ReplicaFetcherSettings;
  readonly throttle: Pick<ReplicationThrottle, 'limitsFetching' | 'waitMs' | 'fetched'>;
}

interface Following {
  readonly key: string;
  readonly partition: Partition;
  readonly leaderEpoch: number;
  /** Monotonic ms before which it is not fetched, after an error. */
  notBefore: number;
}

type PartitionAnswer = ResponseOf<typeof fetch>['responses'][number]['partitions'][number];

/** Interval, in ms, at which all partitions are checked, even without a known change. */
const SWEEP_MS = 1_000;
const LATEST = -1n;
const EARLIEST = -2n;

export class ReplicaFetcher {
  readonly leader: number;
  private readonly options: ReplicaFetcherOptions;
  private readonly following = new Map<string, Following>();
  private readonly session = new FollowerSession();
  /** Those whose values in the next fetch may differ from the last. */
  private readonly changed = new Set<Following>();
  /** Those that are not fetched for now. */
  private readonly held = new Set<Following>();
  private sweptAt = Number.NEGATIVE_INFINITY;
  private peer: Peer | undefined;
  private wakeUp: (() => void) | undefined;
  private closed = false;

  constructor(leader: number, options: ReplicaFetcherOptions) {
    this.leader = leader;
    this.options = options;
    this.run().catch((error: unknown) => {
      options.logger.error('replica fetcher ended', { leader, error: String(error) });
    });
  }

  get size(): number {
    return this.following.size;
  }

  /** The next fetch names it; one in flight is not interrupted (see `AwaitedFetches`, at the leader). */
  add(partition: Partition): void {
    this.leave(partition);
    const key = keyOf(partition.topicId, partition.index);
    const one: Following = { key, partition, leaderEpoch: partition.leaderEpoch, notBefore: 0 };
    this.following.set(key, one);
    this.changed.add(one);
    this.wakeUp?.();
  }

  remove(partition: Partition): void {
    const left = this.leave(partition);
    if (left !== undefined) this.session.drop(left.key);
  }

  private leave(partition: Partition): Following | undefined {
    const one = this.following.get(keyOf(partition.topicId, partition.index));
    if (one === undefined) return undefined;
    this.following.delete(one.key);
    this.changed.delete(one);
    this.held.delete(one);
    return one;
  }

  /** The broker's address may have changed: reconnects. */
  reconnect(): void {
    this.session.reset();
    this.peer?.close();
    this.peer = undefined;
  }

  close(): void {
    this.closed = true;
    this.following.clear();
    this.changed.clear();
    this.held.clear();
    this.reconnect();
    this.wakeUp?.();
  }

  private async run(): Promise<void> {
    const { clock, settings, logger } = this.options;
    let failures = 0;
    while (!this.closed) {
      const now = clock.monotonic();
      const next = this.choose(now);
      if (this.session.size === 0) {
        await this.pause(next - now);
        continue;
      }
      try {
        // A partition that is due after an error must not wait for the records of others.
        await this.fetchOnce(Math.min(settings.replicaFetchWaitMaxMs, Math.ceil(next - now)));
        failures = 0;
      } catch (error) {
        this.reconnect();
        if (this.isClosed()) return;
        // Logged once: while a leader is unreachable this is retried again and again.
        if (failures++ === 0) logger.info('cannot fetch from the leader', { leader: this.leader, error: String(error) });
        await sleep(clock, settings.replicaFetchBackoffMs);
      }
    }
  }

  /** Prepares the partitions of the next fetch. Returns when a postponed one is due. */
  private choose(now: number): number {
    const { throttle } = this.options;
    // Retention raises a log start without an event; a throttle may hold back or release any partition at any time.
    if (throttle.limitsFetching || now - this.sweptAt >= SWEEP_MS) {
      for (const one of this.following.values()) this.changed.add(one);
      this.sweptAt = now;
    }
    for (const one of this.held) this.changed.add(one);
    this.held.clear();
    let next = Number.POSITIVE_INFINITY;
    for (const one of this.changed) {
      const notBefore = Math.max(one.notBefore, now + throttle.waitMs(one.partition));
      if (notBefore <= now) {
        this.session.want(one.key, this.wantedOf(one));
        continue;
      }
      this.session.drop(one.key);
      this.held.add(one);
      next = Math.min(next, notBefore);
    }
    this.changed.clear();
    return next;
  }

  private wantedOf({ partition, leaderEpoch }: Following): WantedPartition {
    const { log } = partition;
    return {
      topicId: partition.topicId,
      partition: partition.index,
      currentLeaderEpoch: leaderEpoch,
      fetchOffset: log.logEndOffset,
      lastFetchedEpoch: log.latestEpoch,
      logStartOffset: log.logStartOffset,
      partitionMaxBytes: this.options.settings.replicaFetchMaxBytes,
    };
  }

  /** A call, since it changes across an await, which the compiler's narrowing of the field ignores. */
  private isClosed(): boolean {
    return this.closed;
  }

  /** Waits until a partition is added, or `ms` have passed. */
  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      this.wakeUp = () => {
        timer?.cancel();
        this.wakeUp = undefined;
        resolve();
      };
      if (Number.isFinite(ms)) timer = this.options.clock.setTimer(Math.max(1, ms), this.wakeUp);
    });
  }

  private connection(): Peer {
    this.peer ??= this.options.connect(this.leader);
    if (this.peer === undefined) throw new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, `the address of broker ${this.leader} is unknown`);
    return this.peer;
  }

  private async fetchOnce(maxWaitMs: number): Promise<void> {
    const { brokerId, settings } = this.options;
    const peer = this.connection();
    const response = await peer.send(
      fetch,
      fetch.maxVersion,
      {
        replicaState: { replicaId: brokerId, replicaEpoch: this.options.brokerEpoch() },
        maxWaitMs,
        minBytes: settings.replicaFetchMinBytes,
        maxBytes: settings.replicaFetchResponseMaxBytes,
        ...this.session.request(),
      },
      { timeoutMs: settings.replicaFetchWaitMaxMs + settings.replicaSocketTimeoutMs },
    );
    if (this.closed || peer !== this.peer) return;
    if (!this.session.answered(response)) return;
    if (response.errorCode !== ErrorCode.NONE) throw new KafkaError(response.errorCode);

    // As after most fetches that returned no records.
    if (response.responses.length === 0) return;
    let bytes = 0;
    for (const topic of response.responses) for (const answer of topic.partitions) bytes += answer.records?.length ?? 0;
    if (bytes > 0) await this.options.disk.admit(bytes);

    const outOfRange: Following[] = [];
    for (const topic of response.responses) {
      for (const answer of topic.partitions) {
        const key = keyOf(topic.topicId, answer.partitionIndex);
        const one = this.following.get(key);
        const request = this.session.asked(key);
        if (one === undefined || request === undefined || !this.isCurrent(one) || request.currentLeaderEpoch !== one.leaderEpoch) continue;
        this.changed.add(one);
        if (answer.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) outOfRange.push(one);
        else this.take(one, request, answer);
      }
    }
    for (const one of outOfRange) await this.findRange(peer, one);
  }

  /** False once the partition has another leader, another epoch or is not on this broker any more. */
  private isCurrent(one: Following): boolean {
    const { partition } = one;
    return this.following.get(one.key) === one && partition.role === 'follower' && partition.leaderEpoch === one.leaderEpoch;
  }

  private take(one: Following, request: WantedPartition, answer: PartitionAnswer): void {
    const { partition } = one;
    if (answer.errorCode !== ErrorCode.NONE) {
      // Usually one side has newer metadata than the other, which is temporary.
      this.options.logger.debug('a fetch was refused', {
        partition: partition.name,
        leader: this.leader,
        error: errorName(answer.errorCode),
      });
      this.delay(one);
      return;
    }
    const { log } = partition;
    // The response is for a fetch that is outdated: the partition is fetched again.
    if (log.logEndOffset !== request.fetchOffset) return;
    try {
      if (answer.divergingEpoch.epoch !== -1) {
        this.truncate(partition, answer.divergingEpoch);
        return;
      }
      if (answer.records !== null && answer.records.length > 0) {
        if (partition.appendAsFollower(answer.records) === undefined) {
          throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, 'the response holds no batch of this leader epoch');
        }
        this.options.throttle.fetched(partition, answer.records.length);
      }
      partition.followerLearnedHighWatermark(answer.highWatermark);
      if (answer.logStartOffset > log.logStartOffset) log.maybeIncrementLogStartOffset(answer.logStartOffset);
    } catch (error) {
      this.options.logger.warn('replica cannot follow its leader', {
        partition: partition.name,
        leader: this.leader,
        error: String(error),
      });
      this.delay(one);
    }
  }

  /** The leader's `epoch` ends at `endOffset`: records beyond are not in its log. */
  private truncate(partition: Partition, { epoch, endOffset }: { epoch: number; endOffset: bigint }): void {
    const { log } = partition;
    const own = log.endOffsetForEpoch(epoch);
    let target = endOffset;
    // Where the leader's epoch is unknown here, the log is truncated to the end of the largest one below it, and the next fetch continues there.
    if (own.leaderEpoch >= 0 && own.leaderEpoch !== epoch) target = own.endOffset;
    else if (own.endOffset >= 0n && own.endOffset < target) target = own.endOffset;
    if (log.logEndOffset < target) target = log.logEndOffset;
    partition.truncate(target, `broker ${this.leader}, leader since epoch ${partition.leaderEpoch}, does not have these records`);
  }

  private delay(one: Following): void {
    one.notBefore = this.options.clock.monotonic() + this.options.settings.replicaFetchBackoffMs;
  }

  /**
   * The log end is outside the leader's log: beyond it (an unclean election), and the log is truncated to it; or before it (retention deleted
   * its records while this broker was down), and the log restarts at the leader's log start.
   */
  private async findRange(peer: Peer, one: Following): Promise<void> {
    const { partition } = one;
    const latest = await this.leaderOffset(peer, one, LATEST);
    if (latest === undefined || !this.isCurrent(one)) {
      this.delay(one);
      return;
    }
    if (latest < partition.log.logEndOffset) {
      partition.truncate(latest, `the log of leader ${this.leader} ends there`);
      return;
    }
    const earliest = await this.leaderOffset(peer, one, EARLIEST);
    if (earliest === undefined || !this.isCurrent(one)) {
      this.delay(one);
      return;
    }
    const { log } = partition;
    if (earliest > log.logEndOffset) log.truncateFullyAndStartAt(earliest);
    else if (earliest > log.logStartOffset) log.maybeIncrementLogStartOffset(earliest);
    else this.delay(one);
  }

  private async leaderOffset(peer: Peer, one: Following, timestamp: bigint): Promise<bigint | undefined> {
    const { partition, leaderEpoch } = one;
    const response = await peer.send(
      listOffsets,
      listOffsets.maxVersion,
      {
        replicaId: this.options.brokerId,
        topics: [{ name: partition.topic, partitions: [{ partitionIndex: partition.index, currentLeaderEpoch: leaderEpoch, timestamp }] }],
      },
      { timeoutMs: this.options.settings.replicaSocketTimeoutMs },
    );
    const answer = response.topics[0]?.partitions[0];
    return answer?.errorCode === ErrorCode.NONE ? answer.offset : undefined;
  }
}

function keyOf(topicId: string, partition: number): string {
  return `${partition}:${topicId}`;
}
