/** The Cluster page: brokers, the replicas of each partition, and the controller with its metadata log. */
import type { BrokerRow, PartitionRow } from '#shared/models/cluster';
import { minOf } from '#shared/lists';
import type { TimelineEvent } from '#shared/models/timeline';
import type { Diagram, DiagramBox, DiagramEdge, DiagramGlyph, DiagramTone } from '../diagrams/diagram.ts';
import { formatAgo, formatCount, formatList, formatSpan, plural } from '../format/numbers.ts';
import { BROKER_STATE, REPLICA_LABELS, inSyncCount } from '../topics/replicas.ts';
import { breaksSomething, chainOf, describeEvent, describeReason } from '../timeline/timeline.ts';
import { topicPath, type Concept, type LearnState, type Outage } from './concept.ts';
import { describeSurvivedOutage } from './outage-check.ts';
import { isDown, killOf, recoveries } from './outages.ts';
import { leftOut } from './partition-rows.ts';
import { MARGIN, noTopic, summarizePartition } from './parts.ts';

const GAP_MANY = 5;
const GAP_NARROW = 14;
const GAP_WIDE = 44;
const MOST_FRAME = 240;
const HEAD = 52;
const ROW = 50;
const ROW_GAP = 8;
const MOST = 6;

function diagram(state: LearnState, width: number): Diagram {
  const { topic, brokers } = state;
  if (topic === null || brokers.length === 0) return noTopic(state, width);
  const count = brokers.length;
  const gap = count > 6 ? GAP_MANY : width >= 560 && count <= 4 ? GAP_WIDE : GAP_NARROW;
  const frame = Math.min(MOST_FRAME, Math.floor((width - 2 * MARGIN - (count - 1) * gap) / count));
  const used = count * frame + (count - 1) * gap;
  const left = Math.round((width - used) / 2);
  const shown = topic.partitions.slice(0, MOST);
  const frameHeight = HEAD + shown.length * (ROW + ROW_GAP) + 6;
  const top = 24;
  const metadataTop = top + frameHeight + 46;
  const boxes: DiagramBox[] = [];
  const glyphs: DiagramGlyph[] = [];
  for (const [i, broker] of brokers.entries()) {
    const x = left + i * (frame + gap);
    boxes.push(brokerBox(state, broker, { x, y: top, width: frame, height: frameHeight }));
    for (const [row, partition] of shown.entries()) {
      const replica = partition.replicas.find((one) => one.broker === broker.id);
      if (replica === undefined) continue;
      const inset = frame < 60 ? 3 : 8;
      const at = { x: x + inset, y: top + HEAD + row * (ROW + ROW_GAP), width: frame - 2 * inset, height: ROW };
      boxes.push(replicaBox(topic.name, partition, broker.id, at));
      glyphs.push({
        id: `replica:${topic.name}-${partition.partition}@${broker.id}`,
        x: at.width >= 76 ? at.x + at.width - 16 : at.width >= 44 ? at.x + at.width - 12 : at.x + at.width / 2,
        y: at.y + ROW / 2,
        state: replica.state,
        said: `partition ${partition.partition} on broker ${broker.id}: ${REPLICA_LABELS[replica.state]}`,
      });
    }
  }
  boxes.push(metadataBox(state, { x: left, y: metadataTop, width: used, height: 50 }));
  return {
    width,
    height: metadataTop + 50 + 24,
    boxes,
    glyphs,
    edges: [...shown.flatMap((partition) => replicationEdges(state, partition)), ...brokers.map((broker) => sessionEdge(state, broker))],
    texts: leftOut(topic, shown, left, top + frameHeight + 16),
    ...stepsOf(state.events),
    caption: `Topic ${topic.name} on ${plural(count, 'broker')}: ${standing(state)}.`,
    description: [
      `The cluster has ${plural(count, 'broker')}. ${describeController(state)}`,
      ...brokers.map((broker) => `Broker ${broker.id} is ${BROKER_STATE[broker.state].word}${describeReplicas(state, broker)}.`),
      ...topic.partitions.map((row) => `${summarizePartition(row)} ${describeReplica(row)}`),
      standing(state, true),
    ],
  };
}

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

