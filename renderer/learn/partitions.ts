/** The Partitions page: order within a partition, and the effect of keys on the distribution. */
import type { PartitionRow } from '#shared/models/cluster';
import type { Diagram, DiagramBox, DiagramEdge } from '../diagrams/diagram.ts';
import { boxHeight, cellsThatFit } from '../diagrams/diagram-draw.ts';
import { partitionOfKey } from '../messages/murmur2.ts';
import { formatCount, plural } from '../format/numbers.ts';
import { lastSent, topicPath, type Concept, type LearnState, type SentRecord } from './concept.ts';
import { isDown, killOrRecover } from './outages.ts';
import { firstLeader, leftOut, rowTone, sentPulses, topicEdge, wentTo } from './partition-rows.ts';
import { columns, dataOfPartition, ledBy, newestCells, noTopic, summarizePartition } from './parts.ts';
import { stepsOf } from './producer.ts';
import { appendAll } from '#shared/lists';

const MOST = 8;
const BAR = 8;

/** Keys of records that were sent from this window, by partition and offset. */
function keysByPlace(state: LearnState): Map<string, string> {
  const keys = new Map<string, string>();
  for (const { topic, partition, offset, key } of state.sent)
    if (topic === state.topic?.name && partition !== null && offset !== null) keys.set(`${partition}@${offset}`, key ?? '–');
  return keys;
}

/** Number of records by the offsets of the log; null when they are unknown. */
export function recordsIn(row: PartitionRow): bigint | null {
  return row.endOffset === null || row.startOffset === null ? null : BigInt(row.endOffset) - BigInt(row.startOffset);
}

/** Shortens a key to its end, which usually differs. */
export const shortKey = (key: string): string => (key.length <= 5 ? key : `…${key.slice(-4)}`);

function diagram(state: LearnState, width: number): Diagram {
  if (state.topic === null) return noTopic(state, width);
  const { topic } = state;
  const last = lastSent(state);
  const keys = keysByPlace(state);
  const [left, middle, right] = columns(width, width >= 620 ? [0.17, 0.5, 0.19] : [0.22, 0.5, 0.14]);
  const shown = topic.partitions.slice(0, MOST);
  const height = boxHeight({ cells: true, marks: true });
  const gap = shown.length > 4 ? 8 : 18;
  const top = 28;
  const total = shown.length * height + (shown.length - 1) * gap;
  const counts = shown.map(recordsIn);
  const most = counts.reduce<bigint>((high, count) => (count !== null && count > high ? count : high), 0n);
  const boxes: DiagramBox[] = [];
  const texts: NonNullable<Diagram['texts']>[number][] = [];
  const edges: DiagramEdge[] = [];
  const topicHeight = boxHeight({ lines: 1 });
  boxes.push({
    id: 'topic',
    ...left,
    y: top + (total - topicHeight) / 2,
    height: topicHeight,
    tone: 'plain',
    title: width >= 620 ? topic.name : 'topic',
    lines: [{ text: width >= 620 ? plural(topic.partitions.length, 'partition') : `of ${topic.partitions.length}` }],
    said: `Topic ${topic.name}, ${plural(topic.partitions.length, 'partition')}`,
    to: topicPath(state, 'partitions'),
  });
  shown.forEach((row, i) => {
    const y = top + i * (height + gap);
    const mine = wentTo(last, row);
    const { note, tone } = ledBy(row, middle.width >= 330);
    const cells = newestCells(row, cellsThatFit(middle.width, Math.max(3, (row.endOffset ?? '').length)), (offset) =>
      mine && `${offset}` === last?.offset ? 'accent' : 'plain',
    ).map((cell) => {
      const key = keys.get(cell.id);
      return key === undefined ? cell : { ...cell, mark: shortKey(key) };
    });
    boxes.push({
      id: `partition-${row.partition}`,
      ...middle,
      y,
      height,
      ...rowTone(row, mine),
      title: `partition ${row.partition}`,
      note,
      noteTone: tone,
      cells,
      ...(row.endOffset === null ? { lines: [{ text: 'end offset ?', tone: 'warn' as const }] } : {}),
      said: `${summarizePartition(row)}${keysSaid(cells)}`,
      to: topicPath(state, 'messages'),
      data: dataOfPartition(state, row),
    });
    edges.push(topicEdge(state, row, mine));
    const count = counts[i] ?? null;
    const length = count === null || most === 0n ? 0 : Number((count * 1000n) / most) / 1000;
    boxes.push({
      id: `bar-${row.partition}`,
      x: right.x,
      y: y + height / 2 - BAR / 2,
      width: Math.max(2, Math.round(right.width * length)),
      height: BAR,
      tone: hot(counts, i) ? 'warn' : 'plain',
      solid: true,
      said: `Partition ${row.partition} has ${count === null ? 'an unknown number of records' : plural(count, 'record')}`,
    });
    texts.push({ id: `count-${row.partition}`, x: right.x, y: y + height / 2 - 10, text: count === null ? '?' : plural(count, 'record') });
  });
  appendAll(texts, leftOut(topic, shown, middle.x, top + total + 18));
  return {
    width,
    height: top * 2 + total,
    boxes,
    edges,
    texts,
    pulses: sentPulses(state, shown),
    ...(last === null ? {} : { steps: stepsOf(last) }),
    caption: `Topic ${topic.name}: each partition has its own offsets. Keys of records that were sent on this page are shown below the offsets.`,
    description: [
      `Topic ${topic.name} has ${plural(topic.partitions.length, 'partition')}.`,
      ...topic.partitions.map((row) => {
        const count = recordsIn(row);
        return `${summarizePartition(row)} It has ${count === null ? 'an unknown number of records' : plural(count, 'record')}.`;
      }),
    ],
  };
}

