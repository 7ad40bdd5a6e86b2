/** One sampling: which request is sent when, and what lag follows from the answers in whatever order they arrive. */
import { beforeEach, describe, expect, test } from 'vitest';
import { UnreachableError } from '../../../electron/admin/errors.ts';
import type { CommittedOffset } from '../../../electron/admin/groups.ts';
import type { LogBounds, PartitionKey } from '../../../electron/admin/topics.ts';
import { BrokerLanes } from '../../../electron/services/view/broker-lanes.ts';
import type { Interest } from '../../../electron/services/view/interest.ts';
import { lagByTopic } from '../../../electron/services/view/lag-sample.ts';
import { Reach } from '../../../electron/services/view/reach.ts';
import { SamplingPart } from '../../../electron/services/view/sampling-part.ts';
import { emptyState, type ClusterState } from '../../../electron/services/view/state.ts';
import type { GroupRow } from '../../../shared/models/cluster.ts';
import { ManualClock, Pending, settle } from './manual-clock.ts';
import { buildView } from '../../helpers/built-view.ts';

const EVERYTHING: Interest = { topics: 'none', groups: 'all' };
const silence = (broker: number) => new UnreachableError(`Broker ${broker}`, 'no answer in 2.5 s');

/** Broker 1 coordinates group g; partition p of topic orders is led by broker p + 1. */
let state: ClusterState;
let clock: ManualClock;
let part: SamplingPart;
/** What a broker answers when asked: the log and the offsets as they are at that time. */
let log: { start: bigint; end: bigint; stable: bigint }[];
let committed: Map<string, CommittedOffset[]>;
/** Brokers that answer when the test says so. */
let held: Map<number, Pending<void>[]>;
let failing: Set<number>;
let requests: string[];
let staleMetadata: number;

beforeEach(() => {
  state = emptyState();
  clock = new ManualClock();
  held = new Map();
  failing = new Set();
  requests = [];
  staleMetadata = 0;
  setTopic('orders', 'A', [1, 2, 3]);
  state.groups.set('g', group('g', 1));
  log = [0, 1, 2].map(() => ({ start: 0n, end: 1_000n, stable: 1_000n }));
  committed = new Map([['g', [0, 1, 2].map((partition) => commit('orders', partition, 0n))]]);
  part = new SamplingPart({
    state,
    reach: new Reach(state.unreachable),
    onChange: () => undefined,
    onStaleMetadata: () => staleMetadata++,
    now: clock.instant,
    lanes: () => new BrokerLanes(clock),
    source: {
      committed: async (coordinator, groups) => {
        requests.push(`committed of ${groups.join()} at ${coordinator}`);
        const answer = new Map([...committed].filter(([id]) => groups.includes(id)).map(([id, offsets]) => [id, offsets]));
        await answered(-coordinator);
        return answer;
      },
      bounds: async (leader, keys, withStable) => {
        requests.push(`bounds at ${leader}`);
        const answer = boundsOf(keys, withStable);
        await answered(leader);
        return answer;
      },
    },
  });
});

const commit = (topic: string, partition: number, offset: bigint | null): CommittedOffset => ({ topic, partition, offset, metadata: null });

function group(id: string, coordinator: number) {
  return { listed: { id, coordinator, protocolType: 'consumer', type: 'classic' }, described: null, error: null, readings: new Map() };
}

function setTopic(name: string, topicId: string, leaders: readonly number[]): void {
  const partitions = leaders.map((leaderId, partitionIndex) => ({
    errorCode: leaderId < 0 ? 5 : 0,
    partitionIndex,
    leaderId,
    leaderEpoch: 1,
    replicaNodes: [1, 2, 3],
    isrNodes: [1, 2, 3],
    offlineReplicas: [],
  }));
  const topic = { errorCode: 0, name, topicId, isInternal: false, partitions, topicAuthorizedOperations: 0 };
  state.topics.set(name, topic);
  state.metadata = {
    throttleTimeMs: 0,
    brokers: [],
    clusterId: 'c',
    controllerId: 1,
    topics: [],
    clusterAuthorizedOperations: 0,
    errorCode: 0,
  };
}

function boundsOf(keys: readonly PartitionKey[], withStable: boolean): Map<string, Map<number, LogBounds>> {
  const bounds = new Map<string, Map<number, LogBounds>>();
  for (const { topic, partition } of keys) {
    const { start, end, stable } = log[partition] ?? { start: 0n, end: 0n, stable: 0n };
    bounds.set(
      topic,
      (bounds.get(topic) ?? new Map<number, LogBounds>()).set(partition, { start, end, stable: withStable ? stable : null }),
    );
  }
  return bounds;
}

