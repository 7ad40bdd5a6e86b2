/**
 * Key 32, DescribeConfigs 1–4: every configuration key of topics and brokers, with the source of its value (KIP-226) and, since v3, type and
 * documentation (KIP-569).
 *
 * A broker answers for itself and, with an empty name, for the cluster-wide defaults; it does not know the static configuration of others.
 */
import { describeConfigs } from '../../protocol/apis/describe-configs.ts';
import { mapInSlices } from '../../lib/work-slices.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { define } from '../../quorum/config-definition.ts';
import {
  brokerConfigByName,
  brokerConfigDefinitions,
  brokerConfigValues,
  ConfigSource,
  scaledValue,
  topicConfigDefinitions,
  topicConfigValues,
  type ConfigDefinition,
  type ConfigType,
  type ConfigValue,
} from '../../quorum/config-definitions.ts';
import { configRule, configRules, ResourceType } from '../../quorum/config-resources.ts';
import { BROKER_RESOURCE, configKey, type MetadataImage } from '../../quorum/image.ts';
import { authorizationError, isAllowed, Operation } from '../../security/authorizer.ts';
import { requireOwnLoggers } from '../broker-loggers.ts';
import type { BrokerApi, BrokerContext, Handler } from '../context.ts';
import { topicNameProblem } from '../topic-rules.ts';

type Request = RequestOf<typeof describeConfigs>;
type Resource = Request['resources'][number];
type Result = ResponseIn<typeof describeConfigs>['results'][number];
type Config = Result['configs'][number];

/** What Kafka answers for the level of a logger. */
const UNKNOWN_TYPE = 0;
const TYPE_CODES: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
};

const DESCRIBE_CONFIGS = configRules(Operation.DESCRIBE_CONFIGS);

/** Configuration keys in one response, over all resources: those of 10,000 topics. Resources beyond it are refused one by one. */
const MAX_CONFIGS = 350_000;

export const handleDescribeConfigs: Handler<typeof describeConfigs> = async (request, { session }, broker) => {
  let configs = 0;
  const results = await mapInSlices(broker.clock, request.resources, (resource): Result => {
    const { resourceType, resourceName } = resource;
    try {
      const needed = configRule(DESCRIBE_CONFIGS, resourceType, resourceName);
      if (needed !== undefined && !isAllowed(broker.authorizer, session, needed.rule, needed.name)) {
        throw authorizationError(needed.rule.resource);
      }
      if (configs >= MAX_CONFIGS) {
        throw new KafkaError(
          ErrorCode.POLICY_VIOLATION,
          `One request can describe at most ${MAX_CONFIGS} configuration keys; send several requests.`,
        );
      }
      const described = describe(resource, request, broker);
      configs += described.length;
      return { errorCode: ErrorCode.NONE, resourceType, resourceName, configs: described };
    } catch (error) {
      // An invalid resource must not fail the others.
      if (!(error instanceof KafkaError)) throw error;
      return { errorCode: error.code, errorMessage: error.message, resourceType, resourceName, configs: [] };
    }
  });
  return { results };
};

export const describeConfigsApi: BrokerApi<typeof describeConfigs> = {
  api: describeConfigs,
  listeners: ['broker'],
  authorization: { items: DESCRIBE_CONFIGS },
  handle: handleDescribeConfigs,
  failed: (request, failure) => ({
    results: request.resources.map(({ resourceType, resourceName }) => ({ ...failure, resourceType, resourceName, configs: [] })),
  }),
};

function describe(resource: Resource, request: Request, broker: BrokerContext): Config[] {
  const { configurationKeys } = resource;
  const asked = configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys);
  const wanted = (definition: ConfigDefinition): boolean => asked?.has(definition.name) ?? true;
  switch (resource.resourceType) {
    case ResourceType.TOPIC:
      return describeTopic(resource.resourceName, wanted, request, broker);
    case ResourceType.BROKER:
      return describeBroker(resource.resourceName, wanted, request, broker);
    case ResourceType.BROKER_LOGGER:
      return describeLoggers(resource.resourceName, asked, broker);
    case ResourceType.CLIENT_METRICS:
    case ResourceType.GROUP:
      return [];
    default:
      throw new KafkaError(ErrorCode.INVALID_REQUEST, `Resource type ${resource.resourceType} is unknown.`);
  }
}

