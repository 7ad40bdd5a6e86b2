/** ZooKeeper: what it was to Kafka, seen at the coordination service of this cluster, beside the quorum that does the same today. */
import type { Diagram, DiagramBox, DiagramEdge, DiagramPulse } from '../diagrams/diagram.ts';
import { boxHeight } from '../diagrams/diagram-draw.ts';
import { formatCount, formatDuration, formatList, plural } from '../format/numbers.ts';
import type { Concept, LearnState, Outage } from './concept.ts';
import { isDown, killOf, recoveriesOr } from './outages.ts';
import { columns, MARGIN } from './parts.ts';
import { WATCH_EVENT_TEXTS, quorumBoxes, sessionBoxes, stepsOf } from './zookeeper-sessions.ts';
import { nothingRead, OWN_ROOT, treeRows, znodeBox, type TreeRow } from './zookeeper-tree.ts';

const TOP = 40;
const ROW_GAP = 6;
const INDENT = 14;
const ROW_HEIGHT = boxHeight({ title: false, lines: 1 });

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
    description: describeTree(state, rows),
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
    const hasFired = coordination?.fired.at(-1)?.path === path;
    if (coordination !== null && coordination.watcher !== null && (watches || hasFired))
      edges.push({ id: `watch-${path}`, from: 'session-watcher', to: `znode-${path}`, tone: watches ? 'accent' : 'faint', dashed: true });
  }
  const [first] = rows;
  if (withQuorum && first !== undefined)
    edges.push({ id: 'view', from: 'quorum', to: `znode-${first.path}`, tone: 'control', dashed: true });
  return edges;
}

/** Fired watches travel from the node to the session that set them. */
function pulsesOf(state: LearnState, edges: readonly DiagramEdge[]): DiagramPulse[] {
  return (state.coordination?.fired ?? []).flatMap(({ id, path, event }) =>
    event !== 'expired' && edges.some((edge) => edge.id === `watch-${path}`)
      ? [{ id, edge: `watch-${path}`, label: WATCH_EVENT_TEXTS[event], tone: 'accent' as const, reverse: true }]
      : [],
  );
}

function captionOf(state: LearnState): string {
  const alive = state.znodes.get('/brokers/ids')?.children.length ?? null;
  const hw = state.quorum?.highWatermark ?? null;
  if (!state.embedded) return 'The tree is available for the embedded cluster only; every cluster reports its quorum.';
  return `${alive === null ? 'Reading the tree' : `${plural(alive, 'broker')} with a session`}; every change of the tree is a record of the metadata log, high watermark ${hw === null ? '?' : formatCount(hw)}.`;
}

function describeTree(state: LearnState, rows: readonly TreeRow[]): string[] {
  const { quorum, coordination } = state;
  const own = coordination?.own ?? null;
  const gone = rows.filter(({ node, path }) => node === null && path.startsWith('/brokers/ids/')).map(({ path }) => path.slice(13));
  return [
    ...rows
      .filter(({ path }) => path === '/controller')
      .map(({ node, note }) => (node === null ? 'The node /controller does not exist.' : `/controller: ${note}.`)),
    ...(rows.length === 0
      ? [state.embedded ? 'The tree has not been read yet.' : 'The tree is available for the embedded cluster only.']
      : []),
    ...(gone.length === 0
      ? []
      : [
          `The ephemeral ${gone.length === 1 ? 'node' : 'nodes'} of broker ${formatList(gone)} ${gone.length === 1 ? 'was' : 'were'} deleted with the session.`,
        ]),
    ...rows.filter(({ path }) => path.startsWith(`${OWN_ROOT}/`)).map(({ path, note }) => `${path} is ${note}.`),
    own === null
      ? 'You have no session yet.'
      : `Your session ${own.sessionId ?? ''} is ${own.state}${own.broker === null ? '' : ` (broker ${own.broker})`}.`,
    ...(coordination?.watches ?? []).map(
      ({ path, kind }) => `A watch is set on ${kind === 'children' ? `the children of ${path}` : path}.`,
    ),
    quorum === null
      ? 'The metadata quorum is unknown.'
      : `The metadata quorum is ${quorum.leaderId === null ? 'without a leader' : `led by broker ${quorum.leaderId}`}, epoch ${quorum.leaderEpoch ?? '?'}; ${plural(quorum.voters.length, 'voter')}, high watermark ${quorum.highWatermark === null ? '?' : formatCount(quorum.highWatermark)}.`,
  ];
}