function brokerBox(state: LearnState, broker: BrokerRow, at: Place): DiagramBox {
  const { word, tone } = BROKER_STATE[broker.state];
  const controls = broker.id === state.controllerId;
  const roomy = at.width >= 130;
  const gone = broker.state !== 'online' && broker.state !== 'shuttingDown' && broker.state !== 'starting';
  return {
    id: `broker-${broker.id}`,
    ...at,
    tone: controls ? 'control' : toneOf(tone),
    dashed: gone,
    title: roomy ? `broker ${broker.id}` : `${broker.id}`,
    ...(at.width >= 150 && controls ? { note: 'controller', noteTone: 'control' as const } : {}),
    lines: at.width < 64 ? [] : [{ text: roomy ? stateLine(state, broker) : word, tone: toneOf(tone) }],
    said: `Broker ${broker.id}: ${word}${controls ? ', the controller' : ''}${describeReplicas(state, broker)}`,
    to: `/brokers/${broker.id}`,
    data: { broker: `${broker.id}`, state: broker.state },
  };
}

const toneOf = (tone: (typeof BROKER_STATE)[keyof typeof BROKER_STATE]['tone']): DiagramTone => (tone === 'none' ? 'plain' : tone);

function leads(state: LearnState, broker: number): number {
  return state.topic?.partitions.filter(({ leader }) => leader === broker).length ?? 0;
}

function stateLine(state: LearnState, broker: BrokerRow): string {
  const { word } = BROKER_STATE[broker.state];
  if (broker.state !== 'online')
    return broker.since === null ? word : `${word} ${formatAgo(broker.since, Math.max(broker.since, state.asOf))}`;
  return `${word}, leads ${leads(state, broker.id)}`;
}

function describeReplicas(state: LearnState, broker: BrokerRow): string {
  const rows = state.topic?.partitions.filter((row) => row.replicas.some((one) => one.broker === broker.id)) ?? [];
  if (rows.length === 0) return ', and has no replica of this topic';
  return `, leads ${leads(state, broker.id)} and has ${plural(rows.length, 'replica')}`;
}

const REPLICA_TONE = { leader: 'accent', inSync: 'plain', lagging: 'warn', offline: 'bad', electing: 'plain', unknown: 'plain' } as const;

function replicaBox(topic: string, row: PartitionRow, broker: number, at: Place): DiagramBox {
  const state = row.replicas.find((one) => one.broker === broker)?.state ?? 'offline';
  const word = REPLICA_LABELS[state];
  const roomy = at.width >= 120;
  const small = at.width < 76;
  const second =
    state === 'leader' && row.endOffset !== null && roomy ? `leader, end ${formatCount(row.endOffset)}` : at.width < 96 ? '' : word;
  return {
    id: `replica-${row.partition}-${broker}`,
    ...at,
    tone: REPLICA_TONE[state],
    dashed: state === 'offline' || state === 'electing' || state === 'unknown',
    lines:
      at.width < 44
        ? []
        : small
          ? [{ text: `p${row.partition}` }]
          : [
              { text: `partition ${row.partition}` },
              { text: second, tone: state === 'leader' || state === 'inSync' ? 'faint' : REPLICA_TONE[state] },
            ],
    said: `${topic}, partition ${row.partition} on broker ${broker}: ${word}`,
    data: { replica: `${topic}-${row.partition}@${broker}`, state },
  };
}

