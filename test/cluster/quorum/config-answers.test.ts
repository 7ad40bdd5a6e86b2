/**
 * Error codes for changes of settings, beside those of Apache Kafka 4.3.0: one combined node with default settings answered the same requests
 * on 2026-11-30 (`config-answers.json`).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { alterLoggers, requireOwnLoggers, type LoggerChange } from '../../../electron/cluster/broker/broker-loggers.ts';
import { LoggerLevels } from '../../../electron/cluster/lib/logger-levels.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { alterConfigs, incrementalAlterConfigs } from '../../../electron/cluster/quorum/controller/alter-configs.ts';
import { createTopics } from '../../../electron/cluster/quorum/controller/create-topics.ts';
import { imageOf, registration, topic } from '../../helpers/fake-broker.ts';
import { CASES_TOPIC, CONFIG_CASES, describeCase, type ConfigCase } from './config-cases.ts';

const BROKER_LOGGER = 8;
const KAFKA = JSON.parse(readFileSync(new URL('config-answers.json', import.meta.url), 'utf8')) as Record<string, number>;

/** Where another answer is meant. */
const REASONS: readonly { readonly about: (one: ConfigCase) => boolean; readonly reason: string }[] = [
  { about: ({ operation }) => operation < 0 || operation > 3, reason: 'Kafka fails with an unknown error; the request is what is wrong' },
];

const image = imageOf({
  topics: [topic(CASES_TOPIC, 'AAAAAAAAAAAAAAAAAAAAAQ', [{ leader: 1 }])],
  brokers: [registration(1)],
});
const context = { image, properties: {}, random: seededRandom(1), nextOffset: 5n };

function answerTo({ api, type, resource, name, value, operation }: ConfigCase): number | undefined {
  if (type === BROKER_LOGGER) return answerForLoggers(resource, { name, value, configOperation: operation });
  if (api === 'create') {
    const asked = { name: resource, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [{ name, value }] };
    return createTopics(context, { topics: [asked], timeoutMs: 1000, validateOnly: true }).response.topics[0]?.errorCode;
  }
  const entity = { resourceType: type, resourceName: resource };
  const { response } =
    api === 'replace'
      ? alterConfigs(context, { resources: [{ ...entity, configs: [{ name, value }] }], validateOnly: true })
      : incrementalAlterConfigs(context, {
          resources: [{ ...entity, configs: [{ name, value, configOperation: operation }] }],
          validateOnly: true,
        });
  return response.responses[0]?.errorCode;
}

/** Their levels are changed by the broker, not by the controller. */
function answerForLoggers(broker: string, change: LoggerChange): number {
  try {
    requireOwnLoggers(broker, 1);
    alterLoggers(new LoggerLevels('info'), [change], true);
    return ErrorCode.NONE;
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return error.code;
  }
}

describe('changes of settings', () => {
  test(`are answered by the codes of Apache Kafka in ${CONFIG_CASES.length} cases`, () => {
    const differ = CONFIG_CASES.filter((one) => !REASONS.some(({ about }) => about(one)))
      .map((one) => ({ what: describeCase(one), kafka: KAFKA[describeCase(one)], here: answerTo(one) }))
      .filter(({ kafka, here }) => kafka !== here);
    expect(differ).toEqual([]);
  });

  test.each(REASONS.map(({ about, reason }) => ({ about, reason })))('differ where $reason', ({ about }) => {
    const cases = CONFIG_CASES.filter(about);
    expect(cases.length).toBeGreaterThan(0);
    for (const one of cases) expect(answerTo(one)).toBe(42);
  });
});