/** A coordinator is held under its negative id. */
async function answered(broker: number): Promise<void> {
  const waiting = held.get(broker);
  if (waiting !== undefined) {
    const pending = new Pending<void>();
    waiting.push(pending);
    await pending.promise;
  }
  if (failing.has(broker)) throw silence(Math.abs(broker));
}

const release = (broker: number): void => held.get(broker)?.shift()?.resolve();
const hold = (broker: number): void => void held.set(broker, []);
const row = (id = 'g'): GroupRow => {
  const view = buildView({ id: 'c', name: 'c', kind: 'remote', bootstrap: '', colour: 'flow' }, state);
  return view.groups.find((one) => one.id === id) as GroupRow;
};
const lags = (id = 'g') => row(id).partitions.map(({ lag }) => lag);

describe('SamplingPart', () => {
  test('reads committed offsets before the ends that they are compared with, so that lag is never smaller than the truth', async () => {
    // Read the other way round, the end would be 1,000, and the offset that is committed meanwhile 1,400.
    hold(-1);
    const round = part.round(EVERYTHING);
    await settle();
    expect(requests).toEqual(['committed of g at 1']);
    log[0] = { start: 0n, end: 1_500n, stable: 1_500n };
    held.get(-1)?.[0]?.resolve();
    await round;
    expect(requests.slice(1).sort()).toEqual(['bounds at 1', 'bounds at 2', 'bounds at 3']);
    expect(lags()).toEqual(['1500', '1000', '1000']);
  });

  test('an end that is read while offsets are committed is compared with the offset from before', async () => {
    await part.round(EVERYTHING);
    hold(1);
    const round = part.round(EVERYTHING);
    await settle();
    // Committed and written after this sampling has read the committed offsets, and its end.
    committed.set(
      'g',
      [0, 1, 2].map((partition) => commit('orders', partition, 1_400n)),
    );
    log[0] = { start: 0n, end: 1_500n, stable: 1_500n };
    release(1);
    await round;
    expect(row().partitions[0]).toMatchObject({ committed: '0', endOffset: '1000', lag: '1000' });
  });

  test('a leader that is killed makes its partition unknown and the sum a lower bound, and the chart has a gap', async () => {
    await part.round(EVERYTHING);
    expect(row()).toMatchObject({ lag: '3000', unknown: 0 });
    failing.add(2);
    await part.round(EVERYTHING);
    expect(row()).toMatchObject({ lag: '2000', unknown: 1 });
    expect(row().partitions[1]).toMatchObject({ lag: null, unknown: 'offsets', committed: '0' });
    expect(lagByTopic(row())).toEqual([{ topic: 'orders', lag: null, atLeast: true }]);
    expect(state.unreachable.has(2)).toBe(true);
    failing.delete(2);
    await part.round(EVERYTHING);
    expect(row()).toMatchObject({ lag: '3000', unknown: 0 });
  });

  test('a partition without a leader is unknown, and no broker is asked about it', async () => {
    await part.round(EVERYTHING);
    setTopic('orders', 'A', [1, -1, 3]);
    requests = [];
    await part.round(EVERYTHING);
    expect(requests).not.toContain('bounds at -1');
    expect(lags()).toEqual(['1000', null, '1000']);
  });

  test('a silent leader delays only its own partitions, and these become unknown instead of old', async () => {
    await part.round(EVERYTHING);
    log = log.map(() => ({ start: 0n, end: 2_000n, stable: 2_000n }));
    hold(2);
    const round = part.round(EVERYTHING);
    await settle();
    // Those that answered are there before the round ends.
    expect(lags()).toEqual(['2000', '1000', '2000']);
    await clock.advance(1_000);
    await round;
    expect(row()).toMatchObject({ lag: '4000', unknown: 1 });
    // Later rounds neither wait for it nor send it more.
    log = log.map(() => ({ start: 0n, end: 3_000n, stable: 3_000n }));
    requests = [];
    await part.round(EVERYTHING);
    expect(requests.sort()).toEqual(['bounds at 1', 'bounds at 3', 'committed of g at 1']);
    expect(lags()).toEqual(['3000', null, '3000']);
  });

  test('a late answer is not shown, since it is older than the rest; the next sampling reads its broker again', async () => {
    hold(2);
    const first = part.round(EVERYTHING);
    await settle();
    await clock.advance(1_000);
    await first;
    log = log.map(() => ({ start: 0n, end: 2_000n, stable: 2_000n }));
    release(2);
    await settle();
    expect(lags()).toEqual(['1000', null, '1000']);
    held.delete(2);
    await part.round(EVERYTHING);
    expect(lags()).toEqual(['2000', '2000', '2000']);
  });

  test('a coordinator that does not answer makes the lag of its groups unknown: the end alone says nothing', async () => {
    state.groups.set('h', group('h', 2));
    committed.set('h', [commit('orders', 0, 900n)]);
    await part.round(EVERYTHING);
    expect([row('g').lag, row('h').lag]).toEqual(['3000', '100']);
    failing.add(-2);
    log = log.map(() => ({ start: 0n, end: 2_000n, stable: 2_000n }));
    await part.round(EVERYTHING);
    expect(row('g')).toMatchObject({ lag: '6000', unknown: 0 });
    expect(row('h')).toMatchObject({ lag: null, unknown: 3 });
    expect(row('h').partitions[0]).toMatchObject({ committed: '900', endOffset: '2000', unknown: 'committed' });
  });

  test('committed offsets that arrive late are not shown beside newer ends: the next sampling reads them again', async () => {
    hold(-1);
    const first = part.round(EVERYTHING);
    await clock.advance(1_000);
    await first;
    expect(row().lag).toBeNull();
    release(-1);
    await settle();
    failing.add(-1);
    held.delete(-1);
    await part.round(EVERYTHING);
    expect(row().lag).toBeNull();
    failing.delete(-1);
    await part.round(EVERYTHING);
    expect(row().lag).toBe('3000');
  });

  test('reads the topics that are shown, those that groups read, and no others; the last stable offset for groups only', async () => {
    setTopic('other', 'B', [1]);
    setTopic('third', 'C', [1]);
    await part.round({ topics: ['other', 'unknown'], groups: ['g'] });
    expect([...state.offsets.keys()].sort()).toEqual(['orders', 'other']);
    expect(state.offsets.get('other')?.partitions.get(0)).toMatchObject({ stable: null });
    expect(state.offsets.get('orders')?.partitions.get(0)).toMatchObject({ stable: 1_000n });
    expect([state.offsetTimes.of('other'), state.offsetTimes.of('third')]).toEqual([clock.instant().wallMs, 0]);
  });

  test('names offsets of a deleted topic and of a partition that does not exist, which are never "never committed"', async () => {
    committed.set('g', [commit('orders', 0, 10n), commit('orders', 7, 5n), commit('deleted', 0, 3n)]);
    await part.round(EVERYTHING);
    expect(row().partitions.map(({ topic, partition, absent, unknown }) => [topic, partition, absent, unknown])).toEqual([
      ['deleted', 0, 'topic', null],
      ['orders', 0, null, null],
      ['orders', 1, null, 'neverCommitted'],
      ['orders', 2, null, 'neverCommitted'],
      ['orders', 7, 'partition', null],
    ]);
    expect(row()).toMatchObject({ lag: '990', unknown: 2 });
  });

  test('forgets a topic once the group has no offset for it and no member that reads it', async () => {
    setTopic('other', 'B', [1]);
    committed.set('g', [commit('orders', 0, 10n), commit('other', 0, 10n)]);
    await part.round(EVERYTHING);
    committed.set('g', [commit('orders', 0, 10n)]);
    await part.round(EVERYTHING);
    expect([...new Set(row().partitions.map(({ topic }) => topic))]).toEqual(['orders']);
  });

  test('nothing of a topic counts for another one of its name', async () => {
    await part.round(EVERYTHING);
    setTopic('orders', 'Z', [1, 2, -1]);
    await part.round(EVERYTHING);
    expect(state.offsets.get('orders')).toMatchObject({ topicId: 'Z' });
    expect(lags()).toEqual(['1000', '1000', null]);
  });

  test('keeps the objects of a group and of offsets that did not change', async () => {
    await part.round(EVERYTHING);
    const before = [state.groups.get('g'), state.offsets.get('orders')];
    await clock.advance(500);
    await part.round(EVERYTHING);
    expect([state.groups.get('g'), state.offsets.get('orders')]).toEqual(before);
    expect(state.groups.get('g')).toBe(before[0]);
    expect(state.offsets.get('orders')).toBe(before[1]);
    expect(state.lagTimes.of('g')).toBe(clock.instant().wallMs);
  });

  test('knows when an offset was last committed, once it has seen it change', async () => {
    await part.round(EVERYTHING);
    expect(row().partitions[0]?.committedAt).toBeNull();
    await clock.advance(500);
    committed.set('g', [commit('orders', 0, 5n), commit('orders', 1, 0n), commit('orders', 2, 0n)]);
    await part.round(EVERYTHING);
    expect(row().partitions.map(({ committedAt }) => committedAt)).toEqual([clock.instant().wallMs, null, null]);
  });

  test('does not know when an offset was committed that changed while the group was not read', async () => {
    await part.round(EVERYTHING);
    // Another page was shown, or the coordinator did not answer.
    await clock.advance(60_000);
    committed.set('g', [commit('orders', 0, 5n), commit('orders', 1, 0n), commit('orders', 2, 0n)]);
    await part.round(EVERYTHING);
    expect(row().partitions.map(({ committedAt }) => committedAt)).toEqual([null, null, null]);
    await clock.advance(500);
    committed.set('g', [commit('orders', 0, 5n), commit('orders', 1, 7n), commit('orders', 2, 0n)]);
    await part.round(EVERYTHING);
    const seenAt = clock.instant().wallMs;
    expect(row().partitions.map(({ committedAt }) => committedAt)).toEqual([null, seenAt, null]);
    // What was seen to change stays known while the offset is the same.
    await clock.advance(60_000);
    await part.round(EVERYTHING);
    expect(row().partitions.map(({ committedAt }) => committedAt)).toEqual([null, seenAt, null]);
  });

  test.each([
    ['NOT_LEADER_OR_FOLLOWER', 1],
    ['FENCED_LEADER_EPOCH', 1],
    // The broker is behind, not metadata.
    ['UNKNOWN_LEADER_EPOCH', 0],
  ])('sends the leader epoch by metadata; after %s lag is unknown, and metadata is read again %i times', async (error, times) => {
    await part.round(EVERYTHING);
    expect(staleMetadata).toBe(0);
    const bounds = boundsOf;
    const epochs: number[] = [];
    part = new SamplingPart({
      state,
      reach: new Reach(state.unreachable),
      onChange: () => undefined,
      onStaleMetadata: () => staleMetadata++,
      source: {
        committed: () => Promise.resolve(committed),
        bounds: (leader, keys, withStable) => {
          epochs.push(...keys.map(({ leaderEpoch }) => leaderEpoch));
          return Promise.resolve(
            leader === 2 ? new Map([['orders', new Map<number, LogBounds>([[1, { error }]])]]) : bounds(keys, withStable),
          );
        },
      },
    });
    await part.round(EVERYTHING);
    expect(epochs).toEqual([1, 1, 1]);
    expect(staleMetadata).toBe(times);
    expect(row().partitions[1]).toMatchObject({ lag: null, unknown: 'offsets' });
  });

  test('knows the records per second of the cluster only while every topic is read, for whatever reason', async () => {
    setTopic('payments', 'B', [1]);
    const write = async (interest: Interest): Promise<number | null> => {
      await clock.advance(500);
      log = log.map(({ end }) => ({ start: 0n, end: end + 50n, stable: end + 50n }));
      await part.round(interest);
      return state.recordsInPerSecond;
    };
    const onePage: Interest = { topics: ['orders'], groups: 'all' };
    await write(onePage);
    // Not the 300 of one topic.
    expect(await write(onePage)).toBeNull();
    committed.set('g', [commit('payments', 0, 0n)]);
    await write(onePage);
    expect(await write(onePage)).toBe(400);
    expect(await write({ topics: 'none', groups: 'none' })).toBeNull();
  });

  test('measures records per second over all topics', async () => {
    const shown: Interest = { topics: ['orders'], groups: 'none' };
    await part.round(shown);
    expect(state.recordsInPerSecond).toBeNull();
    await clock.advance(500);
    log[0] = { start: 0n, end: 1_050n, stable: 1_050n };
    await part.round(shown);
    expect(state.recordsInPerSecond).toBe(100);
    failing.add(2);
    await clock.advance(500);
    await part.round(shown);
    expect(state.recordsInPerSecond).toBeNull();
  });
});
