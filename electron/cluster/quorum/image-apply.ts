/**
 * Applies records of the metadata log to an image. Pure: the given image is not changed, and unchanged parts are shared with the new one.
 * Records that do not concern the other parts of the image (ACLs, quotas, users, unknown types) are kept as bytes. NoOpRecords are skipped:
 * what they may contain is the state of another part of the node (`metadata-loader.ts`).
 */
import { runWhole } from '../lib/work-slices.ts';
import { assert, must } from '../lib/assert.ts';
import { encodeMetadataRecord, type MetadataRecord, type MetadataValue } from '../protocol/records/metadata-records.ts';
import {
  configKey,
  TOPIC_RESOURCE,
  type BrokerRegistration,
  type ConfigResourceType,
  type ImageChange,
  type MetadataImage,
  type PartitionImage,
  type TopicImage,
  type UnappliedRecords,
} from './image.ts';

/** No change, in the fields of a PartitionChangeRecord that cannot be null. */
export const LEADER_UNCHANGED = -2;
const RECOVERY_UNCHANGED = -1;

export interface Applied {
  image: MetadataImage;
  change: ImageChange;
}

/** Of `UnappliedRecords`, which every node holds in memory. */
export const MAX_UNAPPLIED_BYTES = 16 * 1024 ** 2;

/** Records between two yields: about a millisecond of work. */
const RECORDS_PER_STEP = 512;

/** Position of the records in the log: offset and epoch of the last one, and the batch's wall-clock ms (absent: a snapshot). */
export interface AppliedAt {
  readonly offset: bigint;
  readonly epoch: number;
  readonly timestamp?: number;
}

/** Applies the records of one or more whole batches. */
export function applyRecords(image: MetadataImage, records: readonly MetadataRecord[], at: AppliedAt): Applied {
  return runWhole(applyInSteps(image, records, at));
}

/** The same with yields at which other work may run. */
export function* applyInSteps(
  image: MetadataImage,
  records: readonly MetadataRecord[],
  at: AppliedAt,
): Generator<undefined, Applied, undefined> {
  const draft = new Draft(image);
  for (const [index, record] of records.entries()) {
    if (index % RECORDS_PER_STEP === RECORDS_PER_STEP - 1) yield;
    draft.apply(record);
  }
  return draft.finish(at);
}

class Draft {
  private readonly before: MetadataImage;
  private brokers: Map<number, BrokerRegistration> | undefined;
  private configs: Map<string, ReadonlyMap<string, string>> | undefined;
  private features: Map<string, number> | undefined;
  private nextProducerId: bigint;
  private readonly unapplied: Uint8Array[] = [];
  private hasNewerVersion = false;
  /** Topics created or changed, by id; undefined: deleted. */
  private readonly topics = new Map<string, TopicDraft | undefined>();
  private readonly deletedTopics: TopicImage[] = [];
  private readonly changedBrokers = new Set<number>();
  private readonly changedConfigs = new Set<string>();

  constructor(before: MetadataImage) {
    this.before = before;
    this.nextProducerId = before.nextProducerId;
  }

  apply(record: MetadataRecord): void {
    switch (record.type) {
      case 'RegisterBrokerRecord': {
        this.registerBroker(record.value);
        return;
      }
      case 'UnregisterBrokerRecord':
        this.changedBrokers.add(record.value.brokerId);
        (this.brokers ??= new Map(this.before.brokers)).delete(record.value.brokerId);
        return;
      case 'FenceBrokerRecord': {
        this.changeBroker(record.value.id, record.value.epoch, { fenced: true });
        return;
      }
      case 'UnfenceBrokerRecord': {
        this.changeBroker(record.value.id, record.value.epoch, { fenced: false });
        return;
      }
      case 'BrokerRegistrationChangeRecord': {
        const { brokerId, brokerEpoch, fenced, inControlledShutdown } = record.value;
        this.changeBroker(brokerId, brokerEpoch, {
          ...(fenced === 0 ? {} : { fenced: fenced > 0 }),
          ...(inControlledShutdown === 0 ? {} : { inControlledShutdown: true }),
        });
        return;
      }
      case 'TopicRecord':
        this.topics.set(record.value.topicId, { id: record.value.topicId, name: record.value.name, partitions: [], touched: new Set() });
        return;
      case 'PartitionRecord': {
        this.setPartition(record.value);
        return;
      }
      case 'PartitionChangeRecord': {
        this.changePartition(record.value);
        return;
      }
      case 'RemoveTopicRecord': {
        this.removeTopic(record.value.topicId);
        return;
      }
      case 'ConfigRecord': {
        this.setConfig(record.value);
        return;
      }
      case 'FeatureLevelRecord': {
        const features = (this.features ??= new Map(this.before.features));
        if (record.value.featureLevel === 0) features.delete(record.value.name);
        else features.set(record.value.name, record.value.featureLevel);
        return;
      }
      case 'ProducerIdsRecord':
        this.nextProducerId = record.value.nextProducerId;
        return;
      case 'NoOpRecord':
        return;
      case 'BeginTransactionRecord':
      case 'EndTransactionRecord':
      case 'AbortTransactionRecord':
        // They have no state: a snapshot is of one point of the log.
        return;
      default:
        if (record.type === 'Unknown' && record.isNewerVersion === true) this.hasNewerVersion = true;
        else this.unapplied.push(record.type === 'Unknown' ? record.value : encodeMetadataRecord(record));
    }
  }

