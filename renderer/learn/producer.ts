/** The Producer page: the partition of a record, and its acknowledgement. */
import type { PartitionRow } from '#shared/models/cluster';
import type { Diagram, DiagramBox, DiagramEdge } from '../diagrams/diagram.ts';
import { boxHeight, cellsThatFit } from '../diagrams/diagram-draw.ts';
import { keyHash } from '../messages/murmur2.ts';
import { formatCount, formatList, plural } from '../format/numbers.ts';
import { lastSent, partitionOf, topicPath, type Concept, type LearnState, type SentRecord } from './concept.ts';
import { isDown, killOrRecover } from './outages.ts';
import { leftOut, rowTone, sentPulses, wentTo } from './partition-rows.ts';
import { columns, dataOfPartition, ledBy, newestCells, noTopic, summarizePartition } from './parts.ts';

const ACKS: Record<SentRecord['acks'], string> = { [-1]: 'all', 1: '1', 0: '0' };
const MOST = 8;

function diagram(state: LearnState, width: number): Diagram {
  if (state.topic === null) return noTopic(state, width);
  const { topic } = state;
  const last = lastSent(state);
  const [left, right] = columns(width, [width >= 620 ? 0.2 : 0.24, 0.56]);
  const height = boxHeight({ cells: true });
  const gap = topic.partitions.length > 4 ? 12 : 28;
  const shown = topic.partitions.slice(0, MOST);
  const top = 28;
  const total = shown.length * height + (shown.length - 1) * gap;
  const boxes: DiagramBox[] = shown.map((row, i) => partitionBox(state, row, last, { ...right, y: top + i * (height + gap), height }));
  const producerHeight = boxHeight({ lines: 1 });
  const acks = last === null ? 'all' : ACKS[last.acks];
  boxes.unshift({
    id: 'producer',
    ...left,
    y: top + (total - producerHeight) / 2,
    height: producerHeight,
    tone: 'plain',
    title: 'Producer',
    lines: [{ text: `acks=${acks}` }],
    said: `Producer: the client of this app, acks=${acks}${last === null ? '; it has not sent a record from this page yet' : ''}`,
  });
  const edges: DiagramEdge[] = shown.map((row) => {
    const mine = wentTo(last, row);
    return {
      id: `edge-${row.partition}`,
      from: 'producer',
      to: `partition-${row.partition}`,
      tone: mine ? 'accent' : row.leader === null ? 'bad' : 'plain',
      dashed: row.leader === null,
      ...(mine ? { label: last?.key ?? 'no key' } : {}),
      perSecond: state.rates.get(`${topic.name}-${row.partition}`) ?? null,
    };
  });
  return {
    width,
    height: top * 2 + total,
    boxes,
    edges,
    texts: leftOut(topic, shown, right.x, top + total + 18),
    pulses: sentPulses(state, shown),
    ...(last === null ? {} : { steps: stepsOf(last) }),
    caption: `Topic ${topic.name}. ${highWatermark(state, last)}`,
    description: [
      `A producer with acks=${acks} writes to the ${plural(topic.partitions.length, 'partition')} of topic ${topic.name}.`,
      ...topic.partitions.map((row) => summarizePartition(row)),
      ...(last === null ? [] : [`The last record: ${stepsOf(last).of.join('; ')}.`]),
    ],
  };
}

function partitionBox(
  state: LearnState,
  row: PartitionRow,
  last: SentRecord | null,
  at: { x: number; y: number; width: number; height: number },
): DiagramBox {
  const mine = wentTo(last, row);
  const { note, tone } = ledBy(row, at.width >= 300);
  return {
    id: `partition-${row.partition}`,
    ...at,
    ...rowTone(row, mine),
    title: `partition ${row.partition}`,
    note,
    noteTone: tone,
    cells: newestCells(row, cellsThatFit(at.width, (row.endOffset ?? '').length), (offset) =>
      mine && `${offset}` === last?.offset ? 'accent' : 'plain',
    ),
    ...(row.endOffset === null ? { cells: [], lines: [{ text: 'end offset ?', tone: 'warn' as const }] } : {}),
    said: summarizePartition(row),
    to: topicPath(state, 'partitions'),
    data: dataOfPartition(state, row),
  };
}

function highWatermark(state: LearnState, last: SentRecord | null): string {
  const row = partitionOf(state, last?.partition ?? null);
  if (row === null) return 'No record was sent from this page yet.';
  const end = row.endOffset === null ? '?' : formatCount(row.endOffset);
  return `High watermark of partition ${row.partition}: ${end}.`;
}

