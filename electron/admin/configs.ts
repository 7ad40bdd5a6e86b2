/** Settings of topics and brokers. Edits are incremental: what is not named stays as it was (KIP-339). */
import { describeConfigs } from '../cluster/protocol/apis/describe-configs.ts';
import { incrementalAlterConfigs } from '../cluster/protocol/apis/incremental-alter-configs.ts';
import type { ConfigEntry } from '#shared/models/cluster';
import type { ClusterClient } from './cluster-client.ts';
import { kafkaFailure } from './errors.ts';
import { htmlToText } from './html-text.ts';

const TOPIC = 2;
const BROKER = 4;
const SET = 0;
const DELETE = 1;

const SOURCES: Partial<Record<number, ConfigEntry['source']>> = {
  1: 'topic',
  2: 'dynamicBroker',
  3: 'dynamicDefault',
  4: 'staticBroker',
  5: 'default',
};
const TYPES = ['unknown', 'boolean', 'string', 'int', 'short', 'long', 'double', 'list', 'class', 'password'];
/** Settings of thousands of topics keep a broker busy, and change seldom. */
const LATE_MS = 1_000;

export async function topicConfigs(client: ClusterClient, topic: string): Promise<ConfigEntry[]> {
  const entries = await describe(client, TOPIC, [topic], null, undefined);
  return entries.get(topic) ?? [];
}

/** Answered only by the broker itself. */
export async function brokerConfigs(client: ClusterClient, broker: number): Promise<ConfigEntry[]> {
  const entries = await describe(client, BROKER, [String(broker)], null, broker);
  return entries.get(String(broker)) ?? [];
}

/** A few settings of many topics; topics that failed are left out. */
export async function topicSettings(
  client: ClusterClient,
  topics: readonly string[],
  names: readonly string[],
): Promise<Map<string, ReadonlyMap<string, string | null>>> {
  const entries = await describe(client, TOPIC, topics, names, undefined);
  return new Map([...entries].map(([topic, list]) => [topic, new Map(list.map((entry) => [entry.name, entry.value]))]));
}

async function describe(
  client: ClusterClient,
  resourceType: number,
  names: readonly string[],
  keys: readonly string[] | null,
  broker: number | undefined,
): Promise<Map<string, ConfigEntry[]>> {
  const body = {
    resources: names.map((resourceName) => ({ resourceType, resourceName, configurationKeys: keys })),
    includeSynonyms: keys === null,
    includeDocumentation: keys === null,
  };
  const answer =
    broker === undefined
      ? await client.anyBroker(describeConfigs, body, { lateMs: LATE_MS, isRepeated: keys !== null })
      : await client.onBroker(broker, describeConfigs, body);
  const entries = new Map<string, ConfigEntry[]>();
  for (const result of answer.results) {
    if (result.errorCode !== 0) {
      if (names.length === 1) throw kafkaFailure(result.errorCode, { message: result.errorMessage, subject: result.resourceName });
      continue;
    }
    entries.set(
      result.resourceName,
      result.configs.map((config) => ({
        name: config.name,
        value: config.value,
        source: SOURCES[config.configSource] ?? 'unknown',
        readOnly: config.readOnly,
        sensitive: config.isSensitive,
        type: TYPES[config.configType] ?? 'unknown',
        documentation: config.documentation === null ? null : htmlToText(config.documentation),
        ...inheritedOf(config),
      })),
    );
  }
  return entries;
}

/** Synonyms are listed by precedence, beginning with the setting's own value. */
function inheritedOf({ configSource, synonyms }: { configSource: number; synonyms: readonly { value: string | null; source: number }[] }) {
  const next = synonyms.find(({ source }) => source > configSource);
  return next === undefined ? {} : { inherited: next.value };
}

/** Sets what has a value, removes the override of what is null. */
export async function setTopicConfigs(
  client: ClusterClient,
  topic: string,
  configs: Readonly<Record<string, string | null>>,
): Promise<void> {
  const answer = await client.onController(
    incrementalAlterConfigs,
    {
      resources: [
        {
          resourceType: TOPIC,
          resourceName: topic,
          configs: Object.entries(configs).map(([name, value]) => ({ name, configOperation: value === null ? DELETE : SET, value })),
        },
      ],
      validateOnly: false,
    },
    (response) => response.responses[0]?.errorCode ?? 0,
  );
  const [result] = answer.responses;
  if (result !== undefined && result.errorCode !== 0) {
    const names = Object.keys(configs);
    const field = names.length === 1 ? names[0] : undefined;
    throw kafkaFailure(result.errorCode, { message: result.errorMessage, subject: topic, ...(field === undefined ? {} : { field }) });
  }
}
