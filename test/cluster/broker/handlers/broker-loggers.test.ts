/** The loggers of a broker: what DescribeConfigs lists, what IncrementalAlterConfigs changes, and which lines then reach the log. */
import { expect, test } from 'vitest';
import { handleDescribeConfigs } from '../../../../electron/cluster/broker/handlers/describe-configs.ts';
import { handleIncrementalAlterConfigs } from '../../../../electron/cluster/broker/handlers/incremental-alter-configs.ts';
import { createLogger, type LogLevel } from '../../../../electron/cluster/lib/logger.ts';
import { ErrorCode } from '../../../../electron/cluster/protocol/error-codes.ts';
import { alterConfigs } from '../../../../electron/cluster/quorum/controller/alter-configs.ts';
import { seededRandom } from '../../../../electron/cluster/lib/random.ts';
import { fakeBroker, imageOf, requestContext } from '../../../helpers/fake-broker.ts';

const LOGGER = 8;
const [SET, DELETE, APPEND] = [0, 1, 2];

function harness(root: LogLevel = 'warn') {
  const lines: string[] = [];
  const logger = createLogger((level, message) => lines.push(`${level} ${message}`), root);
  const [log, cleaner] = [logger.child({ part: 'log' }), logger.child({ part: 'log' }).child({ part: 'log.cleaner' })];
  const broker = { ...fakeBroker(), logger: logger.child({ part: 'requests' }) };
  return {
    broker,
    lines,
    logger,
    log,
    cleaner,
    describe: async (names: readonly string[] | null = null, resourceName = '1') => {
      const resources = [{ resourceType: LOGGER, resourceName, configurationKeys: names === null ? null : [...names] }];
      const answer = await handleDescribeConfigs(
        { resources, includeSynonyms: true, includeDocumentation: true },
        requestContext(4),
        broker,
      );
      const { errorCode, configs } = answer?.results[0] ?? { errorCode: -1, configs: [] };
      return errorCode === ErrorCode.NONE ? configs.map(({ name, value }) => `${name}=${value}`) : errorCode;
    },
    alter: async (
      changes: readonly (readonly [name: string, operation: number, value: string | null])[],
      { resourceName = '1', validateOnly = false } = {},
    ) => {
      const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }));
      const request = { resources: [{ resourceType: LOGGER, resourceName, configs }], validateOnly };
      return (await handleIncrementalAlterConfigs(request, requestContext(1), broker))?.responses[0]?.errorCode;
    },
  };
}

test('lists the root and every logger with the level in force, as settings that can be changed', async () => {
  const { broker, describe } = harness();
  expect(await describe()).toEqual(['root=WARN', 'log=WARN', 'log.cleaner=WARN', 'requests=WARN']);
  expect(await describe(['root', 'none'])).toEqual(['root=WARN']);
  expect(await describe(null, '2')).toBe(ErrorCode.INVALID_REQUEST);
  expect(await describe(null, '')).toBe(ErrorCode.INVALID_REQUEST);
  const resources = [{ resourceType: LOGGER, resourceName: '1', configurationKeys: ['log'] }];
  const answer = await handleDescribeConfigs({ resources, includeSynonyms: true, includeDocumentation: true }, requestContext(4), broker);
  expect(answer?.results[0]?.configs).toEqual([
    { name: 'log', value: 'WARN', readOnly: false, configSource: 6, isSensitive: false, synonyms: [], configType: 0, documentation: '' },
  ]);
});

test('a level decides at once which lines of the logger and of those below it are logged', async () => {
  const { alter, describe, lines, log, cleaner, logger } = harness();
  log.debug('hidden');
  cleaner.info('hidden');
  expect(await alter([['log', SET, 'DEBUG']])).toBe(ErrorCode.NONE);
  log.debug('of the log');
  log.child({ topic: 't' }).debug('of a topic');
  cleaner.debug('of the cleaner');
  logger.info('hidden');
  expect(await alter([['log.cleaner', SET, 'ERROR']])).toBe(ErrorCode.NONE);
  cleaner.warn('hidden');
  cleaner.error('of the cleaner');
  log.debug('of the log');
  expect(await describe()).toEqual(['root=WARN', 'log=DEBUG', 'log.cleaner=ERROR', 'requests=WARN']);
  expect(await alter([['log.cleaner', DELETE, null]])).toBe(ErrorCode.NONE);
  cleaner.debug('of the cleaner');
  expect(await alter([['log', DELETE, '']])).toBe(ErrorCode.NONE);
  cleaner.info('hidden');
  log.info('hidden');
  expect(lines).toEqual([
    'debug of the log',
    'debug of a topic',
    'debug of the cleaner',
    'error of the cleaner',
    'debug of the log',
    'debug of the cleaner',
  ]);
  expect(await describe()).toEqual(['root=WARN', 'log=WARN', 'log.cleaner=WARN', 'requests=WARN']);
});

