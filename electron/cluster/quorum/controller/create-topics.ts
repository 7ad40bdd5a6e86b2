import type { createTopics as api } from '../../protocol/apis/create-topics.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { randomUuid, ZERO_UUID } from '../../protocol/uuid.ts';
import { Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import {
  brokerSettings,
  checkTopicConfig,
  scaledValue,
  topicConfigByName,
  topicConfigDefinitions,
  topicConfigValues,
} from '../config-definitions.ts';
import { configKey, TOPIC_RESOURCE, type MetadataImage } from '../image.ts';
import { isActive, requireAllowed, type ControllerEvent, type Decision, type DecisionContext } from './decision.ts';
import { placeReplicas } from './place-replicas.ts';
import { collidingName, topicNameDefect } from './topic-name.ts';

type Request = RequestOf<typeof api>;
type AskedTopic = Request['topics'][number];
type Result = ResponseIn<typeof api>['topics'][number];

export const CREATE_TOPIC: ItemRule = { operation: Operation.CREATE, resource: Resource.TOPIC, orOnCluster: Operation.CREATE };
/** Without it the response does not contain the settings of the new topic. */
export const DESCRIBE_TOPIC_CONFIGS: ItemRule = { operation: Operation.DESCRIBE_CONFIGS, resource: Resource.TOPIC };

/** Bounds the size of the batch in the metadata log. */
export const MAX_PARTITIONS_AT_ONCE = 10_000;

/** Creates topics. An error in one topic fails that topic only. */
export function createTopics(context: DecisionContext, request: Request): Decision<ResponseIn<typeof api>> {
  const records: MetadataRecordIn[] = [];
  const events: ControllerEvent[] = [];
  const asked = new Map<string, number>();
  for (const topic of request.topics) asked.set(topic.name, (asked.get(topic.name) ?? 0) + 1);
  const taken = new Set(context.image.topics.keys());
  let partitions = 0;
  const topics = request.topics.map((topic): Result => {
    try {
      if ((asked.get(topic.name) ?? 0) > 1) throw new KafkaError(ErrorCode.INVALID_REQUEST, `The request names topic ${topic.name} twice.`);
      requireAllowed(context, CREATE_TOPIC, topic.name);
      const created = createTopic(context, topic, taken);
      partitions += created.assignment.length;
      if (partitions > MAX_PARTITIONS_AT_ONCE) {
        throw new KafkaError(ErrorCode.POLICY_VIOLATION, `One request can create ${MAX_PARTITIONS_AT_ONCE} partitions; split it.`);
      }
      taken.add(topic.name);
      if (!request.validateOnly) {
        for (const record of created.records) records.push(record);
        events.push({
          type: 'topic/created',
          topic: topic.name,
          partitions: created.assignment.map((_, index) => index),
          reason: 'CreateTopics request',
          details: { replicationFactor: created.assignment[0]?.length ?? -1 },
        });
      }
      return created.result;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { name: topic.name, topicId: ZERO_UUID, errorCode: error.code, errorMessage: error.message, configs: null };
    }
  });
  return { records, response: { topics }, events };
}

function createTopic(
  context: DecisionContext,
  topic: AskedTopic,
  taken: ReadonlySet<string>,
): { records: MetadataRecordIn[]; result: Result; assignment: number[][] } {
  const { image, properties } = context;
  const { name } = topic;
  const defect = topicNameDefect(name);
  if (defect !== null) throw new KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, defect);
  if (taken.has(name)) throw new KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, `There is already a topic named ${name}.`);
  const collision = collidingName(name, taken);
  if (collision !== undefined) {
    const message = `${name} collides with ${collision}: names that differ only in "." and "_" would share their metrics.`;
    throw new KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, message);
  }
  const configs = checkedConfigs(topic);
  const assignment = topic.assignments.length > 0 ? checkedAssignment(image, topic) : automaticAssignment(context, topic);
  const topicId = newTopicId(context);
  const records: MetadataRecordIn[] = [{ type: 'TopicRecord', value: { name, topicId } }];
  for (const [key, value] of configs) {
    records.push({ type: 'ConfigRecord', value: { resourceType: TOPIC_RESOURCE, resourceName: name, name: key, value } });
  }
  assignment.forEach((replicas, partition) => records.push(partitionRecord(image, topicId, partition, replicas)));
  const created = { name, topicId, errorCode: ErrorCode.NONE, errorMessage: null };
  if (!context.allows(DESCRIBE_TOPIC_CONFIGS, name)) {
    const hidden = { numPartitions: -1, replicationFactor: -1, topicConfigErrorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, configs: null };
    return { records, result: { ...created, ...hidden }, assignment };
  }
  const withConfigs: MetadataImage = { ...image, configs: new Map(image.configs).set(configKey(TOPIC_RESOURCE, name), configs) };
  const described = topicConfigDefinitions.map((definition) => {
    const [found] = topicConfigValues(withConfigs, name, definition, properties);
    return {
      name: definition.name,
      value: found === undefined || definition.sensitive ? null : scaledValue(definition, found),
      readOnly: definition.readOnly,
      configSource: found?.source ?? 0,
      isSensitive: definition.sensitive,
    };
  });
  const shown = { numPartitions: assignment.length, replicationFactor: assignment[0]?.length ?? -1, configs: described };
  return { records, result: { ...created, ...shown }, assignment };
}

