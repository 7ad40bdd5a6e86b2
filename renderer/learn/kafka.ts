/** The overview page: producers, brokers, consumer groups and the controller. */
import type { BrokerRow, GroupRow } from '#shared/models/cluster';
import type { Diagram, DiagramBox, DiagramEdge, DiagramGlyph } from '../diagrams/diagram.ts';
import { boxHeight, PAD } from '../diagrams/diagram-draw.ts';
import { formatLag } from '../groups/lag.ts';
import { compareText, formatCount, formatList, plural } from '../format/numbers.ts';
import { BROKER_STATE } from '../topics/replicas.ts';
import { lastSent, LEARN_GROUP, LEARN_TOPIC, topicPath, type Concept, type LearnState } from './concept.ts';
import { isDown, killOrRecover } from './outages.ts';
import { brokerName, brokerTone, columns, dataOfBroker, noTopic, replicaGlyph, summarizePartition } from './parts.ts';
import { stepsOf } from './producer.ts';
import { groupPath } from '../format/addresses.ts';

const MOST_BROKERS = 5;
const MOST_GROUPS = 3;
const GLYPH = 15;

/** Groups of the shown topic: `learn-readers` first, then those with the most members. */
function groupsShown(state: LearnState): GroupRow[] {
  return state.groups
    .filter(({ partitions }) => partitions.some(({ topic }) => topic === state.topic?.name))
    .sort(
      (a, b) =>
        Number(b.id === LEARN_GROUP) - Number(a.id === LEARN_GROUP) || b.members.length - a.members.length || compareText(a.id, b.id),
    )
    .slice(0, MOST_GROUPS);
}

