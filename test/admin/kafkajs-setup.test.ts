import { logLevel } from 'kafkajs';
import Runner from 'kafkajs/src/consumer/runner.js';
import loggers from 'kafkajs/src/loggers/index.js';
import { expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';

/** Fetches of a stopped consumer after which the loop counts as endless; without an error from `fetch` it has no other end. */
const MANY = 1_000;

setUpKafkajs();

test('kafkajs: a consumer that stops while its fetchers are re-created ends, and leaves its group', async () => {
  const group = { brokers: ['1'], fetches: 0, left: false };
  let stopped: Promise<void> | undefined;
  const runner = new Runner({
    logger: loggers.createLogger({ level: logLevel.NOTHING, logCreator: () => () => undefined }),
    instrumentationEmitter: { emit: () => undefined },
    concurrency: 1,
    retry: { retries: 3, initialRetryTime: 1 },
    eachBatch: () => Promise.resolve(),
    onCrash: (error) => expect.fail(String(error)),
    consumerGroup: {
      connect: () => Promise.resolve(),
      joinAndSync: () => Promise.resolve(),
      heartbeat: () => Promise.resolve(),
      leave: () => {
        group.left = true;
        return Promise.resolve();
      },
      // kafkajs asks before each fetch: a consumer that stopped asks in an endless loop, which this ends.
      getNodeIds: () => {
        if (group.fetches++ > MANY) throw new Error('endless loop');
        // The stop comes when the fetchers are about to be re-created, because there is a new broker.
        if (group.brokers.length > 1) stopped ??= runner.stop();
        return group.brokers;
      },
      fetch: () => new Promise((resolve) => setTimeout(resolve, 1, [])),
    },
  });
  await runner.start();
  await expect.poll(() => group.fetches).toBeGreaterThan(2);
  group.brokers = ['1', '2'];
  await expect.poll(() => stopped !== undefined).toBe(true);
  await stopped;
  expect(group.left).toBe(true);
  expect(group.fetches).toBeLessThan(MANY);
});