test('the level of the root holds for all without their own; FATAL logs nothing, TRACE everything', async () => {
  const { alter, lines, log, logger } = harness();
  await alter([['root', SET, 'FATAL']]);
  logger.error('hidden');
  log.error('hidden');
  await alter([['root', SET, 'TRACE']]);
  log.debug('a');
  logger.debug('b');
  expect(lines.filter((line) => !line.includes('logger levels'))).toEqual(['debug a', 'debug b']);
});

test('a refused change changes nothing, nor does one that is only validated', async () => {
  const { alter, describe } = harness();
  const before = await describe();
  expect(await alter([['log', SET, 'DEBUG']], { validateOnly: true })).toBe(ErrorCode.NONE);
  expect(
    await alter([
      ['log', SET, 'DEBUG'],
      ['log.cleaner', SET, 'LOUD'],
    ]),
  ).toBe(ErrorCode.INVALID_CONFIG);
  expect(
    await alter([
      ['log', SET, 'DEBUG'],
      ['log', SET, 'INFO'],
    ]),
  ).toBe(ErrorCode.INVALID_REQUEST);
  expect(await alter([['log', SET, null]])).toBe(ErrorCode.INVALID_REQUEST);
  expect(await alter([['log', APPEND, 'INFO']])).toBe(ErrorCode.INVALID_REQUEST);
  expect(await alter([['none', SET, 'INFO']])).toBe(ErrorCode.INVALID_CONFIG);
  expect(await alter([['none', DELETE, null]])).toBe(ErrorCode.INVALID_CONFIG);
  expect(await alter([['root', DELETE, null]])).toBe(ErrorCode.INVALID_REQUEST);
  expect(await alter([['log', SET, 'DEBUG']], { resourceName: '2' })).toBe(ErrorCode.INVALID_REQUEST);
  expect(await describe()).toEqual(before);
});

test('AlterConfigs, which replaces all settings of a resource, refuses loggers', () => {
  const resources = [{ resourceType: LOGGER, resourceName: '1', configs: [{ name: 'root', value: 'INFO' }] }];
  const context = { image: imageOf({}), properties: {}, random: seededRandom(1), nextOffset: 5n, allows: () => true };
  const { response } = alterConfigs(context, { resources, validateOnly: false });
  expect(response.responses[0]?.errorCode).toBe(ErrorCode.INVALID_REQUEST);
});

test('other resources of the request go to the controller without the loggers', async () => {
  const { broker, describe } = harness();
  const topic = { resourceType: 2, resourceName: 't', configs: [{ name: 'retention.ms', configOperation: SET, value: '5' }] };
  const loggers = { resourceType: LOGGER, resourceName: '1', configs: [{ name: 'log', configOperation: SET, value: 'INFO' }] };
  broker.answers.push({ responses: [{ errorCode: 0, errorMessage: null, resourceType: 2, resourceName: 't' }] });
  const answer = await handleIncrementalAlterConfigs({ resources: [topic, loggers], validateOnly: false }, requestContext(1), broker);
  expect(answer?.responses.map(({ resourceType, errorCode }) => [resourceType, errorCode])).toEqual([
    [LOGGER, 0],
    [2, 0],
  ]);
  expect(broker.sent[0]?.body).toEqual({ resources: [topic], validateOnly: false });
  const twice = await handleIncrementalAlterConfigs({ resources: [loggers, loggers], validateOnly: false }, requestContext(1), broker);
  expect(twice?.responses.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST]);
  expect(await describe(['log'])).toEqual(['log=INFO']);
});
