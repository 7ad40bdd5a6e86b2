/** ZooKeeper: what it was to Kafka, seen at the coordination service of this cluster, beside the quorum that does the same today. */
import type { BrokerRow, QuorumReplica } from '#shared/models/cluster';
import type { CoordinationSession, CoordinationStep } from '#shared/models/coordination';
import type { Znode } from '#shared/models/lab';
import type { Diagram, DiagramBox, DiagramEdge, DiagramPulse, DiagramTone } from '../diagram.ts';
import { boxHeight } from '../diagram-draw.ts';
import { formatCount, formatDuration, formatList, formatSpan, plural } from '../numbers.ts';
import { childPath } from '../znodes.ts';
import type { Concept, LearnState, Outage } from './concept.ts';
import { isDown, killOf, waysBack } from './outages.ts';
import { columns, MARGIN } from './parts.ts';

export const OWN_ROOT = '/learn';
const MOST_OWN = 6;
const MOST_PATHS = 30;
const TOP = 40;
const ROW_GAP = 6;
const INDENT = 14;
const ROW_HEIGHT = boxHeight({ title: false, lines: 1 });

/** What of the tree the page asks for, again and again. */
export function followedPaths(state: LearnState): string[] {
  const children = (path: string): string[] => (state.znodes.get(path)?.children ?? []).map((name) => childPath(path, name));
  const own = children(OWN_ROOT);
  return [
    ...new Set([
      '/',
      '/brokers/ids',
      ...state.brokers.map(({ id }) => `/brokers/ids/${id}`),
      ...children('/brokers/ids'),
      '/controller',
      '/controller_epoch',
      '/brokers/topics',
      OWN_ROOT,
      ...own.slice(0, MOST_OWN),
      ...(state.coordination?.own?.ephemerals ?? []),
      ...vanished(state),
    ]),
  ].slice(0, MOST_PATHS);
}

interface TreeRow {
  path: string;
  depth: number;
  /** Null: it is not there now. */
  node: Znode | null;
  /** What its data or its children come to. */
  note: string;
}

/** Nodes of the reader's own that a watch told the end of, or whose session is not heard; and that are gone. */
function vanished(state: LearnState): string[] {
  const { coordination } = state;
  if (coordination === null) return [];
  const last = coordination.fired.at(-1);
  const paths = [
    ...(coordination.own?.ephemerals ?? []),
    ...(last?.event === 'deleted' && last.path.startsWith(`${OWN_ROOT}/`) ? [last.path] : []),
    ...coordination.watches.map(({ path }) => path).filter((path) => path.startsWith(`${OWN_ROOT}/`)),
  ];
  return [...new Set(paths)];
}

const isRead = (state: LearnState, path: string): boolean => state.znodes.has(path);

function treeRows(state: LearnState): TreeRow[] {
  const { znodes } = state;
  const rows: TreeRow[] = [];
  const add = (path: string, depth: number, note: (node: Znode) => string): void => {
    if (!isRead(state, path)) return;
    const node = znodes.get(path) ?? null;
    rows.push({ path, depth, node, note: node === null ? 'not there' : note(node) });
  };
  add('/controller', 0, (node) => `broker ${numberIn(node, 'brokerid') ?? '?'}`);
  add('/controller_epoch', 0, (node) => (node.data.encoding === 'utf8' ? node.data.text : '?'));
  add('/brokers/ids', 0, ({ children }) => `${children.length} alive`);
  const ids = new Set([...state.brokers.map(({ id }) => `${id}`), ...(znodes.get('/brokers/ids')?.children ?? [])]);
  for (const id of [...ids].sort((a, b) => Number(a) - Number(b))) add(`/brokers/ids/${id}`, 1, () => 'ephemeral');
  add('/brokers/topics', 0, ({ children }) => plural(children.length, 'topic'));
  const own = (znodes.get(OWN_ROOT)?.children ?? []).map((name) => childPath(OWN_ROOT, name)).slice(0, MOST_OWN);
  const all = [...new Set([...own, ...vanished(state)])].sort();
  if ((znodes.get(OWN_ROOT) ?? null) !== null || all.length > 0) add(OWN_ROOT, 0, ({ children }) => plural(children.length, 'node'));
  for (const path of all) add(path, 1, ({ stat }) => (stat.ephemeralOwner === null ? 'persistent' : 'ephemeral'));
  return rows;
}