/** From the leader to each follower that is in sync or catching up. Offline replicas do not fetch. */
function replicationEdges(state: LearnState, row: PartitionRow): DiagramEdge[] {
  const { leader } = row;
  if (leader === null) return [];
  const rate = state.rates.get(`${state.topic?.name ?? ''}-${row.partition}`) ?? null;
  return row.replicas
    .filter(({ broker, state: replica }) => broker !== leader && replica !== 'offline')
    .map(({ broker, state: replica }): DiagramEdge => {
      const late = replica !== 'inSync';
      return {
        id: `copy-${row.partition}-${broker}`,
        from: `replica-${row.partition}-${leader}`,
        to: `replica-${row.partition}-${broker}`,
        tone: late ? 'warn' : rate === null ? 'plain' : 'flow',
        dashed: late,
        // An in-sync follower fetches as fast as the leader appends.
        perSecond: late ? null : rate,
      };
    });
}

/** Heartbeats to the controller; a broker without heartbeats is fenced. */
function sessionEdge(state: LearnState, broker: BrokerRow): DiagramEdge {
  const isCurrent = broker.sessionAgeMs !== null && broker.sessionTimeoutMs !== null && broker.sessionAgeMs <= broker.sessionTimeoutMs;
  const silent = isDown(broker) || broker.state === 'frozen' || broker.state === 'fenced' || broker.state === 'down';
  return {
    id: `session-${broker.id}`,
    from: `broker-${broker.id}`,
    to: 'metadata',
    tone: silent ? 'bad' : isCurrent && broker.id !== state.controllerId ? 'plain' : broker.id === state.controllerId ? 'control' : 'faint',
    dashed: silent,
    cut: silent,
  };
}

function votersAlive(state: LearnState): { alive: number; of: number; needed: number } | null {
  const voters = state.quorum?.voters ?? [];
  if (voters.length === 0) return null;
  const gone = new Set(
    state.brokers.filter((broker) => isDown(broker) || broker.state === 'frozen' || broker.state === 'down').map(({ id }) => id),
  );
  return { alive: voters.filter(({ id }) => !gone.has(id)).length, of: voters.length, needed: Math.floor(voters.length / 2) + 1 };
}

function metadataBox(state: LearnState, at: Place): DiagramBox {
  const { quorum, controllerId } = state;
  const voters = votersAlive(state);
  const lost = voters !== null && voters.alive < voters.needed;
  const parts = [
    controllerId === null ? 'no controller' : `controller: broker ${controllerId}, epoch ${quorum?.leaderEpoch ?? '?'}`,
    ...(voters === null ? [] : [`${voters.alive} of ${voters.of} voters, ${voters.needed} needed`]),
    ...(quorum === null || quorum.highWatermark === null || at.width < 500 ? [] : [`${formatCount(quorum.highWatermark)} records`]),
  ];
  return {
    id: 'metadata',
    ...at,
    tone: lost || controllerId === null ? 'bad' : 'control',
    dashed: lost || controllerId === null,
    title: at.width < 320 ? 'metadata' : 'metadata log: brokers, leaders, ISRs',
    lines: [{ text: parts.join(' · '), tone: lost ? 'bad' : 'plain' }],
    said: `The metadata log. ${describeController(state)}`,
    to: '/brokers/quorum',
    data: {
      controller: controllerId === null ? 'none' : `${controllerId}`,
      epoch: `${quorum?.leaderEpoch ?? '?'}`,
    },
  };
}

function describeController(state: LearnState): string {
  const voters = votersAlive(state);
  const majority = voters === null ? '' : ` ${voters.alive} of ${voters.of} voters are available, ${voters.needed} are needed.`;
  if (state.controllerId === null) return `There is no active controller: no leader can be elected.${majority}`;
  const epoch = state.quorum?.leaderEpoch ?? null;
  return `Broker ${state.controllerId} is the controller${epoch === null ? '' : `, in epoch ${epoch}`}.${majority}`;
}

function describeReplica(row: PartitionRow): string {
  const late = row.replicas.filter(({ state }) => state !== 'leader' && state !== 'inSync');
  return late.length === 0 ? '' : `${formatList(late.map(({ broker, state }) => `broker ${broker} is ${REPLICA_LABELS[state]}`))}.`;
}