function diagram(state: LearnState, width: number): Diagram {
  if (state.topic === null) return noTopic(state, width);
  const { topic } = state;
  const roomy = width >= 620;
  const [left, middle, right] = columns(width, roomy ? [0.19, 0.36, 0.21] : [0.21, 0.38, 0.28]);
  const brokers = state.brokers.slice(0, MOST_BROKERS);
  const height = boxHeight({ lines: 1 });
  const gap = 16;
  const top = 24;
  const total = brokers.length * height + Math.max(0, brokers.length - 1) * gap;
  const last = lastSent(state);
  const lastLeader = last === null || last.error !== null ? null : last.leader;
  const boxes: DiagramBox[] = [];
  const edges: DiagramEdge[] = [];
  const glyphs: DiagramGlyph[] = [];
  const inRate = [...state.flows].filter(([key]) => key.startsWith('clients>')).reduce((sum, [, rate]) => sum + rate, 0);
  const side = boxHeight({ lines: 1 });
  boxes.push({
    id: 'producers',
    ...left,
    y: top + Math.max(0, total - side) / 2,
    height: side,
    tone: 'plain',
    title: 'Producers',
    lines: [{ text: inRate >= 0.5 ? `${formatCount(Math.round(inRate))}${roomy ? ' records/s' : '/s'}` : 'idle' }],
    said: `Producers: ${inRate >= 0.5 ? `about ${formatCount(Math.round(inRate))} records/s are appended` : 'no records are appended now'}`,
  });
  brokers.forEach((broker, i) => {
    const y = top + i * (height + gap);
    const held = topic.partitions.filter(({ replicas }) => replicas.some((one) => one.broker === broker.id));
    boxes.push(brokerBox(broker, { ...middle, y, height }, roomy, broker.id === lastLeader));
    const fit = Math.max(1, Math.floor((middle.width - 2 * PAD) / GLYPH));
    held.slice(0, fit).forEach((row, at) => {
      const replica = row.replicas.find((one) => one.broker === broker.id);
      if (replica !== undefined) glyphs.push(replicaGlyph(topic.name, row.partition, replica, middle.x + PAD + 6 + at * GLYPH, y + 34));
    });
    const away = broker.state !== 'online';
    edges.push({
      id: `write-${broker.id}`,
      from: 'producers',
      to: `broker-${broker.id}`,
      tone: away ? 'faint' : broker.id === lastLeader ? 'accent' : 'plain',
      dashed: away,
      perSecond: away ? null : (state.flows.get(`clients>${broker.id}`) ?? null),
    });
  });
  const groups = groupsShown(state);
  const groupHeight = boxHeight({ lines: 2 });
  const groupsTotal = Math.max(1, groups.length) * groupHeight + Math.max(0, groups.length - 1) * gap;
  const groupTop = top + Math.max(0, total - groupsTotal) / 2;
  groups.forEach((group, i) => {
    const behind = group.lag !== null && group.lag !== '0';
    boxes.push({
      id: `group-${group.id}`,
      ...right,
      y: groupTop + i * (groupHeight + gap),
      height: groupHeight,
      tone: group.members.length === 0 ? 'faint' : 'plain',
      dashed: group.members.length === 0,
      title: group.id,
      lines: [
        { text: group.members.length === 0 ? 'no members' : plural(group.members.length, 'member') },
        { text: formatLag(group), ...(behind ? { tone: 'warn' as const } : {}) },
      ],
      said: `Group ${group.id}: ${plural(group.members.length, 'member')}, ${group.lag === null ? 'lag unknown' : formatLag(group)}`,
      to: groupPath(group.id),
      data: { group: group.id, members: `${group.members.length}`, lag: group.lag ?? '?' },
    });
    if (group.members.length === 0) return;
    const leaders = new Set(group.partitions.flatMap(({ leader, topic: of }) => (of === topic.name && leader !== null ? [leader] : [])));
    for (const broker of brokers)
      if (leaders.has(broker.id))
        edges.push({
          id: `read-${broker.id}-${group.id}`,
          from: `broker-${broker.id}`,
          to: `group-${group.id}`,
          tone: broker.state === 'online' ? 'plain' : 'faint',
          dashed: broker.state !== 'online',
        });
  });
  if (groups.length === 0)
    boxes.push({
      id: 'no-group',
      ...right,
      y: groupTop,
      height: groupHeight,
      tone: 'faint',
      dashed: true,
      title: 'Consumers',
      lines: roomy ? [{ text: 'no group consumes' }, { text: 'this topic yet' }] : [{ text: 'none yet' }],
      said: 'No consumer group consumes this topic yet.',
    });
  const controlY = Math.max(top + total, groupTop + groupsTotal) + 40;
  const voters = state.quorum?.voters ?? [];
  const controller = state.controllerId;
  boxes.push({
    id: 'coordination',
    x: middle.x,
    y: controlY,
    width: middle.width,
    height: boxHeight({ lines: 1 }),
    tone: controller === null ? 'warn' : 'control',
    dashed: controller === null,
    title: 'Coordination',
    lines: [
      {
        text:
          controller === null
            ? 'controller: ?'
            : `controller: broker ${controller}${roomy && voters.length > 0 ? `, ${plural(voters.length, 'voter')}` : ''}`,
      },
    ],
    said: `Coordination: the controller is ${controller === null ? 'unknown' : `broker ${controller}`}${voters.length === 0 ? '' : `; ${plural(voters.length, 'voter')}`}`,
    to: '/brokers/quorum',
    data: { controller: controller === null ? '?' : `${controller}` },
  });
  const lowest = brokers.at(-1);
  if (lowest !== undefined)
    edges.push({ id: 'held', from: `broker-${lowest.id}`, to: 'coordination', tone: controller === null ? 'bad' : 'control' });
  return {
    width,
    height: controlY + boxHeight({ lines: 1 }) + 24,
    boxes,
    edges,
    glyphs,
    texts:
      state.brokers.length > brokers.length
        ? [
            {
              id: 'rest',
              x: middle.x + middle.width / 2,
              y: top + total + 16,
              text: `and ${plural(state.brokers.length - brokers.length, 'more broker')}`,
              anchor: 'middle',
            },
          ]
        : [],
    pulses: state.sent.flatMap((record) =>
      record.topic === topic.name && record.error === null && brokers.some(({ id }) => id === record.leader)
        ? [{ id: record.n, edge: `write-${record.leader}`, label: record.key ?? 'no key', tone: 'accent' as const }]
        : [],
    ),
    ...(last === null ? {} : { steps: stepsOf(last) }),
    caption: `Topic ${topic.name} on ${plural(state.brokers.length, 'broker')}: ● leader, ○ in-sync replica, ◐ lagging, ✕ offline.`,
    description: [
      `${plural(state.brokers.length, 'broker')} store topic ${topic.name} with ${plural(topic.partitions.length, 'partition')}: ${formatList(state.brokers.map((broker) => `broker ${broker.id} ${BROKER_STATE[broker.state].word}`))}.`,
      ...topic.partitions.map((row) => summarizePartition(row)),
      groups.length === 0
        ? 'No consumer group consumes it yet.'
        : `It is consumed by ${formatList(groups.map((group) => `${group.id} (${plural(group.members.length, 'member')}, ${formatLag(group)})`))}.`,
      `The controller is ${controller === null ? 'unknown' : `broker ${controller}`}.`,
    ],
  };
}

