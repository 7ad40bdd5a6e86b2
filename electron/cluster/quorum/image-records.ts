/**
 * Converts an image to the records of a snapshot and back. The type of the table below requires every part of the image, and `nothingLeft`
 * every field, so that a new one cannot be forgotten.
 */
import { assert } from '../lib/assert.ts';
import type { MetadataRecord, MetadataRecordIn } from '../protocol/records/metadata-records.ts';
import { applyInSteps, type Applied } from './image-apply.ts';
import { EMPTY_IMAGE, type BrokerRegistration, type MetadataImage, type PartitionImage, type TopicImage } from './image.ts';

type Part = (image: MetadataImage) => Iterable<MetadataRecordIn>;

/** In the order of writing. `null`: it needs no records, for the reason beside it. */
const PARTS: { readonly [K in keyof Required<MetadataImage>]: Part | null } = {
  // In the name of the snapshot.
  offset: null,
  epoch: null,
  // Every node gets it at its start.
  clusterId: null,
  // First, as in Apache Kafka: the records after it are of the versions that it declares.
  features: ({ features }) => map(features, ([name, featureLevel]) => ({ type: 'FeatureLevelRecord', value: { name, featureLevel } })),
  brokers: ({ brokers }) => map(brokers.values(), brokerRecord),
  topics: ({ topics }) => topicRecords(topics.values()),
  // The same topics.
  topicsById: null,
  configs: ({ configs }) => configRecords(configs),
  nextProducerId: ({ nextProducerId }) =>
    nextProducerId === 0n ? [] : [{ type: 'ProducerIdsRecord', value: { brokerId: -1, brokerEpoch: -1n, nextProducerId } }],
  // Last: after all that they may refer to.
  unappliedRecords: ({ unappliedRecords }) => map(unappliedRecords.records, (value) => ({ type: 'Unknown', value })),
};

/** Generated lazily: a large image is written in steps. */
export function* imageRecords(image: MetadataImage): Generator<MetadataRecordIn, void, undefined> {
  for (const part of Object.values(PARTS)) if (part !== null) yield* part(image);
}

/**
 * The image of a snapshot's records, as a change from an empty one, with yields at which other work may run; `at` is the snapshot's name. Throws
 * where the records are inconsistent.
 */
export function applySnapshotInSteps(
  records: readonly MetadataRecord[],
  clusterId: string,
  at: { offset: bigint; epoch: number },
): Generator<undefined, Applied, undefined> {
  return applyInSteps({ ...EMPTY_IMAGE, clusterId }, records, at);
}

function brokerRecord(broker: BrokerRegistration): MetadataRecordIn {
  const { id, epoch, incarnationId, listeners, rack, fenced, inControlledShutdown, ...rest } = broker;
  nothingLeft(rest, `broker ${id}`);
  return {
    type: 'RegisterBrokerRecord',
    value: {
      brokerId: id,
      incarnationId,
      brokerEpoch: epoch,
      endPoints: listeners,
      features: [],
      rack,
      fenced,
      inControlledShutdown,
    },
  };
}

function* topicRecords(topics: Iterable<TopicImage>): Generator<MetadataRecordIn, void, undefined> {
  for (const topic of topics) {
    const { id, name, partitions, ...rest } = topic;
    nothingLeft(rest, name);
    yield { type: 'TopicRecord', value: { name, topicId: id } };
    for (const partition of partitions) yield partitionRecord(partition);
  }
}

function partitionRecord(image: PartitionImage): MetadataRecordIn {
  const { topicId, topic, partition, elr, lastKnownElr, replicas, isr, addingReplicas, removingReplicas, leader, ...more } = image;
  const { leaderEpoch, partitionEpoch, leaderRecoveryState, ...rest } = more;
  nothingLeft(rest, `${topic}-${partition}`);
  return {
    type: 'PartitionRecord',
    value: {
      partitionId: partition,
      topicId,
      replicas,
      isr,
      removingReplicas,
      addingReplicas,
      leader,
      leaderRecoveryState,
      leaderEpoch,
      partitionEpoch,
      eligibleLeaderReplicas: elr.length === 0 ? null : elr,
      lastKnownElr: lastKnownElr.length === 0 ? null : lastKnownElr,
    },
  };
}

function* configRecords(configs: MetadataImage['configs']): Generator<MetadataRecordIn, void, undefined> {
  for (const [key, entries] of configs) {
    const colon = key.indexOf(':');
    const resource = { resourceType: Number(key.slice(0, colon)), resourceName: key.slice(colon + 1) };
    for (const [name, value] of entries) yield { type: 'ConfigRecord', value: { ...resource, name, value } };
  }
}

function* map<T, R>(items: Iterable<T>, make: (item: T) => R): Generator<R, void, undefined> {
  for (const item of items) yield make(item);
}

/** Does not compile when a field of `what` is left over. */
function nothingLeft(rest: Record<string, never>, what: string): void {
  assert(Object.keys(rest).length === 0, `a snapshot would lose ${Object.keys(rest).join()} of ${what}`);
}
