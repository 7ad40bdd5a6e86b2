import { isLeaderUnknown, leaderOf, type ClusterClient } from '../admin/cluster-client.ts';
import { appDecoder, type Decoder } from '../admin/decoding/decoder.ts';
import { AdminError } from '../admin/errors.ts';
import { fetchRecords } from '../admin/messages.ts';
import { EARLIEST, LATEST, readOffsets, ZERO_TOPIC_ID } from '../admin/topics.ts';
import { describeReadError } from '#shared/read-errors';
import type { AppError } from '#shared/errors';
import type { BrowseResult, Payload, Results } from '#shared/ipc';
import { checkProducible } from '#shared/topic-rules';
import { readMerged } from './merged-reading.ts';
import type { OpenConnection } from './open-connections.ts';
import type { PartitionRange } from './partition-cursors.ts';
import { partitionKey } from '#shared/keys';

/** Reads and writes records for the message pages. */
export class MessagesService {
  private readonly decoder: Decoder;

  constructor(decoder: Decoder = appDecoder()) {
    this.decoder = decoder;
  }

  /** At most `limit` records of all partitions together, ordered by time across partitions and by offset within each. */
  async browse({ foreground }: Pick<OpenConnection, 'foreground'>, input: Payload<'message/browse'>): Promise<BrowseResult> {
    const { leaders, failed } = await partitionLeaders(foreground, input.topic, input.partitions);
    const keys = [...leaders.keys()].map((partition) => ({ topic: input.topic, partition }));
    const byKey = new Map([...leaders].map(([partition, leader]) => [partitionKey(input.topic, partition), leader]));
    const [starts, ends, times] = await Promise.all([
      readOffsets(foreground, byKey, keys, EARLIEST),
      readOffsets(foreground, byKey, keys, LATEST),
      input.from.kind === 'time' ? readOffsets(foreground, byKey, keys, BigInt(input.from.timestamp)) : undefined,
    ]);

    const ranges: PartitionRange[] = [];
    for (const [partition, leader] of leaders) {
      const key = partitionKey(input.topic, partition);
      const [start, end, time] = [starts.get(key), ends.get(key), times?.get(key)];
      if (start === undefined || end === undefined || 'error' in start || 'error' in end) {
        const error = start !== undefined && 'error' in start ? start.error : end !== undefined && 'error' in end ? end.error : UNANSWERED;
        failed.push({ partition, error });
      } else if (times !== undefined && (time === undefined || 'error' in time)) {
        failed.push({ partition, error: time?.error ?? UNANSWERED });
      } else {
        const from = firstOffset(input.from, start.offset, end.offset, time === undefined || 'error' in time ? null : time.offset);
        if (from < end.offset) ranges.push({ partition, leader, from, end: end.offset, start: start.offset });
      }
    }
    const read = await readMerged(foreground, {
      topic: input.topic,
      ranges,
      limit: input.limit,
      direction: input.from.kind === 'newest' ? 'backward' : 'forward',
      decoder: this.decoder,
    });
    return { ...read, failed: [...failed, ...read.failed] };
  }