function brokerBox(
  broker: BrokerRow,
  at: { x: number; y: number; width: number; height: number },
  roomy: boolean,
  fresh: boolean,
): DiagramBox {
  const away = broker.state !== 'online';
  return {
    id: `broker-${broker.id}`,
    ...at,
    tone: fresh && !away ? 'accent' : brokerTone(broker),
    dashed: away,
    title: `Broker ${broker.id}`,
    ...(away
      ? { note: BROKER_STATE[broker.state].word, noteTone: brokerTone(broker) }
      : broker.isController
        ? { note: roomy ? 'controller' : 'ctl', noteTone: 'control' as const }
        : {}),
    said: brokerName(broker),
    to: `/brokers/${broker.id}`,
    data: dataOfBroker(broker),
  };
}

/** The broker that leads most partitions of the topic, so that its failure has the largest effect. */
function busiest(state: LearnState): number | null {
  const led = new Map<number, number>();
  for (const { leader } of state.topic?.partitions ?? []) if (leader !== null) led.set(leader, (led.get(leader) ?? 0) + 1);
  return [...led].sort(([a, x], [b, y]) => y - x || a - b)[0]?.[0] ?? null;
}

export const kafka: Concept = {
  id: 'kafka',
  title: 'Kafka',
  number: 0,
  line: 'A distributed platform for streams of events: the overview.',
  what: [
    'Kafka is **a distributed platform for streams of events**. An event is written once, as a record, to a log that several servers store. Any number of applications read it from there, now or later.',
    'Producers write, brokers store, consumers read. Producers and consumers are independent: they share the log, and each works at its own pace. A controller watches the brokers and elects the leaders of partitions.',
  ],
  promises: [
    'An acknowledged record survives the loss of servers, depending on the replication factor of the topic.',
    'Within a partition all consumers read the same records in the same order.',
    'Consuming does not delete records: a record can be read again until the retention of the topic deletes it.',
  ],
  settings: [
    { name: 'min.insync.replicas', of: 'topic', says: 'how many in-sync replicas a write with acks=all needs' },
    { name: 'retention.ms', of: 'topic', says: 'how long records are retained, consumed or not' },
    { name: 'default.replication.factor', of: 'broker', says: 'default replication factor of new topics' },
    { name: 'unclean.leader.election.enable', of: 'topic', says: 'whether an out-of-sync replica may become leader' },
  ],
  wrong: (state) => {
    const down = state.brokers.find(isDown);
    const waiting = state.topic?.partitions.filter(({ leader }) => leader === null || leader === down?.id).length ?? 0;
    if (down !== undefined)
      return [
        waiting > 0
          ? `Broker ${down.id} is down, and ${plural(waiting, 'partition')} ${waiting === 1 ? 'is' : 'are'} offline.`
          : `Broker ${down.id} is down. Every partition has a leader: send an event, and read an earlier one.`,
      ];
    return [
      `Servers fail, and the cluster continues. Kill ${busiest(state) === null ? 'a broker' : `broker ${busiest(state)}`}: when its session expires, its partitions fail over to other brokers without a loss.`,
    ];
  },
  outages: (state) => killOrRecover(state, busiest(state)),
  check: {
    task: 'Send an event, and read that same event twice.',
    done: (state) => {
      for (const [i, again] of state.reads.entries()) {
        const before = state.reads
          .slice(0, i)
          .find((one) => one.topic === again.topic && one.partition === again.partition && one.offset === again.offset);
        if (before !== undefined)
          return `offset ${formatCount(again.offset)} of partition ${again.partition} was read twice and still exists.`;
      }
      return null;
    },
  },
  links: (state) => [
    { label: 'The cluster: Overview', to: '/overview' },
    { label: `The log itself: Topics › ${state.topic?.name ?? LEARN_TOPIC} › Messages`, to: topicPath(state, 'messages') },
    { label: 'Inject faults under load: Lab', to: '/lab' },
  ],
  diagram,
};
