import { afterEach, describe, expect, it } from 'vitest';
import { FaultyDisk } from '../../../electron/cluster/lib/faulty-disk.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { brokerHeartbeat } from '../../../electron/cluster/protocol/apis/broker-heartbeat.ts';
import { createPartitions } from '../../../electron/cluster/protocol/apis/create-partitions.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { deleteTopics } from '../../../electron/cluster/protocol/apis/delete-topics.ts';
import { electLeaders } from '../../../electron/cluster/protocol/apis/elect-leaders.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { ZERO_UUID } from '../../../electron/cluster/protocol/uuid.ts';
import { QuorumCluster, TestBroker } from '../../helpers/quorum-cluster.ts';

const topic = (name: string, timeoutMs = 10_000) => ({
  topics: [{ name, numPartitions: 2, replicationFactor: 3, assignments: [], configs: [] }],
  timeoutMs,
  validateOnly: false,
});

/** From now on every write of that node's disk waits, as with the slow disk fault. */
function slowDown(cluster: QuorumCluster, id: number, latencyMs: number): void {
  const slow = new FaultyDisk(new MemoryDisk(), cluster.clock);
  slow.set({ slow: latencyMs === 0 ? [] : [{ latencyMs, bytesPerSecond: 0 }], full: false });
  cluster.node(id).disk.options.admit = (bytes) => slow.admit(bytes);
}

