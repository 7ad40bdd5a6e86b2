/**
 * Repairs closed segments that are missing, truncated or have flipped bits: fetches their offsets from another replica, as a consumer does, so
 * only committed records. Until then a read of them is refused; nothing is skipped.
 *
 * One segment at a time where compaction has removed nothing, else the log as a whole: see `SegmentRepair`. A few partitions are repaired at
 * the same time. A repair is retried after 50 ms, then at intervals that double up to a second: a replica that could help may be down, or its
 * high watermark may have to pass the segment first. Retries are unlimited here; a leader that followers wait for hands over to one of them
 * where no committed record can be lost by that (`leadership-handover.ts`).
 */
import { sleep, type Clock, type Timer } from '../lib/clock.ts';
import { DiskError, type Disk } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import { runInSlices } from '../lib/work-slices.ts';
import type { SegmentRepair } from '../log/segment-repair.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { MetadataImage } from '../quorum/image.ts';
import { describeWait, findHandover } from './leadership-handover.ts';
import type { Partition } from './partition.ts';
import { RepairReports } from './repair-reports.ts';
import type { Peer } from './replica-fetcher.ts';
import { fetchRepair } from './segment-fetch.ts';

export interface SegmentRepairsOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly disk: Pick<Disk, 'admit'>;
  readonly logger: Logger;
  readonly events: EventSink;
  /** Timeout of a fetch from another replica, in ms. */
  readonly timeoutMs: number;
  image(): MetadataImage;
  partition(topic: string, index: number): Partition | undefined;
  /** A new connection to another broker; undefined while the image has no address of it. */
  connect(broker: number): Peer | undefined;
  /** The log has no corrupt segment any more. */
  repaired(topic: string, partition: number): void;
}

const FIRST_RETRY_MS = 50;
const RETRY_MS = 1_000;
/** Shorter waits of followers, in ms, are not reported: a repair, or an election, may be about to end them. */
const REPORT_AFTER_MS = 2_000;
/** A handover waits at most so long, in ms, for a fetch in flight. */
const HANDOVER_CHECK_MS = 1_000;
/** Partitions that are repaired at the same time: one replica that does not answer delays no other repair. */
const MAX_RUNNING = 4;
/**
 * Maximum retry interval, in ms, of the replacement of a whole log: each try reads the log twice and closes a segment, and without disk space
 * it fills the disk.
 */
const MAX_RETRY_MS = 60_000;
/** Interval, in ms, of fetches that wait for a high watermark: the other replica gets it with its next fetch from the leader. */
const WAITS = 20;

interface CorruptPartition {
  readonly topic: string;
  readonly partition: number;
  /** Monotonic ms. */
  readonly since: number;
  /** Monotonic ms of the next repair, and the delay that its failure adds to the one after it. */
  nextAt: number;
  retryMs: number;
  running: boolean;
  /** More corruption was found while a repair ran. */
  again: boolean;
  /** Every live replica was asked, and none has the records. */
  refusedByAll: boolean;
  /** Monotonic ms since which followers wait for it; undefined while none does. */
  blockedSince: number | undefined;
  /** The last report of that, and of a disk that cannot take the repair. */
  reported: string | undefined;
  reportedWrite: string | undefined;
  /** The retry interval while the disk cannot take the repair. */
  writeRetryMs: number;
  /** Monotonic ms from which on the whole log may be replaced, and the delay that the next failure adds. */
  replaceFrom: number;
  replaceRetryMs: number;
}

/** The outcome of the replacement of a whole log in one round over the other replicas. */
interface Round {
  tried: boolean;
  putOff: boolean;
}

export class SegmentRepairs {
  private readonly options: SegmentRepairsOptions;
  private readonly reports: RepairReports;
  /** By `topic-partition`. */
  private readonly corruptPartitions = new Map<string, CorruptPartition>();
  private timer: Timer | undefined;
  private handoverTimer: Timer | undefined;
  private running = 0;
  /** Whether a whole log is being replaced: one at a time. */
  private replacing = false;
  private stopped = false;
  private started = false;

