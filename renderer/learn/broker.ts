/** The Broker page: leader and follower replicas of a broker, its log directory, and its session with the controller. */
import type { BrokerRow, TopicRow } from '#shared/models/cluster';
import { OUT_OF_SERVICE } from '#shared/timeline/event-types';
import type { Diagram, DiagramBox, DiagramEdge, DiagramGlyph, DiagramTone } from '../diagrams/diagram.ts';
import { boxHeight, PAD } from '../diagrams/diagram-draw.ts';
import { faultOf } from '../faults/faults.ts';
import { formatBytes, formatDuration, formatSpan, plural } from '../format/numbers.ts';
import { BROKER_STATE } from '../topics/replicas.ts';
import type { Concept, LearnState, Outage } from './concept.ts';
import { isDown, killOf, recoveriesOr } from './outages.ts';
import { brokerName, brokerTone, columns, dataOfBroker, replicaGlyph } from './parts.ts';

const GLYPH = 15;
const MOST_OTHERS = 5;

/** The selected broker, or the first one. */
export function shownBroker(state: LearnState): BrokerRow | null {
  return state.brokers.find(({ id }) => id === state.picked['broker']) ?? state.brokers[0] ?? null;
}

/** Whether the controller receives no heartbeats of the broker, as far as is known. */
const silent = (broker: BrokerRow): boolean => broker.state === 'down' || broker.state === 'frozen';

function sessionLine(broker: BrokerRow): { text: string; tone?: DiagramTone } {
  if (broker.state === 'fenced') return { text: 'session lost: fenced', tone: 'warn' };
  if (broker.sessionAgeMs === null) return silent(broker) ? { text: 'session lost', tone: 'bad' } : { text: 'last heartbeat: ?' };
  const late = broker.sessionTimeoutMs !== null && broker.sessionAgeMs > broker.sessionTimeoutMs / 2;
  return { text: `heartbeat ${formatSpan(broker.sessionAgeMs)} ago`, ...(late ? { tone: 'warn' as const } : {}) };
}

interface Held {
  topic: TopicRow;
  partition: number;
  state: DiagramGlyph['state'];
}

function heldBy(state: LearnState, broker: number, leads: boolean): Held[] {
  return state.topics.flatMap((topic) =>
    topic.partitions.flatMap((row) => {
      const replica = row.replicas.find((one) => one.broker === broker);
      return replica !== undefined && (row.leader === broker) === leads ? [{ topic, partition: row.partition, state: replica.state }] : [];
    }),
  );
}

