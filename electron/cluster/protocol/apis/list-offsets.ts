import { array, defineApi, int16, int32, int64, int8, string } from '../schema.ts';

/**
 * The offset of a timestamp, or of the log's ends. v2: isolation level (KIP-98); v4: leader epochs (KIP-320); v7: offset
 * of the largest timestamp (KIP-734); v8: local log start (KIP-405); v9: last tiered offset (KIP-1005); v10: a time limit
 * for remote look-ups (KIP-1075); v11: earliest offset that waits for upload (KIP-1023).
 */
export const listOffsets = defineApi({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexible: 6,
  request: {
    replicaId: int32('0+'),
    isolationLevel: int8('2+', { default: 0 }),
    topics: array('0+', {
      name: string('0+'),
      partitions: array('0+', {
        partitionIndex: int32('0+'),
        currentLeaderEpoch: int32('4+', { default: -1 }),
        timestamp: int64('0+'),
      }),
    }),
    timeoutMs: int32('10+', { default: 0 }),
  },
  response: {
    throttleTimeMs: int32('2+', { default: 0 }),
    topics: array('0+', {
      name: string('0+'),
      partitions: array('0+', {
        partitionIndex: int32('0+'),
        errorCode: int16('0+'),
        timestamp: int64('1+', { default: -1n }),
        offset: int64('1+', { default: -1n }),
        leaderEpoch: int32('4+', { default: -1 }),
      }),
    }),
  },
});