  constructor(options: SegmentRepairsOptions) {
    this.options = options;
    this.reports = new RepairReports(options);
  }

  /** To be called when the image is up to date. */
  start(): void {
    this.started = true;
    this.schedule();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.handoverTimer?.cancel();
    this.corruptPartitions.clear();
  }

  /** To be called for all corruption that is found in a closed segment. */
  add(topic: string, partition: number): void {
    if (this.stopped) return;
    const key = `${topic}-${partition}`;
    const known = this.corruptPartitions.get(key);
    if (known !== undefined) {
      known.again = true;
      return;
    }
    const now = this.options.clock.monotonic();
    this.corruptPartitions.set(key, {
      ...{ topic, partition, since: now, nextAt: now, retryMs: FIRST_RETRY_MS, running: false, again: false, refusedByAll: false },
      ...{ blockedSince: undefined, reported: undefined, reportedWrite: undefined },
      ...{ writeRetryMs: RETRY_MS, replaceFrom: 0, replaceRetryMs: RETRY_MS },
    });
    this.schedule();
  }

  /** Whether a refused reader should retry: another replica may have the records. */
  mayRepair({ name, replicas }: Partition): boolean {
    return replicas.length > 1 && this.corruptPartitions.get(name)?.refusedByAll !== true;
  }

  private schedule(): void {
    if (!this.started || this.stopped || this.corruptPartitions.size === 0) return;
    this.handoverTimer ??= this.options.clock.setTimer(HANDOVER_CHECK_MS, () => this.considerHandovers());
    const [next] = this.waiting;
    if (next === undefined || this.running >= MAX_RUNNING) return;
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(Math.max(0, next.nextAt - this.options.clock.monotonic()), () => this.startDue());
  }

  /** In the order in which they are due. */
  private get waiting(): CorruptPartition[] {
    return [...this.corruptPartitions.values()].filter(({ running }) => !running).sort((a, b) => a.nextAt - b.nextAt);
  }

  private startDue(): void {
    const now = this.options.clock.monotonic();
    const due = this.waiting.filter(({ nextAt }) => nextAt <= now);
    for (const one of due.slice(0, MAX_RUNNING - this.running)) void this.run(one);
    this.schedule();
  }

  private async run(one: CorruptPartition): Promise<void> {
    const key = `${one.topic}-${one.partition}`;
    this.running++;
    one.running = true;
    one.again = false;
    let delayMs = one.retryMs;
    let done = false;
    try {
      done = await this.repairLog(one);
    } catch (error) {
      if (error instanceof DiskError) {
        delayMs = one.writeRetryMs;
        one.writeRetryMs = Math.min(delayMs * 2, MAX_RETRY_MS);
        this.reportFailedWrite(one, error, delayMs);
      } else this.options.logger.warn('corrupt segment was not repaired', { partition: key, retryMs: delayMs, error: String(error) });
    }
    this.running--;
    one.running = false;
    if (this.stopped) return;
    if (done && !isFoundAgain(one)) this.corruptPartitions.delete(key);
    else {
      one.nextAt = this.options.clock.monotonic() + delayMs;
      one.retryMs = Math.min(RETRY_MS, 2 * one.retryMs);
      this.considerHandover(one);
    }
    this.schedule();
  }

  /** A call, since the field changes across an await, which the compiler's narrowing ignores. */
  private isStopped(): boolean {
    return this.stopped;
  }

  /** False when the repair is obsolete: its log was deleted or has failed, or was replaced by another one. */
  private isWanted({ topic, index, log }: Partition): boolean {
    return !this.stopped && this.options.partition(topic, index)?.log === log && log.corruptSegments.length > 0;
  }

