/** The whole process of the cluster is suspended, as on a laptop that sleeps, beyond every session timeout, while clients run. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectAll, FaultBench, later, SESSION_MS } from '../helpers/fault-bench.ts';

const SUSPENDED_MS = SESSION_MS * 3;
/** Measured 0.1 to 1.0 s. */
const FIRST_ACKNOWLEDGEMENT_MS = 10_000;

let bench: FaultBench;
beforeAll(async () => {
  bench = await FaultBench.start();
});
afterAll(() => bench.close());

test('after a suspension nothing is lost or repeated, writes are soon acknowledged, and the timeline names it as the cause', async () => {
  const topic = await bench.topic('suspended');
  const writer = await bench.writer(topic);
  const consumer = bench.client().consumer({ groupId: 'suspended-readers', sessionTimeout: 6_000, heartbeatInterval: 500 });
  const consumed: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void consumed.push(message.value?.toString() ?? '') });
  await writer.more(50);
  await expect.poll(() => consumed.length, { timeout: 60_000 }).toBeGreaterThan(20);
  const before = (await bench.timeline()).at(-1)?.id ?? 0;
  const { pid } = bench.cluster.line;
  process.kill(pid, 'SIGSTOP');
  await later(SUSPENDED_MS);
  process.kill(pid, 'SIGCONT');
  const resumedAt = performance.now();
  await writer.more(1, FIRST_ACKNOWLEDGEMENT_MS);
  const firstMs = performance.now() - resumedAt;
  await writer.more(50);
  await bench.whole(topic);
  const acked = await writer.stop();
  await expect.poll(() => new Set(consumed).size, { timeout: 60_000 }).toBeGreaterThanOrEqual(acked.length);
  await consumer.disconnect();
  expectAll(acked, await bench.read(topic));
  console.log(`first acknowledgement ${Math.round(firstMs)} ms after the process resumed`);

  const events = await bench.timeline(before);
  // A machine that is short of processor time may suspend the process a little more often.
  const suspensions = events.filter(({ type }) => type === 'cluster/processSuspended').map(({ details }) => Number(details?.['forMs']));
  expect(Math.max(...suspensions)).toBeGreaterThan(SUSPENDED_MS * 0.8);
  const followed = events.filter(({ type }) => type === 'quorum/leaderElected' || type === 'cluster/brokerFenced');
  for (const { type, causeId } of followed) expect([type, causeId]).toEqual([type, expect.any(Number)]);
});