interface Writes {
  /** Partitions without a leader. */
  leaderless: number;
  /** Partitions with a leader and fewer in-sync replicas than min.insync.replicas. */
  refusing: number;
  fewest: number;
  min: number | null;
}

function writesOf(state: LearnState): Writes {
  const rows = state.topic?.partitions ?? [];
  const min = state.topic?.minInsyncReplicas ?? null;
  const led = rows.filter(({ leader }) => leader !== null);
  return {
    leaderless: rows.length - led.length,
    refusing: min === null ? 0 : led.filter(({ isr }) => isr.length < min).length,
    fewest: minOf(rows.map(inSyncCount)),
    min,
  };
}

/** Summary of availability, as a clause or a sentence. */
function standing(state: LearnState, sentence = false): string {
  const { leaderless, refusing, fewest, min } = writesOf(state);
  const text =
    leaderless > 0
      ? `${plural(leaderless, 'partition')} without a leader: reads and writes fail`
      : refusing > 0
        ? `${plural(refusing, 'partition')} below min.insync.replicas (${min}): writes with acks=all are rejected`
        : min === null
          ? `at least ${plural(fewest, 'in-sync replica')} of each partition`
          : fewest - min > 0
            ? `each partition can lose ${plural(fewest - min, 'more in-sync replica')} and still accepts acks=all`
            : `each partition accepts acks=all, and none can lose another in-sync replica`;
  return sentence ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : text;
}

/** The events of the last outage. */
function stepsOf(events: readonly TimelineEvent[]): { steps?: { title: string; of: string[] } } {
  const broke = events.findLast((event) => breaksSomething(event) && event.type.startsWith('lab/'));
  if (broke === undefined) return {};
  const { events: chain } = chainOf(broke, events);
  const of = chain.slice(0, 8).map((event) => {
    const why = describeReason(event);
    const after = event.at === broke.at ? '' : `after ${formatSpan(Math.max(0, event.at - broke.at))}: `;
    return `${after}${describeEvent(event)}${why === null ? '' : `, ${why}`}`;
  });
  return { steps: { title: 'The last outage, step by step', of } };
}

