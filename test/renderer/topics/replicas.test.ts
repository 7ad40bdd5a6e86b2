import { describe, expect, it } from 'vitest';
import type { PartitionRow, TopicRow } from '#shared/models/cluster';
import { replicasByBroker, describeCell } from '../../../renderer/matrix/matrix.ts';
import {
  countInSync,
  describeLeader,
  describePartition,
  describePartitionError,
  impactOfLoss,
  inSyncCount,
  inSyncOf,
  stoppedInSync,
  topicHealth,
} from '../../../renderer/topics/replicas.ts';
import { ledBy, summarizePartition as describePartitionOfLesson } from '../../../renderer/learn/parts.ts';
import { FixtureCluster } from '../fixtures/fixture-cluster.ts';

const partition = (number: number, leader: number | null, isr: number[], replicas = [1, 2, 3]): PartitionRow => ({
  partition: number,
  leader,
  leaderEpoch: 1,
  replicas: replicas.map((broker) => ({ broker, state: broker === leader ? 'leader' : isr.includes(broker) ? 'inSync' : 'offline' })),
  isr,
  startOffset: '0',
  endOffset: '1',
  sizeBytes: '1',
  error: null,
});
/** As `shared/health.ts` assesses it. */
const withStopped = (row: PartitionRow, ...ids: number[]): PartitionRow => ({
  ...row,
  replicas: row.replicas.map((replica) => (ids.includes(replica.broker) ? { ...replica, state: 'offline' } : replica)),
  stopped: ids,
});
const topic = (name: string, minInsyncReplicas: number | null, partitions: PartitionRow[]): TopicRow => ({
  name,
  id: null,
  internal: false,
  replicationFactor: 3,
  partitions,
  cleanupPolicy: 'delete',
  minInsyncReplicas,
  records: '1',
  sizeBytes: '1',
  recordsEstimated: false,
  offsetsAsOf: null,
});

