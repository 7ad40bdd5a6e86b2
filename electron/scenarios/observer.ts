/** What a scenario sees of the cluster: through the brokers' own answers, by a client that does not mind dead ones. */
import type { ClusterMetadata } from '../admin/cluster-client.ts';
import { isLeaderUnknown } from '../admin/cluster-client.ts';
import { appDecoder } from '../admin/decoding/decoder.ts';
import { AdminError } from '../admin/errors.ts';
import { committedOffsets, coordinatorOf, describeAllGroups } from '../admin/groups.ts';
import { fetchRecords } from '../admin/messages.ts';
import { writeRecords, type PlainRecord } from '../admin/records.ts';
import { EARLIEST, LATEST, leadersOf, partitionKey, readOffsets } from '../admin/topics.ts';
import type { LabNode } from '../services/lab.ts';
import type { Bench } from './bench.ts';

export interface PartitionSeen {
  /** Null: none. */
  leader: number | null;
  isr: number[];
  replicas: number[];
}

export interface KeyedRecord {
  partition: number;
  offset: bigint;
  key: string | null;
  /** Null: a tombstone. */
  value: string | null;
}

/** What several conditions ask at about the same time is asked once. */
const FRESH_MS = 80;
const FETCH_WAIT_MS = 100;
/** Of one reading: a topic of a scenario is small. */
const MOST_FETCHES = 400;
const MOST_RECORDS = 200_000;
const RECORDS_A_FETCH = 10_000;

export class Observer {
  private readonly bench: Bench;
  private last: { at: number; topics: string; answer: Promise<ClusterMetadata> } | undefined;

  constructor(bench: Bench) {
    this.bench = bench;
  }

  nodes(): Promise<LabNode[]> {
    return this.bench.lab.nodes();
  }

  /** The active controller: of two that take themselves for it, the later one. Null while there is none. */
  async controller(): Promise<number | null> {
    const leading = (await this.nodes()).filter(({ role, state }) => role === 'leader' && state === 'running');
    leading.sort((a, b) => (b.leadsSince ?? 0) - (a.leadsSince ?? 0));
    return leading[0]?.id ?? null;
  }