function diagram(state: LearnState, width: number): Diagram {
  const broker = shownBroker(state);
  if (broker === null) return noBroker(width);
  const roomy = width >= 620;
  const [left, middle, right] = columns(width, roomy ? [0.19, 0.42, 0.24] : [0.19, 0.44, 0.28]);
  const inner = { x: middle.x + PAD, width: middle.width - 2 * PAD };
  const head = boxHeight({ lines: 1 }) + 8;
  const small = boxHeight({});
  const withGlyphs = boxHeight({ lines: 1 });
  const tall = boxHeight({ lines: 2 });
  const top = 24;
  const ys = [
    head,
    head + small + 10,
    head + 2 * small + 20,
    head + 2 * small + withGlyphs + 30,
    head + 2 * small + 2 * withGlyphs + 40,
  ].map((y) => top + y);
  const bodyHeight = head + 3 * small + 2 * withGlyphs + 52;
  const standing = BROKER_STATE[broker.state];
  const leads = heldBy(state, broker.id, true);
  const follows = heldBy(state, broker.id, false);
  const since = broker.since === null ? '' : ` ${formatSpan(Math.max(0, state.asOf - broker.since))}`;
  const status = broker.state === 'online' ? 'online' : `${standing.word}${since}`;
  const gone = broker.state !== 'online';
  const quiet: DiagramTone = gone ? 'faint' : 'plain';
  const boxes: DiagramBox[] = [
    {
      id: `broker-${broker.id}`,
      ...middle,
      y: top,
      height: bodyHeight,
      tone: brokerTone(broker),
      dashed: gone,
      title: `Broker ${broker.id}`,
      note: roomy || broker.state === 'online' ? status : standing.word,
      noteTone: broker.state === 'online' ? 'plain' : brokerTone(broker),
      lines: [
        {
          text: broker.isController ? 'also the active controller' : quorumLine(broker),
          ...(broker.isController ? { tone: 'control' as const } : {}),
        },
      ],
      said: brokerName(broker),
      to: `/brokers/${broker.id}`,
      data: { ...dataOfBroker(broker), leads: broker.leaders === null ? '?' : `${broker.leaders}` },
    },
    {
      id: 'session',
      ...inner,
      y: ys[0] ?? 0,
      height: small,
      tone: silent(broker) || broker.state === 'fenced' ? 'bad' : quiet,
      dashed: gone,
      title: roomy ? `session${broker.sessionTimeoutMs === null ? '' : `, timeout ${formatDuration(broker.sessionTimeoutMs)}`}` : 'session',
      cells: [],
      said: `Its session with the controller expires after ${broker.sessionTimeoutMs === null ? 'an unknown time' : formatDuration(broker.sessionTimeoutMs)} without a heartbeat`,
    },
    {
      id: 'listener',
      ...inner,
      y: ys[1] ?? 0,
      height: small,
      tone: quiet,
      dashed: gone,
      title: `listener ${broker.host === null || broker.port === null ? '?' : roomy ? `${broker.host}:${broker.port}` : `:${broker.port}`}`,
      cells: [],
      said: `It listens on ${broker.host ?? '?'}:${broker.port ?? '?'}`,
    },
    {
      id: 'leads',
      ...inner,
      y: ys[2] ?? 0,
      height: withGlyphs,
      tone: quiet,
      dashed: gone,
      title: `leads ${broker.leaders === null ? '?' : plural(broker.leaders, 'partition')}`,
      cells: [],
      said: `It leads ${broker.leaders === null ? 'an unknown number of partitions' : plural(broker.leaders, 'partition')}: clients produce to them and consume from them here`,
    },
    {
      id: 'follows',
      ...inner,
      y: ys[3] ?? 0,
      height: withGlyphs,
      tone: quiet,
      dashed: gone,
      title: `follows ${plural(follows.length, 'partition')}`,
      cells: [],
      said: `It replicates ${plural(follows.length, 'partition')} from their leaders`,
    },
    {
      id: 'disk',
      ...inner,
      y: ys[4] ?? 0,
      height: small,
      tone: quiet,
      dashed: gone,
      title: roomy ? `page cache → log directory, ${broker.logBytes === null ? '?' : formatBytes(broker.logBytes)}` : 'log directory',
      cells: [],
      said: `Its log directory has ${broker.logBytes === null ? 'an unknown number of bytes' : formatBytes(broker.logBytes)}`,
    },
  ];
  const clientsY = (ys[1] ?? 0) - 8;
  boxes.push({
    id: 'clients',
    ...left,
    y: clientsY,
    height: boxHeight({ lines: 1 }),
    tone: 'plain',
    title: 'Clients',
    lines: [{ text: roomy ? 'produce, consume' : 'external' }],
    said: 'Clients produce to leaders and consume from them',
  });
  const edges: DiagramEdge[] = [
    {
      id: 'clients-listener',
      from: 'clients',
      to: 'listener',
      tone: gone ? 'faint' : 'plain',
      dashed: gone,
      perSecond: gone ? null : (state.flows.get(`clients>${broker.id}`) ?? null),
    },
  ];
  const session = sessionLine(broker);
  const controller = state.controllerId;
  boxes.push({
    id: 'controller',
    ...right,
    y: top,
    height: tall,
    tone: controller === null ? 'warn' : 'control',
    dashed: controller === null,
    title: 'Controller',
    lines: [{ text: controller === null ? '?' : `broker ${controller}` }, session],
    said: `Controller: ${controller === null ? 'unknown' : `broker ${controller}`}. Broker ${broker.id}: ${session.text}`,
    to: '/brokers/quorum',
  });
  edges.push({
    id: 'heartbeat',
    from: 'session',
    to: 'controller',
    tone: silent(broker) || broker.state === 'fenced' ? 'bad' : 'control',
    cut: silent(broker),
  });
  const others = state.brokers.filter(({ id }) => id !== broker.id).slice(0, MOST_OTHERS);
  const room = bodyHeight - tall - 24;
  const otherHeight = Math.min(boxHeight({ lines: 1 }), Math.floor(room / Math.max(1, others.length)) - 8);
  others.forEach((other, i) => {
    const id = `broker-${other.id}`;
    boxes.push({
      id,
      ...right,
      y: top + tall + 24 + i * (otherHeight + 8),
      height: otherHeight,
      tone: BROKER_STATE[other.state].tone === 'none' ? 'plain' : brokerTone(other),
      dashed: other.state !== 'online',
      title: `Broker ${other.id}`,
      ...(otherHeight >= boxHeight({ lines: 1 }) ? { lines: [{ text: BROKER_STATE[other.state].word }] } : {}),
      said: brokerName(other),
      to: `/brokers/${other.id}`,
      data: dataOfBroker(other),
    });
    const dead = gone || other.state !== 'online';
    edges.push(
      {
        id: `from-${other.id}`,
        from: id,
        to: 'follows',
        tone: dead ? 'faint' : 'plain',
        dashed: dead,
        perSecond: dead ? null : (state.flows.get(`${other.id}>${broker.id}`) ?? null),
      },
      {
        id: `to-${other.id}`,
        from: 'leads',
        to: id,
        tone: dead ? 'faint' : 'plain',
        dashed: dead,
        perSecond: dead ? null : (state.flows.get(`${broker.id}>${other.id}`) ?? null),
      },
    );
  });
  const fit = Math.max(1, Math.floor((inner.width - 2 * PAD) / GLYPH));
  const glyphs: DiagramGlyph[] = [];
  const texts: NonNullable<Diagram['texts']>[number][] = [];
  for (const [list, y, id] of [
    [leads, ys[2] ?? 0, 'leads'],
    [follows, ys[3] ?? 0, 'follows'],
  ] as const) {
    const shown = list.length > fit ? list.slice(0, fit - 2) : list;
    shown.forEach(({ topic, partition, state: as }, i) =>
      glyphs.push(replicaGlyph(topic.name, partition, { broker: broker.id, state: as }, inner.x + PAD + 6 + i * GLYPH, y + 34)),
    );
    if (shown.length < list.length)
      texts.push({ id: `${id}-rest`, x: inner.x + PAD + shown.length * GLYPH + 4, y: y + 38, text: `+${list.length - shown.length}` });
  }
  return {
    width,
    height: top + bodyHeight + 24,
    boxes,
    edges,
    glyphs,
    texts,
    caption: `Broker ${broker.id}: ${status}. Each glyph is one of its replicas.`,
    description: [
      `${brokerName(broker)}: it leads ${broker.leaders === null ? '?' : plural(broker.leaders, 'partition')} and follows ${plural(follows.length, 'partition')}.`,
      `Its session: ${session.text}. The controller is ${controller === null ? 'unknown' : `broker ${controller}`}.`,
      `Its log directory has ${broker.logBytes === null ? 'an unknown number of bytes' : formatBytes(broker.logBytes)}.`,
      ...others.map((other) => `${brokerName(other)}.`),
    ],
  };
}

