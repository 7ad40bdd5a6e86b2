import { beforeEach, describe, expect, it } from 'vitest';
import { Broker } from '../../../electron/cluster/broker/broker.ts';
import { must } from '../../../electron/cluster/lib/assert.ts';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import { createLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import type { NodeConfig } from '../../../electron/cluster/lib/node-config.ts';
import { nodeSettings } from '../../../electron/cluster/quorum/node-settings.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { describeLogDirs } from '../../../electron/cluster/protocol/apis/describe-log-dirs.ts';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { findCoordinator } from '../../../electron/cluster/protocol/apis/find-coordinator.ts';
import { heartbeat } from '../../../electron/cluster/protocol/apis/heartbeat.ts';
import { joinGroup } from '../../../electron/cluster/protocol/apis/join-group.ts';
import { metadata } from '../../../electron/cluster/protocol/apis/metadata.ts';
import { offsetCommit } from '../../../electron/cluster/protocol/apis/offset-commit.ts';
import { offsetFetch } from '../../../electron/cluster/protocol/apis/offset-fetch.ts';
import { produce } from '../../../electron/cluster/protocol/apis/produce.ts';
import { syncGroup } from '../../../electron/cluster/protocol/apis/sync-group.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { decodeResponse, encodeRequest, readRequestHeader } from '../../../electron/cluster/protocol/frame.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import type { Api } from '../../../electron/cluster/protocol/schema.ts';
import { CLUSTER_ID, connection } from '../../helpers/fake-broker.ts';
import { FakeControl } from '../../helpers/fake-control.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

/** Three brokers, composed as a node does it, over memory disks and one virtual clock. */
class Cluster {
  readonly clock = new VirtualClock();
  readonly control = new FakeControl(this.clock, CLUSTER_ID);
  readonly disks = new Map<number, MemoryDisk>();
  readonly brokers = new Map<number, Broker>();
  readonly errors: unknown[] = [];
  readonly failures: unknown[] = [];
  readonly events: NodeEvent[] = [];

  boot(id: number): Broker {
    const disk = this.disks.get(id) ?? new MemoryDisk();
    this.disks.set(id, disk);
    const config: NodeConfig = {
      nodeId: id,
      clusterId: CLUSTER_ID,
      dataDirectory: '/data',
      host: 'localhost',
      brokerPort: 9090 + id,
      controllerPort: 9190 + id,
      rack: null,
      voters: [1, 2, 3].map((voter) => ({ id: voter, host: 'localhost', port: 9190 + voter })),
      properties: { 'offsets.topic.num.partitions': '3', 'min.insync.replicas': '2', 'group.initial.rebalance.delay.ms': '0' },
    };
    const broker = new Broker({
      config,
      settings: nodeSettings(config).broker,
      clock: this.clock,
      disk,
      random: seededRandom(id + 10 * this.control.registrations.length),
      logger: createLogger((level, message, fields) => {
        if (level === 'error') this.errors.push({ message, fields });
      }),
      events: (event) => this.events.push(event),
      onFailure: (error) => this.failures.push(error),
      quorum: this.control.source(),
      controller: this.control.channel,
      connectReplica: ({ port }) => ({
        send: (api, version, body) => this.ask(port - 9090, api, version, body),
        close: () => undefined,
      }),
    });
    this.brokers.set(id, broker);
    broker.start();
    return broker;
  }

  broker(id: number): Broker {
    return must(this.brokers.get(id), `no broker ${id}`);
  }

  /** From request frame to response frame, as over a socket. */
  async ask<Q, S>(id: number, api: Api<unknown, Q, S, never>, version: number, body: Q): Promise<S> {
    const reader = new Reader(Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'test' }, body)).subarray(4));
    const header = readRequestHeader(reader);
    const broker = this.brokers.get(id);
    if (broker === undefined) throw new Error(`broker ${id} is down`);
    const chunks = await broker.dispatch({ header, reader, connection, receivedAt: this.clock.monotonic() });
    return decodeResponse(api, version, Buffer.concat(must(chunks, 'no answer')).subarray(4)).body;
  }

  /** The same for tests: time passes until the response has arrived. */
  get<Q, S>(id: number, api: Api<unknown, Q, S, never>, version: number, body: Q): Promise<S> {
    return this.clock.settled(this.ask(id, api, version, body));
  }

  async produce(id: number, topic: string, value: string, acks = -1) {
    const records = buildBatch({ records: [{ value: Buffer.from(value) }], timestamp: BigInt(this.clock.now()) });
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
    const answer = await this.get(id, produce, 9, { acks, timeoutMs: 5000, topicData });
    return must(answer.responses[0]?.partitionResponses[0], 'no answer');
  }

  async consume(id: number, topic: string): Promise<string[]> {
    const topics = [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }] }];
    const answer = await this.get(id, fetch, 11, { maxWaitMs: 0, minBytes: 0, topics });
    const partition = must(answer.responses[0]?.partitions[0], 'no answer');
    expect(partition.errorCode).toBe(0);
    const values: string[] = [];
    for (const batch of iterateBatches(partition.records ?? Buffer.alloc(0))) {
      for (const record of decodeRecords(batch, 1_000_000)) values.push(String(record.value));
    }
    return values;
  }

  async leaderOf(topic: string, partition = 0): Promise<number> {
    const answer = await this.get([...this.brokers.keys()][0] ?? 1, metadata, 9, { topics: [{ name: topic }] });
    return answer.topics[0]?.partitions[partition]?.leaderId ?? -1;
  }

  async up(): Promise<void> {
    for (const id of [1, 2, 3]) this.boot(id);
    await this.clock.until(() => [...this.brokers.values()].every(({ lifecycle }) => lifecycle.state === 'running'), 5000);
    await this.clock.advance(10);
  }
}

