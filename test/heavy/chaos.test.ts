import { expect, test } from 'vitest';
import { chaos } from '../helpers/chaos.ts';
import { expectAll, FaultBench } from '../helpers/fault-bench.ts';
import { runJavaWriter } from '../helpers/java-writer.ts';
import { killLoop } from '../helpers/kill-loop.ts';
import { describeWith, onPath, pythonHas } from '../helpers/tools.ts';

const SECONDS = Number(process.env['BROKERDESK_CHAOS_SECONDS'] ?? 60);
const SEED = Number(process.env['BROKERDESK_CHAOS_SEED'] ?? Math.floor(Math.random() * 1e9));
const TOPIC_OF_LIBRDKAFKA = 'kill-loop-none';
const TOPIC_OF_JAVA = 'chaos-java';
const JARS = process.env['KAFKA_JARS'];
/** What a client that gives up for good says: librdkafka "fatal", Java a broken sequence or a fenced producer. */
const FATAL = /fatal|OutOfOrderSequence|ProducerFenced|InvalidProducerEpoch|UnknownProducerId/i;

// acks=all, min.insync.replicas=2, idempotent; three brokers. What may be broken at once is said in helpers/chaos.ts.
const ready = pythonHas('confluent_kafka') && JARS !== undefined && onPath('java');
describeWith('python3-confluent-kafka, java and KAFKA_JARS', ready, 'all faults at random, brokers added and removed', () => {
  test(
    `for ${SECONDS} s, through the control API alone: no acknowledged record is lost, repeated or reordered, no client fails for good`,
    {
      timeout: SECONDS * 1_000 + 400_000,
    },
    async () => {
      const bench = await FaultBench.start();
      try {
        const topics = ['chaos-a', 'chaos-b', TOPIC_OF_JAVA, TOPIC_OF_LIBRDKAFKA];
        await bench.topic('chaos-a', {}, [1, 2, 3]);
        await bench.topic('chaos-b', {}, [3, 1, 2]);
        await bench.topic(TOPIC_OF_JAVA, {}, [2, 3, 1]);
        const writers = [await bench.writer('chaos-a'), await bench.writer('chaos-b')];
        const librdkafka = killLoop(bench.cluster.line, { seconds: SECONDS + 12, mode: 'none' });
        const java = runJavaWriter(bench.cluster.bootstrap, { jars: JARS ?? '', topic: TOPIC_OF_JAVA, seconds: SECONDS + 12, rate: 500 });
        // Failures show where the outcomes are awaited, not before.
        librdkafka.catch(() => undefined);
        java.catch(() => undefined);
        await Promise.all(writers.map((writer) => writer.more(5)));
        await expect.poll(async () => (await bench.partitionsAt(1, topics)).length, { timeout: 60_000 }).toBe(9);
        const report = await chaos(bench, topics, { seconds: SECONDS, seed: SEED });
        const healedAt = performance.now();
        expect(await bench.cluster.control('DELETE', '/faults')).toEqual([]);
        await Promise.all(writers.map((writer) => writer.more(1)));
        const writableMs = Math.round(performance.now() - healedAt);
        const outcomes = { librdkafka: await librdkafka, java: await java };
        const acked = await Promise.all(writers.map((writer) => writer.stop()));
        console.log('chaos:', JSON.stringify({ ...report, writableMs, kafkajs: acked.map(({ length }) => length), ...outcomes }));
        for (const [index, topic] of ['chaos-a', 'chaos-b'].entries()) expectAll(acked[index] ?? [], await bench.read(topic));
        for (const outcome of Object.values(outcomes)) {
          expect(outcome).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
          expect(outcome.acked).toBeGreaterThan(SECONDS * 20);
          expect(outcome.errors.filter((error) => FATAL.test(error))).toEqual([]);
        }
        expect(outcomes.librdkafka.invented).toBe(0);
        expect(outcomes.java.unread).toBe(0);
        expect(report.errors).toEqual([]);
      } finally {
        await bench.close();
      }
    },
  );
});
