import type { createPartitions as api } from '../../protocol/apis/create-partitions.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import { checkReplicas, checkReplicationFactor, MAX_PARTITIONS_AT_ONCE, partitionRecord } from './create-topics.ts';
import { isActive, requireAllowed, type ControllerEvent, type Decision, type DecisionContext } from './decision.ts';
import { placeReplicas } from './place-replicas.ts';
import { targetReplicas } from './reassignment-state.ts';

type Request = RequestOf<typeof api>;

export const ALTER_TOPIC: ItemRule = { operation: Operation.ALTER, resource: Resource.TOPIC };

/** Adds partitions to topics; keys may then map to other partitions. The number of partitions cannot be lowered. */
export function createPartitions(context: DecisionContext, request: Request): Decision<ResponseIn<typeof api>> {
  const records: MetadataRecordIn[] = [];
  const events: ControllerEvent[] = [];
  const seen = new Set<string>();
  const results = request.topics.map((topic) => {
    try {
      if (seen.has(topic.name)) throw new KafkaError(ErrorCode.INVALID_REQUEST, `The request names topic ${topic.name} twice.`);
      seen.add(topic.name);
      requireAllowed(context, ALTER_TOPIC, topic.name);
      const added = addPartitions(context, topic);
      if (!request.validateOnly) {
        for (const record of added.records) records.push(record);
        events.push({
          type: 'topic/partitionsAdded',
          topic: topic.name,
          partitions: added.partitions,
          reason: `CreatePartitions request for ${topic.count} partitions`,
        });
      }
      return { name: topic.name, errorCode: ErrorCode.NONE, errorMessage: null };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { name: topic.name, errorCode: error.code, errorMessage: error.message };
    }
  });
  return { records, response: { results }, events };
}

function addPartitions(
  { image, random }: DecisionContext,
  asked: Request['topics'][number],
): { records: MetadataRecordIn[]; partitions: number[] } {
  const topic = image.topics.get(asked.name);
  if (topic === undefined) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no topic named ${asked.name}.`);
  const now = topic.partitions.length;
  const added = asked.count - now;
  if (added <= 0) {
    const message =
      added === 0
        ? `${asked.name} has ${now} partitions already.`
        : `${asked.name} has ${now} partitions and cannot be reduced to ${asked.count}; create a new topic instead.`;
    throw new KafkaError(ErrorCode.INVALID_PARTITIONS, message);
  }
  if (added > MAX_PARTITIONS_AT_ONCE) {
    throw new KafkaError(ErrorCode.INVALID_PARTITIONS, `One request can add ${MAX_PARTITIONS_AT_ONCE} partitions; split it.`);
  }
  const [first] = topic.partitions;
  const replicationFactor = first === undefined ? 1 : targetReplicas(first).length;
  let placed: readonly (readonly number[])[];
  if (asked.assignments === null) {
    const brokers = [...image.brokers.values()].filter(isActive);
    checkReplicationFactor(replicationFactor, brokers.length);
    placed = placeReplicas(brokers, added, replicationFactor, random, now);
  } else {
    placed = asked.assignments.map((assignment) => assignment.brokerIds);
    if (placed.length !== added) {
      const message = `${added} partitions are added and ${placed.length} are assigned; give one list of brokers for each.`;
      throw new KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message);
    }
    placed.forEach((replicas, index) => checkReplicas(image, replicas, now + index, replicationFactor));
  }
  return {
    records: placed.map((replicas, index) => partitionRecord(image, topic.id, now + index, replicas)),
    partitions: placed.map((_, index) => now + index),
  };
}
