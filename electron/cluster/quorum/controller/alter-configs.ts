/**
 * Settings of topics and brokers: AlterConfigs replaces all settings of a resource, IncrementalAlterConfigs (KIP-339) changes single ones.
 * All changes of a resource are made, or none.
 */
import type { alterConfigs as replaceApi } from '../../protocol/apis/alter-configs.ts';
import type { incrementalAlterConfigs as incrementalApi } from '../../protocol/apis/incremental-alter-configs.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { Operation } from '../../security/authorizer.ts';
import {
  brokerConfigByName,
  brokerConfigValues,
  checkBrokerConfig,
  checkTopicConfig,
  topicConfigByName,
  type ConfigDefinition,
} from '../config-definitions.ts';
import { readList } from '../config-definition.ts';
import { configRule, configRules } from '../config-resources.ts';
import { THREAD_POOLS } from '../inert-config-definitions.ts';
import { BROKER_RESOURCE, configKey, TOPIC_RESOURCE, type ConfigResourceType, type MetadataImage } from '../image.ts';
import { electForLeaderless, moveEvents } from './partition-moves.ts';
import { topicNameDefect } from './topic-name.ts';
import { requireAllowed, settingsCache, type ControllerEvent, type Decision, type DecisionContext } from './decision.ts';

type Replace = RequestOf<typeof replaceApi>;
type Incremental = RequestOf<typeof incrementalApi>;
type Response = ResponseIn<typeof incrementalApi>;

export const ALTER_CONFIGS = configRules(Operation.ALTER_CONFIGS);

const SET = 0;
const DELETE = 1;
const APPEND = 2;
const SUBTRACT = 3;

const PER_IP = 'max.connections.per.ip';
const PER_IP_OVERRIDES = 'max.connections.per.ip.overrides';

interface Change {
  readonly name: string;
  /** Null: the default. */
  readonly value: string | null;
}

export function alterConfigs(context: DecisionContext, request: Replace): Decision<Response> {
  return decide(context, request, (resource, current) => {
    for (const { name, value } of resource.configs) {
      if (value === null) throw new KafkaError(ErrorCode.INVALID_REQUEST, `${name} has no value; omit it to restore the default.`);
    }
    const kept = new Set(resource.configs.map((config) => config.name));
    const removed = [...current.keys()].filter((name) => !kept.has(name)).map((name) => ({ name, value: null }));
    return [...resource.configs, ...removed];
  });
}

export function incrementalAlterConfigs(context: DecisionContext, request: Incremental): Decision<Response> {
  return decide(context, request, (resource, current, known) =>
    resource.configs.map(({ name, value, configOperation }): Change => {
      if (configOperation === DELETE) return { name, value: null };
      if (value === null) throw new KafkaError(ErrorCode.INVALID_REQUEST, `${name} has no value; delete it to restore the default.`);
      if (configOperation === SET) return { name, value };
      if (configOperation !== APPEND && configOperation !== SUBTRACT) {
        throw new KafkaError(
          ErrorCode.INVALID_REQUEST,
          `There is no operation ${configOperation}; 0 sets, 1 deletes, 2 appends, 3 subtracts.`,
        );
      }
      const definition = known.get(name);
      if (definition?.type !== 'list') {
        throw new KafkaError(ErrorCode.INVALID_CONFIG, `${name} is not a list, so nothing can be appended to it or taken from it; set it.`);
      }
      const items = readList(current.get(name) ?? definition.default ?? '');
      const given = readList(value);
      const list =
        configOperation === APPEND
          ? [...items, ...given.filter((item) => !items.includes(item))]
          : items.filter((item) => !given.includes(item));
      return { name, value: list.join(',') };
    }),
  );
}

interface AskedResource {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly { readonly name: string }[];
}