function numberIn(node: Znode, field: string): number | null {
  if (node.data.encoding !== 'utf8') return null;
  const found = new RegExp(`"${field}"\\s*:\\s*(-?\\d+)`).exec(node.data.text)?.[1];
  return found === undefined ? null : Number(found);
}

function diagram(state: LearnState, width: number): Diagram {
  const wide = width >= 680;
  const [sessionsAt, treeAt, quorumAt] = wide ? columns(width, [0.29, 0.36, 0.22]) : [...columns(width, [0.4, 0.5]), null];
  const rows = treeRows(state);
  const boxes: DiagramBox[] = [];
  const texts = [
    { id: 'head-sessions', x: sessionsAt.x, y: 24, text: 'sessions' },
    { id: 'head-tree', x: treeAt.x, y: 24, text: 'tree of znodes' },
  ];
  let y = TOP;
  for (const row of rows) {
    boxes.push(znodeBox(state, row, { x: treeAt.x + row.depth * INDENT, y, width: treeAt.width - row.depth * INDENT, height: ROW_HEIGHT }));
    y += ROW_HEIGHT + ROW_GAP;
  }
  if (rows.length === 0) boxes.push(nothingRead(state, { ...treeAt, y, height: boxHeight({ lines: 1 }) }));
  const treeEnd = rows.length === 0 ? y + boxHeight({ lines: 1 }) : y;

  y = TOP;
  for (const box of sessionBoxes(state, sessionsAt)) {
    boxes.push({ ...box, y });
    y += box.height + 10;
  }
  let end = Math.max(treeEnd, y);
  const quorum = quorumBoxes(state);
  if (quorumAt !== null) {
    texts.push({ id: 'head-quorum', x: quorumAt.x, y: 24, text: 'metadata quorum' });
    y = TOP;
    for (const box of quorum) {
      boxes.push({ ...box, ...quorumAt, y });
      y += box.height + 10;
    }
    end = Math.max(end, y);
  } else {
    texts.push({ id: 'head-quorum', x: MARGIN, y: end + 16, text: 'metadata quorum' });
    const [first, ...voters] = quorum;
    let at = end + 30;
    if (first !== undefined) boxes.push({ ...first, x: MARGIN, y: at, width: width - 2 * MARGIN });
    at += (first?.height ?? 0) + 10;
    const across = Math.min(3, Math.max(1, voters.length));
    const each = (width - 2 * MARGIN - (across - 1) * 10) / across;
    voters.forEach((box, i) =>
      boxes.push({ ...box, x: MARGIN + (i % across) * (each + 10), y: at + Math.floor(i / across) * (box.height + 10), width: each }),
    );
    end = at + Math.ceil(voters.length / across) * ((voters[0]?.height ?? 0) + 10);
  }
  const edges = edgesOf(state, rows, wide && rows.length > 0);
  return {
    width,
    height: end + 14,
    boxes,
    edges,
    texts,
    pulses: pulsesOf(state, edges),
    ...stepsOf(state),
    caption: captionOf(state),
    told: told(state, rows),
  };
}

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

