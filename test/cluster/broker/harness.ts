/**
 * Brokers without sockets: replica managers over memory disks and one virtual clock, which fetch from each other through the real
 * handlers and codecs, and a controller that supports only compare-and-set and manual elections.
 */
import { FetchSessionCache } from '../../../electron/cluster/broker/fetch-session.ts';
import { handleDeleteRecords } from '../../../electron/cluster/broker/handlers/delete-records.ts';
import { handleFetch } from '../../../electron/cluster/broker/handlers/fetch.ts';
import { handleListOffsets } from '../../../electron/cluster/broker/handlers/list-offsets.ts';
import { handleProduce } from '../../../electron/cluster/broker/handlers/produce.ts';
import type { Partition } from '../../../electron/cluster/broker/partition.ts';
import { ProducerIds } from '../../../electron/cluster/broker/producer-ids.ts';
import type { Peer } from '../../../electron/cluster/broker/replica-fetcher.ts';
import type { DataContext, DataRequestContext } from '../../../electron/cluster/broker/data-context.ts';
import { ReplicaManager } from '../../../electron/cluster/broker/replica-manager.ts';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { LogManager } from '../../../electron/cluster/log/log-manager.ts';
import type { alterPartition } from '../../../electron/cluster/protocol/apis/alter-partition.ts';
import { deleteRecords } from '../../../electron/cluster/protocol/apis/delete-records.ts';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { listOffsets } from '../../../electron/cluster/protocol/apis/list-offsets.ts';
import { produce } from '../../../electron/cluster/protocol/apis/produce.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader,
} from '../../../electron/cluster/protocol/frame.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch, type BatchToWrite } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import type { Api, RequestIn, ResponseOf } from '../../../electron/cluster/protocol/schema.ts';
import {
  EMPTY_IMAGE,
  type ImageChange,
  type MetadataImage,
  type PartitionImage,
  type TopicImage,
} from '../../../electron/cluster/quorum/image.ts';
import { ALLOW_ALL } from '../../../electron/cluster/security/authorizer.ts';
import { anonymousSession } from '../../../electron/cluster/security/session.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

export const TOPIC = 'orders';
export const TOPIC_ID = 'T3JkZXJzT3JkZXJzT3JkZQ';

const SETTINGS = {
  replicaLagTimeMaxMs: 4000,
  replicaFetchWaitMaxMs: 500,
  replicaFetchMinBytes: 1,
  replicaFetchMaxBytes: 1_048_576,
  replicaFetchResponseMaxBytes: 10_485_760,
  replicaFetchBackoffMs: 100,
  replicaSocketTimeoutMs: 3000,
};

export interface TestBroker {
  id: number;
  replicas: ReplicaManager;
  context: DataContext;
  disk: MemoryDisk;
  logs: LogManager;
  events: NodeEvent[];
  image: MetadataImage;
  alive: boolean;
  /** Receives no more changes of the metadata log. */
  deaf: boolean;
}

export interface TestClusterOptions {
  brokers?: number;
  minIsr?: number;
  /** Size of a follower's fetch, in bytes. */
  fetchMaxBytes?: number;
  /** Racks of brokers 1, 2 …; with them consumers are sent to the closest replica. */
  racks?: readonly string[];
  /** ISR of every partition at first; all replicas if absent. */
  isr?: readonly number[];
  config?: Partial<LogConfig>;
  /** Latency in one direction, between any two brokers, in ms. */
  latencyMs?: number;
}

export class TestCluster {
  readonly clock = new VirtualClock();
  readonly brokers = new Map<number, TestBroker>();
  /** The controller's metadata. */
  image: MetadataImage;
  /** `from>to` pairs whose messages are dropped; broker 0 is the controller. */
  readonly cut = new Set<string>();
  /** Answers AlterPartition instead of the controller. */
  interceptAlterPartition:
    ((request: RequestIn<typeof alterPartition>) => Promise<ResponseOf<typeof alterPartition>> | undefined) | undefined;
  minIsr: number;
  private rates = { leader: Infinity, follower: Infinity };
  private throttled: { leader: readonly string[]; follower: readonly string[] } = { leader: [], follower: [] };
  private readonly fetchMaxBytes: number | undefined;
  private readonly selectsClosest: boolean;
  private readonly latencyMs: number;
  private readonly isr: readonly number[] | undefined;
  private readonly config: LogConfig;

