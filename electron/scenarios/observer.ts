/** Reads the state of the cluster for a scenario through the Kafka API, with a client that tolerates brokers that are down. */
import type { ClusterMetadata } from '../admin/cluster-client.ts';
import { isLeaderUnknown } from '../admin/cluster-client.ts';
import { appDecoder } from '../admin/decoding/decoder.ts';
import { AdminError } from '../admin/errors.ts';
import { committedOffsets, coordinatorOf, describeAllGroups } from '../admin/groups.ts';
import { fetchRecords } from '../admin/messages.ts';
import { writeRecords, type PlainRecord } from '../admin/records.ts';
import { EARLIEST, LATEST, leadersOf, readOffsets } from '../admin/topics.ts';
import type { LabNode } from '../services/lab.ts';
import type { RunEnvironment } from './environment.ts';
import { partitionKey } from '#shared/keys';

export interface PartitionSeen {
  /** Null: the partition has no leader. */
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

/** Conditions that are evaluated within this time share one metadata response. */
const FRESH_MS = 80;
const FETCH_WAIT_MS = 100;
/** Limits of one read; topics of a scenario are small. */
const MOST_FETCHES = 400;
const MOST_RECORDS = 200_000;
const RECORDS_A_FETCH = 10_000;

export class Observer {
  private readonly environment: RunEnvironment;
  private last: { at: number; topics: string; answer: Promise<ClusterMetadata> } | undefined;

  constructor(environment: RunEnvironment) {
    this.environment = environment;
  }

  nodes(): Promise<LabNode[]> {
    return this.environment.lab.nodes();
  }

  /** The active controller: of two nodes that claim the role, the one that was elected last. Null without one. */
  async controller(): Promise<number | null> {
    const leading = (await this.nodes()).filter(({ role, state }) => role === 'leader' && state === 'running');
    leading.sort((a, b) => (b.leadsSince ?? 0) - (a.leadsSince ?? 0));
    return leading[0]?.id ?? null;
  }

  /** Metadata from the active controller's broker: a broker that is cut off returns stale metadata. Without a controller, from any broker. */
  metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    const key = topics.join(' ');
    const now = performance.now();
    if (this.last !== undefined && this.last.topics === key && now - this.last.at < FRESH_MS) return this.last.answer;
    const answer = this.ask(topics);
    this.last = { at: now, topics: key, answer };
    return answer;
  }

  private async ask(topics: readonly string[]): Promise<ClusterMetadata> {
    const { client } = this.environment;
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

  /** Null when the metadata does not contain the partition. */
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
    return coordinatorOf(this.environment.client, group);
  }

  async group(id: string): Promise<{ state: string; members: number } | null> {
    const coordinator = await this.coordinator(id);
    const [group] = await describeAllGroups(this.environment.client, [{ id, coordinator, protocolType: 'consumer', type: 'classic' }]);
    return group === undefined || group.error !== null ? null : { state: group.state, members: group.members.length };
  }

  /** Lag over all partitions of the topics; null while it is unknown for one of them. A partition without a commit counts from the log start offset. */
  async lag(group: string, topics: readonly string[]): Promise<bigint | null> {
    const { client } = this.environment;
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
      // Deleted records are no lag.
      const next = offset > start.offset ? offset : start.offset;
      if (end.offset > next) lag += end.offset - next;
    }
    return lag;
  }

  /** End offset of each partition; null where its leader returned none. */
  async sizes(topic: string): Promise<(bigint | null)[]> {
    const meta = await this.metadata([topic]);
    const keys = partitionsOf(meta);
    const ends = await readOffsets(this.environment.client, leadersOf(meta), keys, LATEST);
    return keys.map(({ partition }) => {
      const end = ends.get(partitionKey(topic, partition));
      return end === undefined || 'error' in end ? null : end.offset;
    });
  }

  /** Writes with acks=all; rejects with the error of the cluster. */
  async write(topic: string, partition: number, records: readonly PlainRecord[], timeoutMs: number): Promise<bigint> {
    return writeRecords(this.environment.client, await this.metadata([topic]), { topic, partition }, records, timeoutMs);
  }

  /** Reads from `positions` (absent: the log start offset) to the current end offset, and advances `positions`. */
  async read(topic: string, positions: Map<number, bigint>): Promise<KeyedRecord[]> {
    const { client } = this.environment;
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
        throw new AdminError({
          code: 'LEADER_NOT_AVAILABLE',
          message: `${topic}-${partition} cannot be read: its leader or its offsets are unknown.`,
        });
      }
      let offset = positions.get(partition) ?? start.offset;
      while (offset < end.offset) {
        if (++fetches > MOST_FETCHES)
          throw new AdminError({
            code: 'TOPIC_TOO_LARGE',
            message: `${topic} was not read: it has more records than a scenario reads (${MOST_RECORDS} records, ${MOST_FETCHES} fetches).`,
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
            message: `${topic}-${partition} cannot be read: ${part?.error ?? 'the response does not contain it'}.`,
          });
        }
        for (const row of part.records) {
          const value = row.value.encoding === 'null' ? null : row.value.text;
          records.push({ partition, offset: BigInt(row.offset), key: row.key.encoding === 'null' ? null : row.key.text, value });
        }
        if (records.length > MOST_RECORDS)
          throw new AdminError({
            code: 'TOPIC_TOO_LARGE',
            message: `${topic} was not read: it has more records than a scenario reads (${MOST_RECORDS} records, ${MOST_FETCHES} fetches).`,
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
