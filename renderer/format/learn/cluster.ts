/** Cluster: brokers that share the copies of every partition, and one controller that says who leads. */
import type { BrokerRow, PartitionRow } from '#shared/models/cluster';
import type { TimelineEvent } from '#shared/models/timeline';
import type { Diagram, DiagramBox, DiagramEdge, DiagramGlyph, DiagramTone } from '../diagram.ts';
import { formatAgo, formatCount, formatList, formatSpan, plural } from '../numbers.ts';
import { BROKER_STATE, REPLICA_WORDS, inSyncCount } from '../replicas.ts';
import { breaksSomething, chainOf, tellEvent, tellReason } from '../timeline.ts';
import { topicPath, type Concept, type LearnState, type Outage } from './concept.ts';
import { isDown, killOf, waysBack } from './outages.ts';
import { leftOut } from './partition-rows.ts';
import { MARGIN, noTopic, tellPartition } from './parts.ts';
import { minOf } from '#shared/lists';

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
        said: `partition ${partition.partition} on broker ${broker.id}: ${REPLICA_WORDS[replica.state]}`,
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
    told: [
      `The cluster has ${plural(count, 'broker')}. ${controllerWords(state)}`,
      ...brokers.map((broker) => `Broker ${broker.id} is ${BROKER_STATE[broker.state].word}${heldWords(state, broker)}.`),
      ...topic.partitions.map((row) => `${tellPartition(row)} ${replicaWords(row)}`),
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
    said: `Broker ${broker.id}: ${word}${controls ? ', the controller' : ''}${heldWords(state, broker)}`,
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

function heldWords(state: LearnState, broker: BrokerRow): string {
  const rows = state.topic?.partitions.filter((row) => row.replicas.some((one) => one.broker === broker.id)) ?? [];
  if (rows.length === 0) return ', and holds no copy of this topic';
  return `, leads ${leads(state, broker.id)} and holds ${plural(rows.length, 'copy', 'copies')}`;
}

const REPLICA_TONE = { leader: 'accent', inSync: 'plain', lagging: 'warn', offline: 'bad', electing: 'plain', unknown: 'plain' } as const;

function replicaBox(topic: string, row: PartitionRow, broker: number, at: Place): DiagramBox {
  const state = row.replicas.find((one) => one.broker === broker)?.state ?? 'offline';
  const word = REPLICA_WORDS[state];
  const roomy = at.width >= 120;
  const small = at.width < 76;
  const second =
    state === 'leader' && row.endOffset !== null && roomy ? `leader, ends at ${formatCount(row.endOffset)}` : at.width < 96 ? '' : word;
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

/** From the leader to whoever copies it: in sync, or still catching up. One that is offline copies nothing. */
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
        // What a follower in sync fetches is what the leader appended.
        perSecond: late ? null : rate,
      };
    });
}

/** Heartbeats go to the controller; one that is not heard is fenced. */
function sessionEdge(state: LearnState, broker: BrokerRow): DiagramEdge {
  const heard = broker.sessionAgeMs !== null && broker.sessionTimeoutMs !== null && broker.sessionAgeMs <= broker.sessionTimeoutMs;
  const silent = isDown(broker) || broker.state === 'frozen' || broker.state === 'fenced' || broker.state === 'down';
  return {
    id: `session-${broker.id}`,
    from: `broker-${broker.id}`,
    to: 'metadata',
    tone: silent ? 'bad' : heard && broker.id !== state.controllerId ? 'plain' : broker.id === state.controllerId ? 'control' : 'faint',
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
    controllerId === null ? 'no controller now' : `controller: broker ${controllerId}, epoch ${quorum?.leaderEpoch ?? '?'}`,
    ...(voters === null ? [] : [`${voters.alive} of ${voters.of} voters, ${voters.needed} needed`]),
    ...(quorum === null || quorum.highWatermark === null || at.width < 500 ? [] : [`${formatCount(quorum.highWatermark)} records`]),
  ];
  return {
    id: 'metadata',
    ...at,
    tone: lost || controllerId === null ? 'bad' : 'control',
    dashed: lost || controllerId === null,
    title: at.width < 320 ? 'metadata' : 'metadata log: who is there, who leads, who is in sync',
    lines: [{ text: parts.join(' · '), tone: lost ? 'bad' : 'plain' }],
    said: `The metadata log. ${controllerWords(state)}`,
    to: '/brokers/quorum',
    data: {
      controller: controllerId === null ? 'none' : `${controllerId}`,
      epoch: `${quorum?.leaderEpoch ?? '?'}`,
    },
  };
}

