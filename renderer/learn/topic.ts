/** The Topic page: partitions, their replicas, and retention. */
import type { PartitionRow } from '#shared/models/cluster';
import type { Diagram, DiagramBox, DiagramEdge, DiagramGlyph } from '../diagrams/diagram.ts';
import { boxHeight } from '../diagrams/diagram-draw.ts';
import { formatBytes, formatCount, formatList, plural } from '../format/numbers.ts';
import { REPLICA_LABELS } from '../topics/replicas.ts';
import { lastSent, topicPath, type Concept, type LearnState } from './concept.ts';
import { isDown, killOrRecover } from './outages.ts';
import { firstLeader, leftOut, rowTone, sentPulses, topicEdge, wentTo } from './partition-rows.ts';
import { brokerName, brokerTone, columns, dataOfBroker, dataOfPartition, noTopic, replicaGlyph, summarizePartition } from './parts.ts';

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
    said: `Topic ${topic.name}: ${topic.records === null ? 'an unknown number of records' : plural(BigInt(topic.records), 'record')}, cleanup policy ${topic.cleanupPolicy ?? 'unknown'}`,
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
      said: summarizePartition(row),
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
    caption: `Topic ${topic.name}: ${plural(topic.partitions.length, 'partition')}, replication factor ${topic.replicationFactor}. ● leader, ○ in sync, ◐ lagging, ✕ offline.`,
    description: [
      `Topic ${topic.name} has ${plural(topic.partitions.length, 'partition')} with replication factor ${topic.replicationFactor}.`,
      ...topic.partitions.map(
        (row) =>
          `${summarizePartition(row)} Replicas: ${formatList(row.replicas.map(({ broker, state: standing }) => `broker ${broker} ${REPLICA_LABELS[standing]}`))}.`,
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

function wrong(state: LearnState): string[] {
  const down = state.brokers.find(isDown);
  if (down !== undefined) return describeLoss(state, down.id);
  return [
    'Retention does not depend on consumers: a consumer that is stopped for longer than `retention.ms` misses the records that were deleted meanwhile.',
    `When a broker fails, one replica of each of its partitions is offline${describeKill(state)}.`,
  ];
}

const of = (count: number, state: LearnState): string => `${plural(count, 'partition')} of ${state.topic?.name ?? 'the topic'}`;

/** A partition without another in-sync replica has no leader while the broker is down. */
function describeLoss(state: LearnState, broker: number): string[] {
  const rows = state.topic?.partitions.filter(({ replicas }) => replicas.some((replica) => replica.broker === broker)) ?? [];
  const offline = rows.filter((row) => !hasOtherInSync(state, row, broker)).length;
  const served = rows.length - offline;
  return [
    `Broker ${broker} is down${served > 0 ? `: ${of(served, state)} ${served === 1 ? 'is' : 'are'} under-replicated` : ''}. Nothing is lost, and Kafka does not create new replicas by itself: the replicas return with the broker.`,
    ...(offline > 0
      ? [`${of(offline, state)} ${offline === 1 ? 'has' : 'have'} no other in-sync replica: offline until broker ${broker} returns.`]
      : []),
  ];
}

/** Effect of a kill of the first leader on the partitions that it leads. */
function describeKill(state: LearnState): string {
  const leader = firstLeader(state);
  if (leader === null) return '';
  const offline = state.topic?.partitions.filter((row) => row.leader === leader && !hasOtherInSync(state, row, leader)).length ?? 0;
  return `. Kill broker ${leader}: ${offline === 0 ? 'the topic stays available on the other brokers' : `${of(offline, state)} ${offline === 1 ? 'becomes' : 'become'} offline, without another in-sync replica`}`;
}

function hasOtherInSync(state: LearnState, row: PartitionRow, broker: number): boolean {
  const down = new Set(state.brokers.filter(isDown).map(({ id }) => id));
  return row.isr.some((id) => id !== broker && !down.has(id));
}

/** Done when a topic with more than one partition was created since the first page was opened. */
function made(state: LearnState): string | null {
  const { topicsBefore, topics } = state;
  if (topicsBefore === null) return null;
  const found = topics.find(
    ({ name, internal, partitions }) => !internal && name !== state.topic?.name && partitions.length > 1 && !topicsBefore.has(name),
  );
  return found === undefined
    ? null
    : `${found.name} has ${plural(found.partitions.length, 'partition')} and replication factor ${found.replicationFactor}.`;
}

export const topic: Concept = {
  id: 'topic',
  title: 'Topic',
  number: 5,
  line: 'A named log of records with a retention.',
  what: [
    'A topic is **a log with a name**. Producers append to it, consumers read from it, and consuming does not delete records: any number of consumer groups read the same records, each at its own pace.',
    'It is divided into partitions, and each partition is stored on several brokers. The cleanup policy deletes records by age or size, or when a newer record has the same key.',
  ],
  promises: [
    'A stored record is immutable and keeps its offset.',
    'With `cleanup.policy=delete` a segment is deleted when all its records are older than `retention.ms`, or the log is larger than `retention.bytes`.',
    'With `cleanup.policy=compact` at least the newest record of each key is retained.',
  ],
  settings: [
    { name: 'retention.ms', of: 'topic', says: 'how long records are retained' },
    { name: 'retention.bytes', of: 'topic', says: 'maximum size of a partition’s log' },
    { name: 'cleanup.policy', of: 'topic', says: 'delete by age and size, or retain the newest record of each key' },
    { name: 'segment.ms', of: 'topic', says: 'age at which a new segment is started; only closed segments are compacted' },
    { name: 'log.retention.check.interval.ms', of: 'broker', says: 'how often retention is checked' },
  ],
  wrong,
  outages: (state) => killOrRecover(state, firstLeader(state)),
  check: { task: 'Create a topic with more than one partition.', done: made },
  links: (state) => [
    { label: `Its settings: Topics › ${state.topic?.name ?? '…'} › Settings`, to: topicPath(state, 'settings') },
    { label: `Its consumers: Topics › ${state.topic?.name ?? '…'} › Consumers`, to: topicPath(state, 'consumers') },
    { label: 'All topics', to: '/topics' },
  ],
  diagram,
};
