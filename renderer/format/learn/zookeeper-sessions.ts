/** Who has a session, and the quorum beside them: boxes and words of ZooKeeper's page. */
import type { BrokerRow, QuorumReplica } from '#shared/models/cluster';
import type { CoordinationSession, CoordinationStep } from '#shared/models/coordination';
import type { DiagramBox, DiagramTone } from '../diagram.ts';
import { boxHeight } from '../diagram-draw.ts';
import { formatCount, formatDuration, formatSpan } from '../numbers.ts';
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
  const heard = over
    ? 'session over'
    : age === null
      ? 'heard: ?'
      : `heard ${formatSpan(age)} ago${timeout === null || at.width < 200 ? '' : `, at most ${formatDuration(timeout)}`}`;
  const late = !over && (broker.state === 'frozen' || isDown(broker));
  return {
    id: `session-${broker.id}`,
    ...at,
    height: boxHeight({ lines: 2 }),
    tone: over ? 'bad' : late ? 'warn' : broker.id === state.controllerId ? 'control' : 'plain',
    dashed: over || late,
    title: `broker ${broker.id}`,
    ...(at.width < 160 || broker.id !== state.controllerId ? {} : { note: 'controller', noteTone: 'control' as const }),
    lines: [{ text: owner ?? (over ? 'no session' : 'session ?') }, { text: heard, tone: over ? 'bad' : late ? 'warn' : 'plain' }],
    said: `Broker ${broker.id}: ${owner === null ? (over ? 'no session' : 'its session is not known') : `session ${owner}, ${heard}`}`,
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

const CLIENT_TONE: Record<CoordinationSession['state'], DiagramTone> = {
  connecting: 'warn',
  connected: 'accent',
  silent: 'flow',
  expired: 'bad',
  closed: 'faint',
};

export function sessionWords(session: CoordinationSession, asOf: number): string {
  const span = formatSpan(Math.max(0, asOf - session.since));
  const timeout = session.timeoutMs === null ? '?' : formatDuration(session.timeoutMs);
  switch (session.state) {
    case 'connecting':
      return 'looks for a server';
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

function clientSession(state: LearnState, session: CoordinationSession, at: { x: number; width: number }): Omit<DiagramBox, 'y'> {
  const name = session.role === 'own' ? 'you' : 'a watcher';
  const words = sessionWords(session, state.asOf);
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
        lines: [{ text: 'not told' }],
        said: 'This cluster does not tell of its metadata quorum',
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
      said: `The metadata quorum: ${leaderId === null ? 'no leader' : `led by broker ${leaderId}`}, epoch ${leaderEpoch ?? 'not known'}, high watermark ${highWatermark ?? 'not known'}`,
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
  const behind = lag === null ? 'lag ?' : lag === '0' ? 'has it all' : `lag ${formatCount(lag)}`;
  const text = gone ? 'not there' : leads ? 'decides' : behind;
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

export const FIRED_WORDS = {
  created: 'created',
  deleted: 'deleted',
  changed: 'data changed',
  childrenChanged: 'children changed',
  expired: 'not watched any more: the session expired',
} as const;

const STEP_WORDS: Record<CoordinationStep['what'], (detail: string) => string> = {
  opened: (detail) => `a session was opened ${detail}`,
  lost: (detail) => `the connection to ${detail.replace(': ', ' ended: ')}`,
  resumed: (detail) => `the session went on ${detail}`,
  silent: (detail) => `the client fell silent, ${detail}`,
  spoke: (detail) => `the client spoke again, ${detail}`,
  expired: (detail) => `the session had expired: ${detail}`,
  closed: (detail) => `the session was closed ${detail}`,
  created: (detail) => `made ${detail}`,
  deleted: (detail) => `deleted ${detail}`,
  changed: (detail) => `wrote data to ${detail}`,
};

/** What the reader’s sessions went through last, and what the watches told, in the order of their times. */
export function stepsOf(state: LearnState): { steps?: { title: string; of: string[] } } {
  const { coordination } = state;
  if (coordination === null) return {};
  const all = [
    ...coordination.steps.map(({ at, role, what, detail }) => ({
      at,
      text: `${role === 'own' ? '' : 'the watcher: '}${STEP_WORDS[what](detail)}`,
    })),
    ...coordination.fired.map(({ at, path, event }) => ({ at, text: `the watcher was told: ${path} ${FIRED_WORDS[event]}` })),
  ].sort((a, b) => a.at - b.at);
  const last = all.slice(-7);
  const [first] = last;
  if (first === undefined) return {};
  return {
    steps: {
      title: 'What your sessions went through',
      of: last.map(({ at, text }) => (at === first.at ? text : `after ${formatSpan(at - first.at)}: ${text}`)),
    },
  };
}
