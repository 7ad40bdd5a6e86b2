/**
 * A controller and a metadata log in one object, by the simplest rules that let brokers live: everything is committed at once and read by
 * each broker a millisecond later. Leaders move only when their broker leaves or is dropped.
 */
import type { MetadataSource } from '../../electron/cluster/broker/broker.ts';
import type { ControllerChannel } from '../../electron/cluster/broker/context.ts';
import type { allocateProducerIds } from '../../electron/cluster/protocol/apis/allocate-producer-ids.ts';
import type { alterPartition } from '../../electron/cluster/protocol/apis/alter-partition.ts';
import type { brokerHeartbeat } from '../../electron/cluster/protocol/apis/broker-heartbeat.ts';
import type { brokerRegistration } from '../../electron/cluster/protocol/apis/broker-registration.ts';
import type { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import type { RequestIn, ResponseIn } from '../../electron/cluster/protocol/schema.ts';
import {
  configKey,
  EMPTY_IMAGE,
  TOPIC_RESOURCE,
  type ImageChange,
  type MetadataImage,
  type PartitionImage,
} from '../../electron/cluster/quorum/image.ts';
import type { VirtualClock } from './virtual-clock.ts';

type Registration = RequestIn<typeof brokerRegistration>;

export class FakeControl {
  image: MetadataImage;
  readonly registrations: Registration[] = [];
  /** Sessions of previous incarnations are active: no broker may register. */
  refuseRegistrations = false;
  private readonly clock: VirtualClock;
  private readonly readers = new Set<(change: ImageChange) => void>();
  private nextTopic = 1;
  private nextProducerId = 1000n;

  constructor(clock: VirtualClock, clusterId: string) {
    this.clock = clock;
    this.image = { ...EMPTY_IMAGE, clusterId };
  }

  /** One broker's view of the log: behind by a millisecond, in order. */
  source(): MetadataSource {
    let image = EMPTY_IMAGE;
    const listeners = new Set<(change: ImageChange) => void>();
    this.readers.add((change) => {
      this.clock.setTimer(1, () => {
        image = change.after;
        for (const listener of listeners) listener(change);
      });
    });
    const begin = this.image;
    if (begin.offset >= 0n) image = begin;
    return {
      leaderId: 1,
      leaderEpoch: 1,
      image: () => image,
      onImage: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
  }

  readonly channel: ControllerChannel = {
    send: (api, _version, body) =>
      new Promise((resolve) => {
        this.clock.setTimer(1, () => resolve(this.answer(api.name, body) as never));
      }),
  };

  private answer(api: string, body: unknown): unknown {
    switch (api) {
      case 'BrokerRegistration':
        return this.register(body as Registration);
      case 'BrokerHeartbeat':
        return this.heartbeat(body as RequestIn<typeof brokerHeartbeat>);
      case 'CreateTopics':
        return this.createTopics(body as RequestIn<typeof createTopics>);
      case 'AlterPartition':
        return this.alterPartition(body as RequestIn<typeof alterPartition>);
      case 'AllocateProducerIds':
        return this.allocate();
      case 'DescribeQuorum':
        // The active controller never confirms the metadata.
        return { topics: [] };
      default:
        throw new Error(`no ${api} here`);
    }
  }

  private commit(parts: Partial<MetadataImage>, change: Partial<ImageChange>): void {
    const before = this.image;
    this.image = { ...before, ...parts, offset: before.offset + 1n };
    for (const reader of this.readers) {
      reader({ before, after: this.image, partitions: [], deletedTopics: [], brokers: [], configs: [], ...change });
    }
  }

  private register(request: Registration) {
    this.registrations.push(request);
    if (this.refuseRegistrations) return { errorCode: ErrorCode.DUPLICATE_BROKER_REGISTRATION, brokerEpoch: -1n };
    const epoch = this.image.offset + 1n;
    const { brokerId: id, incarnationId, listeners, rack } = request;
    const brokers = new Map(this.image.brokers).set(id, {
      id,
      epoch,
      incarnationId,
      listeners,
      rack,
      fenced: true,
      inControlledShutdown: false,
    });
    this.commit({ brokers }, { brokers: [id] });
    return { errorCode: 0, brokerEpoch: epoch };
  }

  private heartbeat({ brokerId, brokerEpoch, wantFence, wantShutDown, currentMetadataOffset }: RequestIn<typeof brokerHeartbeat>) {
    const broker = this.image.brokers.get(brokerId);
    const answer = { errorCode: 0, isCaughtUp: true, isFenced: false, shouldShutDown: false };
    if (broker === undefined || broker.epoch !== brokerEpoch) return { ...answer, errorCode: ErrorCode.STALE_BROKER_EPOCH };
    if (wantShutDown) {
      this.drop(brokerId);
      return { ...answer, isFenced: true, shouldShutDown: true };
    }
    const fenced = wantFence || currentMetadataOffset < broker.epoch;
    if (fenced !== broker.fenced)
      this.commit({ brokers: new Map(this.image.brokers).set(brokerId, { ...broker, fenced }) }, { brokers: [brokerId] });
    return { ...answer, isFenced: fenced };
  }

  /** Fences a broker: out of every ISR that has another member, and no leader any more. */
  drop(id: number): void {
    const broker = this.image.brokers.get(id);
    if (broker === undefined) return;
    this.commit({ brokers: new Map(this.image.brokers).set(id, { ...broker, fenced: true }) }, { brokers: [id] });
    for (const topic of this.image.topics.values()) {
      for (const partition of topic.partitions) {
        if (!partition.isr.includes(id)) continue;
        const isr = partition.isr.length > 1 ? partition.isr.filter((other) => other !== id) : partition.isr;
        const moves = partition.leader === id;
        const leader = moves ? (isr.find((other) => other !== id) ?? -1) : partition.leader;
        this.change(partition, { isr, leader, leaderEpoch: partition.leaderEpoch + (moves ? 1 : 0) });
      }
    }
  }

  private change(partition: PartitionImage, fields: Partial<PartitionImage>): void {
    const after = { ...partition, ...fields, partitionEpoch: partition.partitionEpoch + 1 };
    const topic = this.image.topics.get(partition.topic);
    if (topic === undefined) return;
    const next = { ...topic, partitions: topic.partitions.map((one) => (one.partition === partition.partition ? after : one)) };
    const topics = new Map(this.image.topics).set(next.name, next);
    const topicsById = new Map(this.image.topicsById).set(next.id, next);
    this.commit({ topics, topicsById }, { partitions: [after] });
  }

  private createTopics({ topics }: RequestIn<typeof createTopics>): ResponseIn<typeof createTopics> {
    return {
      topics: topics.map(({ name, numPartitions, replicationFactor, configs }) => {
        const id = Buffer.alloc(16, this.nextTopic++).toString('base64url');
        if (this.image.topics.has(name)) return { name, topicId: id, errorCode: ErrorCode.TOPIC_ALREADY_EXISTS, configs: null };
        const alive = [...this.image.brokers.values()].filter(({ fenced }) => !fenced).map((one) => one.id);
        if (alive.length < replicationFactor) return { name, topicId: id, errorCode: ErrorCode.INVALID_REPLICATION_FACTOR, configs: null };
        const partitions = Array.from({ length: numPartitions }, (_, partition): PartitionImage => {
          const replicas = Array.from({ length: replicationFactor }, (_unused, index) => alive[(partition + index) % alive.length] ?? -1);
          return {
            topicId: id,
            topic: name,
            partition,
            replicas,
            isr: replicas,
            elr: [],
            lastKnownElr: [],
            addingReplicas: [],
            removingReplicas: [],
            leader: replicas[0] ?? -1,
            leaderEpoch: 0,
            partitionEpoch: 0,
            leaderRecoveryState: 0,
          };
        });
        const topic = { id, name, partitions };
        const values = new Map(configs.map((one) => [one.name, one.value ?? '']));
        this.commit(
          {
            topics: new Map(this.image.topics).set(name, topic),
            topicsById: new Map(this.image.topicsById).set(id, topic),
            configs: new Map(this.image.configs).set(configKey(TOPIC_RESOURCE, name), values),
          },
          { partitions, configs: [configKey(TOPIC_RESOURCE, name)] },
        );
        return { name, topicId: id, errorCode: 0, configs: null };
      }),
    };
  }

  private alterPartition({ topics }: RequestIn<typeof alterPartition>): ResponseIn<typeof alterPartition> {
    return {
      errorCode: 0,
      topics: topics.map(({ topicId, partitions }) => ({
        topicId,
        partitions: partitions.map(({ partitionIndex, newIsr, newIsrWithEpochs, leaderEpoch, partitionEpoch }) => {
          const now = this.image.topicsById.get(topicId)?.partitions[partitionIndex];
          const stale = now === undefined || now.leaderEpoch !== leaderEpoch || now.partitionEpoch !== partitionEpoch;
          if (stale)
            return {
              partitionIndex,
              errorCode: ErrorCode.INVALID_UPDATE_VERSION,
              leaderId: -1,
              leaderEpoch: -1,
              isr: [],
              partitionEpoch: -1,
            };
          const isr = newIsrWithEpochs?.map(({ brokerId }) => brokerId) ?? [...(newIsr ?? [])];
          this.change(now, { isr });
          return { partitionIndex, errorCode: 0, leaderId: now.leader, leaderEpoch, isr, partitionEpoch: partitionEpoch + 1 };
        }),
      })),
    };
  }

  private allocate(): ResponseIn<typeof allocateProducerIds> {
    const producerIdStart = this.nextProducerId;
    this.nextProducerId += 1000n;
    return { errorCode: 0, producerIdStart, producerIdLen: 1000 };
  }
}
