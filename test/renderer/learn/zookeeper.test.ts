import { describe, expect, it } from 'vitest';
import type { ZooKeeperClientStep } from '../../../shared/models/zookeeper-clients.ts';
import { followedPaths } from '../../../renderer/learn/zookeeper-tree.ts';
import { zookeeper } from '../../../renderer/learn/zookeeper.ts';
import { brokerRow, learnState } from './learn-fixture.ts';
import { clients, expectSound, session, tree, WIDTHS } from './readers-fixture.ts';

const OWN = '0x100000000000021';
const quorum = {
  leaderId: 1,
  leaderEpoch: 4,
  highWatermark: '1234',
  leaderSince: null,
  voters: [1, 2, 3].map((id) => ({ id, logEndOffset: '1234', lag: id === 3 ? '12' : '0', lastFetchAt: null, lastCaughtUpAt: null })),
  observers: [],
};
const step = (id: number, what: ZooKeeperClientStep['what'], detail: string): ZooKeeperClientStep => ({
  id,
  at: 1_000 * id,
  role: 'own',
  what,
  detail,
});
const healthy = learnState({ quorum, znodes: tree() });
const here = learnState({
  quorum,
  znodes: tree([
    ['here', OWN],
    ['notes', null],
  ]),
  coordination: clients({
    own: session({ ephemerals: ['/learn/here'] }),
    watcher: session({ role: 'watcher', sessionId: '0x100000000000027' }),
    watches: [{ path: '/controller', kind: 'node', since: 1, existed: true }],
    fired: [{ id: 9, at: 9_000, path: '/brokers/ids', event: 'childrenChanged', broker: 1, setAt: 1 }],
    steps: [step(1, 'opened', 'at broker 1'), step(2, 'created', '/learn/here, ephemeral')],
  }),
});
const vanished = {
  ...here,
  znodes: new Map([...tree([['notes', null]]), ['/learn/here', null]]),
  coordination: clients({
    own: session({ state: 'silent', ephemerals: ['/learn/here'] }),
    steps: [step(2, 'created', '/learn/here, ephemeral'), step(3, 'silent', 'connected to broker 1')],
  }),
};
const frozen = {
  ...healthy,
  znodes: tree([], [3]),
  brokers: [brokerRow(1), brokerRow(2), brokerRow(3, { state: 'frozen', sessionAgeMs: 9_000 })],
};
const box = (state: typeof healthy, id: string) => zookeeper.diagram(state, 1_100).boxes.find((one) => one.id === id);
const edges = (state: typeof healthy) =>
  zookeeper.diagram(state, 1_100).edges.map(({ id, from, to, cut }) => `${id}: ${from} > ${to}${cut === true ? ' cut' : ''}`);

describe('the diagram of ZooKeeper', () => {
  it.each([
    ['healthy', healthy],
    ['a session of the user', here],
    ['vanished', vanished],
    ['a frozen broker', frozen],
    ['not read', learnState({ quorum })],
    ['no response', learnState({ brokers: [], controllerId: null })],
    ['a remote cluster', learnState({ embedded: false, quorum })],
  ])('is sound at any width: %s', (_, state) => {
    for (const width of WIDTHS) expectSound(zookeeper.diagram(state, width));
  });

  it('connects each session to its nodes', () => {
    expect(edges(here)).toEqual([
      'holds-controller: session-1 > znode-/controller',
      'watch-/controller: session-watcher > znode-/controller',
      'watch-/brokers/ids: session-watcher > znode-/brokers/ids',
      'holds-/brokers/ids/1: session-1 > znode-/brokers/ids/1',
      'holds-/brokers/ids/2: session-2 > znode-/brokers/ids/2',
      'holds-/brokers/ids/3: session-3 > znode-/brokers/ids/3',
      'own-/learn/here: session-own > znode-/learn/here',
      'view: quorum > znode-/controller',
    ]);
    expect(box(here, 'znode-/learn/here')?.data).toEqual({ znode: '/learn/here', there: 'yes', owner: OWN });
    expect(box(here, 'znode-/learn/notes')).toMatchObject({ dashed: false, note: 'persistent' });
    expect(box(here, 'znode-/controller')).toMatchObject({ note: 'broker 1, watched' });
  });

  it('has one pulse per fired watch', () => {
    expect(zookeeper.diagram(here, 1_100).pulses).toEqual([
      { id: 9, edge: 'watch-/brokers/ids', label: 'children changed', tone: 'accent', reverse: true },
    ]);
  });

  it('shows the nodes that were deleted with an expired session', () => {
    expect(box(vanished, 'znode-/learn/here')).toMatchObject({ tone: 'bad', note: 'missing', said: '/learn/here: does not exist' });
    expect(edges(vanished)).toContain('own-/learn/here: session-own > znode-/learn/here cut');
    expect(box(vanished, 'session-own')?.lines?.[1]?.text).toBe('silent for 1.5 s of 4 s');
    expect(box(frozen, 'session-3')).toMatchObject({ tone: 'bad', dashed: true, data: { session: 'none' } });
    expect(edges(frozen)).toContain('holds-/brokers/ids/3: session-3 > znode-/brokers/ids/3 cut');
    expect(zookeeper.wrong(frozen).join(' ')).toContain('is frozen');
  });

  it('shows the quorum with the lag of each voter', () => {
    expect(box(healthy, 'quorum')).toMatchObject({ title: 'leader 1', data: { leader: '1', epoch: '4' } });
    expect(box(healthy, 'voter-3')).toMatchObject({ lines: [{ text: 'lag 12' }], data: { lag: '12' } });
    expect(box(learnState({ znodes: tree() }), 'quorum')).toMatchObject({ dashed: true });
  });

  it('names a frozen voter frozen, and one that is down down', () => {
    expect(box(frozen, 'voter-3')?.lines).toEqual([{ text: 'frozen', tone: 'bad' }]);
    expect(box({ ...frozen, brokers: [brokerRow(1), brokerRow(2), brokerRow(3, { state: 'down' })] }, 'voter-3')?.lines).toEqual([
      { text: 'down', tone: 'bad' },
    ]);
  });

  it('does not claim that a node was deleted which was never created', () => {
    const watched = {
      ...healthy,
      znodes: new Map([...tree(), ['/learn/later', null]]),
      coordination: clients({ watches: [{ path: '/learn/later', kind: 'node', since: 1, existed: false }] }),
    };
    expect(box(watched, 'znode-/learn/later')).toMatchObject({ note: 'missing, watched', said: '/learn/later: does not exist, watched' });
  });

  it('reads the drawn nodes, and the deleted nodes of the user', () => {
    expect(followedPaths(vanished)).toEqual(
      expect.arrayContaining(['/controller', '/brokers/ids/3', '/learn', '/learn/here', '/learn/notes']),
    );
    expect(followedPaths(learnState({ znodes: tree(Array.from({ length: 60 }, (_, i) => [`n${i}`, null])) })).length).toBeLessThanOrEqual(
      30,
    );
  });

  it('has a check that needs an expired session', () => {
    expect(zookeeper.check.done(here)).toBeNull();
    expect(zookeeper.check.done(vanished)).toContain('/learn/here was deleted with its session');
    const deleted = {
      ...vanished,
      coordination: clients({ steps: [...vanished.coordination.steps, step(4, 'deleted', '/learn/here')] }),
    };
    expect(zookeeper.check.done(deleted)).toBeNull();
    const closed = {
      ...vanished,
      coordination: clients({ steps: [step(2, 'created', '/learn/here, ephemeral'), step(3, 'closed', 'in order, at once')] }),
    };
    expect(zookeeper.check.done(closed)).toBeNull();
  });
});
