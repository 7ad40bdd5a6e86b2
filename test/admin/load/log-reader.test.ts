import { expect, test } from 'vitest';
import type { ClusterClient } from '../../../electron/admin/cluster-client.ts';
import { readLog } from '../../../electron/admin/load/log-reader.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { batchAround, consecutiveRecords } from '../../helpers/record-bombs.ts';

function clientOf(...answers: Buffer[]): ClusterClient {
  const onBroker = () =>
    Promise.resolve({
      errorCode: 0,
      responses: [{ topic: 't', partitions: [{ partitionIndex: 0, errorCode: 0, records: answers.shift() ?? null }] }],
    });
  return { onBroker } as unknown as ClusterClient;
}

test('readLog: visits the records of a large batch from the position, and yields to the event loop', async () => {
  const count = 200_000;
  const client = clientOf(
    buildBatch({ records: [{ key: Buffer.from('k'), value: Buffer.from('v') }] }),
    batchAround(consecutiveRecords(count), count, 'zstd', 1n),
  );
  let turns = 0;
  const beat = setInterval(() => turns++, 0);
  const visited: bigint[] = [];
  const where = { topic: 't', partition: 0, leader: 1, epoch: 0, from: 0n, end: BigInt(count + 1) };
  expect(await readLog(client, where, ({ offset }) => visited.push(offset))).toBe(BigInt(count + 1));
  clearInterval(beat);
  expect(visited).toHaveLength(count + 1);
  expect([visited[0], visited[1], visited.at(-1)]).toEqual([0n, 1n, BigInt(count)]);
  expect(turns).toBeGreaterThan(3);
});

test('readLog: continues in the middle of a batch', async () => {
  const records = Array.from({ length: 10 }, (_none, i) => ({ value: Buffer.from(`${i}`) }));
  const visited: string[] = [];
  const where = { topic: 't', partition: 0, leader: 1, epoch: 0, from: 7n, end: 10n };
  await readLog(clientOf(buildBatch({ records })), where, ({ value }) => visited.push(`${value?.toString()}`));
  expect(visited).toEqual(['7', '8', '9']);
});
