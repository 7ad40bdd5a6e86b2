/**
 * The codec in which batches are stored, by the codec of the producer and by `compression.type` of the topic and of all brokers, asked of Apache
 * Kafka and of the embedded cluster. Needs Kafka's jars, see `tools.test.ts`.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { incrementalAlterConfigs } from '../../electron/cluster/protocol/apis/incremental-alter-configs.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { COMPRESSION_NAMES, decompress, type CompressionName } from '../../electron/cluster/protocol/compression.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { BatchView } from '../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { ApacheKafka } from '../helpers/apache-kafka.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { until } from '../helpers/processes.ts';
import { ProtocolClient } from '../helpers/protocol-client.ts';
import { describeWith } from '../helpers/tools.ts';

const jars = process.env['KAFKA_JARS'];
const BROKER = 4;
const TIME = 1_700_000_000_000n;

/** Topic and its settings. `default` follows the brokers. */
const TOPICS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  default: {},
  producer: { 'compression.type': 'producer' },
  uncompressed: { 'compression.type': 'uncompressed' },
  gzip: { 'compression.type': 'gzip' },
  'gzip-best': { 'compression.type': 'gzip', 'compression.gzip.level': '9' },
  snappy: { 'compression.type': 'snappy' },
  lz4: { 'compression.type': 'lz4', 'compression.lz4.level': '17' },
  zstd: { 'compression.type': 'zstd', 'compression.zstd.level': '10' },
  small: { 'compression.type': 'uncompressed', 'max.message.bytes': '700' },
  'small-gzip': { 'compression.type': 'gzip', 'max.message.bytes': '700' },
  stamped: { 'compression.type': 'gzip', 'message.timestamp.type': 'LogAppendTime' },
};

interface Stored {
  errorCode: number;
  codec?: string;
  records?: string;
  count?: number;
  sequence?: number;
}

