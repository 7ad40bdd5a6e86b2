/**
 * The metadata image: the state of the cluster as of one offset of the metadata log. It is immutable. Records of the log, applied in order
 * (`image-apply.ts`), make the next image and do not change this one, so a caller may read an image across awaits. Images share the maps
 * that did not change. States of other parts of the node that the log holds too (`metadata-loader.ts`) are not in it.
 */
import { ZERO_UUID } from '../protocol/uuid.ts';

export interface MetadataImage {
  /** Offset of the last record applied; −1 before the first. */
  readonly offset: bigint;
  /** Raft epoch of that record. */
  readonly epoch: number;
  /** Kafka's cluster id, a UUID in text form. */
  readonly clusterId: string;
  readonly brokers: ReadonlyMap<number, BrokerRegistration>;
  readonly topics: ReadonlyMap<string, TopicImage>;
  readonly topicsById: ReadonlyMap<string, TopicImage>;
  /** Overrides by `configKey(type, name)`; without an entry all settings have their defaults. */
  readonly configs: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly features: ReadonlyMap<string, number>;
  readonly nextProducerId: bigint;
  /** Records that change no other part of the image; a snapshot has them too. */
  readonly unappliedRecords: UnappliedRecords;
}

/**
 * Records of types that this release does not know, or whose state it does not use (ACLs, quotas, users), as bytes in the order of the log.
 * They are kept so that a snapshot loses nothing that a newer release has written. Their order among the other records is lost: a newer
 * version of a known type is not kept here, since a newer release would apply it after later changes of the same state.
 *
 * Apache Kafka keeps no such records: a controller ends at an unknown one or at an unsupported `metadata.version`, and a broker without a
 * controller writes no snapshot from then on. Operators raise `metadata.version` only once all nodes know its records; this product has no
 * such step between two of its releases.
 */
export interface UnappliedRecords {
  readonly records: readonly Uint8Array[];
  readonly sizeBytes: number;
  /**
   * False beyond `MAX_UNAPPLIED_BYTES`, and after a newer version of a known type: such records are in the log and in older snapshots alone,
   * so no snapshot may replace these.
   */
  readonly isComplete: boolean;
}

export interface BrokerRegistration {
  readonly id: number;
  /** Offset of the registration record: grows with every registration (KIP-631's broker epoch). */
  readonly epoch: bigint;
  readonly incarnationId: string;
  readonly listeners: readonly BrokerListener[];
  readonly rack: string | null;
  /** A fenced broker leads no partition, is in no ISR and is not in metadata responses. */
  readonly fenced: boolean;
  readonly inControlledShutdown: boolean;
}

export interface BrokerListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL. */
  readonly securityProtocol: number;
}

export interface TopicImage {
  readonly id: string;
  readonly name: string;
  /** By partition number, dense. */
  readonly partitions: readonly PartitionImage[];
}

export interface PartitionImage {
  readonly topicId: string;
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  /** Eligible leader replicas (KIP-966): out of the ISR, yet holding everything up to the high watermark. */
  readonly elr: readonly number[];
  readonly lastKnownElr: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly removingReplicas: readonly number[];
  /** −1: no leader. */
  readonly leader: number;
  /** Grows with every change or loss of the leader. */
  readonly leaderEpoch: number;
  /** Grows with every change; AlterPartition compares and sets it. */
  readonly partitionEpoch: number;
  /** 1 while the leader of an unclean election is still recovering. */
  readonly leaderRecoveryState: number;
}

/** Difference of two images, computed while records are applied. */
export interface ImageChange {
  readonly before: MetadataImage;
  readonly after: MetadataImage;
  /** Partitions created or changed in any field, newest state. */
  readonly partitions: readonly PartitionImage[];
  readonly deletedTopics: readonly TopicImage[];
  /** Ids of brokers whose registration was added, changed or removed. */
  readonly brokers: readonly number[];
  /** Config keys with changed overrides. */
  readonly configs: readonly string[];
}

/** Resource types as in AlterConfigs: 2 topic, 4 broker. A broker named '' stands for all of them. */
export type ConfigResourceType = 2 | 4;
export const TOPIC_RESOURCE = 2;
export const BROKER_RESOURCE = 4;

export function configKey(type: ConfigResourceType, name: string): string {
  return `${type}:${name}`;
}

export const EMPTY_IMAGE: MetadataImage = {
  offset: -1n,
  epoch: 0,
  clusterId: ZERO_UUID,
  brokers: new Map(),
  topics: new Map(),
  topicsById: new Map(),
  configs: new Map(),
  features: new Map(),
  nextProducerId: 0n,
  unappliedRecords: { records: [], sizeBytes: 0, isComplete: true },
};