function decide<R extends AskedResource>(
  context: DecisionContext,
  request: { readonly resources: readonly R[]; readonly validateOnly: boolean },
  changesOf: (resource: R, current: ReadonlyMap<string, string>, known: ReadonlyMap<string, ConfigDefinition>) => readonly Change[],
): Decision<Response> {
  const { image } = context;
  const records: MetadataRecordIn[] = [];
  const events: ControllerEvent[] = [];
  const configs = new Map(image.configs);
  const seen = new Set<string>();
  const responses = request.resources.map((resource) => {
    const { resourceType, resourceName } = resource;
    try {
      const needed = configRule(ALTER_CONFIGS, resourceType, resourceName);
      if (needed !== undefined) requireAllowed(context, needed.rule, needed.name);
      const type = checkResource(image, resourceType, resourceName);
      const key = configKey(type, resourceName);
      if (seen.has(key)) throw new KafkaError(ErrorCode.INVALID_REQUEST, `The request names ${resourceName} twice.`);
      seen.add(key);
      checkNamesOnce(resource);
      const current = image.configs.get(key) ?? new Map<string, string>();
      const known = type === TOPIC_RESOURCE ? topicConfigByName : brokerConfigByName;
      const changes = changesOf(resource, current, known).filter(({ name, value }) => (current.get(name) ?? null) !== value);
      for (const { name, value } of changes) {
        if (value !== null) checkValue(context, { type, resourceName, name, value });
        if (type === BROKER_RESOURCE && resourceName !== '' && name === 'min.insync.replicas') {
          throw new KafkaError(
            ErrorCode.INVALID_CONFIG,
            'min.insync.replicas cannot differ between brokers; set it for a topic, or for all brokers.',
          );
        }
      }
      const next = new Map(current);
      for (const { name, value } of changes) {
        if (value === null) next.delete(name);
        else next.set(name, value);
      }
      if (type === BROKER_RESOURCE) checkTogether(context, new Map([...configs, [key, next]]), resourceName, changes);
      for (const { name, value } of changes) {
        records.push({ type: 'ConfigRecord', value: { resourceType: type, resourceName, name, value } });
      }
      configs.set(key, next);
      if (changes.length > 0) events.push(configEvent(type, resourceName, changes));
      return { errorCode: ErrorCode.NONE, errorMessage: null, resourceType, resourceName };
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return { errorCode: error.code, errorMessage: error.message, resourceType, resourceName };
    }
  });
  if (request.validateOnly || records.length === 0) return { records: [], response: { responses }, events: [] };
  for (const record of clearEligible(context, configs)) records.push(record);
  // Where unclean election was enabled, partitions without a leader get one at once.
  const moves = electForLeaderless({ ...image, configs }, context.properties);
  for (const move of moves) records.push(move.record);
  const reason = moves.some(({ unclean }) => unclean) ? 'unclean leader election was enabled' : 'an eligible leader is live';
  for (const event of moveEvents(moves, 'setting', reason)) events.push(event);
  return { records, response: { responses }, events };
}

/**
 * A replica that left the ISR is eligible because the high watermark did not advance from then on. When min.insync.replicas changes it may
 * advance again, so no replica stays eligible (KIP-966). Without a leader the high watermark does not advance.
 */
function clearEligible({ image, properties }: DecisionContext, configs: MetadataImage['configs']): MetadataRecordIn[] {
  const before = settingsCache(image, properties);
  const after = settingsCache({ ...image, configs }, properties);
  const records: MetadataRecordIn[] = [];
  for (const topic of image.topics.values()) {
    for (const { partition, elr, lastKnownElr, leader } of topic.partitions) {
      if (leader < 0 || (elr.length === 0 && lastKnownElr.length === 0)) continue;
      if (before(topic.name).minInsyncReplicas === after(topic.name).minInsyncReplicas) break;
      const cleared = { eligibleLeaderReplicas: [], lastKnownElr: [] };
      records.push({ type: 'PartitionChangeRecord', value: { partitionId: partition, topicId: topic.id, ...cleared } });
    }
  }
  return records;
}