/** Sent → stored → acknowledged, from the response. */
export function stepsOf(record: SentRecord): { title: string; of: string[] } {
  const what = record.key === null ? 'a record without key' : `key ${record.key}`;
  const title = 'The last record';
  if (record.error !== null) return { title, of: [`${what} sent with acks=${ACKS[record.acks]}`, `not acknowledged: ${record.error}`] };
  if (record.acks === 0) return { title, of: [`${what} sent with acks=0`, 'no response: partition, offset and success are unknown'] };
  const leader = record.leader === null ? 'the leader' : `broker ${record.leader}`;
  return {
    title,
    of: [
      `${what} sent to ${leader}, the leader of partition ${record.partition}`,
      `stored at offset ${record.offset === null ? '?' : formatCount(record.offset)}${record.idempotent ? ', with a sequence number of the producer' : ''}`,
      record.acks === 1
        ? `acknowledged after ${Math.round(record.tookMs)} ms by the leader only; followers fetch it later`
        : `acknowledged after ${Math.round(record.tookMs)} ms: ${describeIsr(record)}`,
    ],
  };
}

function describeIsr({ isr, leader }: SentRecord): string {
  if (isr === null) return 'all in-sync replicas have it';
  const others = isr.filter((id) => id !== leader);
  if (others.length === 0) return 'no other replica is in sync';
  return `${others.length === 1 ? 'broker' : 'brokers'} ${formatList(others.map(String))}, in sync, ${others.length === 1 ? 'has' : 'have'} it too`;
}

/** The hash and the partition of a key; null for an empty key or without partitions. */
export function mapKeyToPartition(key: string, partitions: number): { hash: number; partition: number } | null {
  return key === '' || partitions === 0 ? null : { hash: keyHash(key), partition: keyHash(key) % partitions };
}

function target(state: LearnState): PartitionRow | null {
  return partitionOf(state, lastSent(state)?.partition ?? null) ?? state.topic?.partitions[0] ?? null;
}

export const producer: Concept = {
  id: 'producer',
  title: 'Producer',
  number: 1,
  line: 'Writes records; the key determines the partition.',
  what: [
    'A producer sends records to a topic. Each record goes to **one partition**: the one that its key hashes to or, without a key, one that the client chooses.',
    'The leader of the partition assigns the next offset. With `acks=all` it acknowledges the record when every in-sync replica has it.',
  ],
  promises: [
    'Records of one key keep their order while the number of partitions does not change.',
    'A record acknowledged with `acks=all` survives the loss of brokers while one in-sync replica remains.',
    'With `enable.idempotence` (default of the Java client) a retried batch is stored once.',
  ],
  settings: [
    { name: 'acks', of: 'client', value: 'as chosen', says: 'which replicas must have a record before it is acknowledged' },
    { name: 'enable.idempotence', of: 'client', value: 'as chosen', says: 'numbers batches, so that a retry is stored once' },
    { name: 'min.insync.replicas', of: 'topic', says: 'with fewer in-sync replicas, acks=all is rejected' },
    { name: 'max.message.bytes', of: 'topic', says: 'the largest accepted batch' },
    { name: 'compression.type', of: 'topic', says: 'producer: batches keep the compression of the client' },
  ],
  wrong: (state) => {
    const row = target(state);
    const leader = row?.leader ?? null;
    const down = state.brokers.find(isDown);
    if (down !== undefined)
      return [
        leader === null || leader === down.id
          ? `Broker ${down.id} is down, and partition ${row?.partition ?? '?'} waits for a new leader: until then the producer retries.`
          : `Broker ${down.id} is down. The leader of partition ${row?.partition} is broker ${leader}: send again, and the record goes there.`,
      ];
    return [
      `Kill ${leader === null ? 'the leader' : `broker ${leader}`}, then send again. The producer requests metadata, finds the new leader and retries the batch. If the old leader had stored the batch and only the response was lost, the retry is a duplicate, unless the producer is **idempotent**: then the batch has a sequence number, and the new leader acknowledges it without storing it again.`,
    ];
  },
  outages: (state) => killOrRecover(state, target(state)?.leader ?? null),
  check: {
    task: 'Produce two records with different keys to the same partition.',
    done: (state) => {
      for (const [i, one] of state.sent.entries()) {
        if (one.key === null || one.partition === null) continue;
        const other = state.sent
          .slice(0, i)
          .find(({ topic, key, partition }) => topic === one.topic && partition === one.partition && key !== null && key !== one.key);
        if (other !== undefined) return `${other.key} and ${one.key} both went to partition ${one.partition}.`;
      }
      return null;
    },
  },
  links: (state) => [
    { label: `The records: Topics › ${state.topic?.name ?? '…'} › Messages`, to: topicPath(state, 'messages') },
    { label: 'Load with several producers: Lab', to: '/lab' },
  ],
  diagram,
};
