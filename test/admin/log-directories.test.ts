import { describe, expect, test } from 'vitest';
import { logDirectoriesIn } from '../../electron/admin/log-directories.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';

type Directory = Parameters<typeof logDirectoriesIn>[0]['results'][number];

const replica = (partitionIndex: number, partitionSize: bigint, isFutureKey = false) => ({
  partitionIndex,
  partitionSize,
  offsetLag: 0n,
  isFutureKey,
});

const directory = (logDir: string, bytes: bigint, totalBytes: bigint, usableBytes: bigint, errorCode = 0): Directory => ({
  errorCode,
  logDir,
  topics: errorCode === 0 ? [{ name: 'orders', partitions: [replica(0, bytes), replica(1, 7n, true)] }] : [],
  totalBytes,
  usableBytes,
  isCordoned: false,
});

const of = (results: Directory[], errorCode = 0) => logDirectoriesIn({ errorCode, results });

describe('logDirectoriesIn', () => {
  test('sums replicas, without those that are still being moved to another directory', () => {
    const { sizes, totalBytes } = of([directory('/a', 10n, 100n, 50n)]);
    expect(sizes).toEqual(new Map([['orders', new Map([[0, 10n]])]]));
    expect(totalBytes).toBe(10n);
  });

  test('reports the volume with the highest used share, not the one with the fewest usable bytes', () => {
    const { fullest } = of([
      directory('/small', 1n, 100n, 40n),
      directory('/large', 1n, 10_000n, 800n),
      directory('/other', 1n, 1_000n, 500n),
    ]);
    expect(fullest).toEqual({ directory: '/large', directories: 3, totalBytes: 10_000n, usableBytes: 800n });
  });

  test('keeps the share exact for volumes of petabytes', () => {
    const total = 9_000_000_000_000_000_000n;
    expect(of([directory('/a', 1n, total, 2n), directory('/b', 1n, total, 1n)]).fullest?.directory).toBe('/b');
  });

  test('reports no volume where a directory that serves does not name its own: another one may be fuller', () => {
    expect(of([directory('/a', 1n, -1n, -1n)]).fullest).toBeNull();
    expect(of([directory('/a', 1n, 100n, 50n), directory('/b', 1n, -1n, -1n)]).fullest).toBeNull();
    expect(of([directory('/a', 1n, 0n, 0n)]).fullest).toBeNull();
  });

  test('compares the directories that serve where one has failed, and knows no sum of bytes', () => {
    const failed = directory('/b', 0n, -1n, -1n, ErrorCode.KAFKA_STORAGE_ERROR);
    const { totalBytes, fullest, sizes } = of([directory('/a', 5n, 100n, 50n), failed]);
    expect(totalBytes).toBeNull();
    expect(fullest).toMatchObject({ directory: '/a', directories: 2 });
    expect(sizes.get('orders')?.get(0)).toBe(5n);
    expect(of([failed])).toMatchObject({ totalBytes: null, fullest: null });
  });

  test('knows no sum of bytes where the request was refused, with an error or without one', () => {
    expect(of([], ErrorCode.CLUSTER_AUTHORIZATION_FAILED)).toMatchObject({ totalBytes: null, fullest: null });
    expect(of([])).toMatchObject({ totalBytes: null, fullest: null });
  });
});
