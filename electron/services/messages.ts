import { isLeaderUnknown, type ClusterClient } from '../admin/cluster-client.ts';
import { AdminError } from '../admin/errors.ts';
import { fetchRecords, type FetchPosition } from '../admin/messages.ts';
import { EARLIEST, LATEST, partitionKey, pushTo, readOffsets } from '../admin/topics.ts';
import type { BrowseResult, Payload, Results } from '#shared/ipc';
import type { RecordRow } from '#shared/models/cluster';
import { checkProducible } from '#shared/topic-rules';
import type { ConnectionsService } from './connections.ts';

const FETCH_WAIT_MS = 200;
/** Fetches of one browse: a partition full of holes ends here and says that more is there. */
const MOST_ROUNDS = 40;

/** Reads and writes records for the message pages. */
export class MessagesService {
  private readonly connections: ConnectionsService;

  constructor(connections: ConnectionsService) {
    this.connections = connections;
  }

  async browse(input: Payload<'message/browse'>): Promise<BrowseResult> {
    const { foreground } = this.connections.active;
    const { leaders, failed } = await partitionLeaders(foreground, input.topic, input.partitions);
    const keys = [...leaders.keys()].map((partition) => ({ topic: input.topic, partition }));
    const byKey = new Map([...leaders].map(([partition, leader]) => [partitionKey(input.topic, partition), leader]));
    const [starts, ends, times] = await Promise.all([
      readOffsets(foreground, byKey, keys, EARLIEST),
      readOffsets(foreground, byKey, keys, LATEST),
      input.from.kind === 'time' ? readOffsets(foreground, byKey, keys, BigInt(input.from.timestamp)) : undefined,
    ]);

    const share = BigInt(Math.ceil(input.limit / Math.max(1, keys.length)));
    const ranges: Range[] = [];
    for (const { partition } of keys) {
      const key = partitionKey(input.topic, partition);
      const start = starts.get(key);
      const end = ends.get(key);
      if (start === undefined || end === undefined || 'error' in start || 'error' in end) {
        const error =
          start !== undefined && 'error' in start ? start.error : end !== undefined && 'error' in end ? end.error : 'UNKNOWN_SERVER_ERROR';
        failed.push({ partition, error });
        continue;
      }
      const time = times?.get(key);
      const from = firstOffset(input.from, start.offset, end.offset, share, time !== undefined && 'offset' in time ? time.offset : null);
      if (from < end.offset) ranges.push({ partition, from, end: end.offset, start: start.offset });
    }
    const { records, more } = await readRanges(foreground, input.topic, leaders, ranges, input.limit, failed);
    const newestFirst = input.from.kind === 'newest';
    records.sort((a, b) => (newestFirst ? -1 : 1) * compareRecords(a, b));
    const cut = newestFirst ? records.slice(0, input.limit) : records.slice(0, input.limit);
    const older = newestFirst && ranges.some(({ from, start }) => from > start);
    return { records: cut, failed, more: more || older || records.length > input.limit };
  }

  async produce(input: Payload<'message/produce'>): Promise<Results['message/produce']> {
    const refusal = checkProducible(input.topic);
    if (refusal !== null) throw new AdminError({ code: 'INVALID_TOPIC_EXCEPTION', message: refusal, subject: input.topic });
    const { producer, idempotentProducer, monitor } = this.connections.active;
    const sent = await (input.idempotent === true ? idempotentProducer : producer).send({
      topic: input.topic,
      partition: input.partition,
      key: toBytes(input.key, 'key'),
      value: toBytes(input.value, 'value'),
      headers: input.headers,
      acks: input.acks,
    });
    monitor.refresh();
    return sent;
  }
}

interface Range {
  partition: number;
  from: bigint;
  /** Exclusive. */
  end: bigint;
  start: bigint;
}

function firstOffset(from: Payload<'message/browse'>['from'], start: bigint, end: bigint, share: bigint, atTime: bigint | null): bigint {
  switch (from.kind) {
    case 'newest':
      return end - share > start ? end - share : start;
    case 'oldest':
      return start;
    case 'offset': {
      const offset = BigInt(from.offset);
      return offset > start ? offset : start;
    }
    case 'time':
      // −1: nothing that late.
      return atTime === null || atTime < 0n ? end : atTime;
  }
}