  /** True when nothing remains to be repaired. Throws DiskError: the disk does not take the files of the repair. */
  private async repairLog(one: CorruptPartition): Promise<boolean> {
    const { options } = this;
    const state = options.image().topics.get(one.topic)?.partitions[one.partition];
    const partition = options.partition(one.topic, one.partition);
    if (state === undefined || partition === undefined) return state?.replicas.includes(options.brokerId) !== true;
    // Terminates: every round repairs a segment, or returns.
    while (partition.log.corruptSegments.length > 0) if (!(await this.repairSegment(one, partition))) return false;
    options.repaired(one.topic, one.partition);
    return true;
  }

  private async repairSegment(one: CorruptPartition, partition: Partition): Promise<boolean> {
    const { clock } = this.options;
    const sources = this.sourcesOf(partition);
    const round: Round = { tried: false, putOff: false };
    let refusals = 0;
    try {
      for (const source of sources) {
        try {
          const { alone, startOffset } = await this.repairAlone(source, partition);
          if (alone || (startOffset !== undefined && (await this.replaceLog(source, partition, round, one.replaceFrom, startOffset)))) {
            one.writeRetryMs = RETRY_MS;
            return true;
          }
        } catch (error) {
          if (error instanceof DiskError) throw error;
          const reason = String(error);
          this.options.logger.debug('replica did not send the records of a corrupt segment', { partition: partition.name, source, reason });
          if (error instanceof KafkaError && LASTING.has(error.code)) refusals++;
        }
        if (!this.isWanted(partition)) return false;
      }
    } finally {
      if (round.tried) {
        one.replaceFrom = clock.monotonic() + one.replaceRetryMs;
        one.replaceRetryMs = Math.min(one.replaceRetryMs * 2, MAX_RETRY_MS);
      }
    }
    if (!round.putOff) one.refusedByAll = sources.length > 0 && refusals === sources.length;
    return false;
  }

  /** Also runs during a repair, which may wait for a replica that does not answer. */
  private considerHandovers(): void {
    this.handoverTimer = undefined;
    const before = this.options.clock.monotonic() - HANDOVER_CHECK_MS;
    for (const one of this.corruptPartitions.values()) if (one.since <= before) this.considerHandover(one);
    this.schedule();
  }

  private considerHandover(one: CorruptPartition): void {
    const partition = this.options.partition(one.topic, one.partition);
    if (partition?.role !== 'leader') return;
    try {
      this.decideHandover(one, partition);
    } catch (error) {
      this.options.logger.warn('a handover cannot be decided', { partition: partition.name, error: String(error) });
    }
  }

  private decideHandover(one: CorruptPartition, partition: Partition): void {
    const { brokerId, clock, logger } = this.options;
    const image = this.options.image();
    const [segment] = partition.log.corruptSegments;
    if (segment === undefined) return;
    const decision = findHandover(partition, brokerId, image);
    if (decision.kind !== 'wait') one.blockedSince = undefined;
    if (decision.kind === 'none') return;
    if (decision.kind === 'handOver') {
      const { successor } = decision;
      if (partition.handOver(successor, `its leader cannot read offset ${segment.baseOffset}`))
        logger.warn('requesting another leader: corrupt segment cannot be repaired', { partition: partition.name, successor });
      return;
    }
    const now = clock.monotonic();
    one.blockedSince ??= now;
    if (now - one.blockedSince < REPORT_AFTER_MS) return;
    const { blocked } = decision;
    const reason = describeWait(partition, { brokerId, image, blocked, ...segment });
    if (reason === one.reported) return;
    one.reported = reason;
    this.reports.blocked(partition, segment, blocked, reason);
  }

  /**
   * `alone`: the oldest corrupt segment is whole now. Otherwise the log start of the source, where its whole log can help. Throws KafkaError,
   * NetworkError, DiskError.
   */
  private async repairAlone(source: number, partition: Partition): Promise<{ alone: boolean; startOffset?: bigint }> {
    const repair = partition.log.beginRepair();
    if (repair === undefined) return { alone: partition.log.corruptSegments.length === 0 };
    const isWanted = (): boolean => this.isWanted(partition);
    let startOffset: bigint | undefined;
    const alone = await this.use(repair, async () => {
      const fetched = await fetchRepair(this.options, { source, partition, repair, waits: 0, isWanted });
      startOffset = fetched?.startOffset;
      return fetched !== undefined && repair.hasEveryOffset && (await this.hasNoGap(partition, repair)) && this.finish(repair, isWanted);
    });
    if (alone) this.reports.repaired(partition, repair, source, 'segment');
    return { alone, ...(startOffset !== undefined && !alone && !repair.hasLogChanged && { startOffset }) };
  }