  constructor(options: TestClusterOptions = {}) {
    this.minIsr = options.minIsr ?? 1;
    this.fetchMaxBytes = options.fetchMaxBytes;
    this.selectsClosest = options.racks !== undefined;
    this.isr = options.isr;
    this.latencyMs = options.latencyMs ?? 0;
    this.config = { ...DEFAULT_LOG_CONFIG, ...options.config };
    const ids = Array.from({ length: options.brokers ?? 3 }, (_, index) => index + 1);
    this.image = {
      ...EMPTY_IMAGE,
      brokers: new Map(
        ids.map((id) => [
          id,
          {
            id,
            epoch: BigInt(id * 10),
            incarnationId: '',
            listeners: [{ name: 'PLAINTEXT', host: `host${id}`, port: 9092, securityProtocol: 0 }],
            rack: options.racks?.[id - 1] ?? null,
            fenced: false,
            inControlledShutdown: false,
          },
        ]),
      ),
    };
    for (const id of ids) this.brokers.set(id, this.createBroker(id, new MemoryDisk()));
  }

  broker(id: number): TestBroker {
    const broker = this.brokers.get(id);
    if (broker === undefined) throw new Error(`no broker ${id}`);
    return broker;
  }
  partition(id: number, index = 0): Partition {
    const partition = this.broker(id).replicas.partition(TOPIC, index);
    if (partition === undefined) throw new Error(`broker ${id} has no replica of ${index}`);
    return partition;
  }
  state(index = 0): PartitionImage {
    const state = this.image.topics.get(TOPIC)?.partitions[index];
    if (state === undefined) throw new Error(`no partition ${index}`);
    return state;
  }

  /** The first of `replicas` leads. */
  createTopic(...assignment: number[][]): void {
    const partitions = assignment.map((replicas, partition): PartitionImage => ({
      topicId: TOPIC_ID,
      topic: TOPIC,
      partition,
      replicas,
      isr: this.isr ?? replicas,
      elr: [],
      lastKnownElr: [],
      addingReplicas: [],
      removingReplicas: [],
      leader: replicas[0] ?? -1,
      leaderEpoch: 0,
      partitionEpoch: 0,
      leaderRecoveryState: 0,
    }));
    this.commit({ topic: { id: TOPIC_ID, name: TOPIC, partitions }, partitions });
  }

  /** Changes a partition as the controller would; the partition epoch grows. */
  change(fields: Partial<PartitionImage>, index = 0): void {
    const before = this.state(index);
    const after = { ...before, ...fields, partitionEpoch: before.partitionEpoch + 1 };
    const topic = this.image.topics.get(TOPIC) as TopicImage;
    this.commit({ topic: { ...topic, partitions: topic.partitions.map((p, i) => (i === index ? after : p)) }, partitions: [after] });
  }

  elect(leader: number, isr: readonly number[], index = 0): void {
    this.change({ leader, isr, leaderEpoch: this.state(index).leaderEpoch + 1 }, index);
  }

  fence(id: number, fenced = true): void {
    const brokers = new Map(this.image.brokers);
    const broker = brokers.get(id);
    if (broker === undefined) throw new Error(`no broker ${id}`);
    brokers.set(id, { ...broker, fenced });
    this.publish({ ...this.image, brokers }, [], [id]);
  }

  /** Bytes a second, and the replicas that they hold for. */
  throttle(rates: Partial<TestCluster['rates']>, replicas: Partial<TestCluster['throttled']>): void {
    this.rates = { ...this.rates, ...rates };
    this.throttled = { ...this.throttled, ...replicas };
    for (const { replicas: manager } of this.brokers.values()) manager.throttle.settingsChanged();
  }

  private commit({ topic, partitions }: { topic: TopicImage; partitions: readonly PartitionImage[] }): void {
    const topics = new Map(this.image.topics).set(topic.name, topic);
    const topicsById = new Map(this.image.topicsById).set(topic.id, topic);
    this.publish({ ...this.image, topics, topicsById }, partitions, []);
  }

  private publish(after: MetadataImage, partitions: readonly PartitionImage[], brokers: readonly number[]): void {
    this.image = after;
    for (const broker of this.brokers.values()) if (broker.alive && !broker.deaf) this.applyChange(broker, { partitions, brokers });
  }

  private applyChange(broker: TestBroker, change: Pick<ImageChange, 'partitions' | 'brokers'>): void {
    const before = broker.image;
    broker.image = this.image;
    broker.replicas.applyChange({ before, after: this.image, deletedTopics: [], configs: [], ...change });
  }

  /** Applies all changes that a broker has missed. */
  catchUp(id: number): void {
    const broker = this.broker(id);
    broker.deaf = false;
    this.applyChange(broker, { partitions: [...this.image.topics.values()].flatMap((topic) => topic.partitions), brokers: [] });
  }

