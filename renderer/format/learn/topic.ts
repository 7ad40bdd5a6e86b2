/** Topic: a named log, cut into partitions, each on several brokers; who keeps what, and for how long. */
import type { PartitionRow } from '#shared/models/cluster';
import type { Diagram, DiagramBox, DiagramEdge, DiagramGlyph } from '../diagram.ts';
import { boxHeight } from '../diagram-draw.ts';
import { formatBytes, formatCount, formatList, plural } from '../numbers.ts';
import { REPLICA_WORDS } from '../replicas.ts';
import { lastSent, topicPath, type Concept, type LearnState } from './concept.ts';
import { isDown, killOrMend } from './outages.ts';
import { firstLeader, leftOut, rowTone, sentPulses, topicEdge, wentTo } from './partition-rows.ts';
import { brokerName, brokerTone, columns, dataOfBroker, dataOfPartition, noTopic, replicaGlyph, tellPartition } from './parts.ts';

const MOST = 10;

function diagram(state: LearnState, width: number): Diagram {
  if (state.topic === null) return noTopic(state, width);
  const { topic } = state;
  const roomy = width >= 620;
  const [left, middle, right] = columns(width, roomy ? [0.24, 0.3, 0.32] : [0.26, 0.3, 0.32]);
  const shown = topic.partitions.slice(0, MOST);
  const height = boxHeight({ lines: 1 });
  const gap = shown.length > 4 ? 8 : 16;
  const header = 30;
  const top = 28 + header + 12;
  const total = shown.length * height + (shown.length - 1) * gap;
  const topicHeight = boxHeight({ lines: 3 });
  const last = lastSent(state);
  const boxes: DiagramBox[] = [];
  const edges: DiagramEdge[] = [];
  const glyphs: DiagramGlyph[] = [];
  boxes.push({
    id: 'topic',
    ...left,
    y: Math.max(20, top + (total - topicHeight) / 2),
    height: topicHeight,
    tone: 'plain',
    title: topic.name,
    lines: [
      { text: topic.records === null ? 'records: ?' : plural(BigInt(topic.records), 'record') },
      { text: topic.sizeBytes === null ? 'size: ?' : `${formatBytes(topic.sizeBytes)}${roomy ? ' on all brokers' : ''}` },
      { text: `policy: ${topic.cleanupPolicy ?? '?'}` },
    ],
    said: `Topic ${topic.name}: ${topic.records === null ? 'an unknown number of records' : plural(BigInt(topic.records), 'record')}, cleanup policy ${topic.cleanupPolicy ?? 'not known'}`,
    to: topicPath(state, 'settings'),
    data: { policy: topic.cleanupPolicy ?? '?' },
  });
  const step = right.width / Math.max(1, state.brokers.length);
  const texts: NonNullable<Diagram['texts']>[number][] = state.brokers.map((broker, i) => ({
    id: `name-${broker.id}`,
    x: right.x + (i + 0.5) * step,
    y: 47,
    text: step >= 62 ? `broker ${broker.id}` : `${broker.id}`,
    anchor: 'middle',
  }));
  state.brokers.forEach((broker, i) => {
    boxes.push({
      id: `broker-${broker.id}`,
      x: right.x + i * step + 3,
      y: 28,
      width: Math.max(8, step - 6),
      height: header,
      tone: brokerTone(broker),
      dashed: broker.state !== 'online',
      said: brokerName(broker),
      to: `/brokers/${broker.id}`,
      data: dataOfBroker(broker),
    });
  });
  shown.forEach((row, r) => {
    const y = top + r * (height + gap);
    const mine = wentTo(last, row);
    boxes.push({
      id: `partition-${row.partition}`,
      ...middle,
      y,
      height,
      ...rowTone(row, mine),
      title: roomy ? `partition ${row.partition}` : `part. ${row.partition}`,
      lines: [{ text: offsetsOf(row), ...(row.endOffset === null ? { tone: 'warn' as const } : {}) }],
      said: tellPartition(row),
      to: topicPath(state, 'partitions'),
      data: dataOfPartition(state, row),
    });
    edges.push(topicEdge(state, row, mine));
    for (const replica of row.replicas) {
      const column = state.brokers.findIndex(({ id }) => id === replica.broker);
      if (column < 0) continue;
      glyphs.push(replicaGlyph(topic.name, row.partition, replica, right.x + (column + 0.5) * step, y + height / 2));
    }
  });
  return {
    width,
    height: top + Math.max(total, topicHeight - 40) + 28,
    boxes,
    edges,
    glyphs,
    texts: [...texts, ...leftOut(topic, shown, middle.x, top + total + 18)],
    pulses: sentPulses(state, shown),
    caption: `Topic ${topic.name}: ${plural(topic.partitions.length, 'partition')} × ${plural(topic.replicationFactor, 'copy', 'copies')}. ● leader, ○ in sync, ◐ lagging, ✕ offline.`,
    told: [
      `Topic ${topic.name} keeps ${plural(topic.replicationFactor, 'copy', 'copies')} of each of its ${plural(topic.partitions.length, 'partition')}.`,
      ...topic.partitions.map(
        (row) =>
          `${tellPartition(row)} Replicas: ${formatList(row.replicas.map(({ broker, state: standing }) => `broker ${broker} ${REPLICA_WORDS[standing]}`))}.`,
      ),
    ],
  };
}