function znodeBox(state: LearnState, { path, depth, node, note }: TreeRow, at: Place): DiagramBox {
  const watched = state.coordination?.watches.some((watch) => watch.path === path) ?? false;
  const own = state.coordination?.own?.sessionId ?? null;
  const mine = own !== null && node?.stat.ephemeralOwner === own;
  const tone: DiagramTone = node === null ? 'bad' : mine ? 'accent' : path === '/controller' ? 'control' : 'plain';
  const text = watched ? `${note}, watched` : note;
  return {
    id: `znode-${path}`,
    ...at,
    tone,
    dashed: node === null || node.stat.ephemeralOwner !== null,
    note: text,
    noteTone: watched ? 'accent' : node === null ? 'bad' : path === '/controller' ? 'control' : 'plain',
    lines: [{ text: short(depth === 0 ? path : `…/${path.slice(path.lastIndexOf('/') + 1)}`, at.width - 40 - text.length * 6.1) }],
    said: `${path}: ${node === null ? 'not there' : `${note}${node.stat.ephemeralOwner === null || note === 'ephemeral' ? '' : ', ephemeral'}${node.stat.ephemeralOwner === null ? '' : `, of session ${node.stat.ephemeralOwner}`}`}${watched ? ', watched' : ''}`,
    to: `/coordination/tree?path=${encodeURIComponent(path)}`,
    data: { znode: path, there: node === null ? 'no' : 'yes', owner: node?.stat.ephemeralOwner ?? 'none' },
  };
}

const short = (text: string, room: number): string => {
  const fits = Math.max(3, Math.floor(room / 6.1));
  return text.length <= fits ? text : `${text.slice(0, fits - 1)}…`;
};

function nothingRead(state: LearnState, at: Place): DiagramBox {
  const why = state.embedded ? 'not read yet' : 'read on this desk only';
  return { id: 'unread', ...at, tone: 'faint', dashed: true, title: 'the tree', lines: [{ text: why }], said: `The tree is ${why}` };
}

const ownerOf = (state: LearnState, path: string): string | null => state.znodes.get(path)?.stat.ephemeralOwner ?? null;

