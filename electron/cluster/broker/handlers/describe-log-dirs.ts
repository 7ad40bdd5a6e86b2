/**
 * Key 35, DescribeLogDirs 1–5: the size of each replica on this broker (KIP-113) and of the volume that holds the log directory (KIP-827).
 * There is one log directory. Of a volume of unknown size both fields are −1.
 */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { describeLogDirs } from '../../protocol/apis/describe-log-dirs.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { Operation } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import type { Partition } from '../partition.ts';
import type { DataContext, DataRequestContext } from '../data-context.ts';

type Request = RequestOf<typeof describeLogDirs>;
type Response = ResponseIn<typeof describeLogDirs>;
type PartitionResponse = Response['results'][number]['topics'][number]['partitions'][number];

export function handleDescribeLogDirs(request: Request, _context: DataRequestContext, broker: DataContext): Response {
  // As in Apache Kafka, an offline directory reports no replicas.
  if (broker.replicas.storageError !== undefined) {
    const results = [{ errorCode: ErrorCode.KAFKA_STORAGE_ERROR, logDir: broker.replicas.logDirectory, topics: [] }];
    return { errorCode: ErrorCode.NONE, results };
  }
  const wanted = request.topics === null ? undefined : new Map(request.topics.map(({ topic, partitions }) => [topic, new Set(partitions)]));
  const topics = new Map<string, PartitionResponse[]>();
  for (const partition of broker.replicas.partitions()) {
    if (wanted?.get(partition.topic)?.has(partition.index) === false) continue;
    if (wanted !== undefined && !wanted.has(partition.topic)) continue;
    let list = topics.get(partition.topic);
    if (list === undefined) topics.set(partition.topic, (list = []));
    list.push(describe(partition));
  }
  return {
    errorCode: ErrorCode.NONE,
    results: [
      {
        errorCode: ErrorCode.NONE,
        logDir: broker.replicas.logDirectory,
        topics: [...topics].map(([name, partitions]) => ({ name, partitions })),
        ...broker.replicas.volume(),
      },
    ],
  };
}

function describe({ index, log }: Partition): PartitionResponse {
  const behind = log.highWatermark - log.logEndOffset;
  return { partitionIndex: index, partitionSize: BigInt(log.sizeBytes), offsetLag: behind > 0n ? behind : 0n, isFutureKey: false };
}

export const describeLogDirsApi: BrokerApi<typeof describeLogDirs> = {
  api: describeLogDirs,
  listeners: ['broker'],
  authorization: onCluster(Operation.DESCRIBE),
  handle: handleDescribeLogDirs,
  failed: (_request, { errorCode }) => ({ errorCode, results: [] }),
};