  /** The process ends, midway; its written bytes stay. */
  kill(id: number): void {
    const broker = this.broker(id);
    broker.alive = false;
    broker.replicas.stop();
    broker.logs.halt();
  }

  restart(id: number): void {
    const old = this.broker(id);
    const broker = this.createBroker(id, old.disk);
    this.brokers.set(id, broker);
    this.catchUp(id);
  }

  private createBroker(id: number, disk: MemoryDisk): TestBroker {
    const directory = `/data/${id}`;
    const logs = LogManager.open({
      disk,
      directory,
      clock: this.clock,
      logger: silentLogger,
      random: seededRandom(id),
      configFor: () => this.config,
      deleteDelayMs: 0,
    });
    const events: NodeEvent[] = [];
    const broker = { id, disk, logs, events, image: EMPTY_IMAGE, alive: true, deaf: false } as unknown as TestBroker;
    broker.replicas = new ReplicaManager({
      brokerId: id,
      logs,
      logDirectory: directory,
      disk,
      clock: this.clock,
      logger: silentLogger,
      events: (event) => events.push(event),
      settings: this.fetchMaxBytes === undefined ? SETTINGS : { ...SETTINGS, replicaFetchMaxBytes: this.fetchMaxBytes },
      image: () => broker.image,
      minInsyncReplicas: () => this.minIsr,
      replicationRates: () => this.rates,
      throttledReplicas: () => this.throttled,
      selectsClosest: this.selectsClosest,
      alterPartition: (request) => this.alterPartition(id, request),
      connect: (to) => this.connect(id, to),
    });
    broker.replicas.start();
    broker.context = {
      nodeId: id,
      clock: this.clock,
      image: () => broker.image,
      authorizer: ALLOW_ALL,
      replicas: broker.replicas,
      fetchSessions: new FetchSessionCache({ clock: this.clock, random: seededRandom(id), maxSessions: 100 }),
      producerIds: new ProducerIds({ brokerId: id, brokerEpoch: () => 0n, send: () => Promise.reject(new Error('not here')) }),
      settings: { fetchMaxBytes: 57_671_680 },
    };
    return broker;
  }

  // --- network ---

