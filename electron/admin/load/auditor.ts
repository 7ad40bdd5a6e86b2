/**
 * Audits the records of a producer load by reading the log. An audit resumes from the position of the last one, so audits during the load
 * are cheap. A partition with a new leader epoch is read from the log start offset again, as the new leader may have other records. A whole
 * audit reads every partition from the log start offset.
 */
import type { LoadAudit, ProducerLoad } from '#shared/models/load';
import { KafkaError } from '../../cluster/protocol/kafka-error.ts';
import type { ClusterClient } from '../cluster-client.ts';
import { topicSettings } from '../configs.ts';
import { AdminError } from '../errors.ts';
import type { Ledger, PartitionReading } from './ledger.ts';
import { logEnds, readLog, topicState, type Leadership, type TopicState, type VisitedRecord } from './log-reader.ts';
import { indexOfKey, keyIndex, type LoadValues } from './values.ts';
import { pause } from '#shared/waiting';

/** Leaders may change during an audit: partitions that could not be read are tried again. */
const ROUNDS = 4;
const ROUND_PAUSE_MS = 500;
const AT_ONCE = 3;
/** Time for records with acks=0 to arrive after they were sent. */
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
  /** By partition, the last offset of each key of the load, from any producer. For compacted topics only. */
  private readonly keyEnds = new Map<number, Map<number, number>>();
  private compacted = false;
  private running: Promise<unknown> = Promise.resolve();

  constructor(client: ClusterClient, spec: ProducerLoad, ledger: Ledger, values: LoadValues) {
    this.client = client;
    this.spec = spec;
    this.ledger = ledger;
    this.values = values;
  }

  /** Audits run one at a time. Rejects with `AdminError` when no broker answers. */
  audit(whole: boolean): Promise<LoadAudit> {
    const result = this.running.then(() => this.read(whole));
    // The caller receives the error; the next audit only waits for the end of this one.
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
      /** Partitions of the current topic; a re-created topic may have fewer. */
      let existing: ReadonlySet<number> = new Set();
      for (let round = 1; round <= ROUNDS; round++) {
        const state = await topicState(this.client, spec.topic);
        existing = new Set(state?.partitions.keys());
        if (state === null) break;
        await this.begin(state);
        const open = [...state.partitions].filter(([partition, now]) => !this.isRead(readings.get(partition), partition, now));
        if (open.length === 0) break;
        if (round > 1) await pause(ROUND_PAUSE_MS);
        await this.readAll(open, readings);
      }
      const verdict = ledger.verdict(
        (partition) => (existing.has(partition) ? (readings.get(partition) ?? 'unread') : 'gone'),
        (sequence, partition, offset) => this.compacted && (this.keyEnds.get(partition)?.get(keyIndex(spec.keys, sequence)) ?? -1) > offset,
      );
      const complete = [...existing].every((partition) => {
        const reading = readings.get(partition);
        return typeof reading === 'object' && reading.readTo >= reading.end;
      });
      return { at: Date.now(), complete, ...verdict };
    } finally {
      ledger.endReading();
    }
  }

  /** A re-created topic (with another id) has none of the earlier records. */
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
      // Keeps the last known policy; reading the log reports brokers that are unreachable.
      if (!(error instanceof AdminError)) throw error;
    }
  }

  /** The last offsets of keys need a read from the log start offset. */
  private setCompacted(compacted: boolean): void {
    if (compacted && !this.compacted) this.startOver();
    this.compacted = compacted;
  }

  private startOver(): void {
    this.progress.clear();
    this.keyEnds.clear();
    this.ledger.forget(undefined);
  }

  /** True when the partition was read under the current leader epoch. */
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
      // Advanced with every record: a read that fails halfway must not count records twice.
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
    // Records arrive in order of offset.
    ends.set(key, Number(record.offset));
  }
}
