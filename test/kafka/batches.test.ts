/**
 * Batches from a seed, ordinary, odd and malformed, sent raw to Apache Kafka and to the embedded cluster: both answer with the same error code and
 * record indexes, and store the same bytes. What differs on purpose is in `batch-differences.ts`. Needs Kafka's jars, see `tools.test.ts`.
 * JUDGE_BATCHES=1000 runs the full form, JUDGE_SEED another seed.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { ErrorCode, errorName } from '../../electron/cluster/protocol/error-codes.ts';
import { ApacheKafka } from '../helpers/apache-kafka.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { oddBatches, TOPICS, type OddCase } from '../helpers/odd-batches.ts';
import { until } from '../helpers/processes.ts';
import { ProtocolClient } from '../helpers/protocol-client.ts';
import { describeWith } from '../helpers/tools.ts';
import { CLOSED, DIFFERENCES, type Outcome } from './batch-differences.ts';

const jars = process.env['KAFKA_JARS'];
const COUNT = Number(process.env['JUDGE_BATCHES'] ?? 200);
const SEED = Number(process.env['JUDGE_SEED'] ?? 9);
const FULL = 1000;

describeWith('KAFKA_JARS', jars !== undefined, 'produced batches beside Apache Kafka', () => {
  let kafka: ApacheKafka;
  let cluster: ClusterProcess;
  let judge: ProtocolClient;
  let ours: ProtocolClient;

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

  test(`${COUNT} batches of seed ${SEED} have the same fate`, async () => {
    const unexplained: string[] = [];
    const used = new Set<string>();
    let accepted = 0;
    for (const [number, batch] of oddBatches(seededRandom(SEED), COUNT, Date.now()).entries()) {
      const [theirs, mine] = await Promise.all([outcomeOf(judge, batch), outcomeOf(ours, batch)]);
      if (theirs.errorCode === ErrorCode.NONE) accepted++;
      if (JSON.stringify(theirs) === JSON.stringify(mine)) continue;
      const difference = DIFFERENCES.find(({ allows }) => allows(theirs, mine, batch));
      if (difference !== undefined) used.add(difference.name);
      else
        unexplained.push(
          `${number} ${batch.topic} v${batch.version} ${batch.transactionalId ?? ''} [${batch.name}]: ${show(theirs)} | ${show(mine)} | ${hexOf(batch.records)}`,
        );
    }
    expect(unexplained).toEqual([]);
    // Neither all refused nor all taken: else nothing was compared.
    expect(accepted).toBeGreaterThan(COUNT / 5);
    expect(accepted).toBeLessThan((COUNT * 4) / 5);
    if (COUNT >= FULL) expect(DIFFERENCES.filter(({ name }) => !used.has(name)).map(({ name }) => name)).toEqual([]);
  });
});

function hexOf(records: Buffer | null): string {
  return records === null ? 'null' : records.subarray(0, 400).toString('hex');
}

function show({ errorCode, records, stored }: Outcome): string {
  const name = errorCode === CLOSED ? 'closed' : errorName(errorCode);
  return `${name} ${records.slice(0, 5).join(',')} ${stored.length <= 400 ? stored : `${stored.slice(0, 400)}…`}`;
}

async function createAll(client: ProtocolClient): Promise<void> {
  const topics = TOPICS.map(({ name, configs }) => ({
    name,
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }));
  await until('the topics exist and take records', 60_000, async () => {
    const created = await client.ask(createTopics, 4, { topics, timeoutMs: 10_000 });
    if (created === undefined) return false;
    if (!created.topics.every(({ errorCode }) => errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS))
      return false;
    for (const { name } of TOPICS) if ((await readAt(client, name, 0n)) === undefined) return false;
    return true;
  });
}

async function outcomeOf(client: ProtocolClient, { topic, version, transactionalId, records }: OddCase): Promise<Outcome> {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
  const answer = await client.ask(produce, version, { transactionalId, acks: -1, timeoutMs: 1_000, topicData }, 3_000);
  const partition = answer?.responses[0]?.partitionResponses[0];
  if (partition === undefined) return { errorCode: CLOSED, records: [], stored: '' };
  const { errorCode, baseOffset, recordErrors } = partition;
  const stored = errorCode === ErrorCode.NONE ? await readAt(client, topic, baseOffset) : undefined;
  return {
    errorCode,
    records: recordErrors.map(({ batchIndex }) => batchIndex),
    stored: stored === undefined ? '' : normal(topic, stored),
  };
}

/** The batch at `offset`, empty at the end of the log; undefined where the partition cannot be read. */
async function readAt(client: ProtocolClient, topic: string, offset: bigint): Promise<Buffer | undefined> {
  const answer = await client.ask(fetch, 11, {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 4 << 20 }] }],
  });
  const partition = answer?.responses[0]?.partitions[0];
  if (partition === undefined || partition.errorCode !== ErrorCode.NONE) return undefined;
  const { records } = partition;
  if (records === null || records.length < 12) return Buffer.alloc(0);
  return records.subarray(0, 12 + records.readInt32BE(8));
}

/** Without base offset and leader epoch, and, where the broker sets the time, without that and the checksum. */
function normal(topic: string, stored: Buffer): string {
  const copy = Buffer.from(stored);
  if (copy.length < 61) return copy.toString('hex');
  copy.fill(0, 0, 8);
  copy.fill(0, 12, 16);
  if (topic === 'stamped') {
    copy.fill(0, 17, 21);
    copy.fill(0, 35, 43);
  }
  return copy.toString('hex');
}