function controllerWords(state: LearnState): string {
  const voters = votersAlive(state);
  const majority = voters === null ? '' : ` ${voters.alive} of ${voters.of} voters take part, ${voters.needed} are needed.`;
  if (state.controllerId === null) return `No broker is the controller now: nobody can be elected leader.${majority}`;
  const epoch = state.quorum?.leaderEpoch ?? null;
  return `Broker ${state.controllerId} is the controller${epoch === null ? '' : `, in epoch ${epoch}`}.${majority}`;
}

function replicaWords(row: PartitionRow): string {
  const late = row.replicas.filter(({ state }) => state !== 'leader' && state !== 'inSync');
  return late.length === 0 ? '' : `${formatList(late.map(({ broker, state }) => `broker ${broker} is ${REPLICA_WORDS[state]}`))}.`;
}

interface Writes {
  /** No leader. */
  leaderless: number;
  /** Led, with fewer in sync than acks=all asks for. */
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

/** What that comes to, in one clause or sentence. */
function standing(state: LearnState, sentence = false): string {
  const { leaderless, refusing, fewest, min } = writesOf(state);
  const text =
    leaderless > 0
      ? `${plural(leaderless, 'partition')} without a leader, neither read nor written`
      : refusing > 0
        ? `${plural(refusing, 'partition')} with fewer in sync than min.insync.replicas (${min}), so acks=all is refused`
        : min === null
          ? `at least ${plural(fewest, 'copy', 'copies')} in sync of each partition`
          : fewest - min > 0
            ? `each partition can lose ${plural(fewest - min, 'more copy', 'more copies')} in sync and still take acks=all`
            : `each partition takes acks=all, and none can lose another copy in sync`;
  return sentence ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : text;
}

/** The last outage, as it was recorded. */
function stepsOf(events: readonly TimelineEvent[]): { steps?: { title: string; of: string[] } } {
  const broke = events.findLast((event) => breaksSomething(event) && event.type.startsWith('lab/'));
  if (broke === undefined) return {};
  const { events: chain } = chainOf(broke, events);
  const of = chain.slice(0, 8).map((event) => {
    const why = tellReason(event);
    const after = event.at === broke.at ? '' : `after ${formatSpan(Math.max(0, event.at - broke.at))}: `;
    return `${after}${tellEvent(event)}${why === null ? '' : `, ${why}`}`;
  });
  return { steps: { title: 'The last outage, step by step', of } };
}

function wrong(state: LearnState): string[] {
  const down = state.brokers.filter((broker) => isDown(broker) || broker.state === 'frozen' || broker.state === 'down');
  const min = state.topic?.minInsyncReplicas ?? null;
  const voters = votersAlive(state);
  const names = formatList(down.map(({ id }) => `${id}`));
  if (down.length === 0)
    return [
      'Kill a broker. The controller does not see it die: it misses its heartbeats, fences it once its session is over, and has another replica **in sync** lead in its place.',
      'Kill a second one, and see what stops. Kill the controller’s own broker, and the voters elect another first.',
    ];
  if (voters !== null && voters.alive < voters.needed)
    return [
      `${down.length === 1 ? 'Broker' : 'Brokers'} ${names} ${down.length === 1 ? 'is' : 'are'} gone, and with ${voters.alive} of ${voters.of} voters there is **no majority**: no controller can decide anything, so no leader is elected and no ISR changed.`,
      'A leader that is left cannot take the dead out of its ISR: what is written with `acks=all` waits for them until it times out. What was acknowledged is still read there. Nothing is lost; it is out of reach until a majority runs.',
    ];
  const first = `${down.length === 1 ? 'Broker' : 'Brokers'} ${names} ${down.length === 1 ? 'is' : 'are'} gone.`;
  if ((state.topic?.partitions ?? []).length === 0)
    return [`${first} What that means for writes is told here once there is a topic to look at.`];
  const { leaderless, refusing, fewest } = writesOf(state);
  if (leaderless > 0)
    return [
      `${first} ${plural(leaderless, 'partition')} ${leaderless === 1 ? 'waits' : 'wait'} for a leader: until the session of the one before is over, or for good while nobody in sync lives.`,
    ];
  if (refusing > 0)
    return [
      `${first} Fewer than ${min} in sync are left, so ${plural(refusing, 'partition')} ${refusing === 1 ? 'answers' : 'answer'} \`acks=all\` with NOT_ENOUGH_REPLICAS. Reading goes on.`,
    ];
  return [
    `${first} Its leaderships have moved; each partition has ${fewest} in sync${min === null ? '' : `, and \`min.insync.replicas\` is ${min}`}: writes go on.`,
    min !== null && fewest <= min
      ? 'One more, and `acks=all` stops: better no write than one that a single disk could lose.'
      : 'It can lose another one yet.',
  ];
}

function outages(state: LearnState): Outage[] {
  const alive = state.brokers.filter((broker) => broker.lab !== null && broker.lab.running && broker.state !== 'frozen');
  // A leader, the controller, and where few are, all of them.
  const wanted = new Set([state.topic?.partitions[0]?.leader, state.controllerId]);
  const kills = (state.brokers.length <= 3 ? alive : alive.filter(({ id }) => wanted.has(id))).map((broker): Outage => {
    const kill = killOf(broker.id);
    return broker.id === state.controllerId ? { ...kill, label: `${kill.label}, the controller` } : kill;
  });
  return [...kills, ...waysBack(state)];
}

const ENDS: ReadonlySet<string> = new Set(['lab/nodeKilled', 'lab/powerCut', 'lab/nodeStopped', 'lab/nodeFrozen']);

/** A leader died, another came, the dead one is back and in sync, and every record acknowledged before is there. */
export function survived(state: LearnState): string | null {
  const { topic } = state;
  if (topic === null || state.topic?.name === undefined) return null;
  const whole = topic.partitions.every(({ leader, isr, replicas }) => leader !== null && isr.length === replicas.length);
  if (!whole || topic.partitions.length === 0) return null;
  for (const end of state.events) {
    if (!ENDS.has(end.type)) continue;
    const broker = end.broker ?? end.node;
    const moved = state.events.find(
      ({ id, type, topic: of }) =>
        id > end.id && (type === 'partition/leadersElected' || type === 'partition/leadersLost') && (of === undefined || of === topic.name),
    );
    if (moved === undefined || state.brokers.find(({ id }) => id === broker)?.state !== 'online') continue;
    const before = state.sent.filter(
      (one) => one.topic === topic.name && one.at <= end.at && one.offset !== null && one.partition !== null,
    );
    const there = before.filter((one) => {
      const row = topic.partitions.find(({ partition }) => partition === one.partition);
      return BigInt(row?.endOffset ?? 0) > BigInt(one.offset ?? 0);
    });
    if (before.length > 0 && there.length === before.length)
      return `broker ${broker} was lost and came back; all ${plural(before.length, 'record')} acknowledged before ${before.length === 1 ? 'is' : 'are'} still there.`;
  }
  return null;
}

export const cluster: Concept = {
  id: 'cluster',
  title: 'Cluster',
  number: 4,
  line: 'Brokers that hold copies for each other, and one that decides.',
  what: [
    'A cluster is a set of brokers that share topics. Every partition has **replicas** on several of them: one **leads** (●), the others **follow**: they fetch what it appends, as consumers do, and those that keep up are **in sync** (○).',
    'One broker is the **controller**. It keeps the metadata log: which brokers live, who leads each partition and who is in sync. Brokers follow that log, and clients ask any of them.',
  ],
  promises: [
    'With three copies and `min.insync.replicas` 2, what was acknowledged with `acks=all` survives the loss of any one broker, and the cluster goes on.',
    'Only a replica in sync becomes leader, unless unclean election is allowed: nothing acknowledged is lost by an election.',
    'Metadata changes only where a majority of the voters agrees: two halves of a split cluster never both decide.',
  ],
  settings: [
    { name: 'min.insync.replicas', of: 'topic', says: 'copies that must be in sync for acks=all' },
    { name: 'unclean.leader.election.enable', of: 'topic', says: 'whether one out of sync may lead when no other is left' },
    { name: 'broker.session.timeout.ms', of: 'broker', says: 'silence after which a broker is fenced' },
    { name: 'replica.lag.time.max.ms', of: 'broker', says: 'how long a follower may be behind and still count as in sync' },
    { name: 'default.replication.factor', of: 'broker', says: 'copies of a topic that does not say how many' },
  ],
  wrong,
  outages,
  check: {
    task: 'Write a record, make its partition lose its leader, then bring it all back **without losing a record**.',
    done: survived,
  },
  links: (state) => [
    { label: 'The matrix of partitions and brokers: Overview', to: '/overview' },
    { label: `Leaders and replicas: Topics › ${state.topic?.name ?? '…'} › Partitions`, to: topicPath(state, 'partitions') },
    { label: 'Every fault there is: Lab', to: '/lab' },
    { label: 'The quorum: Brokers › Quorum', to: '/brokers/quorum' },
  ],
  diagram,
};