function wrong(state: LearnState): string[] {
  const own = state.coordination?.own ?? null;
  const silent = state.brokers.find((broker) => broker.state === 'frozen' || isDown(broker));
  if (own?.state === 'silent')
    return [
      `Your client sends no pings. The server cannot distinguish it from a dead client: after ${own.timeoutMs === null ? 'the session timeout' : formatDuration(own.timeoutMs)} it expires the session and **deletes its ephemeral nodes**. Your client learns of it when it reconnects.`,
    ];
  if (silent !== undefined)
    return [
      `Broker ${silent.id} ${silent.state === 'frozen' ? 'is frozen' : 'is down'}. Its ephemeral node is deleted when its session expires, after ${silent.sessionTimeoutMs === null ? 'the session timeout' : formatDuration(silent.sessionTimeoutMs)} without a heartbeat; clients that watch \`/brokers/ids\` are notified.${silent.state === 'frozen' ? ' After thawing, its broker epoch is stale, and its requests are rejected.' : ''}`,
    ];
  return [
    'A failure is detected by **missing heartbeats** only. Freeze a broker: its node is deleted after three seconds. Kill the broker of the controller: `/controller` is deleted, a watch on it fires, and the next controller creates it again.',
    'A watch reports **that** a node changed, once, not how: read the node and set the watch again. Changes in between are seen by that read, or not at all.',
  ];
}

function outages(state: LearnState): Outage[] {
  return recoveriesOr(state, () => offers(state));
}

function offers(state: LearnState): Outage[] {
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

/** Done when an ephemeral node was created, the client stopped its pings, and the node was deleted with the session. */
function achieved(state: LearnState): string | null {
  const { coordination } = state;
  if (coordination === null) return null;
  const made = coordination.steps.find(({ role, what, detail }) => role === 'own' && what === 'created' && detail.endsWith(', ephemeral'));
  if (made === undefined) return null;
  const path = made.detail.replace(/, ephemeral$/, '');
  const silent = coordination.steps.find(({ id, role, what }) => id > made.id && role === 'own' && what === 'silent');
  const deleted = coordination.steps.some(({ id, what, detail }) => id > made.id && what === 'deleted' && detail === path);
  const hasFired = coordination.fired.some(
    ({ at, path: of, event }) => silent !== undefined && at >= silent.at && of === path && event === 'deleted',
  );
  const gone = state.znodes.has(path) && state.znodes.get(path) === null;
  if (silent === undefined || deleted || !(gone || hasFired)) return null;
  return `${path} was deleted with its session, which expired without pings.`;
}

export const zookeeper: Concept = {
  id: 'zookeeper',
  title: 'ZooKeeper',
  number: 9,
  line: 'Coordination: sessions, ephemeral nodes and watches.',
  wantsTopic: () => false,
  what: [
    'ZooKeeper stores a small tree of nodes, whose changes all clients see in the same order. A **session** exists as long as its client sends pings; an **ephemeral** node exists as long as its session; a **watch** reports once that a node has changed. With these, Kafka implemented broker liveness and the election of the controller.',
    '**Kafka 4 does not use ZooKeeper any more.** The controller is the leader of a Raft quorum (KRaft) that replicates one metadata log, shown on the right; brokers send heartbeats to it. This cluster works in the same way: its tree is a **view of that log** in ZooKeeper’s protocol, for ZooKeeper clients.',
  ],
  promises: [
    'All clients see changes in the same order; a client that has seen a state never sees an earlier one.',
    'An ephemeral node is deleted when its session ends, not earlier.',
    'A watch fires before its client can read the new state. Each epoch has one controller.',
  ],
  settings: [
    { name: 'broker.session.timeout.ms', of: 'broker', says: 'time without heartbeats after which a broker’s session expires' },
    { name: 'broker.heartbeat.interval.ms', of: 'broker', says: 'interval of heartbeats to the controller' },
    { name: 'controller.quorum.election.timeout.ms', of: 'broker', says: 'duration of an election before a new one is started' },
    {
      name: 'controller.quorum.fetch.timeout.ms',
      of: 'broker',
      says: 'time without a response of the leader after which voters start an election',
    },
    {
      name: 'sessionTimeout',
      of: 'client',
      value: '2 to 40 s, as requested',
      says: 'session timeout that a ZooKeeper client requests, within the limits of the server',
    },
  ],
  wrong,
  outages,
  check: {
    task: 'Let an ephemeral node be deleted **without deleting it yourself** and without closing its session.',
    done: achieved,
  },
  links: () => [
    { label: 'The whole tree: Brokers › ZooKeeper', to: '/brokers/zookeeper' },
    { label: 'Quorum, sessions, elections: Brokers › Quorum', to: '/brokers/quorum' },
    { label: 'Cut links, freeze brokers: Lab', to: '/lab' },
  ],
  diagram,
};
