import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { alterPartitionReassignments } from '../../../electron/cluster/quorum/controller/alter-partition-reassignments.ts';
import { alterPartition } from '../../../electron/cluster/quorum/controller/alter-partition.ts';
import { createPartitions } from '../../../electron/cluster/quorum/controller/create-partitions.ts';
import { fenceBroker } from '../../../electron/cluster/quorum/controller/fence-broker.ts';
import { listPartitionReassignments } from '../../../electron/cluster/quorum/controller/list-partition-reassignments.ts';
import type { MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { apply, partition, testContext, testId, testImage } from '../../helpers/metadata-image.ts';

const BROKERS = [1, 2, 3, 4, 5];

function reassign(image: MetadataImage, replicas: number[] | null, more: { factorFixed?: boolean; topic?: string } = {}) {
  const decision = alterPartitionReassignments(testContext(image), {
    timeoutMs: 1,
    allowReplicationFactorChange: more.factorFixed !== true,
    topics: [{ name: more.topic ?? 'a', partitions: [{ partitionIndex: 0, replicas }] }],
  });
  const answer = decision.response.responses[0]?.partitions[0];
  return { after: apply(image, decision.records), code: answer?.errorCode, events: decision.events.map(({ type }) => type), decision };
}

/** The ISR change that a leader requests when followers have caught up or fallen behind. */
function isrBecomes(image: MetadataImage, isr: number[]) {
  const { leader, leaderEpoch, partitionEpoch, topicId } = partition(image, 'a');
  const decision = alterPartition(testContext(image), {
    brokerId: leader,
    brokerEpoch: BigInt(leader * 10),
    topics: [
      {
        topicId,
        partitions: [
          {
            partitionIndex: 0,
            leaderEpoch,
            newIsr: isr,
            newIsrWithEpochs: isr.map((brokerId) => ({ brokerId, brokerEpoch: BigInt(brokerId * 10) })),
            leaderRecoveryState: 0,
            partitionEpoch,
          },
        ],
      },
    ],
  });
  const answer = decision.response.topics[0]?.partitions[0];
  return { after: apply(image, decision.records), code: answer?.errorCode, events: decision.events.map(({ type }) => type) };
}

const list = (image: MetadataImage, partitionIndexes?: number[]) =>
  listPartitionReassignments(testContext(image), {
    timeoutMs: 1,
    topics: partitionIndexes === undefined ? null : [{ name: 'a', partitionIndexes }],
  }).response.topics;

describe('reassignment', () => {
  const image = testImage(BROKERS, { a: [{ replicas: [1, 2, 3] }] });

  it('adds replicas, is listed, and completes when the last of them is in sync; a leader to be removed moves its leadership', () => {
    const { after: moving, events } = reassign(image, [3, 4, 5]);
    expect(partition(moving, 'a')).toMatchObject({
      replicas: [3, 4, 5, 1, 2],
      addingReplicas: [4, 5],
      removingReplicas: [1, 2],
      isr: [1, 2, 3],
      leader: 1,
      leaderEpoch: 0,
    });
    expect(events).toEqual(['partition/reassignmentStarted']);
    const listed = [{ partitionIndex: 0, replicas: [3, 4, 5, 1, 2], addingReplicas: [4, 5], removingReplicas: [1, 2] }];
    expect(list(moving)).toEqual([{ name: 'a', partitions: listed }]);
    expect(list(moving, [0, 0, 7])).toEqual([{ name: 'a', partitions: listed }]);

    const one = isrBecomes(moving, [1, 2, 3, 4]);
    expect(one).toMatchObject({ code: 0, events: ['partition/isrExpanded'] });
    expect(partition(one.after, 'a').addingReplicas).toEqual([4, 5]);
    const both = isrBecomes(one.after, [1, 2, 3, 4, 5]);
    expect(both).toMatchObject({
      code: ErrorCode.NEW_LEADER_ELECTED,
      events: ['partition/isrExpanded', 'partition/leadersElected', 'partition/reassigned'],
    });
    expect(partition(both.after, 'a')).toMatchObject({
      replicas: [3, 4, 5],
      addingReplicas: [],
      removingReplicas: [],
      isr: [3, 4, 5],
      leader: 3,
      leaderEpoch: 1,
    });
    expect(list(both.after)).toEqual([]);
  });

  it('completes at once without data to copy', () => {
    const order = reassign(image, [3, 2, 1]);
    expect(partition(order.after, 'a')).toMatchObject({ replicas: [3, 2, 1], leader: 1, leaderEpoch: 0 });
    expect(order.events).toEqual([]);
    const fewer = reassign(image, [2, 3]);
    expect(partition(fewer.after, 'a')).toMatchObject({ replicas: [2, 3], isr: [2, 3], leader: 2, leaderEpoch: 1, removingReplicas: [] });
    expect(fewer.events).toEqual(['partition/leadersElected', 'partition/reassigned']);
  });

  it('does not complete while fewer replicas than min.insync.replicas would be in sync', () => {
    const configs = { a: { 'min.insync.replicas': '2' } };
    const start = testImage(BROKERS, { a: [{ replicas: [1, 2, 3], isr: [1, 3], leader: 1 }] }, { configs });
    const moving = reassign(start, [2, 3]).after;
    expect(partition(moving, 'a')).toMatchObject({ replicas: [2, 3, 1], removingReplicas: [1], isr: [1, 3], leader: 1 });
    const done = isrBecomes(moving, [1, 2, 3]).after;
    expect(partition(done, 'a')).toMatchObject({ replicas: [2, 3], isr: [2, 3], leader: 2, removingReplicas: [] });
  });

  it('does not complete when the broker to be removed is fenced: it and only one other have the committed records', () => {
    const configs = { a: { 'min.insync.replicas': '2' } };
    const start = testImage(BROKERS, { a: [{ replicas: [1, 2, 3], isr: [1, 3], leader: 1 }] }, { configs });
    const moving = reassign(start, [2, 3]).after;
    const decision = fenceBroker(testContext(moving), moving.brokers.get(1)!, 'gone');
    const fenced = apply(moving, decision.records);
    expect(partition(fenced, 'a')).toMatchObject({ replicas: [2, 3, 1], removingReplicas: [1], isr: [3], leader: 3, elr: [1] });
    const done = isrBecomes(fenced, [2, 3]).after;
    expect(partition(done, 'a')).toMatchObject({ replicas: [2, 3], removingReplicas: [], isr: [2, 3], leader: 3, elr: [] });
  });

  it('is not cancelled or replaced while too few of the remaining replicas have the records', () => {
    const configs = { a: { 'min.insync.replicas': '2' } };
    const start = testImage(BROKERS, { a: [{ replicas: [1, 2, 3] }] }, { configs });
    const moving = reassign(start, [3, 4, 5]).after;
    const record = { partitionId: 0, topicId: testId('a'), isr: [1, 4], leader: 1 };
    const few = apply(moving, [{ type: 'PartitionChangeRecord', value: record }]);
    expect(reassign(few, null).code).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(reassign(few, [3, 5]).code).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(partition(reassign(few, null).after, 'a').isr).toEqual([1, 4]);
    expect(reassign(few, [3, 4]).code).toBe(0);
    // With a second of the original replicas back it can be cancelled.
    const back = apply(moving, [{ type: 'PartitionChangeRecord', value: { ...record, isr: [1, 2, 4] } }]);
    expect(reassign(back, null).code).toBe(0);
    expect(partition(reassign(back, null).after, 'a').isr.toSorted()).toEqual([1, 2]);
  });

  it('is cancelled: the added replicas are removed, in sync or not', () => {
    const moving = isrBecomes(reassign(image, [3, 4, 5]).after, [1, 2, 3, 4]).after;
    const { after, code, events } = reassign(moving, null);
    expect(code).toBe(0);
    expect(events).toEqual(['partition/reassignmentCancelled']);
    expect(partition(after, 'a')).toMatchObject({
      replicas: [3, 1, 2],
      isr: [3, 1, 2],
      addingReplicas: [],
      removingReplicas: [],
      leader: 1,
    });
    expect(reassign(after, null).code).toBe(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS);
  });

  it('begins a leader epoch when a replica is removed, also where the leader stays, so that its further fetches do not count', () => {
    const moving = isrBecomes(reassign(image, [1, 2, 4]).after, [1, 2, 3, 4]).after;
    expect(partition(moving, 'a')).toMatchObject({ replicas: [1, 2, 4], leader: 1, leaderEpoch: 1 });
    const added = reassign(image, [1, 2, 3, 4]).after;
    expect(partition(added, 'a')).toMatchObject({ leader: 1, leaderEpoch: 0 });
    expect(partition(reassign(added, null).after, 'a')).toMatchObject({ replicas: [1, 2, 3], leader: 1, leaderEpoch: 1 });
  });

  it('is not cancelled where only added replicas have the records', () => {
    const moving = reassign(image, [4, 5]).after;
    const record = { partitionId: 0, topicId: testId('a'), isr: [4], leader: 4 };
    const alone = apply(moving, [{ type: 'PartitionChangeRecord', value: record }]);
    expect(reassign(alone, null).code).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(reassign(alone, [1, 5]).code).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
  });

  it('is replaced by another one, and can still be cancelled to its beginning', () => {
    const second = reassign(reassign(image, [4, 5]).after, [2, 5]).after;
    expect(partition(second, 'a')).toMatchObject({ replicas: [2, 5, 1, 3], addingReplicas: [5], removingReplicas: [1, 3] });
    expect(partition(reassign(second, null).after, 'a').replicas.toSorted()).toEqual([1, 2, 3]);
  });

  it('refuses invalid targets, partition by partition', () => {
    expect(reassign(image, []).code).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(reassign(image, [1, 1]).code).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(reassign(image, [9]).code).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(reassign(image, [1], { topic: 'x' }).code).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(reassign(image, [1, 2], { factorFixed: true }).code).toBe(ErrorCode.INVALID_REPLICATION_FACTOR);
    expect(reassign(image, [1, 2, 4], { factorFixed: true }).code).toBe(0);
    expect(reassign(image, null).code).toBe(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS);
  });

  it('gives new partitions the target replication factor', () => {
    const moving = reassign(image, [4, 5]).after;
    const decision = createPartitions(testContext(moving), {
      topics: [{ name: 'a', count: 2, assignments: null }],
      timeoutMs: 1,
      validateOnly: false,
    });
    expect(decision.response.results[0]?.errorCode).toBe(0);
    expect(partition(apply(moving, decision.records), 'a', 1).replicas).toHaveLength(2);
  });
});