function sessionBoxes(state: LearnState, at: { x: number; width: number }): Omit<DiagramBox, 'y'>[] {
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

function quorumBoxes(state: LearnState): DiagramBox[] {
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
      to: '/coordination',
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

function edgesOf(state: LearnState, rows: readonly TreeRow[], withQuorum: boolean): DiagramEdge[] {
  const edges: DiagramEdge[] = [];
  const { coordination, controllerId } = state;
  const own = coordination?.own ?? null;
  for (const { path, node } of rows) {
    const broker = /^\/brokers\/ids\/(\d+)$/.exec(path)?.[1];
    const owner = node?.stat.ephemeralOwner ?? null;
    if (broker !== undefined && state.brokers.some(({ id }) => `${id}` === broker))
      edges.push({
        id: `holds-${path}`,
        from: `session-${broker}`,
        to: `znode-${path}`,
        tone: node === null ? 'bad' : 'plain',
        dashed: node === null,
        cut: node === null,
      });
    if (
      path === '/controller' &&
      owner !== null &&
      controllerId !== null &&
      state.brokers.slice(0, 9).some(({ id }) => id === controllerId)
    )
      edges.push({ id: 'holds-controller', from: `session-${controllerId}`, to: `znode-${path}`, tone: 'control' });
    if (own !== null && (owner === own.sessionId || own.ephemerals.includes(path)) && broker === undefined && path !== '/controller')
      edges.push({
        id: `own-${path}`,
        from: 'session-own',
        to: `znode-${path}`,
        tone: node === null ? 'bad' : 'accent',
        dashed: node === null,
        cut: node === null,
      });
    const watches = coordination?.watches.some((watch) => watch.path === path) ?? false;
    const told = coordination?.fired.at(-1)?.path === path;
    if (coordination !== null && coordination.watcher !== null && (watches || told))
      edges.push({ id: `watch-${path}`, from: 'session-watcher', to: `znode-${path}`, tone: watches ? 'accent' : 'faint', dashed: true });
  }
  const [first] = rows;
  if (withQuorum && first !== undefined)
    edges.push({ id: 'view', from: 'quorum', to: `znode-${first.path}`, tone: 'control', dashed: true });
  return edges;
}

/** A watch that fired goes from the node to whoever set it. */
function pulsesOf(state: LearnState, edges: readonly DiagramEdge[]): DiagramPulse[] {
  return (state.coordination?.fired ?? []).flatMap(({ id, path, event }) =>
    edges.some((edge) => edge.id === `watch-${path}`)
      ? [{ id, edge: `watch-${path}`, label: FIRED_WORDS[event], tone: 'accent' as const, reverse: true }]
      : [],
  );
}

export const FIRED_WORDS = {
  created: 'created',
  deleted: 'deleted',
  changed: 'data changed',
  childrenChanged: 'children changed',
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
function stepsOf(state: LearnState): { steps?: { title: string; of: string[] } } {
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

function captionOf(state: LearnState): string {
  const alive = state.znodes.get('/brokers/ids')?.children.length ?? null;
  const hw = state.quorum?.highWatermark ?? null;
  if (!state.embedded) return 'The tree is read from the endpoint of this desk’s own brokers; the quorum is told by every cluster.';
  return `${alive === null ? 'The tree is being read' : `${plural(alive, 'broker')} with a session`}; every change of the tree is a record of the metadata log, which is at ${hw === null ? '?' : formatCount(hw)}.`;
}

function told(state: LearnState, rows: readonly TreeRow[]): string[] {
  const { quorum, coordination } = state;
  const own = coordination?.own ?? null;
  const gone = rows.filter(({ node, path }) => node === null && path.startsWith('/brokers/ids/')).map(({ path }) => path.slice(13));
  return [
    ...rows
      .filter(({ path }) => path === '/controller')
      .map(({ node, note }) => (node === null ? 'There is no /controller now.' : `/controller says ${note}.`)),
    ...(rows.length === 0 ? [state.embedded ? 'The tree was not read yet.' : 'The tree is read on this desk only.'] : []),
    ...(gone.length === 0
      ? []
      : [
          `The ephemeral ${gone.length === 1 ? 'node' : 'nodes'} of broker ${formatList(gone)} ${gone.length === 1 ? 'is' : 'are'} gone with the session.`,
        ]),
    ...rows.filter(({ path }) => path.startsWith(`${OWN_ROOT}/`)).map(({ path, note }) => `${path} is ${note}.`),
    own === null
      ? 'You have no session yet.'
      : `Your session ${own.sessionId ?? ''} is ${own.state}${own.broker === null ? '' : ` (broker ${own.broker})`}.`,
    ...(coordination?.watches ?? []).map(
      ({ path, kind }) => `A watch is set on ${kind === 'children' ? `the children of ${path}` : path}.`,
    ),
    quorum === null
      ? 'The metadata quorum is not told.'
      : `The metadata quorum is ${quorum.leaderId === null ? 'without a leader' : `led by broker ${quorum.leaderId}`}, epoch ${quorum.leaderEpoch ?? '?'}; ${plural(quorum.voters.length, 'voter')}, committed up to ${quorum.highWatermark === null ? '?' : formatCount(quorum.highWatermark)}.`,
  ];
}

function wrong(state: LearnState): string[] {
  const own = state.coordination?.own ?? null;
  const silent = state.brokers.find((broker) => broker.state === 'frozen' || isDown(broker));
  if (own?.state === 'silent')
    return [
      `Your client says nothing, and hears nothing. A server cannot tell that from one that is dead: once it has heard nothing for ${own.timeoutMs === null ? 'its timeout' : formatDuration(own.timeoutMs)}, it ends the session and **its ephemeral nodes go**. Your client learns of it last: when it speaks again.`,
    ];
  if (silent !== undefined)
    return [
      `Broker ${silent.id} ${silent.state === 'frozen' ? 'stands still' : 'is down'}. Its ephemeral node went with its session, after ${silent.sessionTimeoutMs === null ? 'its timeout' : formatDuration(silent.sessionTimeoutMs)} of silence, not with its death; whoever watched \`/brokers/ids\` was told.${silent.state === 'frozen' ? ' It does not know: when it gets on, its epoch is out of date, and what it asks for is refused.' : ''}`,
    ];
  return [
    '**Silence** is all that anybody sees of a death. Freeze a broker: its node goes after three seconds of it. Kill the controller’s broker: `/controller` goes, a watch on it fires, and another broker’s name stands there.',
    'A watch tells **that** something changed, once, not what: read again and set it anew. What changes in between is seen by the reading, or not at all.',
  ];
}

function outages(state: LearnState): Outage[] {
  const back = waysBack(state);
  if (back.length > 0) return back;
  const { controllerId } = state;
  const other = state.brokers.find(({ id, state: is }) => id !== controllerId && is === 'online');
  return [
    ...(controllerId === null ? [] : [{ ...killOf(controllerId), label: `Kill broker ${controllerId}, the controller` }]),
    ...(other === undefined
      ? []
      : [
          {
            key: `freeze-${other.id}`,
            label: `Freeze broker ${other.id}`,
            danger: true,
            act: { inject: { type: 'freeze' as const, node: other.id } },
          },
        ]),
  ];
}

/** An ephemeral node was made, the client fell silent, the server ended the session, and the node is gone. */
function achieved(state: LearnState): string | null {
  const { coordination } = state;
  if (coordination === null) return null;
  const made = coordination.steps.find(({ role, what, detail }) => role === 'own' && what === 'created' && detail.endsWith(', ephemeral'));
  if (made === undefined) return null;
  const path = made.detail.replace(/, ephemeral$/, '');
  const silent = coordination.steps.find(({ id, role, what }) => id > made.id && role === 'own' && what === 'silent');
  const deleted = coordination.steps.some(({ id, what, detail }) => id > made.id && what === 'deleted' && detail === path);
  const toldOf = coordination.fired.some(
    ({ at, path: of, event }) => silent !== undefined && at >= silent.at && of === path && event === 'deleted',
  );
  const gone = state.znodes.has(path) && state.znodes.get(path) === null;
  if (silent === undefined || deleted || !(gone || toldOf)) return null;
  return `${path} went with its session, which nobody heard of any more.`;
}

export const zookeeper: Concept = {
  id: 'zookeeper',
  title: 'ZooKeeper',
  number: 9,
  line: 'Coordination: who is there, who decides, and who is told.',
  what: [
    'ZooKeeper keeps a small tree of nodes that all see in the same order. A **session** lives as long as its client is heard; an **ephemeral** node lives as long as its session; a **watch** tells once that a node has changed. Out of these three Kafka made broker health and the election of the controller.',
    '**Kafka 4 has no ZooKeeper any more.** The controller is the leader of a Raft quorum (KRaft) that replicates one metadata log, on the right; the heartbeats go to it. This cluster works so too: its tree is a **view of that log**, in ZooKeeper’s own protocol, for those who still look there.',
  ],
  promises: [
    'Changes are seen in one order by everybody; who has seen a later state never sees an earlier one.',
    'An ephemeral node goes when its session is over, neither sooner nor without.',
    'A watch fires before its client can read the new state. There is one controller an epoch.',
  ],
  settings: [
    { name: 'broker.session.timeout.ms', of: 'broker', says: 'silence after which a broker’s session is over' },
    { name: 'broker.heartbeat.interval.ms', of: 'broker', says: 'how often a broker tells the controller that it lives' },
    { name: 'controller.quorum.election.timeout.ms', of: 'broker', says: 'how long a vote may take before another is called' },
    { name: 'controller.quorum.fetch.timeout.ms', of: 'broker', says: 'silence of the leader after which voters elect another' },
    { name: 'sessionTimeout', of: 'client', value: '2 to 40 s, as asked', says: 'what a ZooKeeper client asks for, and the server bounds' },
  ],
  wrong,
  outages,
  check: {
    task: 'Make an ephemeral node vanish **without deleting it** and without closing its session.',
    done: achieved,
  },
  links: () => [
    { label: 'The whole tree: Coordination › Tree', to: '/coordination/tree' },
    { label: 'Quorum, sessions, elections: Coordination', to: '/coordination' },
    { label: 'Cut links, freeze brokers: Lab', to: '/lab' },
  ],
  diagram,
};