  private registerBroker(value: MetadataValue<'RegisterBrokerRecord'>): void {
    this.changedBrokers.add(value.brokerId);
    (this.brokers ??= new Map(this.before.brokers)).set(value.brokerId, {
      id: value.brokerId,
      epoch: value.brokerEpoch,
      incarnationId: value.incarnationId,
      listeners: value.endPoints,
      rack: value.rack,
      fenced: value.fenced,
      inControlledShutdown: value.inControlledShutdown,
    });
  }

  private changeBroker(id: number, epoch: bigint, change: Partial<BrokerRegistration>): void {
    const brokers = (this.brokers ??= new Map(this.before.brokers));
    const broker = must(brokers.get(id), `a record changes broker ${id}, which is not registered`);
    assert(broker.epoch === epoch, `a record changes broker ${id} of epoch ${epoch}; registered is ${broker.epoch}`);
    this.changedBrokers.add(id);
    brokers.set(id, { ...broker, ...change });
  }

  /** The topic's draft, made from the image at the first change. */
  private topic(id: string): TopicDraft {
    let draft = this.topics.get(id);
    if (draft === undefined) {
      assert(!this.topics.has(id), `a record changes topic ${id} after its removal`);
      const topic = must(this.before.topicsById.get(id), `a record changes topic ${id}, which does not exist`);
      draft = { id, name: topic.name, partitions: [...topic.partitions], touched: new Set() };
      this.topics.set(id, draft);
    }
    return draft;
  }

  private setPartition(value: MetadataValue<'PartitionRecord'>): void {
    const topic = this.topic(value.topicId);
    topic.partitions[value.partitionId] = {
      topicId: topic.id,
      topic: topic.name,
      partition: value.partitionId,
      replicas: value.replicas,
      isr: value.isr,
      elr: value.eligibleLeaderReplicas ?? [],
      lastKnownElr: value.lastKnownElr ?? [],
      addingReplicas: value.addingReplicas,
      removingReplicas: value.removingReplicas,
      leader: value.leader,
      leaderEpoch: value.leaderEpoch,
      partitionEpoch: value.partitionEpoch,
      leaderRecoveryState: value.leaderRecoveryState,
    };
    topic.touched.add(value.partitionId);
  }

  private changePartition(value: MetadataValue<'PartitionChangeRecord'>): void {
    const topic = this.topic(value.topicId);
    const partition = must(
      topic.partitions[value.partitionId],
      `a record changes ${topic.name}-${value.partitionId}, which does not exist`,
    );
    topic.partitions[value.partitionId] = applyPartitionChange(partition, value);
    topic.touched.add(value.partitionId);
  }

  private removeTopic(id: string): void {
    const { name } = this.topic(id);
    const existed = this.before.topicsById.get(id);
    if (existed !== undefined) this.deletedTopics.push(existed);
    this.topics.set(id, undefined);
    const key = configKey(TOPIC_RESOURCE, name);
    if ((this.configs ?? this.before.configs).has(key)) {
      (this.configs ??= new Map(this.before.configs)).delete(key);
      this.changedConfigs.add(key);
    }
  }