  /** Reads the record again, in full. Rejects when it no longer exists or is larger than may be carried. */
  async value(connection: OpenConnection, input: Payload<'message/value'>): Promise<Results['message/value']> {
    const { topic, partition, part } = input;
    const { foreground } = connection;
    const offset = BigInt(input.offset);
    const leader = leaderOf(await foreground.metadata([topic]), topic, partition);
    const position = { partition, offset, end: offset + 1n, limit: 1, keep: 'first', previewBytes: MAX_VALUE_BYTES } as const;
    const [read] = await fetchRecords(foreground, leader, topic, [position], { maxWaitMs: FETCH_WAIT_MS, decoder: this.decoder });
    const subject = `${topic}-${partition} @ ${input.offset}`;
    const failure = (code: AppError['code'], message: string, advice: string): AdminError =>
      new AdminError({ code, message: `${subject} was not read: ${message}`, advice, subject });
    if (read === undefined) throw failure('BROKER_UNREACHABLE', 'its leader returned nothing.', 'Try again.');
    if (read.error !== null && read.error !== 'OFFSET_OUT_OF_RANGE')
      throw failure(read.error, `${describeReadError(read.error)}.`, 'Try again.');
    const record = read.records.find((one) => one.offset === input.offset);
    if (record === undefined)
      throw failure('NOT_FOUND', 'no record has this offset now.', 'Retention, compaction or a deletion removed it.');
    const value = part.kind === 'header' ? record.headers[part.index]?.value : record[part.kind];
    if (value === undefined) throw failure('NOT_FOUND', 'it has no such header.', 'Read the list again.');
    if (value.truncated) {
      throw failure(
        'TOO_LARGE',
        `it has ${value.sizeBytes} bytes, and at most ${MAX_VALUE_BYTES} are carried.`,
        `Read it by kcat -o ${input.offset} -c 1.`,
      );
    }
    return { encoding: value.encoding, text: value.text };
  }

  async produce(connection: OpenConnection, input: Payload<'message/produce'>): Promise<Results['message/produce']> {
    const refusal = checkProducible(input.topic);
    if (refusal !== null) throw new AdminError({ code: 'INVALID_TOPIC_EXCEPTION', message: refusal, subject: input.topic });
    const { producer, idempotentProducer, monitor } = connection;
    const sent = await (input.idempotent === true ? idempotentProducer : producer).send({
      topic: input.topic,
      partition: input.partition,
      key: toBytes(input.key, 'key'),
      value: toBytes(input.value, 'value'),
      headers: input.headers.map(({ key, value }, i) => ({ key, value: toBytes(value, `headers.${i}`) })),
      acks: input.acks,
    });
    monitor.refresh();
    return sent;
  }
}

/** As text; hexadecimal takes two characters a byte. */
const MAX_VALUE_BYTES = 16 * 1024 * 1024;
const FETCH_WAIT_MS = 200;
const UNANSWERED = 'UNKNOWN_SERVER_ERROR';

/** Where a reading starts; of one that starts at the end, the log start, down to which it may get. */
function firstOffset(from: Payload<'message/browse'>['from'], start: bigint, end: bigint, atTime: bigint | null): bigint {
  switch (from.kind) {
    case 'newest':
    case 'oldest':
      return start;
    case 'offset': {
      const offset = BigInt(from.offset);
      return offset > start ? offset : start;
    }
    case 'time':
      // −1: no record that late.
      return atTime === null || atTime < 0n ? end : atTime;
  }
}

/** Leaders of the topic's partitions (or of some); partitions without one are among the failed. */
export async function partitionLeaders(
  client: ClusterClient,
  topic: string,
  wanted: readonly number[] | null,
): Promise<{ topicId: string | null; leaders: Map<number, number>; failed: BrowseResult['failed'] }> {
  const metadata = await client.metadata([topic]);
  const found = metadata.topics.find(({ name }) => name === topic);
  if (found === undefined || (found.errorCode !== 0 && found.partitions.length === 0)) {
    throw new AdminError({ code: 'UNKNOWN_TOPIC_OR_PARTITION', message: `There is no topic ${topic}.`, subject: topic });
  }
  const leaders = new Map<number, number>();
  const failed: BrowseResult['failed'] = [];
  const chosen = wanted === null ? null : new Set(wanted);
  for (const partition of found.partitions) {
    if (chosen !== null && !chosen.has(partition.partitionIndex)) continue;
    if (isLeaderUnknown(partition)) failed.push({ partition: partition.partitionIndex, error: 'LEADER_NOT_AVAILABLE' });
    else leaders.set(partition.partitionIndex, partition.leaderId);
  }
  return { topicId: found.topicId === ZERO_TOPIC_ID ? null : found.topicId, leaders, failed };
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
