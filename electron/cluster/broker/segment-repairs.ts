/**
 * Repairs closed segments that are missing, short or have flipped bits: fetches their offsets from another replica, as a consumer does, so
 * that no more than committed records come. Until then a read of them is refused; nothing is passed over.
 *
 * One segment at a time where compaction has removed nothing, else the log as a whole: see `SegmentRepair`. It is tried again after 50 ms, then at
 * intervals that double up to a second: a replica that could help may be down, or its high watermark may have to pass the segment first. A
 * segment is never given up here; a leader that followers wait for hands over to one of them where no committed record can be lost by that
 * (`leadership-handover.ts`).
 */
import { sleep, type Clock, type Timer } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { Log } from '../log/log.ts';
import type { RepairScope, SegmentRepair } from '../log/segment-repair.ts';
import { fetch } from '../protocol/apis/fetch.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { MetadataImage } from '../quorum/image.ts';
import { describeWait, findHandover } from './leadership-handover.ts';
import type { Partition } from './partition.ts';
import type { Peer } from './replica-fetcher.ts';

export interface SegmentRepairsOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly disk: Pick<Disk, 'admit'>;
  readonly logger: Logger;
  readonly events: EventSink;
  /** How long another replica may take for an answer, in ms. */
  readonly timeoutMs: number;
  image(): MetadataImage;
  partition(topic: string, index: number): Partition | undefined;
  /** A new connection to another broker; undefined while the image has no address of it. */
  connect(broker: number): Peer | undefined;
  /** The log is whole again. */
  repaired(topic: string, partition: number): void;
}

const FIRST_RETRY_MS = 50;
const RETRY_MS = 1_000;
/** Followers that wait for less are not reported: a repair, or an election, may be about to end it. */
const REPORT_AFTER_MS = 2_000;
const FETCH_BYTES = 1024 * 1024;
/** Each try to replace a whole log reads it twice and closes a segment, so failed ones are repeated after 1 s, 2 s … up to this. */
const MAX_REPLACEMENT_RETRY_MS = 60_000;
/** The other replica learns of a new high watermark with its next fetch from the leader: so often it is asked again, and waited for. */
const WAITS = 20;
const WAIT_MS = 100;

interface Damaged {
  readonly topic: string;
  readonly partition: number;
  /** Every replica that is alive was asked, and none has the records. */
  refusedByAll: boolean;
  /** Monotonic ms since which followers wait for it; undefined while none does. */
  blockedSince: number | undefined;
  /** The last report of that. */
  reported: string | undefined;
  /** Monotonic ms from which on the whole log may be replaced, and how long the next failure puts that off. */
  replaceFrom: number;
  replaceRetryMs: number;
}

/** What became of the replacement of a whole log in one round over the other replicas. */
interface Round {
  tried: boolean;
  putOff: boolean;
}

export class SegmentRepairs {
  private readonly options: SegmentRepairsOptions;
  /** By `topic-partition`. */
  private readonly damaged = new Map<string, Damaged>();
  private timer: Timer | undefined;
  private retryMs = FIRST_RETRY_MS;
  private running = false;
  private stopped = false;
  private started = false;

  constructor(options: SegmentRepairsOptions) {
    this.options = options;
  }

  /** To be called when the image can be believed. */
  start(): void {
    this.started = true;
    this.schedule(0);
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.damaged.clear();
  }

  /** To be called for every damage that was found in a closed segment. */
  add(topic: string, partition: number): void {
    const key = `${topic}-${partition}`;
    if (this.stopped || this.damaged.has(key)) return;
    this.damaged.set(key, {
      topic,
      partition,
      refusedByAll: false,
      blockedSince: undefined,
      reported: undefined,
      replaceFrom: 0,
      replaceRetryMs: RETRY_MS,
    });
    this.retryMs = FIRST_RETRY_MS;
    this.schedule(0);
  }

  /** Whether a reader that was refused should try again: another replica may have the records. */
  mayRepair({ name, replicas }: Partition): boolean {
    return replicas.length > 1 && this.damaged.get(name)?.refusedByAll !== true;
  }