  /** As the active controller's broker has it, since one that is cut off goes on telling what it knew; else as any. */
  metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    const key = topics.join(' ');
    const now = performance.now();
    if (this.last !== undefined && this.last.topics === key && now - this.last.at < FRESH_MS) return this.last.answer;
    const answer = this.ask(topics);
    this.last = { at: now, topics: key, answer };
    return answer;
  }

  private async ask(topics: readonly string[]): Promise<ClusterMetadata> {
    const { client } = this.bench;
    const controller = await this.controller();
    if (controller !== null) {
      try {
        if (!client.knownBrokers.some(({ id }) => id === controller)) await client.metadata([]);
        return await client.metadataFrom(controller, topics);
      } catch (error) {
        if (!(error instanceof AdminError)) throw error;
      }
    }
    return client.metadata(topics);
  }

  /** Null where nobody knows of it. */
  async partition(topic: string, partition: number): Promise<PartitionSeen | null> {
    const meta = await this.metadata([topic]);
    const found = meta.topics.find(({ name }) => name === topic)?.partitions.find((one) => one.partitionIndex === partition);
    if (found === undefined) return null;
    return {
      leader: isLeaderUnknown(found) ? null : found.leaderId,
      isr: found.isrNodes.toSorted((a, b) => a - b),
      replicas: [...found.replicaNodes],
    };
  }

  async coordinator(group: string): Promise<number> {
    return coordinatorOf(this.bench.client, group);
  }

  async group(id: string): Promise<{ state: string; members: number } | null> {
    const coordinator = await this.coordinator(id);
    const [group] = await describeAllGroups(this.bench.client, [{ id, coordinator, protocolType: 'consumer', type: 'classic' }]);
    return group === undefined || group.error !== null ? null : { state: group.state, members: group.members.length };
  }

  /** Of all partitions of its topics; null while a part of it is not known. What was never committed counts from the start. */
  async lag(group: string, topics: readonly string[]): Promise<bigint | null> {
    const { client } = this.bench;
    const coordinator = await this.coordinator(group);
    const committed = (await committedOffsets(client, [{ id: group, coordinator }])).get(group);
    if (committed === undefined) return null;
    const meta = await this.metadata(topics);
    const keys = partitionsOf(meta);
    const leaders = leadersOf(meta);
    const [ends, starts] = await Promise.all([readOffsets(client, leaders, keys, LATEST), readOffsets(client, leaders, keys, EARLIEST)]);
    let lag = 0n;
    for (const { topic, partition } of keys) {
      const end = ends.get(partitionKey(topic, partition));
      const start = starts.get(partitionKey(topic, partition));
      if (end === undefined || start === undefined || 'error' in end || 'error' in start) return null;
      const offset = committed.find((one) => one.topic === topic && one.partition === partition)?.offset ?? start.offset;
      // What was deleted before it was read can no longer be read.
      const next = offset > start.offset ? offset : start.offset;
      if (end.offset > next) lag += end.offset - next;
    }
    return lag;
  }

  /** Of each partition; null where its leader does not say. */
  async sizes(topic: string): Promise<(bigint | null)[]> {
    const meta = await this.metadata([topic]);
    const keys = partitionsOf(meta);
    const ends = await readOffsets(this.bench.client, leadersOf(meta), keys, LATEST);
    return keys.map(({ partition }) => {
      const end = ends.get(partitionKey(topic, partition));
      return end === undefined || 'error' in end ? null : end.offset;
    });
  }

  /** One write with acks=all; rejects with what the cluster answered. */
  async write(topic: string, partition: number, records: readonly PlainRecord[], timeoutMs: number): Promise<bigint> {
    return writeRecords(this.bench.client, await this.metadata([topic]), { topic, partition }, records, timeoutMs);
  }

  /** From those positions (absent: the start of each log) to the end as it is now; the positions are moved on. */
  async read(topic: string, positions: Map<number, bigint>): Promise<KeyedRecord[]> {
    const { client } = this.bench;
    const meta = await this.metadata([topic]);
    const keys = partitionsOf(meta);
    const leaders = leadersOf(meta);
    const [starts, ends] = await Promise.all([readOffsets(client, leaders, keys, EARLIEST), readOffsets(client, leaders, keys, LATEST)]);
    const records: KeyedRecord[] = [];
    let fetches = 0;
    for (const { partition } of keys) {
      const key = partitionKey(topic, partition);
      const [start, end, leader] = [starts.get(key), ends.get(key), leaders.get(key)];
      if (leader === undefined || start === undefined || end === undefined || 'error' in start || 'error' in end) {
        throw new AdminError({ code: 'LEADER_NOT_AVAILABLE', message: `${topic}-${partition} cannot be read now.` });
      }
      let offset = positions.get(partition) ?? start.offset;
      while (offset < end.offset) {
        if (++fetches > MOST_FETCHES)
          throw new AdminError({
            code: 'TOPIC_TOO_LARGE',
            message: `${topic} was not read: it holds more than a scenario reads (${MOST_RECORDS} records, ${MOST_FETCHES} fetches).`,
          });
        const position = { partition, offset, end: end.offset, limit: RECORDS_A_FETCH, keep: 'first' as const };
        const [part] = await fetchRecords(client, leader, topic, [position], { maxWaitMs: FETCH_WAIT_MS, decoder: appDecoder() });
        const unread = part?.cutBatches.find(({ reason }) => reason !== 'RECORDS');
        if (unread !== undefined) {
          throw new AdminError({
            code: unread.reason,
            message: `${topic}-${partition} cannot be read: the batch at offset ${unread.offset} was not decoded (${unread.reason}).`,
          });
        }
        if (part === undefined || (part.error !== null && part.nextOffset <= offset)) {
          throw new AdminError({
            code: part?.error ?? 'INTERNAL',
            message: `${topic}-${partition} cannot be read: ${part?.error ?? 'nothing was said of it'}.`,
          });
        }
        for (const row of part.records) {
          const value = row.value.encoding === 'null' ? null : row.value.text;
          records.push({ partition, offset: BigInt(row.offset), key: row.key.encoding === 'null' ? null : row.key.text, value });
        }
        if (records.length > MOST_RECORDS)
          throw new AdminError({
            code: 'TOPIC_TOO_LARGE',
            message: `${topic} was not read: it holds more than a scenario reads (${MOST_RECORDS} records, ${MOST_FETCHES} fetches).`,
          });
        if (part.nextOffset <= offset) break;
        offset = part.nextOffset;
      }
      positions.set(partition, offset);
    }
    return records;
  }
}

function partitionsOf(meta: ClusterMetadata): { topic: string; partition: number }[] {
  return meta.topics.flatMap((topic) =>
    topic.partitions
      .map(({ partitionIndex }) => ({ topic: topic.name ?? '', partition: partitionIndex }))
      .sort((a, b) => a.partition - b.partition),
  );
}
