/** A fetch below records that are missing: with read_committed it is refused where an abort marker may be among them. */
import { expect, test } from 'vitest';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { batchOf, marker, sequenced } from '../log/helpers.ts';
import { TestCluster, TOPIC_ID } from './harness.ts';

const [READ_UNCOMMITTED, READ_COMMITTED] = [0, 1];
/** Offset of the aborted record. */
const ABORTED = 1n;

/** A record, an aborted one, and further ones; the segment with the abort marker is missing. */
async function damagedCluster(brokers: number): Promise<TestCluster> {
  const cluster = new TestCluster({ brokers, config: { segmentBytes: 180, indexIntervalBytes: 1 } });
  cluster.createTopic(Array.from({ length: brokers }, (_, index) => index + 1));
  const { log } = cluster.partition(1);
  log.appendAsLeader(batchOf(['plain']), 0, { origin: 'client' });
  log.appendAsLeader(sequenced(1n, 0, 0, 1, { transactional: true }), 0, { origin: 'client' });
  log.appendAsLeader(marker('abort', 1n, 0), 0, { origin: 'coordinator' });
  for (let i = 0; i < 6; i++) log.appendAsLeader(batchOf(['plain']), 0, { origin: 'client' });
  log.updateHighWatermark(log.logEndOffset);
  log.flush();
  const { disk, logs } = cluster.broker(1);
  logs.checkpoint();
  cluster.kill(1);
  log.closeWithoutFlush();
  disk.remove(`/data/1/orders-0/00000000000000000002.log`);
  for (let id = 2; id <= brokers; id++) cluster.kill(id);
  cluster.restart(1);
  const restarted = cluster.partition(1).log;
  restarted.updateHighWatermark(restarted.logEndOffset);
  expect(restarted.corruptSegments).toHaveLength(1);
  return cluster;
}

async function fetchFrom(cluster: TestCluster, fetchOffset: bigint, isolationLevel: number) {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }];
  const topics = [{ topicId: TOPIC_ID, partitions }];
  const request = { maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, isolationLevel, sessionEpoch: -1, topics };
  const answer = (await cluster.ask(1, fetch, request)).responses[0]?.partitions[0];
  if (answer === undefined) throw new Error('no answer');
  const records = answer.records === null ? Buffer.alloc(0) : Buffer.from(answer.records);
  return { errorCode: answer.errorCode, offsets: [...iterateBatches(records)].map(({ baseOffset }) => Number(baseOffset)) };
}

test('read_committed: records up to the undecided transaction, then CORRUPT_MESSAGE where no other replica exists', async () => {
  const cluster = await damagedCluster(1);
  expect(await fetchFrom(cluster, 0n, READ_COMMITTED)).toEqual({ errorCode: ErrorCode.NONE, offsets: [0] });
  expect(await fetchFrom(cluster, ABORTED, READ_COMMITTED)).toEqual({ errorCode: ErrorCode.CORRUPT_MESSAGE, offsets: [] });
  expect(await fetchFrom(cluster, 4n, READ_COMMITTED)).toMatchObject({ errorCode: ErrorCode.NONE, offsets: [4, 5] });
});

test('read_uncommitted: the aborted record is returned as before', async () => {
  const cluster = await damagedCluster(1);
  expect(await fetchFrom(cluster, 0n, READ_UNCOMMITTED)).toEqual({ errorCode: ErrorCode.NONE, offsets: [0, 1] });
});
