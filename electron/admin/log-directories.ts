/** Log directories of one broker: bytes of its replicas, and the volume that is closest to full. Key 35, DescribeLogDirs. */
import { describeLogDirs } from '../cluster/protocol/apis/describe-log-dirs.ts';
import { ErrorCode } from '../cluster/protocol/error-codes.ts';
import type { ResponseOf } from '../cluster/protocol/schema.ts';
import { oncePerAnswer } from './answer-memo.ts';
import type { ClusterClient } from './cluster-client.ts';
import { innerMap } from './topics.ts';

export interface LogDirectories {
  /** Bytes of replicas, by topic and partition. */
  readonly sizes: ReadonlyMap<string, ReadonlyMap<number, bigint>>;
  /** Sum of `sizes`; null where a directory could not be read, or the broker refused the request. */
  readonly totalBytes: bigint | null;
  /** Of the directory with the highest used share; null where the broker does not report the volume of each (before KIP-827). */
  readonly fullest: LogVolume | null;
}

export interface LogVolume {
  readonly directory: string;
  /** Log directories of the broker; several of them may be on one volume. */
  readonly directories: number;
  readonly totalBytes: bigint;
  /** What the broker may still use. */
  readonly usableBytes: bigint;
}

/** Rejects with the `AdminError` of a broker that does not answer. */
export async function readLogDirectories(client: ClusterClient, broker: number): Promise<LogDirectories> {
  const answer = await client.onBroker(broker, describeLogDirs, { topics: null }, { isRepeated: true });
  return oncePerAnswer(answer, broker, () => logDirectoriesIn(answer));
}

type Answer = Pick<ResponseOf<typeof describeLogDirs>, 'errorCode' | 'results'>;

export function logDirectoriesIn({ errorCode, results }: Answer): LogDirectories {
  const sizes = new Map<string, Map<number, bigint>>();
  let totalBytes = 0n;
  for (const directory of results) {
    for (const { name, partitions } of directory.topics) {
      for (const { partitionIndex, partitionSize, isFutureKey } of partitions) {
        if (isFutureKey) continue;
        innerMap(sizes, name).set(partitionIndex, partitionSize);
        totalBytes += partitionSize;
      }
    }
  }
  // Before version 3 a request that is not authorized gets an answer without directories, and without an error.
  const isWhole = errorCode === ErrorCode.NONE && results.length > 0 && results.every((one) => one.errorCode === ErrorCode.NONE);
  return { sizes, totalBytes: isWhole ? totalBytes : null, fullest: fullestOf(results) };
}

/** A directory that failed holds nothing and is no part of the comparison. */
function fullestOf(results: Answer['results']): LogVolume | null {
  let fullest: LogVolume | null = null;
  for (const { errorCode, logDir, totalBytes, usableBytes } of results) {
    if (errorCode !== ErrorCode.NONE) continue;
    if (totalBytes <= 0n || usableBytes < 0n) return null;
    if (fullest === null || usableBytes * fullest.totalBytes < fullest.usableBytes * totalBytes)
      fullest = { directory: logDir, directories: results.length, totalBytes, usableBytes };
  }
  return fullest;
}