  /** True when the log was replaced. Errors of the other replica are logged: the segment was found there. Throws DiskError. */
  private async replaceLog(source: number, partition: Partition, round: Round, from: number, startOffset: bigint): Promise<boolean> {
    const { brokerId, clock, logger } = this.options;
    round.putOff ||= clock.monotonic() < from || this.replacing;
    if (round.putOff || !this.isWanted(partition)) return false;
    // A replica outside the ISR may append records that are already compacted: it has to catch up first.
    const { isrGaps } = partition;
    const isInSync = (): boolean => partition.isr.includes(brokerId) && partition.isrGaps === isrGaps;
    if (!isInSync()) return false;
    round.tried = true;
    this.replacing = true;
    try {
      const repair = partition.log.beginRepair('log');
      if (repair === undefined) return false;
      const isWanted = (): boolean => this.isWanted(partition) && isInSync();
      const replaced = await this.use(repair, async () => {
        repair.startAt(startOffset);
        const request = { source, partition, repair, waits: WAITS, isWanted };
        if ((await fetchRepair(this.options, request)) === undefined) return false;
        repair.compareAgain();
        return (
          (await fetchRepair(this.options, request)) !== undefined && repair.isConfirmed && isWanted() && this.finish(repair, isWanted)
        );
      });
      if (replaced) this.reports.repaired(partition, repair, source, 'log');
      return replaced;
    } catch (error) {
      if (error instanceof DiskError) throw error;
      logger.debug('a replica did not send its log', { partition: partition.name, source, reason: String(error) });
      return false;
    } finally {
      this.replacing = false;
    }
  }

  /** The log's recovery point is written at the end of a turn: a crash during the swap must not find an older one. */
  private async finish(repair: SegmentRepair, isWanted: () => boolean): Promise<boolean> {
    if (!repair.prepare()) return false;
    await sleep(this.options.clock, 0);
    return isWanted() && (await runInSlices(this.options.clock, repair.finishInSteps()));
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

  private async hasNoGap(partition: Partition, repair: SegmentRepair): Promise<boolean> {
    const search = repair.findsNoGap();
    for (let step = search.next(); ; step = search.next()) {
      if (step.done === true) return step.value;
      await sleep(this.options.clock, 0);
      if (!this.isWanted(partition)) return false;
    }
  }

  /** The other live replicas: the leader first, then those in sync. */
  private sourcesOf({ leader, isr, replicas }: Partition): number[] {
    const { brokerId } = this.options;
    const { brokers } = this.options.image();
    const rank = (id: number): number => (id === leader ? 0 : isr.includes(id) ? 1 : 2);
    return replicas.filter((id) => id !== brokerId && brokers.get(id)?.fenced === false).sort((a, b) => rank(a) - rank(b));
  }

  private reportFailedWrite(one: CorruptPartition, error: DiskError, retryMs: number): void {
    const partition = this.options.partition(one.topic, one.partition);
    if (partition !== undefined) one.reportedWrite = this.reports.writeFailed(partition, error, retryMs, one.reportedWrite);
  }
}

/**
 * The other replica does not have the records either. With KAFKA_STORAGE_ERROR it may wait for its own repair, perhaps from here: two
 * replicas would return that error to each other for ever. The next round corrects it if the other replica was repaired meanwhile.
 */
const LASTING: ReadonlySet<number> = new Set([ErrorCode.CORRUPT_MESSAGE, ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.KAFKA_STORAGE_ERROR]);

/** A call, since the field changes across an await, which the compiler's narrowing ignores. */
function isFoundAgain({ again }: CorruptPartition): boolean {
  return again;
}