describe('a cluster of brokers', () => {
  let cluster: Cluster;

  beforeEach(async () => {
    cluster = new Cluster();
    await cluster.up();
  });

  it('starts, and lists its brokers to clients', async () => {
    const answer = await cluster.get(2, metadata, 12, { topics: null });
    expect(answer.brokers.map(({ nodeId, port }) => [nodeId, port])).toEqual([
      [1, 9091],
      [2, 9092],
      [3, 9093],
    ]);
    expect(answer.topics).toEqual([]);
    expect(cluster.broker(1).status()).toMatchObject({ state: 'running', partitions: { led: 0, followed: 0 } });
    expect(cluster.errors).toEqual([]);
  });

  it('creates a topic that a producer names, replicates its records, and returns them to consumers', async () => {
    const named = await cluster.get(2, metadata, 9, { topics: [{ name: 'orders' }] });
    expect(named.topics[0]).toMatchObject({ errorCode: 0, partitions: [{ leaderId: 1, replicaNodes: [1, 2, 3] }] });
    expect(await cluster.produce(1, 'orders', 'first')).toMatchObject({ errorCode: 0, baseOffset: 0n });
    expect(await cluster.consume(1, 'orders')).toEqual(['first']);
    expect(cluster.broker(2).status().partitions).toMatchObject({ followed: 1 });
    expect(cluster.errors).toEqual([]);
  });

  it('keeps acknowledged records when the leader stops, and lets it rejoin when it returns', async () => {
    await cluster.get(2, metadata, 9, { topics: [{ name: 'orders' }] });
    await cluster.produce(1, 'orders', 'before');
    expect(await cluster.clock.settled(cluster.broker(1).controlledShutdown(5000))).toBe(true);
    cluster.broker(1).stop();
    cluster.brokers.delete(1);
    await cluster.clock.advance(100);
    expect(await cluster.leaderOf('orders')).toBe(2);
    expect(await cluster.produce(2, 'orders', 'after')).toMatchObject({ errorCode: 0, baseOffset: 1n });

    const epoch = must(cluster.control.registrations[0], 'never registered');
    cluster.boot(1);
    await cluster.clock.advance(3000);
    const again = cluster.control.registrations.filter(({ brokerId }) => brokerId === 1);
    expect(again).toHaveLength(2);
    expect(epoch.previousBrokerEpoch).toBe(-1n);
    expect(again[1]?.previousBrokerEpoch).toBeGreaterThanOrEqual(0n);
    expect(again[1]?.incarnationId).not.toBe(epoch.incarnationId);
    expect(cluster.control.image.topics.get('orders')?.partitions[0]?.isr.toSorted()).toEqual([1, 2, 3]);
    cluster.control.drop(2);
    cluster.control.drop(3);
    await cluster.clock.advance(10);
    expect(await cluster.consume(1, 'orders')).toEqual(['before', 'after']);
    expect(cluster.errors).toEqual([]);
  });

  it('registers after a crash without a clean-shutdown epoch', async () => {
    await cluster.get(2, metadata, 9, { topics: [{ name: 'orders' }] });
    await cluster.produce(1, 'orders', 'before');
    must(cluster.disks.get(1), 'no disk').powerCut();
    cluster.brokers.delete(1);
    cluster.boot(1);
    await cluster.clock.advance(100);
    expect(cluster.control.registrations.filter(({ brokerId }) => brokerId === 1).at(-1)?.previousBrokerEpoch).toBe(-1n);
  });

  it.each([false, true])('proves after a kill with power that no record was lost; recovery found corruption: %s', async (damaged) => {
    await cluster.get(2, metadata, 9, { topics: [{ name: 'orders' }] });
    await cluster.produce(1, 'orders', 'before');
    const disk = must(cluster.disks.get(1), 'no disk');
    const killed = cluster.broker(1);
    killed.lifecycle.stop();
    cluster.brokers.delete(1);
    if (damaged) {
      const log = disk.open('/data/orders-0/00000000000000000000.log');
      log.write([Buffer.from([0xff])], log.size() - 1);
    }
    cluster.boot(1);
    await cluster.clock.advance(100);
    const last = cluster.control.registrations.filter(({ brokerId }) => brokerId === 1).at(-1)?.previousBrokerEpoch;
    expect(last).toBe(damaged ? -1n : killed.lifecycle.brokerEpoch);
  });

  it('does not lead partitions of its previous run before it has registered', async () => {
    await cluster.get(2, metadata, 9, { topics: [{ name: 'orders' }] });
    await cluster.produce(1, 'orders', 'acknowledged');
    cluster.broker(1).stop();
    cluster.brokers.delete(1);
    cluster.disks.set(1, new MemoryDisk());
    cluster.control.refuseRegistrations = true;
    cluster.boot(1);
    await cluster.clock.advance(2000);
    expect(cluster.control.image.topics.get('orders')?.partitions[0]?.leader).toBe(1);
    expect(cluster.broker(1).status()).toMatchObject({ state: 'registering', partitions: { led: 0, followed: 0 } });
    expect((await cluster.produce(1, 'orders', 'early')).errorCode).not.toBe(0);

    cluster.control.drop(1);
    cluster.control.refuseRegistrations = false;
    await cluster.clock.advance(3000);
    expect(await cluster.consume(2, 'orders')).toEqual(['acknowledged']);
    expect(cluster.broker(1).status()).toMatchObject({ state: 'running', partitions: { led: 0, followed: 1 } });
    expect(cluster.control.image.topics.get('orders')?.partitions[0]?.isr.toSorted()).toEqual([1, 2, 3]);
  });

  it('coordinates a group, whose committed offsets survive a coordinator failover', async () => {
    await cluster.get(1, metadata, 9, { topics: [{ name: 'orders' }] });
    const find = () => cluster.get(1, findCoordinator, 2, { key: 'readers', keyType: 0 });
    const first = await find();
    expect(first).toMatchObject({ errorCode: 0, host: 'localhost' });
    await cluster.clock.advance(100);

    const join = { groupId: 'readers', sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, memberId: '', protocolType: 'consumer' };
    const protocols = [{ name: 'range', metadata: Buffer.from('m') }];
    const joined = await cluster.get(first.nodeId, joinGroup, 3, { ...join, protocols });
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, leader: joined.memberId });
    const member = { groupId: 'readers', generationId: 1, memberId: joined.memberId };
    const assignments = [{ memberId: joined.memberId, assignment: Buffer.from('a') }];
    expect(await cluster.get(first.nodeId, syncGroup, 3, { ...member, assignments })).toMatchObject({ errorCode: 0 });
    const commit = {
      groupId: 'readers',
      generationIdOrMemberEpoch: 1,
      memberId: joined.memberId,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 42n, committedMetadata: 'note' }] }],
    };
    const committed = await cluster.get(first.nodeId, offsetCommit, 8, commit);
    expect(committed.topics[0]?.partitions).toEqual([{ partitionIndex: 0, errorCode: 0 }]);

    cluster.control.drop(first.nodeId);
    await cluster.clock.advance(500);
    const other = [1, 2, 3].find((id) => id !== first.nodeId) ?? 1;
    const second = await cluster.get(other, findCoordinator, 2, { key: 'readers', keyType: 0 });
    expect(second.errorCode).toBe(0);
    expect(second.nodeId).not.toBe(first.nodeId);
    const fetched = await cluster.get(second.nodeId, offsetFetch, 7, { groupId: 'readers', topics: null });
    expect(fetched.topics[0]).toMatchObject({ name: 'orders', partitions: [{ committedOffset: 42n, metadata: 'note', errorCode: 0 }] });
    expect(
      (await cluster.get(second.nodeId, offsetFetch, 8, { groups: [{ groupId: 'readers', topics: null }] })).groups[0]?.topics,
    ).toHaveLength(1);
    expect(cluster.errors).toEqual([]);
  });

  it('answers heartbeats of group members while other requests are held after a stall', async () => {
    const find = () => cluster.get(1, findCoordinator, 2, { key: 'readers', keyType: 0 });
    const { nodeId } = await find();
    await cluster.clock.advance(100);
    const join = { groupId: 'readers', sessionTimeoutMs: 12_000, rebalanceTimeoutMs: 12_000, memberId: '', protocolType: 'consumer' };
    const protocols = [{ name: 'range', metadata: Buffer.from('m') }];
    const { memberId } = await cluster.get(nodeId, joinGroup, 3, { ...join, protocols });
    const member = { groupId: 'readers', generationId: 1, memberId };
    const assignments = [{ memberId, assignment: Buffer.from('a') }];
    expect(await cluster.get(nodeId, syncGroup, 3, { ...member, assignments })).toMatchObject({ errorCode: 0 });

    // The controller does not confirm the metadata, so requests are held as long as they may be.
    const capMs = cluster.broker(nodeId).settings.brokerSessionTimeoutMs;
    cluster.clock.stall(capMs / 2);
    let held = true;
    const other = cluster.ask(nodeId, metadata, 9, { topics: [] }).finally(() => (held = false));
    const codes: number[] = [];
    const beat = (id: string): void => {
      void cluster.ask(nodeId, heartbeat, 3, { ...member, memberId: id }).then(({ errorCode }) => codes.push(errorCode));
    };
    beat(memberId);
    await cluster.clock.advance(10);
    beat('unknown');
    await cluster.clock.advance(10);
    expect(codes).toEqual([ErrorCode.NONE, ErrorCode.NOT_COORDINATOR]);
    expect(held).toBe(true);
    await cluster.clock.advance(capMs);
    await other;
    expect(await cluster.get(nodeId, heartbeat, 3, member)).toMatchObject({ errorCode: ErrorCode.NONE });
  });

  it('expires no group member while requests are held after a stall, and expires a silent one later', async () => {
    const { nodeId } = await cluster.get(1, findCoordinator, 2, { key: 'readers', keyType: 0 });
    await cluster.clock.advance(100);
    const join = { groupId: 'readers', sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 6_000, memberId: '', protocolType: 'consumer' };
    const protocols = [{ name: 'range', metadata: Buffer.from('m') }];
    const { memberId } = await cluster.get(nodeId, joinGroup, 3, { ...join, protocols });
    const member = { groupId: 'readers', generationId: 1, memberId };
    const assignments = [{ memberId, assignment: Buffer.from('a') }];
    expect(await cluster.get(nodeId, syncGroup, 3, { ...member, assignments })).toMatchObject({ errorCode: 0 });

    const capMs = cluster.broker(nodeId).settings.brokerSessionTimeoutMs;
    cluster.clock.stall(6_000);
    let held = true;
    const other = cluster.ask(nodeId, metadata, 9, { topics: [] }).finally(() => (held = false));
    await cluster.clock.advance(capMs - 100);
    expect(held).toBe(true);
    await cluster.clock.advance(1_000);
    await other;
    expect(await cluster.get(nodeId, heartbeat, 3, member)).toMatchObject({ errorCode: ErrorCode.NONE });
    await cluster.clock.advance(6_100);
    expect(await cluster.get(nodeId, heartbeat, 3, member)).toMatchObject({ errorCode: ErrorCode.NOT_COORDINATOR });
  });

  it('hands over and stops when its disk fails; no acknowledged record is lost', async () => {
    await cluster.get(2, metadata, 9, { topics: [{ name: 'orders' }] });
    await cluster.produce(1, 'orders', 'before');
    const disk = must(cluster.disks.get(1), 'no disk');
    disk.options = { ...disk.options, capacityBytes: 0 };
    expect((await cluster.produce(1, 'orders', 'lost', 1)).errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    const dirs = await cluster.get(1, describeLogDirs, 4, { topics: null });
    expect(dirs.results).toMatchObject([{ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir: '/data', topics: [] }]);
    await cluster.clock.advance(100);
    expect(await cluster.leaderOf('orders')).toBe(2);
    expect(cluster.broker(1).status()).toMatchObject({ state: 'stopped' });
    expect(cluster.failures).toEqual([expect.objectContaining({ code: ErrorCode.KAFKA_STORAGE_ERROR })]);
    expect(cluster.events).toContainEqual(expect.objectContaining({ type: 'node/logDirectoryFailed', broker: 1 }));
    expect(await cluster.produce(2, 'orders', 'after')).toMatchObject({ errorCode: 0, baseOffset: 1n });

    // With free space it returns as a broker that may have lost records, and catches up.
    cluster.broker(1).stop();
    cluster.brokers.delete(1);
    disk.options = {};
    cluster.boot(1);
    await cluster.clock.advance(3000);
    expect(cluster.control.registrations.at(-1)).toMatchObject({ brokerId: 1, previousBrokerEpoch: -1n });
    expect(cluster.control.image.topics.get('orders')?.partitions[0]?.isr.toSorted()).toEqual([1, 2, 3]);
    expect(cluster.broker(1).status()).toMatchObject({ state: 'running', storageError: null });
  });
});