function quorumLine(broker: BrokerRow): string {
  if (broker.quorumRole === null) return 'quorum role: ?';
  return broker.quorumRole === 'observer' ? 'observer of the metadata quorum' : 'voter of the metadata quorum';
}

function noBroker(width: number): Diagram {
  const said = 'No broker is known yet.';
  return {
    width,
    height: 200,
    boxes: [
      {
        id: 'no-broker',
        x: width / 2 - 110,
        y: 74,
        width: 220,
        height: boxHeight({}),
        tone: 'faint',
        dashed: true,
        title: 'no broker has answered',
        said,
      },
    ],
    edges: [],
    caption: said,
    description: [said],
  };
}

/** Buttons that stop, kill and freeze the broker, or that recover it. */
function outages(state: LearnState): Outage[] {
  return recoveriesOr(state, () => {
    const node = shownBroker(state)?.id;
    if (node === undefined) return [];
    return [
      { key: `stop-${node}`, label: `Stop broker ${node}`, danger: false, act: { inject: { type: 'stop', node } } },
      killOf(node),
      { key: `freeze-${node}`, label: `Freeze broker ${node}`, danger: true, act: { inject: { type: 'freeze', node } } },
    ];
  });
}

/** Done after a controlled shutdown and a failure with fencing, by the events on the timeline. */
function bothWays(state: LearnState): string | null {
  const stopped = state.events.find(({ type }) => type === 'lab/nodeStopped');
  const abrupt = state.events.find(({ type }) => OUT_OF_SERVICE.has(type) && type !== 'lab/nodeStopped');
  const fenced = abrupt === undefined ? undefined : state.events.find(({ type, at }) => type === 'cluster/brokerFenced' && at >= abrupt.at);
  if (stopped === undefined || abrupt === undefined || fenced === undefined) return null;
  const id = (event: { broker?: number; node: number | null }): string => `${event.broker ?? event.node ?? '?'}`;
  return `broker ${id(stopped)} shut down gracefully; broker ${id(abrupt)} was fenced ${formatSpan(fenced.at - abrupt.at)} after it failed.`;
}