function checkResource(image: MetadataImage, type: number, name: string): ConfigResourceType {
  if (type === TOPIC_RESOURCE) {
    if (name === '') throw new KafkaError(ErrorCode.INVALID_REQUEST, 'Defaults of all topics are settings of the brokers; name a topic.');
    const defect = topicNameDefect(name);
    if (defect !== null) throw new KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, defect);
    if (!image.topics.has(name)) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no topic named ${name}.`);
    return TOPIC_RESOURCE;
  }
  if (type === BROKER_RESOURCE) {
    if (name !== '' && !(/^\d+$/.test(name) && image.brokers.has(Number(name)))) {
      throw new KafkaError(ErrorCode.INVALID_REQUEST, `There is no broker with id "${name}".`);
    }
    return BROKER_RESOURCE;
  }
  throw new KafkaError(
    ErrorCode.INVALID_REQUEST,
    `Settings of resource type ${type} cannot be changed here; topics (2) and brokers (4) can.`,
  );
}

/** Throws INVALID_CONFIG for a topic setting and, as Apache Kafka's brokers do, INVALID_REQUEST for a broker setting. */
function checkValue(
  { image, properties }: DecisionContext,
  { type, resourceName, name, value }: { type: ConfigResourceType; resourceName: string; name: string; value: string },
): void {
  if (type === TOPIC_RESOURCE) {
    const defect = checkTopicConfig(name, value);
    if (defect !== null) throw new KafkaError(ErrorCode.INVALID_CONFIG, defect);
    return;
  }
  const defect = checkBrokerConfig(name, value, resourceName);
  if (defect !== null) throw new KafkaError(ErrorCode.INVALID_REQUEST, defect);
  const definition = brokerConfigByName.get(name);
  if (definition === undefined || !THREAD_POOLS.has(name)) return;
  const id = resourceName === '' ? undefined : Number(resourceName);
  const current = Number(brokerConfigValues(image, definition, properties, id).find((found) => found.value !== null)?.value ?? value);
  if (Number(value) <= 2 * current && Number(value) >= Math.floor(current / 2)) return;
  const message = `${name} is ${current}; one change may at most double or halve it, and ${value} does not.`;
  throw new KafkaError(ErrorCode.INVALID_REQUEST, message);
}

/** Checks settings of a broker that depend on each other. Throws INVALID_REQUEST. */
function checkTogether(
  { image, properties }: DecisionContext,
  configs: MetadataImage['configs'],
  broker: string,
  changes: readonly Change[],
): void {
  if (!changes.some(({ name }) => name === PER_IP || name === PER_IP_OVERRIDES)) return;
  const valueOf = (name: string): string => {
    const definition = brokerConfigByName.get(name);
    if (definition === undefined) return '';
    const values = brokerConfigValues({ ...image, configs }, definition, properties, broker === '' ? undefined : Number(broker));
    return values.find(({ value }) => value !== null)?.value ?? '';
  };
  if (Number(valueOf(PER_IP)) !== 0 || valueOf(PER_IP_OVERRIDES).trim() !== '') return;
  throw new KafkaError(
    ErrorCode.INVALID_REQUEST,
    `${PER_IP} can be 0 only while ${PER_IP_OVERRIDES} names the addresses that may connect.`,
  );
}

function checkNamesOnce(resource: AskedResource): void {
  const names = new Set<string>();
  for (const { name } of resource.configs) {
    if (names.has(name)) throw new KafkaError(ErrorCode.INVALID_REQUEST, `${name} is given twice for ${resource.resourceName}.`);
    names.add(name);
  }
}

function configEvent(type: ConfigResourceType, name: string, changes: readonly Change[]): ControllerEvent {
  const details = { settings: Object.fromEntries(changes.map((change) => [change.name, change.value])) };
  const reason = changes
    .map(({ name: setting, value }) => (value === null ? `${setting} is back to its default` : `${setting} is ${value}`))
    .join(', ');
  if (type === TOPIC_RESOURCE) return { type: 'topic/configChanged', topic: name, reason, details };
  return { type: 'topic/configChanged', ...(name === '' ? {} : { broker: Number(name) }), reason, details };
}