function describeLoggers(name: string, asked: ReadonlySet<string> | null, { nodeId, logger }: BrokerContext): Config[] {
  requireOwnLoggers(name, nodeId);
  return logger.levels
    .list()
    .filter((one) => asked?.has(one.name) ?? true)
    .map((one) => ({
      name: one.name,
      value: one.level,
      readOnly: false,
      configSource: ConfigSource.DYNAMIC_BROKER_LOGGER,
      isSensitive: false,
      synonyms: [],
      configType: UNKNOWN_TYPE,
      documentation: '',
    }));
}

function describeTopic(name: string, wanted: (one: ConfigDefinition) => boolean, request: Request, broker: BrokerContext): Config[] {
  const problem = topicNameProblem(name);
  if (problem !== null) throw new KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, problem);
  const image = broker.image();
  if (!image.topics.has(name)) throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no topic ${name}.`);
  return topicConfigDefinitions.filter(wanted).map((definition) => {
    const values = topicConfigValues(image, name, definition, broker.properties, broker.nodeId);
    return config(definition, values, request);
  });
}

function describeBroker(name: string, wanted: (one: ConfigDefinition) => boolean, request: Request, broker: BrokerContext): Config[] {
  const image = broker.image();
  if (name === '') {
    const shared = image.configs.get(configKey(BROKER_RESOURCE, ''));
    return [...brokerConfigDefinitions, ...unknownDefinitions(image, [''])]
      .filter((definition) => wanted(definition) && shared?.has(definition.name) === true)
      .map((definition) => {
        const value = shared?.get(definition.name) ?? null;
        return config(definition, [{ name: definition.name, value, source: ConfigSource.DYNAMIC_DEFAULT_BROKER }], request);
      });
  }
  if (name !== String(broker.nodeId)) {
    throw new KafkaError(ErrorCode.INVALID_REQUEST, `This is broker ${broker.nodeId}; send the request for broker ${name} to that broker.`);
  }
  return [...brokerConfigDefinitions, ...unknownDefinitions(image, [name, ''])].filter(wanted).map((definition) => {
    const values = brokerConfigValues(image, definition, broker.properties, broker.nodeId);
    return config(definition, values, request);
  });
}

/** Stored keys that this broker does not know. Their values may be secrets, as in Kafka. */
function unknownDefinitions(image: MetadataImage, brokers: readonly string[]): ConfigDefinition[] {
  const names = new Set(brokers.flatMap((name) => [...(image.configs.get(configKey(BROKER_RESOURCE, name))?.keys() ?? [])]));
  return [...names]
    .filter((name) => !brokerConfigByName.has(name))
    .map((name) => define(name, 'string', null, 'A setting that this broker does not know.', { sensitive: true }));
}

/** `values` has at least one; the first one with a value counts. */
function config(definition: ConfigDefinition, values: readonly ConfigValue[], request: Request): Config {
  const counts = values.find(({ value }) => value !== null) ?? values[0];
  const hide = (value: string | null): string | null => (definition.sensitive ? null : value);
  const synonyms = request.includeSynonyms ? shownSynonyms(definition, values) : [];
  return {
    name: definition.name,
    value: counts === undefined ? null : hide(scaledValue(definition, counts)),
    readOnly: definition.readOnly,
    configSource: counts?.source ?? ConfigSource.DEFAULT,
    isSensitive: definition.sensitive,
    synonyms: synonyms.map(({ name, value, source }) => ({ name, value: hide(value), source })),
    configType: TYPE_CODES[definition.type],
    documentation: request.includeDocumentation ? definition.documentation : null,
  };
}

/**
 * As Kafka lists them: a topic's own value, then those of brokers from the first one that the setting's first synonym has. So a value that
 * comes from log.retention.hours alone is not explained by it.
 */
function shownSynonyms(definition: ConfigDefinition, values: readonly ConfigValue[]): ConfigValue[] {
  const set = values.filter(({ value }) => value !== null);
  if (brokerConfigByName.get(definition.name) === definition || !topicConfigDefinitions.includes(definition)) return set;
  const own = set.filter(({ source }) => source === ConfigSource.DYNAMIC_TOPIC);
  const brokers = set.filter(({ source }) => source !== ConfigSource.DYNAMIC_TOPIC);
  const first = brokers.findIndex(({ name }) => name === definition.synonyms[0]?.name);
  return first < 0 ? own : [...own, ...brokers.slice(first)];
}
