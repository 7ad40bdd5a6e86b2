/**
 * Error codes for changes of settings, compared with those of Apache Kafka 4.3.0: one combined node with default settings answered the same
 * requests on 2026-11-30 (`config-answers.json`).
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
import { BROKER_RESOURCE } from '../../../electron/cluster/quorum/image.ts';
import { imageOf, registration, topic } from '../../helpers/fake-broker.ts';
import { CASES_LOGGER, CASES_TOPIC, CONFIG_CASES, describeCase, type ConfigCase } from './config-cases.ts';

const BROKER_LOGGER = 8;
const KAFKA = JSON.parse(readFileSync(new URL('config-answers.json', import.meta.url), 'utf8')) as Record<string, number>;

/** Intended differences. */
const REASONS: readonly { readonly about: (one: ConfigCase) => boolean; readonly reason: string }[] = [
  { about: ({ operation }) => operation < 0 || operation > 3, reason: 'Kafka fails with an unknown error; the request is what is wrong' },
];

const image = imageOf({
  topics: [topic(CASES_TOPIC, 'AAAAAAAAAAAAAAAAAAAAAQ', [{ leader: 1 }])],
  brokers: [registration(1)],
});
const context = { image, properties: {}, random: seededRandom(1), nextOffset: 5n, allows: () => true };

function answerTo({ api, type, resource, name, value, operation }: ConfigCase): number | undefined {
  if (type === BROKER_LOGGER && api === 'incremental') return answerForLoggers(resource, { name, value, configOperation: operation });
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

/** The broker changes their levels, not the controller. */
function answerForLoggers(broker: string, change: LoggerChange): number {
  try {
    requireOwnLoggers(broker, 1);
    const levels = new LoggerLevels('info');
    levels.thresholdOf(CASES_LOGGER);
    alterLoggers(levels, [change], true);
    return ErrorCode.NONE;
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return error.code;
  }
}

describe('changes of settings', () => {
  test(`have the error codes of Apache Kafka in ${CONFIG_CASES.length} cases`, () => {
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

test('max.connections.per.ip can be 0 only while overrides are set, in the same request or before', () => {
  const [perIp, overrides] = ['max.connections.per.ip', 'max.connections.per.ip.overrides'];
  const zero = { name: perIp, value: '0', configOperation: 0 };
  const some = { name: overrides, value: '127.0.0.1:50', configOperation: 0 };
  const none = { name: overrides, value: null, configOperation: 1 };
  const answer = (stored: Record<string, string>, configs: (typeof zero | typeof none)[]): number | undefined => {
    const before = imageOf({ brokers: [registration(1)], configs: [[BROKER_RESOURCE, '', stored]] });
    const resources = [{ resourceType: BROKER_RESOURCE, resourceName: '', configs }];
    return incrementalAlterConfigs({ ...context, image: before }, { resources, validateOnly: false }).response.responses[0]?.errorCode;
  };
  expect(answer({}, [zero])).toBe(42);
  expect(answer({}, [zero, some])).toBe(0);
  expect(answer({ [overrides]: '10.0.0.1:5' }, [zero])).toBe(0);
  expect(answer({ [perIp]: '0', [overrides]: '10.0.0.1:5' }, [none])).toBe(42);
  expect(answer({ [overrides]: '10.0.0.1:5' }, [none])).toBe(0);
});