export const broker: Concept = {
  id: 'broker',
  title: 'Broker',
  number: 3,
  line: 'A server that stores replicas and serves clients.',
  // Any topic is sufficient for this page.
  wantsTopic: ({ topics }) => topics.length === 0,
  what: [
    'A broker is **one server of the cluster**. It stores replicas of partitions on disk. For some partitions it is the leader, which serves writes and reads; for the others it is a follower, which replicates the records of the leader.',
    'It sends heartbeats to the controller, which keep its **session** alive. When heartbeats are missing for too long, the session expires, the broker is **fenced**, and its partitions fail over to other brokers.',
  ],
  promises: [
    'A controlled shutdown moves leadership first: clients notice little.',
    'Durability comes from replication to other machines, not from the disk: a write goes to the page cache, and the operating system flushes it later.',
    'After a restart it fetches the records that it missed before it rejoins the ISR.',
  ],
  settings: [
    { name: 'broker.session.timeout.ms', of: 'broker', says: 'time without a heartbeat after which the broker is fenced' },
    { name: 'broker.heartbeat.interval.ms', of: 'broker', says: 'interval of heartbeats' },
    { name: 'replica.lag.time.max.ms', of: 'broker', says: 'how long a follower may lag and stay in the ISR' },
    { name: 'log.dirs', of: 'broker', says: 'directories of the logs' },
    { name: 'advertised.listeners', of: 'broker', says: 'the address that brokers return to clients' },
  ],
  wrong: (state) => {
    const shown = shownBroker(state);
    const timeoutMs = shown?.sessionTimeoutMs ?? null;
    const timeout = timeoutMs === null ? 'its timeout' : formatDuration(timeoutMs);
    const frozen = state.brokers.find(({ id }) => faultOf(state.faults, id, ['freeze']) !== null);
    if (frozen !== undefined)
      return [
        `Broker ${frozen.id} is frozen: it accepts connections but never responds. ${frozen.state === 'fenced' || (frozen.leaders ?? 0) === 0 ? 'It was fenced and leads no partition any more; after thawing it discovers that.' : `After ${timeout} without a heartbeat it is fenced.`}`,
      ];
    const down = state.brokers.find(isDown);
    if (down !== undefined)
      return [
        (down.leaders ?? 0) > 0
          ? `Broker ${down.id} is down, and still listed as a leader: after ${timeout} without a heartbeat it is fenced.`
          : `Broker ${down.id} is down, and leads no partition any more. Start it: it fetches the records that it missed and rejoins the ISR.`,
      ];
    const leads =
      shown === null || shown.leaders !== 0
        ? []
        : [`Broker ${shown.id} leads no partition now, so nothing would fail over: select another broker.`];
    return [
      'Stop the broker in three ways and compare them. **Stopped**, it moves its leadership first. **Killed**, its partitions stay without a leader until its session expires. **Frozen**, it accepts connections but never responds.',
      ...leads,
    ];
  },
  outages,
  check: {
    task: 'Stop one broker gracefully, and let another one fail until its session expires.',
    done: bothWays,
  },
  links: (state) => {
    const shown = shownBroker(state);
    return [
      ...(shown === null ? [] : [{ label: `Its replicas and settings: Brokers › ${shown.id}`, to: `/brokers/${shown.id}` }]),
      { label: 'More faults: Lab', to: shown === null ? '/lab' : `/lab?at=broker-${shown.id}` },
      { label: 'Sessions: Brokers › Quorum', to: '/brokers/quorum' },
    ];
  },
  diagram,
};