function newTopicId({ image, random }: DecisionContext): string {
  for (;;) {
    const id = randomUuid(random);
    if (!image.topicsById.has(id)) return id;
  }
}

function checkedConfigs(topic: AskedTopic): Map<string, string> {
  const configs = new Map<string, string>();
  for (const { name, value } of topic.configs) {
    if (configs.has(name)) throw new KafkaError(ErrorCode.INVALID_REQUEST, `${name} is given twice for topic ${topic.name}.`);
    if (value === null) throw new KafkaError(ErrorCode.INVALID_CONFIG, `${name} has no value; leave it out to take the default.`);
    const defect = topicConfigByName.has(name) ? checkTopicConfig(name, value) : `There is no topic setting named ${name}.`;
    if (defect !== null) throw new KafkaError(ErrorCode.INVALID_CONFIG, defect);
    configs.set(name, value);
  }
  return configs;
}

function checkedAssignment(image: MetadataImage, topic: AskedTopic): number[][] {
  if (topic.numPartitions !== -1 || topic.replicationFactor !== -1) {
    const message = 'Give either an assignment of replicas or numbers of partitions and replicas, not both.';
    throw new KafkaError(ErrorCode.INVALID_REQUEST, message);
  }
  const assignment: number[][] = [];
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (assignment[partitionIndex] !== undefined) {
      throw new KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, `Partition ${partitionIndex} is assigned twice.`);
    }
    if (partitionIndex < 0 || partitionIndex >= topic.assignments.length) {
      throw new KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, 'Partitions must be numbered from 0 without a gap.');
    }
    assignment[partitionIndex] = brokerIds;
  }
  const replicationFactor = assignment[0]?.length ?? 0;
  assignment.forEach((replicas, partition) => checkReplicas(image, replicas, partition, replicationFactor));
  return assignment;
}

/** Throws INVALID_REPLICA_ASSIGNMENT for a list of replicas that a partition cannot have. */
export function checkReplicas(image: MetadataImage, replicas: readonly number[], partition: number, replicationFactor: number): void {
  const refuse = (message: string): never => {
    throw new KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message);
  };
  if (replicas.length === 0) refuse(`Partition ${partition} is assigned to no broker.`);
  if (new Set(replicas).size !== replicas.length) refuse(`Partition ${partition} names a broker twice.`);
  const unknown = replicas.find((broker) => !image.brokers.has(broker));
  if (unknown !== undefined) refuse(`Partition ${partition} is assigned to broker ${unknown}, which is not in this cluster.`);
  if (replicas.length !== replicationFactor) {
    refuse(`Partition ${partition} has ${replicas.length} replicas, the others ${replicationFactor}; all need the same number.`);
  }
  if (!replicas.some((broker) => isActive(image.brokers.get(broker)))) {
    refuse(`None of the brokers of partition ${partition} (${replicas.join(', ')}) is up.`);
  }
}

function automaticAssignment({ image, properties, random }: DecisionContext, topic: AskedTopic): number[][] {
  const defaults = brokerSettings(properties, image.brokers.size);
  const partitions = topic.numPartitions === -1 ? defaults.numPartitions : topic.numPartitions;
  const replicationFactor = topic.replicationFactor === -1 ? defaults.defaultReplicationFactor : topic.replicationFactor;
  if (partitions < 1) throw new KafkaError(ErrorCode.INVALID_PARTITIONS, 'A topic needs at least 1 partition.');
  if (partitions > MAX_PARTITIONS_AT_ONCE) {
    throw new KafkaError(
      ErrorCode.INVALID_PARTITIONS,
      `${partitions} partitions are more than one request can create (${MAX_PARTITIONS_AT_ONCE}).`,
    );
  }
  const brokers = [...image.brokers.values()].filter(isActive);
  checkReplicationFactor(replicationFactor, brokers.length);
  return placeReplicas(brokers, partitions, replicationFactor, random);
}

/** Throws INVALID_REPLICATION_FACTOR when there are fewer live brokers. */
export function checkReplicationFactor(replicationFactor: number, live: number): void {
  if (replicationFactor < 1)
    throw new KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, 'A topic needs at least 1 replica of each partition.');
  if (replicationFactor > live) {
    const alive = live === 1 ? 'is 1 live broker' : `are ${live} live brokers`;
    const message = `${replicationFactor} replicas need ${replicationFactor} brokers and there ${alive}; start more or ask for fewer replicas.`;
    throw new KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, message);
  }
}

/** A new partition: every live replica is in sync, since there are no records. */
export function partitionRecord(image: MetadataImage, topicId: string, partitionId: number, replicas: readonly number[]): MetadataRecordIn {
  const isr = replicas.filter((broker) => isActive(image.brokers.get(broker)));
  return {
    type: 'PartitionRecord',
    value: {
      partitionId,
      topicId,
      replicas,
      isr,
      removingReplicas: [],
      addingReplicas: [],
      leader: isr[0] ?? -1,
      leaderEpoch: 0,
      partitionEpoch: 0,
      directories: replicas.map(() => ZERO_UUID),
    },
  };
}