const keysSaid = (cells: readonly { text: string; mark?: string }[]): string => {
  const known = cells.filter(({ mark }) => mark !== undefined);
  return known.length === 0 ? '' : ` Keys: ${known.map(({ text, mark }) => `${mark} at ${text}`).join(', ')}.`;
};

/** True for a partition with at least 10 records and more than twice the average of the others. */
function hot(counts: readonly (bigint | null)[], i: number): boolean {
  const mine = counts[i] ?? null;
  const others = counts.filter((count, j): count is bigint => j !== i && count !== null);
  if (mine === null || others.length === 0 || mine < 10n) return false;
  return mine * BigInt(others.length) > 2n * others.reduce((sum, count) => sum + count, 0n);
}

/** The partition of each key with the current and with another number of partitions. */
export function movesOf(keys: readonly string[], now: number, then: number): { key: string; now: number; then: number }[] {
  return keys.flatMap((key) => {
    const [at, to] = [partitionOfKey(key, now), partitionOfKey(key, then)];
    return at === null || to === null ? [] : [{ key, now: at, then: to }];
  });
}

/** A key with records in two partitions, sent before and after partitions were added. */
function torn(sent: readonly SentRecord[]): { before: SentRecord; after: SentRecord } | null {
  for (const [i, after] of sent.entries()) {
    if (after.key === null || after.partition === null) continue;
    const before = sent
      .slice(0, i)
      .find(
        ({ topic, key, partition, partitions }) =>
          topic === after.topic &&
          key === after.key &&
          partition !== null &&
          partition !== after.partition &&
          partitions < after.partitions,
      );
    if (before !== undefined) return { before, after };
  }
  return null;
}

export const partitions: Concept = {
  id: 'partitions',
  title: 'Partitions',
  number: 6,
  line: 'The parts of a topic, each with its own order.',
  what: [
    'A topic is divided into partitions so that several brokers share its writes and several consumers share its reads. Each partition is **a separate log** with its own leader and offsets.',
    'Records are ordered **within a partition** only. Records that need an order must have the same key, since the key determines the partition.',
  ],
  promises: [
    'Records of a partition are read in the order in which the leader appended them.',
    'There is no order between partitions, neither by time nor by offset.',
    'The number of partitions can be increased, not decreased; existing records do not move.',
  ],
  settings: [
    { name: 'num.partitions', of: 'broker', says: 'default number of partitions of new topics' },
    { name: 'auto.leader.rebalance.enable', of: 'broker', says: 'whether preferred leaders are elected automatically' },
    { name: 'leader.imbalance.check.interval.seconds', of: 'broker', says: 'how often the leader balance is checked' },
    { name: 'segment.bytes', of: 'topic', says: 'maximum size of a segment file' },
    { name: 'min.insync.replicas', of: 'topic', says: 'applies to each partition' },
    { name: 'metadata.max.age.ms', of: 'client', value: '2 s', says: 'until a client discovers new partitions; default 5 min' },
    { name: 'partitioner', of: 'client', value: 'murmur2(key) mod n', says: 'maps records to partitions' },
  ],
  wrong: (state) => {
    const down = state.brokers.find(isDown);
    const affected = state.topic?.partitions.filter(({ replicas }) => replicas.some(({ broker }) => broker === down?.id)) ?? [];
    if (down !== undefined) {
      const waiting = affected.filter(({ leader }) => leader === null || leader === down.id).length;
      return [
        waiting > 0
          ? `Broker ${down.id} is down. ${plural(waiting, 'partition')} of ${affected.length} ${waiting === 1 ? 'waits' : 'wait'} for a leader; the others are available: each partition fails over independently.`
          : `Broker ${down.id} is down. Every partition has a leader among its remaining replicas.`,
      ];
    }
    return [
      'After partitions are added, a key may map to another partition: its existing records do not move, and per-key ordering is lost across the change.',
      `A key with most of the records makes one partition hot: one leader and one consumer do most of the work. The failure of a broker affects the partitions that it leads, not the whole topic${
        firstLeader(state) === null ? '' : `: kill broker ${firstLeader(state)} to see which`
      }.`,
    ];
  },
  outages: (state) => killOrRecover(state, firstLeader(state)),
  check: {
    task: 'Produce records of one key to two partitions.',
    done: (state) => {
      const found = torn(state.sent);
      return found === null
        ? null
        : `${found.before.key} went to partition ${found.before.partition} with ${formatCount(found.before.partitions)} partitions, and to ${found.after.partition} with ${formatCount(found.after.partitions)}.`;
    },
  },
  links: (state) => [
    { label: `Leaders, replicas, ISR: Topics › ${state.topic?.name ?? '…'} › Partitions`, to: topicPath(state, 'partitions') },
    { label: 'All partitions by broker: Overview', to: '/overview' },
    { label: 'A hot key under load: Lab', to: '/lab' },
  ],
  diagram,
};