  private setConfig(value: MetadataValue<'ConfigRecord'>): void {
    const key = configKey(value.resourceType as ConfigResourceType, value.resourceName);
    const configs = (this.configs ??= new Map(this.before.configs));
    const entries = new Map(configs.get(key));
    if (value.value === null) entries.delete(value.name);
    else entries.set(value.name, value.value);
    if (entries.size === 0) configs.delete(key);
    else configs.set(key, entries);
    this.changedConfigs.add(key);
  }

  finish(at: AppliedAt): Applied {
    const { before } = this;
    let { topics, topicsById } = before;
    const partitions: PartitionImage[] = [];
    if (this.topics.size > 0) {
      const byName = new Map(topics);
      const byId = new Map(topicsById);
      // Removals first: one batch may delete a topic and re-create it.
      for (const deleted of this.deletedTopics) {
        byName.delete(deleted.name);
        byId.delete(deleted.id);
      }
      for (const draft of this.topics.values()) {
        if (draft === undefined) continue;
        for (let index = 0; index < draft.partitions.length; index++) {
          assert(draft.partitions[index] !== undefined, `topic ${draft.name} lacks partition ${index}`);
        }
        for (const index of draft.touched) partitions.push(draft.partitions[index] as PartitionImage);
        const topic: TopicImage = { id: draft.id, name: draft.name, partitions: draft.partitions };
        byName.set(topic.name, topic);
        byId.set(topic.id, topic);
      }
      topics = byName;
      topicsById = byId;
    }
    const after: MetadataImage = {
      offset: at.offset,
      epoch: at.epoch,
      clusterId: before.clusterId,
      brokers: this.brokers ?? before.brokers,
      topics,
      topicsById,
      configs: this.configs ?? before.configs,
      features: this.features ?? before.features,
      nextProducerId: this.nextProducerId,
      unappliedRecords: keepRecords(before.unappliedRecords, this.unapplied, this.hasNewerVersion),
    };
    const change: ImageChange = {
      before,
      after,
      partitions,
      deletedTopics: this.deletedTopics,
      brokers: [...this.changedBrokers],
      configs: [...this.changedConfigs],
    };
    return { image: after, change };
  }
}

function keepRecords(known: UnappliedRecords, added: readonly Uint8Array[], hasNewerVersion: boolean): UnappliedRecords {
  if (!known.isComplete) return known;
  if (hasNewerVersion) return { ...known, isComplete: false };
  if (added.length === 0) return known;
  const sizeBytes = added.reduce((sum, { length }) => sum + length, known.sizeBytes);
  if (sizeBytes > MAX_UNAPPLIED_BYTES) return { ...known, isComplete: false };
  return { records: [...known.records, ...added], sizeBytes, isComplete: true };
}

interface TopicDraft {
  readonly id: string;
  readonly name: string;
  readonly partitions: PartitionImage[];
  readonly touched: Set<number>;
}

/** A record with a leader, even the same one, begins a new leader epoch; every change begins a new partition epoch. */
export function applyPartitionChange(
  partition: PartitionImage,
  value: Pick<
    MetadataValue<'PartitionChangeRecord'>,
    | 'isr'
    | 'leader'
    | 'replicas'
    | 'removingReplicas'
    | 'addingReplicas'
    | 'leaderRecoveryState'
    | 'eligibleLeaderReplicas'
    | 'lastKnownElr'
  >,
): PartitionImage {
  const newLeader = value.leader !== LEADER_UNCHANGED;
  return {
    ...partition,
    replicas: value.replicas ?? partition.replicas,
    isr: value.isr ?? partition.isr,
    elr: value.eligibleLeaderReplicas ?? partition.elr,
    lastKnownElr: value.lastKnownElr ?? partition.lastKnownElr,
    addingReplicas: value.addingReplicas ?? partition.addingReplicas,
    removingReplicas: value.removingReplicas ?? partition.removingReplicas,
    leader: newLeader ? value.leader : partition.leader,
    leaderEpoch: newLeader ? partition.leaderEpoch + 1 : partition.leaderEpoch,
    partitionEpoch: partition.partitionEpoch + 1,
    leaderRecoveryState: value.leaderRecoveryState === RECOVERY_UNCHANGED ? partition.leaderRecoveryState : value.leaderRecoveryState,
  };
}
