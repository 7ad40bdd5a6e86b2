/** Sessions and the metadata quorum on the ZooKeeper page: boxes and descriptions. */
import type { BrokerRow, QuorumReplica } from '#shared/models/cluster';
import type { ZooKeeperClientSession, ZooKeeperClientStep } from '#shared/models/zookeeper-clients';
import type { DiagramBox, DiagramTone } from '../diagrams/diagram.ts';
import { boxHeight } from '../diagrams/diagram-draw.ts';
import { formatCount, formatDuration, formatSpan } from '../format/numbers.ts';
import type { LearnState } from './concept.ts';
import { isDown } from './outages.ts';
import { isRead, ownerOf } from './zookeeper-tree.ts';

export function sessionBoxes(state: LearnState, at: { x: number; width: number }): Omit<DiagramBox, 'y'>[] {
  const own = state.coordination?.own ?? null;
  const watcher = state.coordination?.watcher ?? null;
  return [
    ...state.brokers.slice(0, 9).map((broker) => brokerSession(state, broker, at)),
    ...(own === null ? [noSession(at)] : [clientSession(state, own, at)]),
    ...(watcher === null ? [] : [clientSession(state, watcher, at)]),
  ];
}

function brokerSession(state: LearnState, broker: BrokerRow, at: { x: number; width: number }): Omit<DiagramBox, 'y'> {
  const owner = ownerOf(state, `/brokers/ids/${broker.id}`);
  const over = isRead(state, `/brokers/ids/${broker.id}`) && owner === null;
  const { sessionAgeMs: age, sessionTimeoutMs: timeout } = broker;
  const lastHeartbeat = over
    ? 'session expired'
    : age === null
      ? 'heartbeat: ?'
      : `heartbeat ${formatSpan(age)} ago${timeout === null || at.width < 200 ? '' : `, timeout ${formatDuration(timeout)}`}`;
  const late = !over && (broker.state === 'frozen' || isDown(broker));
  return {
    id: `session-${broker.id}`,
    ...at,
    height: boxHeight({ lines: 2 }),
    tone: over ? 'bad' : late ? 'warn' : broker.id === state.controllerId ? 'control' : 'plain',
    dashed: over || late,
    title: `broker ${broker.id}`,
    ...(at.width < 160 || broker.id !== state.controllerId ? {} : { note: 'controller', noteTone: 'control' as const }),
    lines: [{ text: owner ?? (over ? 'no session' : 'session ?') }, { text: lastHeartbeat, tone: over ? 'bad' : late ? 'warn' : 'plain' }],
    said: `Broker ${broker.id}: ${owner === null ? (over ? 'no session' : 'session unknown') : `session ${owner}, ${lastHeartbeat}`}`,
    to: `/brokers/${broker.id}`,
    data: { session: owner ?? 'none', broker: `${broker.id}` },
  };
}

function noSession(at: { x: number; width: number }): Omit<DiagramBox, 'y'> {
  return {
    id: 'session-own',
    ...at,
    height: boxHeight({ lines: 1 }),
    tone: 'plain',
    dashed: true,
    title: 'you',
    lines: [{ text: 'no session yet' }],
    said: 'You have no session yet',
    data: { session: 'none' },
  };
}

const CLIENT_TONE: Record<ZooKeeperClientSession['state'], DiagramTone> = {
  connecting: 'warn',
  connected: 'accent',
  silent: 'flow',
  expired: 'bad',
  closed: 'faint',
};

export function describeSession(session: ZooKeeperClientSession, asOf: number): string {
  const span = formatSpan(Math.max(0, asOf - session.since));
  const timeout = session.timeoutMs === null ? '?' : formatDuration(session.timeoutMs);
  switch (session.state) {
    case 'connecting':
      return 'connecting';
    case 'connected':
      return `at broker ${session.broker ?? '?'}`;
    case 'silent':
      return `silent for ${span} of ${timeout}`;
    case 'expired':
      return 'expired';
    case 'closed':
      return 'closed';
  }
}

function clientSession(state: LearnState, session: ZooKeeperClientSession, at: { x: number; width: number }): Omit<DiagramBox, 'y'> {
  const name = session.role === 'own' ? 'you' : 'watcher';
  const words = describeSession(session, state.asOf);
  const tone = session.role === 'watcher' && session.state === 'connected' ? 'plain' : CLIENT_TONE[session.state];
  const over = session.state === 'expired' || session.state === 'closed';
  return {
    id: `session-${session.role}`,
    ...at,
    height: boxHeight({ lines: 2 }),
    tone,
    dashed: session.state !== 'connected',
    title: name,
    ...(at.width < 160 || session.resumed === 0 || over ? {} : { note: `moved ${session.resumed}×`, noteTone: 'plain' as const }),
    lines: [{ text: session.sessionId ?? 'no id yet' }, { text: words, tone: session.state === 'connected' ? 'plain' : tone }],
    said: `${session.role === 'own' ? 'Your session' : 'The watching session'} ${session.sessionId ?? ''}: ${words}`,
    data: { session: session.sessionId ?? 'none', state: session.state },
  };
}