function offsetsOf(row: PartitionRow): string {
  if (row.endOffset === null) return 'offsets: ?';
  if (row.startOffset === row.endOffset) return 'empty';
  const newest = BigInt(row.endOffset) - 1n;
  if (row.startOffset === `${newest}`) return `offset ${formatCount(newest)}`;
  return `offsets ${row.startOffset === null ? '?' : formatCount(row.startOffset)}–${formatCount(newest)}`;
}

/** A topic with more than one partition that was not there when the first page was opened. */
function made(state: LearnState): string | null {
  const { topicsBefore, topics } = state;
  if (topicsBefore === null) return null;
  const found = topics.find(
    ({ name, internal, partitions }) => !internal && name !== state.topic?.name && partitions.length > 1 && !topicsBefore.has(name),
  );
  return found === undefined
    ? null
    : `${found.name} has ${plural(found.partitions.length, 'partition')}, each on ${plural(found.replicationFactor, 'broker')}.`;
}

export const topic: Concept = {
  id: 'topic',
  title: 'Topic',
  number: 5,
  line: 'A named log of records, kept for as long as it says.',
  what: [
    'A topic is **a log with a name**. Producers append to it, consumers read from it, and reading takes nothing away: any number of readers go through the same records, each at its own pace.',
    'It is cut into partitions, and each partition is kept on several brokers. Records go when the topic’s rule says so: by age, by size, or when a newer record of the same key is there.',
  ],
  promises: [
    'A record that was stored is not changed, and keeps its offset.',
    'With `cleanup.policy=delete` whole segments go once all in them is older than `retention.ms`, or the log is larger than `retention.bytes`.',
    'With `cleanup.policy=compact` at least the newest record of each key stays.',
  ],
  settings: [
    { name: 'retention.ms', of: 'topic', says: 'how long records are kept' },
    { name: 'retention.bytes', of: 'topic', says: 'how much of a partition is kept' },
    { name: 'cleanup.policy', of: 'topic', says: 'delete by age and size, or keep the newest of each key' },
    { name: 'segment.ms', of: 'topic', says: 'after that a new segment is begun; only closed ones are compacted' },
    { name: 'log.retention.check.interval.ms', of: 'broker', says: 'how often it is looked whether something may go' },
  ],
  wrong: (state) => {
    const down = state.brokers.find(isDown);
    if (down !== undefined) {
      const touched = state.topic?.partitions.filter(({ replicas }) => replicas.some(({ broker }) => broker === down.id)).length ?? 0;
      return [
        `Broker ${down.id} is down: ${plural(touched, 'partition')} of ${state.topic?.name ?? 'the topic'} have a copy fewer. Nothing is lost, and nothing is copied elsewhere by itself: the copy comes back with the broker.`,
      ];
    }
    return [
      'Retention goes by time, not by who has read: a consumer that is away for longer than `retention.ms` misses what went meanwhile.',
      `A broker that dies takes one copy of each partition it holds${firstLeader(state) === null ? '' : `. Kill broker ${firstLeader(state)}, and see the topic go on with the others`}.`,
    ];
  },
  outages: (state) => killOrMend(state, firstLeader(state)),
  check: { task: 'Create a topic of your own with more than one partition.', done: made },
  links: (state) => [
    { label: `Its settings: Topics › ${state.topic?.name ?? '…'} › Settings`, to: topicPath(state, 'settings') },
    { label: `Who reads it: Topics › ${state.topic?.name ?? '…'} › Consumers`, to: topicPath(state, 'consumers') },
    { label: 'All topics', to: '/topics' },
  ],
  diagram,
};
