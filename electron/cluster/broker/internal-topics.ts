/**
 * The internal topics with a coordinator: one entry each. A key (a group's id, a transactional id) belongs to one partition of the topic, and the
 * leader of that partition coordinates it.
 */
import { GroupCoordinator } from '../coordinator/group/group-coordinator.ts';
import { partitionForKey } from '../coordinator/java-hash.ts';
import type { CoordinatorStorage } from '../coordinator/storage.ts';
import type { Clock } from '../lib/clock.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { BrokerSettings } from '../quorum/config-definitions.ts';
import type { ImageChange, MetadataImage } from '../quorum/image.ts';
import { groupSettings } from './settings.ts';
import { OFFSETS_TOPIC } from './topic-rules.ts';

export interface InternalTopic<C extends Coordinator = Coordinator> {
  readonly name: string;
  /** Key type of FindCoordinator. */
  readonly keyType: number;
  partitionCount(settings: BrokerSettings): number;
  replicationFactor(settings: BrokerSettings): number;
  configs(settings: BrokerSettings): readonly { readonly name: string; readonly value: string }[];
  /** The partition of a key. */
  partitionFor(key: string, partitionCount: number): number;
  /** Timeout for an append to be committed. */
  commitTimeoutMs(settings: BrokerSettings): number;
  createCoordinator(environment: CoordinatorEnvironment, storage: CoordinatorStorage): C;
}

/** The coordinator of an internal topic as its broker sees it; the APIs of its clients come on top. */
export interface Coordinator {
  /** This broker leads the partition since `leaderEpoch`. */
  onElection(partition: number, leaderEpoch: number): void;
  /** Another broker leads since `leaderEpoch`, or (null) this broker's replica was removed. */
  onResignation(partition: number, leaderEpoch: number | null): void;
  /** To be called with each change of the image after the elections in it. */
  onImage(change: ImageChange): void;
  /** Answers all pending requests and stops all timers. */
  close(): void;
}

export interface CoordinatorEnvironment {
  readonly nodeId: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly settings: BrokerSettings;
  image(): MetadataImage;
  /** See `GroupEnvironment.requestsHeld`. */
  requestsHeld(): boolean;
}

export const CONSUMER_OFFSETS: InternalTopic<GroupCoordinator> = {
  name: OFFSETS_TOPIC,
  keyType: 0,
  partitionCount: (settings) => settings.offsetsTopicNumPartitions,
  replicationFactor: (settings) => settings.offsetsTopicReplicationFactor,
  configs: (settings) => [
    { name: 'cleanup.policy', value: 'compact' },
    { name: 'compression.type', value: 'producer' },
    { name: 'segment.bytes', value: String(settings.offsetsTopicSegmentBytes) },
  ],
  partitionFor: partitionForKey,
  commitTimeoutMs: (settings) => settings.offsetsCommitTimeoutMs,
  createCoordinator: ({ nodeId, settings, logger, ...environment }, storage) =>
    new GroupCoordinator({
      ...environment,
      logger: logger.child({ part: 'groups' }),
      storage,
      settings: groupSettings(nodeId, settings),
    }),
};

export const INTERNAL_TOPICS: readonly InternalTopic[] = [CONSUMER_OFFSETS];