  private schedule(delayMs: number): void {
    if (!this.started || this.stopped || this.running || this.damaged.size === 0) return;
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, () => void this.run());
  }

  private async run(): Promise<void> {
    if (this.running || this.stopped) return;
    this.running = true;
    for (const [key, one] of [...this.damaged]) {
      try {
        if (await this.repairLog(one)) this.damaged.delete(key);
      } catch (error) {
        this.options.logger.warn('a damaged segment was not repaired', { partition: key, retryMs: this.retryMs, error: String(error) });
      }
      if (this.isStopped()) return;
    }
    this.running = false;
    this.schedule(this.retryMs);
    this.retryMs = Math.min(RETRY_MS, 2 * this.retryMs);
  }

  /** Across an await the field changes, which the compiler does not see. */
  private isStopped(): boolean {
    return this.stopped;
  }

  /** True when nothing is left to be repaired. */
  private async repairLog(one: Damaged): Promise<boolean> {
    const { options } = this;
    const state = options.image().topics.get(one.topic)?.partitions[one.partition];
    const partition = options.partition(one.topic, one.partition);
    if (state === undefined || partition === undefined) return state === undefined;
    // Ends: every round repairs a segment, or leaves.
    while (partition.log.damagedSegments.length > 0) {
      if (await this.repairSegment(one, partition)) continue;
      if (!this.isStopped() && partition.role === 'leader') this.considerHandover(one, partition);
      return false;
    }
    options.repaired(one.topic, one.partition);
    return true;
  }

  private async repairSegment(one: Damaged, partition: Partition): Promise<boolean> {
    const { clock } = this.options;
    const sources = this.sourcesOf(partition);
    const round: Round = { tried: false, putOff: false };
    let refusals = 0;
    for (const source of sources) {
      try {
        if (await this.repairFrom(source, partition, round, one.replaceFrom)) return true;
      } catch (error) {
        const reason = String(error);
        this.options.logger.debug('a replica did not send what a damaged segment lacks', { partition: partition.name, source, reason });
        if (error instanceof KafkaError && LASTING.has(error.code)) refusals++;
      }
      if (this.isStopped()) return false;
    }
    if (round.tried) {
      one.replaceFrom = clock.monotonic() + one.replaceRetryMs;
      one.replaceRetryMs = Math.min(one.replaceRetryMs * 2, MAX_REPLACEMENT_RETRY_MS);
    }
    if (!round.putOff) one.refusedByAll = sources.length > 0 && refusals === sources.length;
    return false;
  }

  private considerHandover(one: Damaged, partition: Partition): void {
    const { brokerId, clock, events, logger } = this.options;
    const image = this.options.image();
    const decision = findHandover(partition, brokerId, image);
    const [segment] = partition.log.damagedSegments;
    if (decision.kind !== 'wait') one.blockedSince = undefined;
    if (decision.kind === 'none' || segment === undefined) return;
    if (decision.kind === 'handOver') {
      const { successor } = decision;
      if (partition.handOver(successor, `its leader cannot read offset ${segment.baseOffset}`))
        logger.warn('asks for another leader: a damaged segment cannot be repaired', { partition: partition.name, successor });
      return;
    }
    const now = clock.monotonic();
    one.blockedSince ??= now;
    if (now - one.blockedSince < REPORT_AFTER_MS) return;
    const { blocked } = decision;
    const reason = describeWait(partition, { brokerId, image, blocked, ...segment });
    if (reason === one.reported) return;
    one.reported = reason;
    logger.error('followers wait for a damaged segment', { partition: partition.name, reason });
    events({
      type: 'partition/repairBlocked',
      at: clock.now(),
      broker: brokerId,
      topic: partition.topic,
      partitions: [partition.index],
      reason,
      details: { baseOffset: segment.baseOffset.toString(), endOffset: segment.endOffset.toString(), blocked: [...blocked] },
    });
  }

  /** True when the oldest damaged segment is whole. Throws KafkaError, NetworkError. */
  private async repairFrom(source: number, partition: Partition, round: Round, replaceFrom: number): Promise<boolean> {
    const { log } = partition;
    const repair = log.beginRepair();
    if (repair === undefined) return true;
    const alone = await this.use(repair, async () => {
      const isWhole =
        (await this.fetchFrom(source, partition, repair)) && repair.hasEveryOffset && (await this.hasNoGap(log, repair.endOffset));
      return isWhole && repair.finish();
    });
    if (alone) this.report(partition, repair, source, 'segment');
    if (alone || !repair.isComplete) return alone;
    // What a replica out of the ISR appends may be compacted already: then it has to catch up first.
    round.putOff ||= this.options.clock.monotonic() < replaceFrom;
    if (round.putOff || this.isStopped() || !partition.isr.includes(this.options.brokerId)) return false;
    round.tried = true;
    const whole = log.beginRepair('log');
    if (whole === undefined) return true;
    const replaced = await this.use(whole, async () => {
      if (!(await this.fetchFrom(source, partition, whole, WAITS))) return false;
      whole.compareAgain();
      return (await this.fetchFrom(source, partition, whole, WAITS)) && whole.isConfirmed && whole.finish();
    });
    if (replaced) this.report(partition, whole, source, 'log');
    return replaced;
  }

  /** Removes what the repair has written unless `work` finishes it. */
  private async use(repair: SegmentRepair, work: () => Promise<boolean>): Promise<boolean> {
    let done = false;
    try {
      done = await work();
      return done;
    } finally {
      if (!done && !this.isStopped()) repair.abandon();
    }
  }

  private async hasNoGap(log: Log, fromOffset: bigint): Promise<boolean> {
    const search = log.findsNoGap(fromOffset);
    for (let step = search.next(); ; step = search.next()) {
      if (step.done === true) return step.value;
      await sleep(this.options.clock, 0);
      if (this.isStopped()) return false;
    }
  }

  /** The other replicas that are alive: the leader first, then those in sync. */
  private sourcesOf({ leader, isr, replicas }: Partition): number[] {
    const { brokerId } = this.options;
    const { brokers } = this.options.image();
    const rank = (id: number): number => (id === leader ? 0 : isr.includes(id) ? 1 : 2);
    return replicas.filter((id) => id !== brokerId && brokers.get(id)?.fenced === false).sort((a, b) => rank(a) - rank(b));
  }

  /** False when the other replica has not come so far yet. Throws KafkaError, NetworkError. */
  private async fetchFrom(source: number, partition: Partition, repair: SegmentRepair, waits = 0): Promise<boolean> {
    const peer = this.options.connect(source);
    if (peer === undefined) return false;
    let waited = 0;
    try {
      while (!repair.isComplete) {
        const from = repair.nextOffset;
        const { records, highWatermark } = await this.fetchOnce(peer, partition, from);
        if (this.isStopped()) return false;
        if (records !== null && records.length > 0) {
          await this.options.disk.admit(records.length);
          if (this.isStopped()) return false;
          repair.append(records);
        } else if (highWatermark >= repair.endOffset) repair.skipTo(repair.endOffset);
        if (repair.nextOffset > from) continue;
        if (waited++ >= waits) return false;
        await sleep(this.options.clock, WAIT_MS);
      }
      return true;
    } finally {
      peer.close();
    }
  }

  private async fetchOnce(
    peer: Peer,
    { topicId, index, name }: Partition,
    fetchOffset: bigint,
  ): Promise<{ records: Buffer | null; highWatermark: bigint }> {
    const partitions = [{ partition: index, fetchOffset, partitionMaxBytes: FETCH_BYTES }];
    const body = { maxWaitMs: 0, minBytes: 1, maxBytes: FETCH_BYTES, topics: [{ topicId, partitions }] };
    const response = await peer.send(fetch, fetch.maxVersion, body, { timeoutMs: this.options.timeoutMs });
    const answer = response.responses[0]?.partitions[0];
    const errorCode = response.errorCode !== ErrorCode.NONE ? response.errorCode : (answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR);
    if (answer === undefined || errorCode !== ErrorCode.NONE) {
      throw new KafkaError(errorCode, `${name} from offset ${fetchOffset}: ${errorName(errorCode)}`);
    }
    return answer;
  }

  private report({ topic, index, name }: Partition, { baseOffset, endOffset }: SegmentRepair, source: number, scope: RepairScope): void {
    const { brokerId, clock, events, logger } = this.options;
    logger.info('a damaged segment was repaired', { partition: name, baseOffset, endOffset, source, scope });
    const fetched = `offsets ${baseOffset} to ${endOffset - 1n} were fetched from broker ${source}`;
    events({
      type: 'node/segmentRepaired',
      at: clock.now(),
      broker: brokerId,
      topic,
      partitions: [index],
      reason: scope === 'segment' ? fetched : `${fetched}: beside segments that are compacted otherwise, one could restore deleted keys`,
      details: { baseOffset: baseOffset.toString(), endOffset: endOffset.toString(), source, scope },
    });
  }
}

/**
 * The other replica does not have the records either. With KAFKA_STORAGE_ERROR it may only wait for its own repair, perhaps from here: two
 * replicas would answer it to each other for ever. The next round corrects it if the other replica was repaired meanwhile.
 */
const LASTING: ReadonlySet<number> = new Set([ErrorCode.CORRUPT_MESSAGE, ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.KAFKA_STORAGE_ERROR]);