function wrong(state: LearnState): string[] {
  const down = state.brokers.filter((broker) => isDown(broker) || broker.state === 'frozen' || broker.state === 'down');
  const min = state.topic?.minInsyncReplicas ?? null;
  const voters = votersAlive(state);
  // A frozen broker runs, but does not respond.
  const areUnavailable = `${down.length === 1 ? 'Broker' : 'Brokers'} ${formatList(down.map(({ id }) => `${id}`))} ${down.length === 1 ? 'is' : 'are'} ${
    down.some(({ state: is }) => is === 'frozen') ? 'unavailable' : 'down'
  }`;
  if (down.length === 0)
    return [
      'Kill a broker. The controller is not notified: it receives no more heartbeats, fences the broker when its session expires, and elects another **in-sync** replica as leader.',
      'Kill a second broker and see which operations fail. Kill the broker of the controller, and the voters elect a new controller first.',
    ];
  if (voters !== null && voters.alive < voters.needed)
    return [
      `${areUnavailable}, and with ${voters.alive} of ${voters.of} voters there is **no majority**: no controller can commit metadata, so no leader is elected and no ISR changes.`,
      'A remaining leader cannot remove the other replicas from its ISR: a write with `acks=all` waits for them until it times out. Acknowledged records can still be read there. Nothing is lost; the other partitions are unavailable until a majority runs.',
    ];
  const first = `${areUnavailable}.`;
  if ((state.topic?.partitions ?? []).length === 0) return [`${first} Create a topic to see the effect on writes.`];
  const { leaderless, refusing, fewest } = writesOf(state);
  if (leaderless > 0)
    return [
      `${first} ${plural(leaderless, 'partition')} ${leaderless === 1 ? 'waits' : 'wait'} for a leader: until the session of the previous leader expires, or as long as no in-sync replica is available.`,
    ];
  if (refusing > 0)
    return [
      `${first} Fewer than ${min} in-sync replicas remain, so ${plural(refusing, 'partition')} ${refusing === 1 ? 'rejects' : 'reject'} \`acks=all\` with NOT_ENOUGH_REPLICAS. Reads continue.`,
    ];
  return [
    `${first} Its partitions have failed over; each partition has ${plural(fewest, 'in-sync replica')}${min === null ? '' : `, and \`min.insync.replicas\` is ${min}`}: writes continue.`,
    ...(min === null ? [] : [nextLoss(fewest - min, voters)]),
  ];
}

/** The effect of one more unavailable broker. `spare`: in-sync replicas that a partition has beyond min.insync.replicas. */
function nextLoss(spare: number, voters: ReturnType<typeof votersAlive>): string {
  if (spare <= 0)
    return 'After the loss of another broker, no write with `acks=all` is acknowledged: durability is preferred to availability.';
  if (voters === null) return 'Each partition tolerates the loss of another in-sync replica.';
  return voters.alive > voters.needed
    ? 'The cluster tolerates the loss of another broker.'
    : 'After the loss of another voter there is no majority: no leader is elected, and no ISR changes.';
}

function outages(state: LearnState): Outage[] {
  const alive = state.brokers.filter((broker) => broker.lab !== null && broker.lab.running && broker.state !== 'frozen');
  // A leader and the controller, or all brokers of a small cluster.
  const wanted = new Set([state.topic?.partitions[0]?.leader, state.controllerId]);
  const kills = (state.brokers.length <= 3 ? alive : alive.filter(({ id }) => wanted.has(id))).map((broker): Outage => {
    const kill = killOf(broker.id);
    return broker.id === state.controllerId ? { ...kill, label: `${kill.label}, the controller` } : kill;
  });
  return [...kills, ...recoveries(state)];
}

export const cluster: Concept = {
  id: 'cluster',
  title: 'Cluster',
  number: 4,
  line: 'Brokers that replicate partitions, and a controller.',
  what: [
    'A cluster is a set of brokers that share topics. Every partition has **replicas** on several of them: one is the **leader** (●), the others are **followers**: they fetch its records, as consumers do, and those that keep up are **in sync** (○).',
    'One broker is the **controller**. It writes the metadata log: the live brokers, and the leader and the ISR of each partition. Brokers replicate that log, and clients request metadata from any broker.',
  ],
  promises: [
    'With replication factor 3 and `min.insync.replicas` 2, records acknowledged with `acks=all` survive the loss of any broker, and writes continue.',
    'Only an in-sync replica becomes leader, unless unclean leader election is enabled: an election loses no acknowledged record.',
    'Metadata changes need a majority of the voters: the two sides of a network partition never both commit changes.',
  ],
  settings: [
    { name: 'min.insync.replicas', of: 'topic', says: 'in-sync replicas that acks=all needs' },
    {
      name: 'unclean.leader.election.enable',
      of: 'topic',
      says: 'whether an out-of-sync replica may become leader without an in-sync one',
    },
    { name: 'broker.session.timeout.ms', of: 'broker', says: 'time without heartbeats after which a broker is fenced' },
    { name: 'replica.lag.time.max.ms', of: 'broker', says: 'how long a follower may lag and stay in the ISR' },
    { name: 'default.replication.factor', of: 'broker', says: 'default replication factor of new topics' },
  ],
  wrong,
  outages,
  check: {
    task: 'Write a record, let the leader of its partition fail, then recover the cluster **without losing a record**.',
    done: describeSurvivedOutage,
  },
  links: (state) => [
    { label: 'Partitions by broker: Overview', to: '/overview' },
    { label: `Leaders and replicas: Topics › ${state.topic?.name ?? '…'} › Partitions`, to: topicPath(state, 'partitions') },
    { label: 'All faults: Lab', to: '/lab' },
    { label: 'The quorum: Brokers › Quorum', to: '/brokers/quorum' },
  ],
  diagram,
};