  private isReachable(from: number, to: number): boolean {
    return !this.cut.has(`${from}>${to}`) && (to === 0 || this.broker(to).alive) && (from === 0 || this.broker(from).alive);
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(this.latencyMs, resolve));
  }

  private connect(from: number, to: number): Peer {
    let closed = false;
    const rejectors = new Set<(error: Error) => void>();
    return {
      send: <Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, { timeoutMs }: { timeoutMs: number }): Promise<S> =>
        new Promise<S>((resolve, reject) => {
          const fail = (error: Error): void => {
            timer.cancel();
            rejectors.delete(fail);
            reject(error);
          };
          const timer = this.clock.setTimer(timeoutMs, () => fail(new Error('timed out')));
          rejectors.add(fail);
          if (closed || !this.broker(to).alive) {
            fail(new Error(closed ? 'closed' : 'refused'));
            return;
          }
          const frame = Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: null }, body));
          void (async () => {
            await this.pause();
            if (!this.isReachable(from, to)) return;
            const answer = await this.serve(to, frame);
            await this.pause();
            if (!this.isReachable(to, from) || answer === null) return;
            timer.cancel();
            rejectors.delete(fail);
            resolve(decodeResponse(api, version, answer.subarray(4)).body);
          })().catch(fail);
        }),
      close: () => {
        closed = true;
        for (const reject of rejectors) reject(new Error('closed'));
      },
    };
  }

  /** From request frame to response frame, as the dispatcher does it. */
  async serve(id: number, frame: Buffer): Promise<Buffer | null> {
    const { context } = this.broker(id);
    const reader = new Reader(frame.subarray(4));
    const { apiKey, apiVersion: version, correlationId } = readRequestHeader(reader);
    const request: DataRequestContext = {
      version,
      clientId: 'test',
      listener: 'PLAINTEXT',
      session: anonymousSession('PLAINTEXT', '/127.0.0.1'),
      connection: { answerLater: () => undefined, answerRoom: () => Number.POSITIVE_INFINITY, holdAnswer: () => undefined },
    };
    const chunks = async (): Promise<Uint8Array[] | null> => {
      if (apiKey === fetch.key)
        return encodeResponse(fetch, version, correlationId, await handleFetch(decodeRequest(fetch, version, reader), request, context));
      if (apiKey === listOffsets.key) {
        return encodeResponse(
          listOffsets,
          version,
          correlationId,
          await handleListOffsets(decodeRequest(listOffsets, version, reader), request, context),
        );
      }
      if (apiKey === deleteRecords.key) {
        const answer = await handleDeleteRecords(decodeRequest(deleteRecords, version, reader), request, context);
        return encodeResponse(deleteRecords, version, correlationId, answer);
      }
      const response = await handleProduce(decodeRequest(produce, version, reader), request, context);
      return response === null ? null : encodeResponse(produce, version, correlationId, response);
    };
    const out = await chunks();
    return out === null ? null : Buffer.concat(out);
  }

  /** A request from a client, whose connection is never cut. */
  async ask<Q, S>(id: number, api: Api<unknown, Q, S, never>, body: Q, version = api.maxVersion): Promise<S> {
    const answer = await this.serve(id, Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'test' }, body)));
    if (answer === null) throw new Error('no answer');
    return decodeResponse(api, version, answer.subarray(4)).body;
  }

  /** Appends one batch of these values. */
  async produce(
    id: number,
    values: readonly string[],
    options: { acks?: number; timeoutMs?: number; index?: number; batch?: Partial<BatchToWrite> } = {},
  ) {
    const { acks = -1, timeoutMs = 30_000, index = 0 } = options;
    const records = buildBatch({
      records: values.map((value) => ({ value: Buffer.from(value) })),
      timestamp: BigInt(this.clock.now()),
      ...options.batch,
    });
    const response = await this.ask(id, produce, {
      acks,
      timeoutMs,
      topicData: [{ topicId: TOPIC_ID, partitionData: [{ index, records }] }],
    });
    const answer = response.responses[0]?.partitionResponses[0];
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  /** All values in a replica's log up to its high watermark, or its log end. */
  values(id: number, upTo: 'highWatermark' | 'logEndOffset' = 'logEndOffset'): string[] {
    const { log } = this.partition(id);
    const found: string[] = [];
    let next = log.logStartOffset;
    while (next < log[upTo]) {
      const { records, nextOffset } = log.read(next, 1_000_000, { maxOffset: log[upTo], minOneMessage: true });
      for (const chunk of records) {
        for (const batch of iterateBatches(chunk))
          for (const record of decodeRecords(batch, 1_000_000)) found.push(record.value?.toString() ?? '');
      }
      if (nextOffset === next) break;
      next = nextOffset;
    }
    return found;
  }

  // --- controller ---

  private async alterPartition(from: number, request: RequestIn<typeof alterPartition>): Promise<ResponseOf<typeof alterPartition>> {
    await this.pause();
    const intercepted = this.interceptAlterPartition?.(request);
    if (intercepted !== undefined) return intercepted;
    if (!this.isReachable(from, 0)) throw new Error('the controller does not answer');
    const topics = request.topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map((wish) => {
        const state = this.state(wish.partitionIndex);
        const refuse = (errorCode: number) => ({
          partitionIndex: wish.partitionIndex,
          errorCode,
          leaderId: -1,
          leaderEpoch: -1,
          isr: [],
          leaderRecoveryState: 0,
          partitionEpoch: -1,
        });
        if (state.leader !== from || state.leaderEpoch !== wish.leaderEpoch) return refuse(ErrorCode.FENCED_LEADER_EPOCH);
        if (state.partitionEpoch !== wish.partitionEpoch) return refuse(ErrorCode.INVALID_UPDATE_VERSION);
        const members = wish.newIsrWithEpochs ?? [];
        for (const { brokerId, brokerEpoch } of members) {
          const broker = this.image.brokers.get(brokerId);
          if (broker === undefined || broker.fenced || (brokerEpoch !== undefined && brokerEpoch !== -1n && brokerEpoch !== broker.epoch))
            return refuse(ErrorCode.INELIGIBLE_REPLICA);
        }
        this.change({ isr: members.map(({ brokerId }) => brokerId) }, wish.partitionIndex);
        const { isr, leader, leaderEpoch, partitionEpoch } = this.state(wish.partitionIndex);
        return {
          partitionIndex: wish.partitionIndex,
          errorCode: 0,
          leaderId: leader,
          leaderEpoch,
          isr: [...isr],
          leaderRecoveryState: 0,
          partitionEpoch,
        };
      }),
    }));
    await this.pause();
    if (!this.isReachable(0, from)) throw new Error('the answer was lost');
    return { throttleTimeMs: 0, errorCode: 0, topics };
  }
}