describe('replicas', () => {
  it('counts under-replicated, leaderless and refusing partitions', () => {
    const health = topicHealth(
      topic('t', 2, [partition(0, 1, [1, 2, 3]), partition(1, 1, [1, 2]), partition(2, 1, [1]), partition(3, null, [3])]),
    );
    expect(health).toEqual({ underReplicated: 3, offline: 1, silent: 0, unknown: 0, refusing: 1 });
  });

  it('states no leader and no ISR of a partition that no broker can be asked for', () => {
    const unknown: PartitionRow = { ...partition(0, 1, [1, 2]), leaderState: 'unknown' };
    expect([describeLeader(unknown), countInSync(unknown)]).toEqual(['?', '? of 3']);
    expect([
      describeLeader(partition(0, 1, [1, 2])),
      describeLeader(partition(0, null, [1])),
      countInSync(partition(0, 1, [1, 2])),
    ]).toEqual(['broker 1', 'none', '2 of 3']);
    expect(topicHealth(topic('t', 2, [unknown]))).toEqual({ underReplicated: 0, offline: 0, silent: 0, unknown: 1, refusing: 0 });
  });

  it('names replicas that have stopped and are in the ISR of a leader that serves', () => {
    expect(stoppedInSync(withStopped(partition(0, 1, [1, 2, 3]), 2))).toEqual([2]);
    expect(countInSync(withStopped(partition(0, 1, [1, 2, 3]), 2))).toBe('2 of 3');
    expect(ledBy(withStopped(partition(0, 1, [1, 2, 3]), 2), true)).toEqual({ note: 'leader: broker 1, 2 of 3 in sync', tone: 'warn' });
    expect(describePartitionOfLesson(withStopped(partition(0, 1, [1, 2, 3]), 2))).toContain('is led by broker 1, 1 and 3 in sync');
    expect(stoppedInSync(withStopped(partition(0, 1, [1, 3]), 2))).toEqual([]);
    expect(stoppedInSync({ ...withStopped(partition(0, 1, [1, 2, 3]), 1), leaderState: 'silent' })).toEqual([]);
  });

  it.each<[string, PartitionRow, string, number]>([
    // The last member of the ISR stays in it, and metadata names no leader and lists the replica as offline.
    ['the only replica, whose broker is fenced and runs', partition(0, null, [2], [2]), '1 of 1', 1],
    ['the last replica in sync, whose broker is fenced and runs', partition(0, null, [2], [1, 2]), '1 of 2', 1],
    ['the only replica, whose log directory has failed', partition(0, null, [2], [2]), '1 of 1', 1],
    ['the only replica, whose broker has stopped', withStopped(partition(0, null, [2], [2]), 2), '0 of 1', 0],
    ['the last replica in sync, whose broker has stopped', withStopped(partition(0, null, [2], [1, 2]), 2), '0 of 2', 0],
    ['a fenced replica that the leader has removed', partition(0, 1, [1], [1, 2]), '1 of 2', 1],
  ])('counts a member of the ISR in sync unless its broker has stopped: %s', (_title, row, text, count) => {
    const offline: PartitionRow = {
      ...row,
      replicas: row.replicas.map(({ broker }) => ({ broker, state: broker === row.leader ? 'leader' : 'offline' })),
    };
    expect([countInSync(offline), inSyncCount(offline), inSyncOf(offline)]).toEqual([text, count, count === 0 ? [] : [row.leader ?? 2]]);
    expect(describePartition(offline)).toContain(`in sync: ${text}`);
    expect(describePartitionOfLesson(offline)).toContain(count === 0 ? 'no replica in sync' : `${row.leader ?? 2} in sync`);
  });

  it('describes a partition with a leader that does not answer, with stopped replicas and without any answer', () => {
    const stopped = withStopped(partition(0, 1, [1, 2, 3]), 2);
    expect(describePartition(stopped)).toBe('leader: broker 1, in sync: 2 of 3');
    expect(describePartition({ ...stopped, error: 'BROKER_UNREACHABLE' })).toContain('2 of 3, leader 1 does not answer');
    expect(describePartition({ ...partition(0, 1, [1, 3]), leaderState: 'silent' })).toBe(
      'leader: broker 1, which does not answer, in sync: 2 of 3',
    );
    expect(describePartition({ ...partition(0, 1, [1, 2, 3]), leaderState: 'unknown' })).toBe('leader: ?, in sync: ? of 3');
    expect(describePartition({ ...partition(0, null, [1]), error: 'LEADER_NOT_AVAILABLE' })).toBe('leader: none, in sync: 1 of 3');
  });

  it('does not say that writes are refused where min.insync.replicas is not known', () => {
    expect(topicHealth(topic('t', null, [partition(0, 1, [1])])).refusing).toBe(0);
  });

  it.each([
    ['UNSUPPORTED_VERSION', 'leader 3 does not answer'],
    ['BROKER_UNREACHABLE', 'leader 3 does not answer'],
    ['NOT_LEADER_OR_FOLLOWER', 'leadership is moving from leader 3'],
    ['TOPIC_AUTHORIZATION_FAILED', 'offsets not read: TOPIC_AUTHORIZATION_FAILED'],
  ])('describes %s of a partition as what its leader did', (error, text) => {
    expect(describePartitionError({ ...partition(0, 3, [3]), error })).toBe(text);
  });

  it('foretells what the loss of a broker does', () => {
    const impact = impactOfLoss(1, [
      topic('safe', 2, [partition(0, 1, [1, 2, 3])]),
      topic('falls', 2, [partition(0, 2, [1, 2])]),
      topic('last', 1, [partition(0, 1, [1]), partition(1, 1, [1, 2])]),
    ]);
    expect(impact).toEqual({ leads: 3, offlineTopics: ['last'], refusingTopics: [{ name: 'falls', inSync: 1, minInsyncReplicas: 2 }] });
  });

  it('foretells the loss of a broker without the replicas that have stopped and are in the ISR', () => {
    const topics = [
      topic('falls', 2, [withStopped(partition(0, 1, [1, 2, 3]), 2)]),
      topic('last', 1, [withStopped(partition(0, 1, [1, 2, 3]), 2, 3)]),
    ];
    const refusing = [{ name: 'falls', inSync: 1, minInsyncReplicas: 2 }];
    expect(impactOfLoss(1, topics)).toEqual({ leads: 2, offlineTopics: ['last'], refusingTopics: refusing });
    // One that is frozen and is killed then.
    expect(impactOfLoss(2, topics.slice(0, 1))).toEqual({ leads: 0, offlineTopics: [], refusingTopics: [] });
  });

  it('keeps each partition at its place in every column of the matrix', () => {
    const fixture = new FixtureCluster('healthy');
    const brokers = fixture.view().brokers;
    const cells = replicasByBroker(topic('t', 2, [partition(0, 1, [1, 2], [1, 2]), partition(1, 3, [3, 1], [3, 1])]), brokers);
    expect(cells).toEqual([
      ['leader', 'inSync'],
      ['inSync', 'none'],
      ['none', 'leader'],
    ]);
    expect(describeCell(cells[0] ?? [], (index) => index)).toBe('leads: 0; in sync: 1');
    expect(describeCell(['none'], (index) => index)).toBe('no replica here');
  });
});