describe('progress of the quorum under a fault', () => {
  let cluster: QuorumCluster | undefined;
  afterEach(() => {
    for (const id of cluster?.nodes.keys() ?? []) cluster?.kill(id);
    cluster = undefined;
  });

  async function start(
    options: ConstructorParameters<typeof QuorumCluster>[1] = {},
  ): Promise<{ cluster: QuorumCluster; controller: number }> {
    cluster = new QuorumCluster(3, options);
    await cluster.withBrokers();
    return { cluster, controller: (cluster.controller as { id: number }).id };
  }

  /** Epoch of the quorum, and the fenced brokers. */
  function state(cluster: QuorumCluster): { epoch: number; fenced: number[] } {
    const quorum = cluster.controller?.quorum;
    const brokers = [...(quorum?.image().brokers.values() ?? [])];
    return { epoch: quorum?.leaderEpoch ?? -1, fenced: brokers.filter(({ fenced }) => fenced).map(({ id }) => id) };
  }

  describe.each([5, 200, 2000])('with %d ms for every write', (latencyMs) => {
    it('the controller creates topics, keeps its epoch and fences no broker', async () => {
      const { cluster, controller } = await start();
      const before = state(cluster);
      const failures = () => [...cluster.nodes.values()].map(({ broker }) => broker?.failures);
      const failuresBefore = failures();
      slowDown(cluster, controller, latencyMs);
      for (let round = 0; round < 8; round++) {
        const from = cluster.clock.monotonic();
        const answers = await Promise.all([1, 2, 3].map((id) => cluster.send(id, createTopics, topic(`t${round}-${id}`))));
        expect(answers.map(({ topics }) => topics[0]?.errorCode)).toEqual([0, 0, 0]);
        // One wait for the queue, one for requests that were queued meanwhile.
        expect(cluster.clock.monotonic() - from).toBeLessThan(2 * latencyMs + 1000);
        await cluster.clock.advance(1000);
        // Each heartbeat was answered within a second, regardless of the disk.
        expect(failures()).toEqual(failuresBefore);
        for (const age of cluster.controller?.quorum.sessions()?.values() ?? []) expect(age).toBeLessThan(3000);
      }
      expect(state(cluster)).toEqual(before);
    });

    it('all nodes create topics, keep their controller and fence no broker', async () => {
      const { cluster } = await start();
      const before = state(cluster);
      for (const id of cluster.nodes.keys()) slowDown(cluster, id, latencyMs);
      for (let round = 0; round < 4; round++) {
        const answer = await cluster.send(1 + (round % 3), createTopics, topic(`t${round}`, 30_000), 30_000);
        expect(answer.topics[0]?.errorCode).toBe(0);
        await cluster.clock.advance(2000);
      }
      expect(state(cluster)).toEqual(before);
    });

    it('a broker that starts meanwhile is unfenced', async () => {
      const { cluster, controller } = await start();
      const id = 1 + (controller % 3);
      cluster.kill(id);
      expect(await cluster.clock.until(() => state(cluster).fenced.includes(id), 6000, 20)).toBe(true);
      slowDown(cluster, controller, latencyMs);
      const broker = new TestBroker(cluster, cluster.start(id));
      cluster.node(id).broker = broker;
      // Registration, unfencing, and a heartbeat whose response reports it.
      expect(await cluster.clock.until(() => !broker.fenced, 3 * latencyMs + 2000, 20)).toBe(true);
      await cluster.clock.advance(5000);
      expect(broker.fenced).toBe(false);
      expect(state(cluster).fenced).toEqual([]);
    });

    it('followers catch up from a snapshot without an election', async () => {
      const { cluster, controller } = await start({ properties: { 'metadata.log.max.record.bytes.between.snapshots': '1200' } });
      const follower = 1 + (controller % 3);
      cluster.kill(follower);
      for (let round = 0; round < 20; round++) await cluster.send(controller, createTopics, topic(`t${round}`));
      const { epoch } = state(cluster);
      const node = cluster.start(follower);
      slowDown(cluster, follower, latencyMs);
      const goal = (): bigint => cluster.controller?.quorum.image().offset ?? -1n;
      expect(await cluster.clock.until(() => node.quorum.image().offset === goal(), 60_000, 20)).toBe(true);
      await cluster.clock.advance(5000);
      expect(state(cluster).epoch).toBe(epoch);
    });
  });

  it('drops a request that its sender no longer waits for: it has no effect later', async () => {
    const { cluster, controller } = await start();
    await cluster.send(1, createTopics, topic('kept'));
    slowDown(cluster, controller, 500);
    const quick = { timeoutMs: 100 };
    const image = () => cluster.controller?.quorum.image();
    const offset = image()?.offset;
    const { channel } = cluster.node(controller).quorum;
    const asked = [
      channel.send(createTopics, createTopics.maxVersion, topic('late', 100), quick),
      channel.send(deleteTopics, deleteTopics.maxVersion, { topics: [{ name: 'kept', topicId: ZERO_UUID }], ...quick }, quick),
      channel.send(
        createPartitions,
        createPartitions.maxVersion,
        { topics: [{ name: 'kept', count: 5, assignments: null }], validateOnly: false, ...quick },
        quick,
      ),
      channel.send(electLeaders, electLeaders.maxVersion, { electionType: 0, topicPartitions: null, ...quick }, quick),
    ];
    const outcomes = Promise.allSettled(asked);
    await cluster.clock.settled(outcomes);
    for (const id of cluster.nodes.keys()) slowDown(cluster, id, 0);
    await cluster.clock.advance(5000);
    expect(image()?.topics.has('late')).toBe(false);
    expect(image()?.topics.get('kept')?.partitions).toHaveLength(2);
    expect(image()?.offset).toBe(offset);
  });

  it('reports that nothing was changed when the disk did not admit a request in time, counted from its arrival', async () => {
    const { cluster, controller } = await start();
    slowDown(cluster, controller, 300);
    const { quorum } = cluster.node(controller);
    const create = (name: string, timeoutMs: number, at = {}) => quorum.answer(createTopics.key, 7, topic(name, timeoutMs), at);
    const refused = create('late', 200);
    const stale = create('stale', 1000, { receivedAt: cluster.clock.monotonic() - 900 });
    const taken = create('taken', 1000);
    const code = (answer: unknown) => (answer as { topics: { errorCode: number; errorMessage: string | null }[] }).topics[0];
    expect(code(await cluster.clock.settled(refused))).toMatchObject({ errorCode: ErrorCode.REQUEST_TIMED_OUT });
    expect(code(await cluster.clock.settled(stale))?.errorMessage).toContain('Nothing was changed');
    expect(code(await cluster.clock.settled(taken))).toMatchObject({ errorCode: 0 });
    await cluster.clock.advance(2000);
    expect([...(cluster.controller?.quorum.image().topics.keys() ?? [])]).toEqual(['taken']);
  });

  it('answers heartbeats in time while the quorum does not confirm the changes before them', async () => {
    const { cluster, controller } = await start({ controllerSettings: { commitTimeoutMs: 200 } });
    const { quorum } = cluster.node(controller);
    const { epoch } = cluster.node(controller).broker as TestBroker;
    for (const id of cluster.nodes.keys()) if (id !== controller) cluster.kill(id);
    const heartbeat = { brokerId: controller, brokerEpoch: epoch, currentMetadataOffset: epoch, wantFence: false, wantShutDown: false };
    const change = quorum.answer(createTopics.key, 7, topic('unconfirmed', 200));
    const from = cluster.clock.monotonic();
    const answer = (await cluster.clock.settled(quorum.answer(brokerHeartbeat.key, 1, heartbeat))) as { errorCode: number };
    expect(answer.errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
    expect(cluster.clock.monotonic() - from).toBeLessThan(300);
    await cluster.clock.settled(change);
  });

  it('changes nothing after that response, though the timer fired early and the disk admits the request before its deadline', async () => {
    const { cluster, controller } = await start();
    const { disk, quorum } = cluster.node(controller);
    const { clock } = cluster;
    const gate = Promise.withResolvers<undefined>();
    disk.options.admit = () => gate.promise;
    const setTimer = clock.setTimer.bind(clock);
    // As timers of Node.js may fire.
    clock.setTimer = (delayMs, callback) => setTimer(delayMs - 1, callback);
    const late = quorum.answer(createTopics.key, 7, topic('late', 200));
    clock.setTimer = setTimer;
    await clock.advance(199.5);
    delete disk.options.admit;
    gate.resolve(undefined);
    const answer = (await clock.settled(late)) as { topics: { errorMessage: string | null }[] };
    expect(answer.topics[0]?.errorMessage).toContain('Nothing was changed');
    await clock.advance(2000);
    expect(cluster.controller?.quorum.image().topics.size).toBe(0);
  });

  it('fences a broker without heartbeats while the disk is slow, and no other', async () => {
    const { cluster, controller } = await start();
    slowDown(cluster, controller, 200);
    const silent = 1 + (controller % 3);
    cluster.node(silent).broker?.stop();
    expect(await cluster.clock.until(() => state(cluster).fenced.includes(silent), 6000, 20)).toBe(true);
    await cluster.clock.advance(5000);
    expect(state(cluster).fenced).toEqual([silent]);
    expect(cluster.events.filter(({ type }) => type === 'cluster/brokerFenced')).toHaveLength(1);
  });

  it('creates topics over links of 200 ms without an election', async () => {
    const { cluster } = await start();
    const before = state(cluster);
    Object.assign(cluster.network, { minDelayMs: 200, maxDelayMs: 230 });
    for (let round = 0; round < 10; round++) {
      const answer = await cluster.send(1 + (round % 3), createTopics, topic(`t${round}`));
      expect(answer.topics[0]?.errorCode).toBe(0);
      await cluster.clock.advance(1500);
    }
    expect(state(cluster)).toEqual(before);
  });

  it.each([2, 20, 90])('keeps its controller and its brokers when the whole process is stalled for %d s', async (seconds) => {
    for (let seed = 1; seed <= 10; seed++) {
      cluster = new QuorumCluster(3, { seed, stallAware: true });
      await cluster.withBrokers();
      // Voters with new directories regain their votes meanwhile.
      await cluster.clock.advance(5000 + 97 * seed);
      const before = state(cluster);
      for (let stall = 0; stall < 3; stall++) {
        cluster.clock.stall(seconds * 1000);
        await cluster.clock.advance(1700);
      }
      expect(state(cluster), `seed ${seed}`).toEqual(before);
      expect((await cluster.send(1, createTopics, topic('after'))).topics[0]?.errorCode).toBe(0);
      for (const id of cluster.nodes.keys()) cluster.kill(id);
    }
    cluster = undefined;
  });

  it('elects another controller when the active one dies on a machine that stalls repeatedly', async () => {
    const { cluster, controller } = await start({ stallAware: true });
    const { epoch } = state(cluster);
    cluster.kill(controller);
    for (let turn = 0; turn < 100 && cluster.controller === undefined; turn++) {
      cluster.clock.stall(150);
      await cluster.clock.advance(100);
    }
    expect(state(cluster).epoch).toBeGreaterThan(epoch);
    const reason = cluster.events.findLast(({ type }) => type === 'quorum/leaderElected')?.reason;
    expect(reason).toMatch(new RegExp(` because node ${controller} (did not respond for \\d+ ms|resigned)$`));
  });

  it('names the cause of an election when the active controller resigns', async () => {
    const { cluster, controller } = await start();
    await cluster.clock.advance(5000);
    const stopped = cluster.node(controller).quorum.stop();
    await cluster.clock.settled(stopped);
    cluster.kill(controller);
    await cluster.ready();
    const reason = cluster.events.findLast(({ type }) => type === 'quorum/leaderElected')?.reason;
    expect(reason).toContain(`because node ${controller} resigned`);
  });
});