describeWith('KAFKA_JARS', jars !== undefined, 'the codec of stored batches beside Apache Kafka', () => {
  let kafka: ApacheKafka;
  let cluster: ClusterProcess;
  let judge: ProtocolClient;
  let ours: ProtocolClient;
  const ends = new Map<string, bigint>();

  beforeAll(async () => {
    [kafka, cluster] = await Promise.all([ApacheKafka.start(jars ?? ''), ClusterProcess.start(['--memory', '--brokers', '1'])]);
    judge = new ProtocolClient(kafka.port, 'judge');
    ours = new ProtocolClient(Number(cluster.bootstrap.split(':').at(-1)), 'judge');
    await Promise.all([createAll(judge), createAll(ours)]);
  }, 120_000);
  afterAll(async () => {
    judge.close();
    ours.close();
    await Promise.all([kafka.stop(), cluster.stop()]);
  });

  async function createAll(client: ProtocolClient): Promise<void> {
    const topics = Object.entries(TOPICS).map(([name, configs]) => ({
      name,
      numPartitions: 1,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries({ 'message.timestamp.before.max.ms': '9223372036854775807', ...configs }).map(([key, value]) => ({
        name: key,
        value,
      })),
    }));
    await until('the topics exist and are led', 60_000, async () => {
      const created = await client.ask(createTopics, 5, { topics, timeoutMs: 10_000, validateOnly: false });
      if (created?.topics.every(({ errorCode }) => errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) !== true)
        return false;
      for (const topic of Object.keys(TOPICS)) if ((await readAt(client, topic, 0n)) === undefined) return false;
      return true;
    });
  }

  async function readAt(client: ProtocolClient, topic: string, offset: bigint, version = 11): Promise<Buffer | undefined> {
    const answer = await client.ask(fetch, version, {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 4 << 20 }] }],
    });
    const partition = answer?.responses[0]?.partitions[0];
    return partition?.errorCode === ErrorCode.NONE ? (partition.records ?? Buffer.alloc(0)) : undefined;
  }

  async function send(client: ProtocolClient, topic: string, records: Buffer): Promise<Stored> {
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
    const answer = await client.ask(produce, 9, { transactionalId: null, acks: -1, timeoutMs: 5_000, topicData });
    const result = answer?.responses[0]?.partitionResponses[0];
    if (result?.errorCode !== ErrorCode.NONE) return { errorCode: result?.errorCode ?? -100 };
    const bytes = await readAt(client, topic, result.baseOffset);
    if (bytes === undefined) throw new Error(`${topic} cannot be read`);
    const batch = new BatchView(bytes, 0);
    expect(batch.baseOffset).toBe(result.baseOffset);
    ends.set(topic, batch.lastOffset);
    const { compression = 'none', recordCount: count, baseSequence: sequence } = batch;
    const payload = batch.payload.subarray(0, batch.sizeInBytes - 61);
    return { errorCode: 0, codec: compression, records: decompress(compression, payload, 1 << 24).toString('hex'), count, sequence };
  }

  const values = (count: number, compression: CompressionName, more = {}): Buffer =>
    buildBatch({
      records: Array.from({ length: count }, (_, index) => ({
        key: Buffer.from(`k${index % 5}`),
        value: Buffer.from(`value ${index % 7} ${'x'.repeat(index % 11)}`),
        timestamp: TIME + BigInt(index),
      })),
      compression,
      ...more,
    });

  async function compareAll(): Promise<Map<string, Stored>> {
    const answers = new Map<string, Stored>();
    let producer = 100n;
    for (const topic of Object.keys(TOPICS)) {
      for (const codec of COMPRESSION_NAMES) {
        for (const [count, more] of [
          [1, {}],
          [60, {}],
          [30, { producerId: producer++, producerEpoch: 0, baseSequence: 0 }],
        ] as const) {
          const records = values(count, codec, more);
          const [theirs, mine] = await Promise.all([send(judge, topic, Buffer.from(records)), send(ours, topic, Buffer.from(records))]);
          expect(mine, `${topic}, ${count} records of ${codec}`).toEqual(theirs);
          answers.set(`${topic} ${codec} ${count}`, theirs);
        }
      }
    }
    return answers;
  }

  test('codec, records and error are the same for every pair of codecs', async () => {
    const answers = await compareAll();
    // What Apache Kafka does is no accident of one codec: else nothing was compared.
    expect(answers.get('gzip none 60')?.codec).toBe('gzip');
    expect(answers.get('uncompressed zstd 60')?.codec).toBe('none');
    expect(answers.get('default lz4 60')?.codec).toBe('lz4');
    expect(answers.get('small gzip 60')?.errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE);
    // The batch of a client is measured too, before it is compressed.
    expect(answers.get('small-gzip none 60')?.errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE);
    expect(answers.get('small-gzip gzip 60')?.errorCode).toBe(ErrorCode.NONE);
  }, 60_000);

  test('compression.type of all brokers holds for topics without their own, and no longer once it is deleted', async () => {
    for (const [operation, value, codec] of [
      [0, 'snappy', 'snappy'],
      [1, null, 'none'],
    ] as const) {
      const configs = [{ name: 'compression.type', configOperation: operation, value }];
      for (const client of [judge, ours]) {
        const resources = [{ resourceType: BROKER, resourceName: '', configs }];
        const answer = await client.ask(incrementalAlterConfigs, 1, { resources, validateOnly: false });
        expect(answer?.responses[0]?.errorCode).toBe(ErrorCode.NONE);
        await until('the setting is in force', 30_000, async () => (await send(client, 'default', values(3, 'none'))).codec === codec);
        expect((await send(client, 'producer', values(3, 'lz4'))).codec).toBe('lz4');
      }
    }
  }, 90_000);

  test('a fetch of a version before zstd is answered alike for a topic of zstd', async () => {
    const errorOf = async (client: ProtocolClient, topic: string): Promise<number | undefined> => {
      const topics = [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }];
      return (await client.ask(fetch, 9, { maxWaitMs: 0, minBytes: 0, topics }))?.responses[0]?.partitions[0]?.errorCode;
    };
    for (const topic of ['zstd', 'gzip', 'producer']) expect(await errorOf(ours, topic), topic).toBe(await errorOf(judge, topic));
  });
});
