/** The app's own ZooKeeper sessions on a running cluster; what they come to is asked of node-zookeeper-client, which knows nothing of them. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { EventBus } from '../../electron/services/event-bus.ts';
import { ZooKeeperSession } from '../../electron/admin/zookeeper-session.ts';
import { ZooKeeperClientsService } from '../../electron/services/zookeeper-clients.ts';
import type { ZooKeeperAddress } from '../../electron/admin/zookeeper-wire.ts';
import type { ZooKeeperClientSession, FiredWatch } from '../../shared/models/zookeeper-clients.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { ZooKeeperObserver } from '../helpers/zookeeper-observer.ts';

const SOON_MS = 30_000;
/** Of sessions that are to expire, and not before they are silent. */
const LOST_SESSION_MS = 5_000;

let cluster: ClusterProcess;
let observer: ZooKeeperObserver;
let service: ZooKeeperClientsService;
let fired: FiredWatch[];

const servers = (): ZooKeeperAddress[] =>
  cluster.line.zookeeper.split(',').map((address, index) => {
    const colon = address.lastIndexOf(':');
    return { id: index + 1, host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  });
const own = (): ZooKeeperClientSession => {
  const session = service.clients().own;
  if (session === null) throw new Error('no session');
  return session;
};
const steps = (): string[] => service.clients().steps.map(({ role, what }) => `${role} ${what}`);
/** Also for what another client of another server is to read: that server may be a moment behind, as any but the leader may be. */
const soon = { timeout: SOON_MS, interval: 100 };

beforeAll(async () => {
  cluster = await ClusterProcess.start();
  observer = new ZooKeeperObserver(cluster.line.zookeeper);
});

beforeEach(() => {
  fired = [];
  const events = new EventBus();
  events.subscribe((event, payload) => {
    if (event === 'zookeeper/watchFired') fired.push(payload as FiredWatch);
  });
  service = new ZooKeeperClientsService(() => Promise.resolve(servers()), events);
  return () => service.close();
});

afterAll(async () => {
  await observer.close();
  expect(await cluster.stop()).toBe(0);
});

test('a session is granted a timeout within the server’s bounds, and its ephemeral node is its own', async () => {
  await service.open(500);
  expect(own()).toMatchObject({ state: 'connected', askedTimeoutMs: 500, timeoutMs: 2_000, resumed: 0, problem: null });
  await service.closeSession('own');
  // One that a slow machine does not let expire.
  await service.open(20_000);
  await service.create('/learn/here', 'me', true);
  await service.create('/learn/notes/first', 'one', false);
  await expect.poll(() => observer.get('/learn/here'), soon).toEqual({ data: 'me', version: 0, owner: own().sessionId });
  await expect.poll(() => observer.get('/learn/notes'), soon).toMatchObject({ owner: '0x0' });
  await service.set('/learn/notes/first', 'two');
  await expect.poll(() => observer.get('/learn/notes/first'), soon).toMatchObject({ data: 'two', version: 1, owner: '0x0' });

  await expect(service.create('/learn/here', '', true)).rejects.toMatchObject({ app: { code: 'NODE_EXISTS', field: 'path' } });
  await expect(service.create('/learn/here/below', '', false)).rejects.toMatchObject({ app: { code: 'INVALID_PAYLOAD' } });
  await expect(service.delete('/learn/notes')).rejects.toMatchObject({ app: { code: 'NOT_EMPTY' } });
  await expect(service.set('/learn/none', '')).rejects.toMatchObject({ app: { code: 'NOT_FOUND' } });
  await expect(service.set('/brokers', '')).rejects.toMatchObject({ app: { code: 'NOT_READABLE' } });

  await service.delete('/learn/notes/first');
  await expect.poll(() => observer.get('/learn/notes/first'), soon).toBeNull();
  await service.closeSession('own');
  expect(own()).toMatchObject({ state: 'closed', ephemerals: [] });
  await expect.poll(() => observer.get('/learn/here'), soon).toBeNull();
  expect(steps().at(-1)).toBe('own closed');
});

test('a server expires the session of a silent client and notifies the watcher; the client learns it on reconnect', async () => {
  await service.open(LOST_SESSION_MS);
  const { sessionId } = own();
  await service.create('/learn/here', 'me', true);
  await service.watch('/learn/here', 'node');
  expect(service.clients().watches).toMatchObject([{ path: '/learn/here', kind: 'node', existed: true }]);
  const from = Date.now();
  service.silence();
  expect(() => service.silence()).toThrow('silent');
  await expect(service.create('/learn/more', '', false)).rejects.toMatchObject({ app: { code: 'NOT_CONNECTED' } });
  await expect.poll(() => fired, soon).toMatchObject([{ path: '/learn/here', event: 'deleted' }]);
  // Not earlier than the timeout: the server may have received a ping just before.
  expect(Date.now() - from).toBeGreaterThan(1_000);
  await expect.poll(() => observer.get('/learn/here'), soon).toBeNull();
  expect(own()).toMatchObject({ state: 'silent', sessionId });
  expect(service.clients().watches).toEqual([]);

  service.speak();
  await expect.poll(() => own().state, soon).toBe('expired');
  expect(own()).toMatchObject({ sessionId, broker: null });
  expect(own().problem).toContain('no ping within the session timeout');
  expect(steps()).toEqual(['own opened', 'own created', 'watcher opened', 'own silent', 'own spoke', 'own lost', 'own expired']);
});

test('watches of an expired session end with an event', async () => {
  const events: Omit<FiredWatch, 'id'>[] = [];
  const session = await ZooKeeperSession.open({
    servers: () => Promise.resolve(servers()),
    timeoutMs: LOST_SESSION_MS,
    changed: () => undefined,
    step: () => undefined,
    fired: (event) => events.push(event),
  });
  await session.create('/learn/expiring', '', true);
  await session.watch('/brokers/ids', 'children');
  session.silence();
  await expect.poll(() => observer.get('/learn/expiring'), soon).toBeNull();
  session.speak();
  await expect.poll(() => session.state, soon).toBe('expired');
  expect(events).toMatchObject([{ path: '/brokers/ids', event: 'expired' }]);
  expect(session.watches).toEqual([]);
});

test('a client that is silent for less than its timeout keeps its session', async () => {
  await service.open(20_000);
  const { sessionId } = own();
  await service.create('/learn/patient', '', true);
  service.silence();
  await new Promise((done) => setTimeout(done, 1_500));
  service.speak();
  await service.set('/learn/patient', 'still here');
  expect(own()).toMatchObject({ state: 'connected', sessionId, resumed: 0, ephemerals: ['/learn/patient'] });
  await expect.poll(() => observer.get('/learn/patient'), soon).toMatchObject({ data: 'still here', owner: sessionId });
  await service.closeSession('own');
});

test.each(['kill', 'freeze'] as const)('a session moves to another broker when its broker is lost (%s)', async (fault) => {
  // The client gives a silent server up after two thirds of it: the last third, 4 s, is for its connection to another one.
  await service.open(12_000);
  await service.watch('/brokers/ids', 'children');
  const { broker, sessionId } = own();
  if (broker === null) throw new Error('not connected');
  const moving = `/learn/${fault}`;
  await service.create(moving, 'before', true);
  // That client does not notice a frozen server.
  const elsewhere = new ZooKeeperObserver(
    cluster.line.zookeeper
      .split(',')
      .toSpliced(broker - 1, 1)
      .join(','),
  );
  await cluster.control('POST', `/nodes/${broker}/${fault}`);
  try {
    await expect.poll(() => own(), soon).toMatchObject({ state: 'connected', sessionId, resumed: 1 });
    expect(own().broker).not.toBe(broker);
    await expect.poll(() => elsewhere.get(moving), soon).toMatchObject({ data: 'before', owner: sessionId });
    await service.set(moving, 'after');
    await expect.poll(() => elsewhere.get(moving), soon).toMatchObject({ data: 'after', owner: sessionId });
    // The broker's own session has expired: its node is deleted, and the watch fires at whichever broker the watcher is connected to.
    await expect.poll(() => fired, soon).toMatchObject([{ path: '/brokers/ids', event: 'childrenChanged' }]);
    await expect.poll(() => elsewhere.children('/brokers/ids'), soon).not.toContain(String(broker));
  } finally {
    await cluster.control('POST', `/nodes/${broker}/${fault === 'kill' ? 'start' : 'thaw'}`);
    await expect.poll(() => elsewhere.children('/brokers/ids'), soon).toHaveLength(3);
    await elsewhere.close();
  }
});

test('a watch on what is not there waits for it, and fires once', async () => {
  await service.watch('/learn/later', 'node');
  expect(service.clients()).toMatchObject({ own: null, watches: [{ path: '/learn/later', existed: false }] });
  await expect(service.watch('/learn/later', 'children')).rejects.toMatchObject({ app: { code: 'NOT_FOUND' } });
  await observer.put('/learn/later', 'one');
  await expect.poll(() => fired, soon).toMatchObject([{ path: '/learn/later', event: 'created' }]);
  await observer.put('/learn/later', 'two');
  await service.watch('/learn/later', 'node');
  await observer.put('/learn/later', 'three');
  await expect.poll(() => fired.map(({ event }) => event), soon).toEqual(['created', 'changed']);
  await observer.remove('/learn/later');
});

test('where no server answers, opening says so and leaves nothing behind', { timeout: 60_000 }, async () => {
  const unreachable = new ZooKeeperClientsService(() => Promise.resolve([{ id: 9, host: '127.0.0.1', port: 1 }]), new EventBus());
  await expect(unreachable.open(2_000)).rejects.toMatchObject({ app: { code: 'BROKER_UNREACHABLE' } });
  expect(unreachable.clients().own).toBeNull();
  await expect(unreachable.create('/learn/x', '', false)).rejects.toMatchObject({ app: { code: 'NOT_CONNECTED' } });
  unreachable.close();
});
