/** ZooKeeper: what it was to Kafka, seen at the coordination service of this cluster, beside the quorum that does the same today. */
import type { Diagram, DiagramBox, DiagramEdge, DiagramPulse } from '../diagram.ts';
import { boxHeight } from '../diagram-draw.ts';
import { formatCount, formatDuration, formatList, plural } from '../numbers.ts';
import type { Concept, LearnState, Outage } from './concept.ts';
import { isDown, killOf, waysBackOr } from './outages.ts';
import { columns, MARGIN } from './parts.ts';
import { FIRED_WORDS, quorumBoxes, sessionBoxes, stepsOf } from './zookeeper-sessions.ts';
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
    told: told(state, rows),
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
    event !== 'expired' && edges.some((edge) => edge.id === `watch-${path}`)
      ? [{ id, edge: `watch-${path}`, label: FIRED_WORDS[event], tone: 'accent' as const, reverse: true }]
      : [],
  );
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
  return waysBackOr(state, () => offers(state));
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
  wantsTopic: () => false,
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
    { label: 'The whole tree: Brokers › ZooKeeper', to: '/brokers/zookeeper' },
    { label: 'Quorum, sessions, elections: Brokers › Quorum', to: '/brokers/quorum' },
    { label: 'Cut links, freeze brokers: Lab', to: '/lab' },
  ],
  diagram,
};