/** Reads all ranges, each leader in its own loop, until the limit of each is reached or its end. */
async function readRanges(
  client: ClusterClient,
  topic: string,
  leaders: ReadonlyMap<number, number>,
  ranges: readonly Range[],
  limit: number,
  failed: BrowseResult['failed'],
): Promise<{ records: RecordRow[]; more: boolean }> {
  const byLeader = new Map<number, Range[]>();
  for (const range of ranges) pushTo(byLeader, leaders.get(range.partition) ?? -1, range);
  const records: RecordRow[] = [];
  let more = false;
  const answers = await client.eachBroker([...byLeader.keys()], async (leader) => {
    const open = new Map((byLeader.get(leader) ?? []).map((range) => [range.partition, { ...range, taken: 0 }]));
    for (let round = 0; open.size > 0 && round < MOST_ROUNDS; round++) {
      const positions: FetchPosition[] = [...open.values()].map(({ partition, from }) => ({ partition, offset: from }));
      for (const part of await fetchRecords(client, leader, topic, positions, FETCH_WAIT_MS)) {
        const range = open.get(part.partition);
        if (range === undefined) continue;
        const inRange = part.records.filter((record) => BigInt(record.offset) < range.end).slice(0, limit - range.taken);
        records.push(...inRange);
        range.taken += inRange.length;
        if (part.error !== null) failed.push({ partition: part.partition, error: part.error });
        if (part.error !== null || part.nextOffset >= range.end || range.taken >= limit) {
          more ||= part.error === null && part.nextOffset < range.end;
          open.delete(part.partition);
        } else {
          range.from = part.nextOffset;
        }
      }
    }
    more ||= open.size > 0;
  });
  for (const answer of answers) {
    if (!('error' in answer)) continue;
    for (const { partition } of byLeader.get(answer.broker) ?? []) failed.push({ partition, error: answer.error.app.code });
  }
  return { records, more };
}

/** By time, then partition and offset, so that one order holds for records of one millisecond. */
function compareRecords(a: RecordRow, b: RecordRow): number {
  if (a.partition === b.partition) return BigInt(a.offset) < BigInt(b.offset) ? -1 : 1;
  return (a.timestamp ?? 0) - (b.timestamp ?? 0) || a.partition - b.partition;
}

/** Leaders of the topic's partitions (or of some); partitions without one are among the failed. */
export async function partitionLeaders(
  client: ClusterClient,
  topic: string,
  wanted: readonly number[] | null,
): Promise<{ leaders: Map<number, number>; failed: BrowseResult['failed'] }> {
  const metadata = await client.metadata([topic]);
  const found = metadata.topics.find(({ name }) => name === topic);
  if (found === undefined || (found.errorCode !== 0 && found.partitions.length === 0)) {
    throw new AdminError({ code: 'UNKNOWN_TOPIC_OR_PARTITION', message: `There is no topic ${topic}.`, subject: topic });
  }
  const leaders = new Map<number, number>();
  const failed: BrowseResult['failed'] = [];
  for (const partition of found.partitions) {
    if (wanted !== null && !wanted.includes(partition.partitionIndex)) continue;
    if (isLeaderUnknown(partition)) failed.push({ partition: partition.partitionIndex, error: 'LEADER_NOT_AVAILABLE' });
    else leaders.set(partition.partitionIndex, partition.leaderId);
  }
  return { leaders, failed };
}

function toBytes(value: { encoding: 'null' | 'utf8' | 'hex'; text: string }, field: string): Buffer | null {
  if (value.encoding === 'null') return null;
  if (value.encoding === 'utf8') return Buffer.from(value.text, 'utf8');
  const digits = value.text.replace(/\s+/g, '');
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) {
    throw new AdminError({ code: 'INVALID_PAYLOAD', message: 'Hexadecimal is pairs of 0–9 and a–f.', field });
  }
  return Buffer.from(digits, 'hex');
}