export function quorumBoxes(state: LearnState): DiagramBox[] {
  const { quorum } = state;
  const none = { x: 0, y: 0, width: 0 };
  if (quorum === null)
    return [
      {
        id: 'quorum',
        ...none,
        height: boxHeight({ lines: 1 }),
        tone: 'faint',
        dashed: true,
        title: 'quorum',
        lines: [{ text: 'unknown' }],
        said: 'This cluster does not report its metadata quorum',
      },
    ];
  const { leaderId, leaderEpoch, highWatermark } = quorum;
  return [
    {
      id: 'quorum',
      ...none,
      height: boxHeight({ lines: 2 }),
      tone: leaderId === null ? 'bad' : 'control',
      dashed: leaderId === null,
      title: leaderId === null ? 'no leader' : `leader ${leaderId}`,
      lines: [{ text: `epoch ${leaderEpoch ?? '?'}` }, { text: `committed ${highWatermark === null ? '?' : formatCount(highWatermark)}` }],
      said: `The metadata quorum: ${leaderId === null ? 'no leader' : `led by broker ${leaderId}`}, epoch ${leaderEpoch ?? 'unknown'}, high watermark ${highWatermark ?? 'unknown'}`,
      to: '/brokers/quorum',
      data: { leader: leaderId === null ? 'none' : `${leaderId}`, epoch: leaderEpoch === null ? '?' : `${leaderEpoch}` },
    },
    ...quorum.voters.slice(0, 9).map((voter) => voterBox(state, voter)),
  ];
}

function voterBox(state: LearnState, { id, lag }: QuorumReplica): DiagramBox {
  const broker = state.brokers.find((one) => one.id === id);
  const gone = broker !== undefined && (isDown(broker) || broker.state === 'frozen' || broker.state === 'down');
  const leads = id === state.quorum?.leaderId;
  const behind = lag === null ? 'lag ?' : lag === '0' ? 'caught up' : `lag ${formatCount(lag)}`;
  const text = gone ? (broker.state === 'frozen' ? 'frozen' : 'down') : leads ? 'leader' : behind;
  return {
    id: `voter-${id}`,
    x: 0,
    y: 0,
    width: 0,
    height: boxHeight({ lines: 1 }),
    tone: gone ? 'bad' : leads ? 'control' : 'plain',
    dashed: gone,
    title: `voter ${id}`,
    lines: [{ text, tone: gone ? 'bad' : 'plain' }],
    said: `Voter ${id}: ${leads ? 'the leader' : text}`,
    data: { voter: `${id}`, lag: lag ?? '?' },
  };
}

export const WATCH_EVENT_TEXTS = {
  created: 'created',
  deleted: 'deleted',
  changed: 'data changed',
  childrenChanged: 'children changed',
  expired: 'watch removed: the session expired',
} as const;

const STEP_LABELS: Record<ZooKeeperClientStep['what'], (detail: string) => string> = {
  opened: (detail) => `session opened ${detail}`,
  lost: (detail) => `connection lost to ${detail}`,
  resumed: (detail) => `session resumed ${detail}`,
  silent: (detail) => `pings stopped, ${detail}`,
  spoke: (detail) => `pings resumed, ${detail}`,
  expired: (detail) => `session expired: ${detail}`,
  closed: (detail) => `session closed ${detail}`,
  created: (detail) => `created ${detail}`,
  deleted: (detail) => `deleted ${detail}`,
  changed: (detail) => `changed data of ${detail}`,
};

/** The last events of the user's sessions and fired watches, ordered by time. */
export function stepsOf(state: LearnState): { steps?: { title: string; of: string[] } } {
  const { coordination } = state;
  if (coordination === null) return {};
  const all = [
    ...coordination.steps.map(({ at, role, what, detail }) => ({
      at,
      text: `${role === 'own' ? '' : 'watcher: '}${STEP_LABELS[what](detail)}`,
    })),
    ...coordination.fired.map(({ at, path, event }) => ({ at, text: `watcher notified: ${path} ${WATCH_EVENT_TEXTS[event]}` })),
  ].sort((a, b) => a.at - b.at);
  const last = all.slice(-7);
  const [first] = last;
  if (first === undefined) return {};
  return {
    steps: {
      title: 'Events of your sessions',
      of: last.map(({ at, text }) => (at === first.at ? text : `after ${formatSpan(at - first.at)}: ${text}`)),
    },
  };
}
