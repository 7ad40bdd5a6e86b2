import { expect, test } from 'vitest';
import { chaos } from '../helpers/chaos.ts';
import { expectAll, FaultBench } from '../helpers/fault-bench.ts';
import { killLoop } from '../helpers/kill-loop.ts';
import { describeWith, pythonHas } from '../helpers/tools.ts';

const SECONDS = Number(process.env['BROKERDESK_CHAOS_SECONDS'] ?? 60);
const SEED = Number(process.env['BROKERDESK_CHAOS_SEED'] ?? Math.floor(Math.random() * 1e9));
const TOPIC_OF_LIBRDKAFKA = 'kill-loop-none';

// acks=all, min.insync.replicas=2, idempotent; three brokers. What may be broken at once is said in helpers/chaos.ts.
describeWith('python3-confluent-kafka', pythonHas('confluent_kafka'), 'all faults at random', () => {
  test(
    `for ${SECONDS} s, through the control API alone: nothing acknowledged is lost or there twice`,
    {
      timeout: SECONDS * 1_000 + 400_000,
    },
    async () => {
      const bench = await FaultBench.start();
      try {
        const topics = ['chaos-a', 'chaos-b', TOPIC_OF_LIBRDKAFKA];
        await bench.topic('chaos-a', {}, [1, 2, 3]);
        await bench.topic('chaos-b', {}, [3, 1, 2]);
        const writers = [await bench.writer('chaos-a'), await bench.writer('chaos-b')];
        const librdkafka = killLoop(bench.cluster.line, { seconds: SECONDS + 12, mode: 'none' });
        await Promise.all(writers.map((writer) => writer.more(5)));
        await expect.poll(async () => (await bench.partitionsAt(1, topics)).length, { timeout: 20_000 }).toBe(8);
        const report = await chaos(bench, topics, { seconds: SECONDS, seed: SEED });
        const healedAt = performance.now();
        expect(await bench.cluster.control('DELETE', '/faults')).toEqual([]);
        await Promise.all(writers.map((writer) => writer.more(1, 10_000)));
        const writableMs = Math.round(performance.now() - healedAt);
        const outcome = await librdkafka;
        const acked = await Promise.all(writers.map((writer) => writer.stop()));
        console.log('chaos:', JSON.stringify({ ...report, writableMs, kafkajs: acked.map(({ length }) => length), librdkafka: outcome }));
        for (const [index, topic] of ['chaos-a', 'chaos-b'].entries()) expectAll(acked[index] ?? [], await bench.read(topic));
        expect(outcome).toMatchObject({ lost: 0, duplicated: 0, invented: 0 });
        expect(outcome.acked).toBeGreaterThan(SECONDS * 20);
        expect(report.errors).toEqual([]);
      } finally {
        await bench.close();
      }
    },
  );
});
