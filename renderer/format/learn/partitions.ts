/** Partitions: where order holds and where it does not, and what keys do to the load. */
import type { PartitionRow } from '#shared/models/cluster';
import type { Diagram, DiagramBox, DiagramEdge } from '../diagram.ts';
import { boxHeight, cellsThatFit } from '../diagram-draw.ts';
import { partitionOfKey } from '../murmur2.ts';
import { formatCount, plural } from '../numbers.ts';
import { lastSent, topicPath, type Concept, type LearnState, type SentRecord } from './concept.ts';
import { isDown, killOrMend } from './outages.ts';
import { firstLeader, leftOut, rowTone, sentPulses, topicEdge, wentTo } from './partition-rows.ts';
import { columns, dataOfPartition, ledBy, newestCells, noTopic, tellPartition } from './parts.ts';
import { stepsOf } from './producer.ts';
import { appendAll } from '#shared/lists';

const MOST = 8;
const BAR = 8;

/** The keys that the reader sent from this window, by their place in the log. */
function keysByPlace(state: LearnState): Map<string, string> {
  const keys = new Map<string, string>();
  for (const { topic, partition, offset, key } of state.sent)
    if (topic === state.topic?.name && partition !== null && offset !== null) keys.set(`${partition}@${offset}`, key ?? '–');
  return keys;
}

/** How many records the log holds, as far as its offsets tell; null where they are not known. */
export function recordsIn(row: PartitionRow): bigint | null {
  return row.endOffset === null || row.startOffset === null ? null : BigInt(row.endOffset) - BigInt(row.startOffset);
}

/** A key as a mark under a cell: what tells it apart is at its end. */
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
      said: `${tellPartition(row)}${keysSaid(cells)}`,
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
      said: `Partition ${row.partition} holds ${count === null ? 'an unknown number of records' : plural(count, 'record')}`,
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
    caption: `Topic ${topic.name}: offsets count on in each partition by itself. Under a cell stands the key, where it was sent from here.`,
    told: [
      `Topic ${topic.name} has ${plural(topic.partitions.length, 'partition')}.`,
      ...topic.partitions.map((row) => {
        const count = recordsIn(row);
        return `${tellPartition(row)} It holds ${count === null ? 'an unknown number of records' : plural(count, 'record')}.`;
      }),
    ],
  };
}

const keysSaid = (cells: readonly { text: string; mark?: string }[]): string => {
  const known = cells.filter(({ mark }) => mark !== undefined);
  return known.length === 0 ? '' : ` Keys: ${known.map(({ text, mark }) => `${mark} at ${text}`).join(', ')}.`;
};

/** Holds more than twice what the others hold on average, and enough for that to mean something. */
function hot(counts: readonly (bigint | null)[], i: number): boolean {
  const mine = counts[i] ?? null;
  const others = counts.filter((count, j): count is bigint => j !== i && count !== null);
  if (mine === null || others.length === 0 || mine < 10n) return false;
  return mine * BigInt(others.length) > 2n * others.reduce((sum, count) => sum + count, 0n);
}

/** Where each key goes now, and where it would go with so many partitions. */
export function movesOf(keys: readonly string[], now: number, then: number): { key: string; now: number; then: number }[] {
  return keys.flatMap((key) => {
    const [at, to] = [partitionOfKey(key, now), partitionOfKey(key, then)];
    return at === null || to === null ? [] : [{ key, now: at, then: to }];
  });
}

/** A key whose records lie in two partitions: it was sent before and after partitions were added. */
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
  line: 'The parts of a topic; order holds within one.',
  what: [
    'A topic is cut into partitions so that more than one broker can take its writes and more than one consumer its reads. Each partition is **a log of its own**, with its own leader and its own offsets.',
    'Order holds **within a partition** only. What belongs in order needs the same key, since the key decides the partition.',
  ],
  promises: [
    'A partition’s records are read in the order in which its leader stored them.',
    'Between partitions there is no order: not by time, not by offset.',
    'Partitions can be added, never taken away; what is stored stays where it is.',
  ],
  settings: [
    { name: 'num.partitions', of: 'broker', says: 'how many a topic gets that does not say' },
    { name: 'auto.leader.rebalance.enable', of: 'broker', says: 'whether leaders go back by themselves, at the check below' },
    { name: 'leader.imbalance.check.interval.seconds', of: 'broker', says: 'how often that is looked at' },
    { name: 'segment.bytes', of: 'topic', says: 'a partition’s log is cut into files of this size' },
    { name: 'min.insync.replicas', of: 'topic', says: 'counted for each partition by itself' },
    { name: 'metadata.max.age.ms', of: 'client', value: '2 s', says: 'until a client hears of added partitions; usually 5 min' },
    { name: 'partitioner', of: 'client', value: 'murmur2(key) mod n', says: 'which partition a record goes to' },
  ],
  wrong: (state) => {
    const down = state.brokers.find(isDown);
    const affected = state.topic?.partitions.filter(({ replicas }) => replicas.some(({ broker }) => broker === down?.id)) ?? [];
    if (down !== undefined) {
      const waiting = affected.filter(({ leader }) => leader === null).length;
      return [
        waiting > 0
          ? `Broker ${down.id} is down. ${plural(waiting, 'partition')} of ${affected.length} wait for a leader; the others go on: each fails and recovers by itself.`
          : `Broker ${down.id} is down. Every partition has a leader, and each goes on with the replicas that are left.`,
      ];
    }
    return [
      'Add partitions, and a key may go elsewhere from then on: its older records stay, and it is no longer all in one order.',
      `One key that is used far more than others makes one partition hot: one leader and one consumer do the work of all. And a broker that dies takes the partitions that it leads, not the topic${
        firstLeader(state) === null ? '' : `: kill broker ${firstLeader(state)} and see which`
      }.`,
    ];
  },
  outages: (state) => killOrMend(state, firstLeader(state)),
  check: {
    task: 'Make one key’s records lie in two partitions.',
    done: (state) => {
      const found = torn(state.sent);
      return found === null
        ? null
        : `${found.before.key} went to partition ${found.before.partition} while there were ${formatCount(found.before.partitions)}, and to ${found.after.partition} since there are ${formatCount(found.after.partitions)}.`;
    },
  },
  links: (state) => [
    { label: `Leaders, replicas, ISR: Topics › ${state.topic?.name ?? '…'} › Partitions`, to: topicPath(state, 'partitions') },
    { label: 'All partitions on all brokers: Overview', to: '/overview' },
    { label: 'A hot key under load: Lab', to: '/lab' },
  ],
  diagram,
};
