/**
 * Tells what became of a producer load's records by reading the log. It goes on where it stopped, so that a reading while the load runs
 * costs little; a partition whose leader's epoch has changed is read from its beginning again, since what was read before may have been
 * replaced. A whole reading begins everywhere at the beginning.
 */
import type { LoadAudit, ProducerLoad } from '#shared/models/load';
import { KafkaError } from '../../cluster/protocol/kafka-error.ts';
import type { ClusterClient } from '../cluster-client.ts';
import { topicSettings } from '../configs.ts';
import { AdminError } from '../errors.ts';
import type { Ledger, PartitionReading } from './ledger.ts';
import { logEnds, readLog, topicState, type Leadership, type TopicState, type VisitedRecord } from './log-reader.ts';
import { indexOfKey, keyIndex, type LoadValues } from './values.ts';

/** Leaderships may move while it reads. */
const ROUNDS = 4;
const ROUND_PAUSE_MS = 500;
const AT_ONCE = 3;
/** What was handed to the network without an acknowledgement gets this long to arrive. */
const UNACKNOWLEDGED_GRACE_MS = 1_000;

interface Progress {
  epoch: number;
  position: bigint;
}

export class Auditor {
  private readonly client: ClusterClient;
  private readonly spec: ProducerLoad;
  private readonly ledger: Ledger;
  private readonly values: LoadValues;
  private topicId: string | undefined;
  private readonly progress = new Map<number, Progress>();
  /** By partition, the last offset at which each of the load's keys was seen, whoever wrote it. Kept for compacted topics only. */
  private readonly keyEnds = new Map<number, Map<number, number>>();
  private compacted = false;
  private running: Promise<unknown> = Promise.resolve();

  constructor(client: ClusterClient, spec: ProducerLoad, ledger: Ledger, values: LoadValues) {
    this.client = client;
    this.spec = spec;
    this.ledger = ledger;
    this.values = values;
  }

  /** Readings follow one another. Rejects with `AdminError` when no broker answers at all. */
  audit(whole: boolean): Promise<LoadAudit> {
    const result = this.running.then(() => this.read(whole));
    // Whoever asked is told; the next one only has to wait for it.
    this.running = result.catch(() => undefined);
    return result;
  }

  private async read(whole: boolean): Promise<LoadAudit> {
    const { ledger, spec } = this;
    ledger.beginReading();
    try {
      if (spec.acks === 'none') await pause(UNACKNOWLEDGED_GRACE_MS);
      const readings = new Map<number, PartitionReading>();
      if (whole) this.startOver();
      /** Of the topic that is there now; one that was made anew may have fewer partitions. */
      let there: ReadonlySet<number> = new Set();
      for (let round = 1; round <= ROUNDS; round++) {
        const state = await topicState(this.client, spec.topic);
        there = new Set(state?.partitions.keys());
        if (state === null) break;
        await this.begin(state);
        const open = [...state.partitions].filter(([partition, now]) => !this.isRead(readings.get(partition), partition, now));
        if (open.length === 0) break;
        if (round > 1) await pause(ROUND_PAUSE_MS);
        await this.readAll(open, readings);
      }
      const verdict = ledger.verdict(
        (partition) => (there.has(partition) ? (readings.get(partition) ?? 'unread') : 'gone'),
        (sequence, partition, offset) => this.compacted && (this.keyEnds.get(partition)?.get(keyIndex(spec.keys, sequence)) ?? -1) > offset,
      );
      const complete = [...there].every((partition) => {
        const reading = readings.get(partition);
        return typeof reading === 'object' && reading.readTo >= reading.end;
      });
      return { at: Date.now(), complete, ...verdict };
    } finally {
      ledger.endReading();
    }
  }

  /** A topic of the same name that is another one has nothing of what the first one held. */
  private async begin({ topicId }: TopicState): Promise<void> {
    if (this.topicId !== topicId) {
      if (this.topicId !== undefined) this.startOver();
      this.topicId = topicId;
    }
    try {
      const settings = await topicSettings(this.client, [this.spec.topic], ['cleanup.policy']);
      const policy = settings.get(this.spec.topic)?.get('cleanup.policy');
      if (policy !== undefined && policy !== null) this.setCompacted(policy.includes('compact'));
    } catch (error) {
      // It is what it was; the reading itself will say whether brokers can be reached.
      if (!(error instanceof AdminError)) throw error;
    }
  }

  /** Where keys were not kept so far, they have to be read from the beginning. */
  private setCompacted(compacted: boolean): void {
    if (compacted && !this.compacted) this.startOver();
    this.compacted = compacted;
  }

  private startOver(): void {
    this.progress.clear();
    this.keyEnds.clear();
    this.ledger.forget(undefined);
  }

  /** Read, and under the epoch that still is. */
  private isRead(reading: PartitionReading | undefined, partition: number, now: Leadership | null): boolean {
    return typeof reading === 'object' && now !== null && this.progress.get(partition)?.epoch === now.epoch;
  }

  private async readAll(open: readonly (readonly [number, Leadership | null])[], readings: Map<number, PartitionReading>): Promise<void> {
    const queue = [...open];
    const next = async (): Promise<void> => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        const [partition, leadership] = item;
        readings.set(partition, leadership === null ? 'unread' : await this.readPartition(partition, leadership));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  private async readPartition(partition: number, leadership: Leadership): Promise<PartitionReading> {
    const { client, spec, ledger } = this;
    try {
      const { logStart, end } = await logEnds(client, spec.topic, partition, leadership);
      let progress = this.progress.get(partition);
      if (progress === undefined || progress.epoch !== leadership.epoch || end < progress.position) {
        ledger.forget(partition);
        this.keyEnds.delete(partition);
        progress = { epoch: leadership.epoch, position: 0n };
        this.progress.set(partition, progress);
      }
      // A reading that breaks off halfway has counted what it has read, and must not count it again.
      const current = progress;
      const from = current.position > logStart ? current.position : logStart;
      current.position = from;
      const readTo = await readLog(client, { ...leadership, topic: spec.topic, partition, from, end }, (record) => {
        this.visit(partition, record);
        current.position = record.offset + 1n;
      });
      if (readTo > current.position) current.position = readTo;
      return { logStart: Number(logStart), readTo: Number(readTo), end: Number(end) };
    } catch (error) {
      if (error instanceof AdminError || error instanceof KafkaError) return 'unread';
      throw error;
    }
  }

  private visit(partition: number, record: VisitedRecord): void {
    this.ledger.find(this.values.sequenceOf(record.value));
    if (!this.compacted) return;
    const key = indexOfKey(this.spec.keys, record.key);
    if (key < 0) return;
    let ends = this.keyEnds.get(partition);
    if (ends === undefined) this.keyEnds.set(partition, (ends = new Map<number, number>()));
    // Records come in the order of their offsets.
    ends.set(key, Number(record.offset));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
