import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { alterConfigs, incrementalAlterConfigs } from '../../../electron/cluster/quorum/controller/alter-configs.ts';
import { alterPartition } from '../../../electron/cluster/quorum/controller/alter-partition.ts';
import { decideHeartbeat } from '../../../electron/cluster/quorum/controller/broker-heartbeat.ts';
import { createPartitions } from '../../../electron/cluster/quorum/controller/create-partitions.ts';
import { createTopics } from '../../../electron/cluster/quorum/controller/create-topics.ts';
import { deleteTopics } from '../../../electron/cluster/quorum/controller/delete-topics.ts';
import { electLeaders } from '../../../electron/cluster/quorum/controller/elect-leaders.ts';
import { fenceBroker } from '../../../electron/cluster/quorum/controller/fence-broker.ts';
import { placeReplicas } from '../../../electron/cluster/quorum/controller/place-replicas.ts';
import { registerBroker } from '../../../electron/cluster/quorum/controller/register-broker.ts';
import { unfenceBroker } from '../../../electron/cluster/quorum/controller/unfence-broker.ts';
import { unregisterBroker } from '../../../electron/cluster/quorum/controller/unregister-broker.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { ZERO_UUID } from '../../../electron/cluster/protocol/uuid.ts';
import { configKey, TOPIC_RESOURCE, type MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { apply, IMAGE_CLUSTER_ID, partition, testContext, testId, testImage } from '../../helpers/metadata-image.ts';

const broker = (image: MetadataImage, id: number) => image.brokers.get(id)!;

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof KafkaError) return error.codeName;
    throw error;
  }
  return 'NONE';
}

describe('fencing', () => {
  it('moves leaderships to the next in-sync replica and removes the broker from every ISR', () => {
    const image = testImage([1, 2, 3], { a: [{ replicas: [1, 2, 3] }, { replicas: [2, 1, 3] }, { replicas: [1, 2, 3], isr: [1, 3] }] });
    const decision = fenceBroker(testContext(image), broker(image, 1), 'a test says so');
    const after = apply(image, decision.records);
    expect(partition(after, 'a', 0)).toMatchObject({ leader: 2, isr: [2, 3], leaderEpoch: 1 });
    expect(partition(after, 'a', 1)).toMatchObject({ leader: 2, isr: [2, 3], leaderEpoch: 0 });
    expect(partition(after, 'a', 2)).toMatchObject({ leader: 3, isr: [3], leaderEpoch: 1 });
    expect(decision.events.map((event) => event.type)).toEqual(['cluster/brokerFenced', 'partition/leadersElected', 'partition/isrShrunk']);
    expect(decision.events[1]!.details!.moves).toEqual([
      { topic: 'a', partition: 0, from: 1, to: 2 },
      { topic: 'a', partition: 2, from: 1, to: 3 },
    ]);
  });

  it('leaves the last ISR member in the ISR, without a leader', () => {
    const image = testImage([1, 2], { a: [{ replicas: [1, 2], isr: [1] }] });
    const after = apply(image, fenceBroker(testContext(image), broker(image, 1), 'x').records);
    expect(partition(after, 'a')).toMatchObject({ leader: -1, isr: [1], leaderEpoch: 1 });
  });

  it('elects a replica out of sync only where the topic allows it', () => {
    const image = testImage(
      [1, 2],
      { a: [{ replicas: [1, 2], isr: [1] }] },
      { configs: { a: { 'unclean.leader.election.enable': 'true' } } },
    );
    const decision = fenceBroker(testContext(image), broker(image, 1), 'x');
    expect(partition(apply(image, decision.records), 'a')).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 1 });
    expect(decision.events[1]!.details!.moves).toEqual([{ topic: 'a', partition: 0, from: 1, to: 2, isr: [1] }]);
  });

  it('keeps eligible replicas while the ISR is below min.insync.replicas (KIP-966)', () => {
    const configs = { a: { 'min.insync.replicas': '2' } };
    const image = testImage([1, 2, 3], { a: [{ replicas: [1, 2, 3], isr: [1, 2] }] }, { configs });
    const first = apply(image, fenceBroker(testContext(image), broker(image, 1), 'x').records);
    expect(partition(first, 'a')).toMatchObject({ leader: 2, isr: [2], elr: [1] });
    const second = apply(first, fenceBroker(testContext(first), broker(first, 2), 'x').records);
    expect(partition(second, 'a')).toMatchObject({ leader: -1, isr: [2], elr: [1] });
    // The eligible replica returns first: it leads, and the other one is eligible in turn.
    const third = apply(second, unfenceBroker(testContext(second), broker(second, 1)).records);
    expect(partition(third, 'a')).toMatchObject({ leader: 1, isr: [1], elr: [2] });
  });

  it('never elects a broker that is fenced or shutting down', () => {
    const image = testImage([1, 2, 3], { a: [{ replicas: [1, 2, 3] }] }, { fenced: [2] });
    const after = apply(image, fenceBroker(testContext(image), broker(image, 1), 'x').records);
    expect(partition(after, 'a').leader).toBe(3);
  });
});

describe('registration', () => {
  /** Brokers whose heartbeat this controller has received. */
  const NONE_ALIVE = (): boolean => false;
  const EVERYBODY = (): boolean => true;
  const request = (id: number, incarnation: string, previousBrokerEpoch = -1n) => ({
    brokerId: id,
    clusterId: IMAGE_CLUSTER_ID,
    incarnationId: testId(incarnation),
    listeners: [{ name: 'PLAINTEXT', host: 'h', port: 1, securityProtocol: 0 }],
    features: [],
    rack: 'r',
    isMigratingZkBroker: false,
    logDirs: [],
    previousBrokerEpoch,
  });

  it('assigns the offset of its record as epoch, and starts fenced', () => {
    const image = testImage([1]);
    const decision = registerBroker(testContext(image), request(2, 'new'), NONE_ALIVE);
    expect(decision.response).toEqual({ errorCode: 0, brokerEpoch: image.offset + 1n });
    expect(broker(apply(image, decision.records), 2)).toMatchObject({ fenced: true, epoch: image.offset + 1n, rack: 'r' });
  });

  it('keeps the epoch of the same incarnation, and refuses another while the session is valid', () => {
    const image = testImage([1]);
    expect(registerBroker(testContext(image), request(1, 'broker 1'), EVERYBODY).response.brokerEpoch).toBe(10n);
    expect(codeOf(() => registerBroker(testContext(image), request(1, 'other'), EVERYBODY))).toBe('DUPLICATE_BROKER_REGISTRATION');
    expect(codeOf(() => registerBroker(testContext(image), request(1, 'other'), NONE_ALIVE))).toBe('NONE');
  });

  it('accepts a new incarnation at once when the last one is known to have ended, and moves its leaderships under a new epoch', () => {
    const image = testImage([1, 2], { a: [{ replicas: [1, 2] }, { replicas: [1] }] });
    const decision = registerBroker(testContext(image), request(1, 'other', 10n), EVERYBODY);
    const after = apply(image, decision.records);
    expect(broker(after, 1)).toMatchObject({ fenced: true, epoch: image.offset + 1n });
    expect(partition(after, 'a', 0)).toMatchObject({ leader: 2, isr: [2], leaderEpoch: 1 });
    expect(partition(after, 'a', 1)).toMatchObject({ leader: -1, isr: [1], leaderEpoch: 1 });
    expect(decision.events.map((event) => event.type).slice(0, 2)).toEqual(['cluster/brokerFenced', 'cluster/brokerRegistered']);
    // Another epoch proves nothing: it may be of an even older incarnation.
    expect(codeOf(() => registerBroker(testContext(image), request(1, 'other', 9n), EVERYBODY))).toBe('DUPLICATE_BROKER_REGISTRATION');
  });

  it('accepts a new incarnation of a broker in controlled shutdown whose leaderships have moved', () => {
    const image = testImage([1, 2], { a: [{ replicas: [1, 2] }] });
    const leaving = apply(image, [
      { type: 'BrokerRegistrationChangeRecord', value: { brokerId: 1, brokerEpoch: 10n, fenced: 0, inControlledShutdown: 1 } },
    ]);
    const after = apply(leaving, registerBroker(testContext(leaving), request(1, 'other'), EVERYBODY).records);
    expect(broker(after, 1)).toMatchObject({ fenced: true, inControlledShutdown: false });
    expect(partition(after, 'a')).toMatchObject({ leader: 2, isr: [2] });
  });

  it('makes a crashed leader lead again only under a new epoch, even where no other replica can lead', () => {
    const image = testImage([1, 2], { a: [{ replicas: [1, 2], isr: [1] }] });
    const crashed = apply(image, registerBroker(testContext(image), request(1, 'other'), NONE_ALIVE).records);
    expect(partition(crashed, 'a')).toMatchObject({ leader: -1, isr: [1], leaderEpoch: 1 });
    const back = apply(crashed, unfenceBroker(testContext(crashed), broker(crashed, 1)).records);
    expect(partition(back, 'a')).toMatchObject({ leader: 1, isr: [1], leaderEpoch: 2 });
  });

  it('keeps the ISRs after all processes were killed at once, while no other member is known to be alive', () => {
    const all = [{ replicas: [1, 2, 3] }, { replicas: [2, 3, 1], isr: [2, 3] }, { replicas: [3, 1, 2], isr: [3] }];
    let image = testImage([1, 2, 3], { a: all });
    const alive = new Set<number>();
    const back = (id: number): void => {
      const clean = request(id, `new ${id}`, broker(image, id).epoch);
      image = apply(image, registerBroker(testContext(image), clean, (other) => alive.has(other)).records);
      alive.add(id);
    };
    back(1);
    // Brokers 2 and 3 may be alive: they stay leaders while their sessions are valid.
    expect([0, 1, 2].map((index) => partition(image, 'a', index).leader)).toEqual([-1, 2, 3]);
    expect(partition(image, 'a', 0).isr).toEqual([1, 2, 3]);
    image = apply(image, unfenceBroker(testContext(image), broker(image, 1)).records);
    expect(partition(image, 'a', 0)).toMatchObject({ leader: 1, isr: [1, 2, 3] });
    back(2);
    expect(partition(image, 'a', 0)).toMatchObject({ leader: 1, isr: [1, 3] });
    expect(partition(image, 'a', 1)).toMatchObject({ leader: -1, isr: [2, 3] });
    image = apply(image, unfenceBroker(testContext(image), broker(image, 2)).records);
    // Broker 3 never returns: its session expires, and all partitions with other replicas are served.
    image = apply(image, fenceBroker(testContext(image), broker(image, 3), 'gone').records);
    expect([0, 1, 2].map((index) => partition(image, 'a', index).leader)).toEqual([1, 2, -1]);
    expect(partition(image, 'a', 2).isr).toEqual([3]);
  });

  it('loses no records with a clean restart, even where the topic allows it', () => {
    const configs = { a: { 'unclean.leader.election.enable': 'true' } };
    const image = testImage([1, 2], { a: [{ replicas: [1, 2], isr: [1] }] }, { configs });
    const after = apply(image, registerBroker(testContext(image), request(1, 'new', 10n), EVERYBODY).records);
    expect(partition(after, 'a')).toMatchObject({ leader: -1, isr: [1] });
  });

  it('elects the last in-sync replica of each partition after all brokers lost power at once', () => {
    let image = testImage([1, 2, 3], {
      a: [{ replicas: [1, 2, 3] }, { replicas: [2, 3, 1], isr: [2, 3] }, { replicas: [3, 1, 2], isr: [3] }],
    });
    for (const id of [1, 2, 3]) image = apply(image, registerBroker(testContext(image), request(id, `new ${id}`), NONE_ALIVE).records);
    for (const id of [1, 2, 3]) image = apply(image, unfenceBroker(testContext(image), broker(image, id)).records);
    expect([0, 1, 2].map((index) => partition(image, 'a', index).leader)).toEqual([3, 3, 3]);
    for (const index of [0, 1, 2]) expect(partition(image, 'a', index)).toMatchObject({ isr: [3] });
  });

  it('refuses another cluster', () => {
    expect(codeOf(() => registerBroker(testContext(testImage([])), { ...request(1, 'x'), clusterId: 'else' }, NONE_ALIVE))).toBe(
      'INCONSISTENT_CLUSTER_ID',
    );
  });

  it('does not trust the records of a crashed broker where others hold them (KIP-966)', () => {
    const configs = { a: { 'min.insync.replicas': '2' } };
    const image = testImage([1, 2], { a: [{ replicas: [1, 2], isr: [1], elr: [2], leader: -1 }] }, { configs, fenced: [1, 2] });
    const crashed = apply(image, registerBroker(testContext(image), request(1, 'new', -1n), NONE_ALIVE).records);
    expect(partition(crashed, 'a')).toMatchObject({ isr: [], elr: [2], lastKnownElr: [1], leader: -1 });
    expect(partition(apply(crashed, unfenceBroker(testContext(crashed), broker(crashed, 1)).records), 'a').leader).toBe(-1);
    expect(partition(apply(crashed, unfenceBroker(testContext(crashed), broker(crashed, 2)).records), 'a')).toMatchObject({
      leader: 2,
      isr: [2],
    });
    const clean = apply(image, registerBroker(testContext(image), request(1, 'new', 10n), NONE_ALIVE).records);
    expect(partition(clean, 'a')).toMatchObject({ isr: [1], elr: [2] });
  });
});

describe('heartbeat', () => {
  const beat = (id: number, more = {}) => ({
    brokerId: id,
    brokerEpoch: BigInt(id * 10),
    currentMetadataOffset: 1000n,
    wantFence: false,
    wantShutDown: false,
    offlineLogDirs: [],
    cordonedLogDirs: null,
    ...more,
  });
  const unknown = { shutdownOffset: undefined, lowestActiveOffset: undefined };

  it('unfences a broker once it has read its own registration', () => {
    const image = testImage([1], { a: [{ replicas: [1], isr: [1], leader: -1 }] }, { fenced: [1] });
    const early = decideHeartbeat(testContext(image), beat(1, { currentMetadataOffset: 9n }), unknown);
    expect(early).toMatchObject({ records: [], response: { isCaughtUp: false, isFenced: true } });
    const decision = decideHeartbeat(testContext(image), beat(1), unknown);
    expect(decision.response).toMatchObject({ isCaughtUp: true, isFenced: false, shouldShutDown: false });
    const after = apply(image, decision.records);
    expect(broker(after, 1).fenced).toBe(false);
    expect(partition(after, 'a').leader).toBe(1);
  });

  it('makes a broker with an old epoch register again', () => {
    expect(codeOf(() => decideHeartbeat(testContext(testImage([1])), beat(1, { brokerEpoch: 9n }), unknown))).toBe('STALE_BROKER_EPOCH');
    expect(codeOf(() => decideHeartbeat(testContext(testImage([1])), beat(2), unknown))).toBe('STALE_BROKER_EPOCH');
  });

  it('moves leaderships first, waits until others have the change, then lets the broker shut down', () => {
    let image = testImage([1, 2], { a: [{ replicas: [1, 2] }] });
    const first = decideHeartbeat(testContext(image), beat(1, { wantShutDown: true }), unknown);
    expect(first.response).toMatchObject({ isFenced: false, shouldShutDown: false });
    image = apply(image, first.records);
    expect(partition(image, 'a')).toMatchObject({ leader: 2, isr: [2] });
    const waits = decideHeartbeat(testContext(image), beat(1, { wantShutDown: true }), { shutdownOffset: 50n, lowestActiveOffset: 49n });
    expect(waits).toMatchObject({ records: [], response: { shouldShutDown: false } });
    const goes = decideHeartbeat(testContext(image), beat(1, { wantShutDown: true }), { shutdownOffset: 50n, lowestActiveOffset: 50n });
    expect(goes.response).toMatchObject({ isFenced: true, shouldShutDown: true });
    expect(broker(apply(image, goes.records), 1).fenced).toBe(true);
  });
});

describe('creating topics', () => {
  const ask = (name: string, more: Record<string, unknown> = {}) => ({
    name,
    numPartitions: 3,
    replicationFactor: 2,
    assignments: [],
    configs: [],
    ...more,
  });
  const create = (image: MetadataImage, ...topics: ReturnType<typeof ask>[]) =>
    createTopics(testContext(image), { topics, timeoutMs: 1, validateOnly: false });
  const outcome = (image: MetadataImage, ...topics: ReturnType<typeof ask>[]) => create(image, ...topics).response.topics[0]!;
  const image = testImage([1, 2, 3], { 'my.topic': [{ replicas: [1] }] });

  it('refuses invalid names, with the reason', () => {
    for (const name of ['', '.', '..', 'a b', 'a/b', 'ä', 'x'.repeat(250), '__cluster_metadata']) {
      expect(outcome(image, ask(name)).errorCode, name).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
    }
    expect(outcome(image, ask('a b')).errorMessage).toBe(
      'A space is not allowed in a topic\'s name; use letters, digits, ".", "_" and "-".',
    );
    expect(outcome(image, ask('my_topic'))).toMatchObject({ errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION });
    expect(outcome(image, ask('my.topic')).errorCode).toBe(ErrorCode.TOPIC_ALREADY_EXISTS);
    expect(outcome(image, ask('x'.repeat(249))).errorCode).toBe(0);
  });

  it('counts live brokers only', () => {
    const half = testImage([1, 2, 3], {}, { fenced: [3] });
    expect(outcome(half, ask('a', { replicationFactor: 3 }))).toMatchObject({
      errorCode: ErrorCode.INVALID_REPLICATION_FACTOR,
      errorMessage: '3 replicas need 3 brokers and there are 2 live brokers; start more or ask for fewer replicas.',
    });
    expect(outcome(half, ask('a', { replicationFactor: 0 })).errorCode).toBe(ErrorCode.INVALID_REPLICATION_FACTOR);
    expect(outcome(half, ask('a', { numPartitions: 0 })).errorCode).toBe(ErrorCode.INVALID_PARTITIONS);
  });

  it('creates the other topics beside an invalid one; two of one name in a request are both refused', () => {
    const decision = create(image, ask('good'), ask('bad name'), ask('twice'), ask('twice'), ask('a.b'), ask('a_b'));
    expect(decision.response.topics.map((topic) => topic.errorCode)).toEqual([0, 17, 42, 42, 0, 17]);
    expect([...apply(image, decision.records).topics.keys()]).toEqual(['my.topic', 'good', 'a.b']);
  });

  it('writes nothing for a request that only validates', () => {
    const decision = createTopics(testContext(image), { topics: [ask('a')], timeoutMs: 1, validateOnly: true });
    expect(decision).toMatchObject({ records: [], events: [] });
    expect(decision.response.topics[0]).toMatchObject({ errorCode: 0, numPartitions: 3, replicationFactor: 2 });
  });

  it('uses given assignments', () => {
    const assignments = [
      { partitionIndex: 1, brokerIds: [3, 1] },
      { partitionIndex: 0, brokerIds: [2, 3] },
    ];
    const manual = { numPartitions: -1, replicationFactor: -1 };
    const after = apply(image, create(image, ask('a', { ...manual, assignments })).records);
    expect(after.topics.get('a')!.partitions.map((one) => one.replicas)).toEqual([
      [2, 3],
      [3, 1],
    ]);
    const refused = (brokerIds: number[]) =>
      outcome(image, ask('a', { ...manual, assignments: [{ partitionIndex: 0, brokerIds }] })).errorCode;
    expect(refused([1, 1])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(refused([9])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(refused([])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(outcome(image, ask('a', { assignments })).errorCode).toBe(ErrorCode.INVALID_REQUEST);
    expect(outcome(image, ask('a', { ...manual, assignments: [{ partitionIndex: 1, brokerIds: [1] }] })).errorCode).toBe(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    );
  });

  it('checks settings and stores them', () => {
    const configs = [{ name: 'retention.ms', value: '1000' }];
    const decision = create(image, ask('a', { configs }));
    expect(apply(image, decision.records).configs.get(configKey(TOPIC_RESOURCE, 'a'))).toEqual(new Map([['retention.ms', '1000']]));
    expect(decision.response.topics[0]!.configs!.find((one) => one.name === 'retention.ms')).toMatchObject({
      value: '1000',
      configSource: 1,
    });
    expect(outcome(image, ask('a', { configs: [{ name: 'retention.ms', value: 'soon' }] })).errorCode).toBe(ErrorCode.INVALID_CONFIG);
    expect(outcome(image, ask('a', { configs: [{ name: 'no.such', value: '1' }] })).errorCode).toBe(ErrorCode.INVALID_CONFIG);
  });
});

describe('replica placement', () => {
  it('spreads leaders and replicas evenly, no broker twice in a partition', () => {
    const brokers = [...testImage([1, 2, 3, 4, 5]).brokers.values()];
    const placed = placeReplicas(brokers, 20, 3, seededRandom(3));
    for (const id of [1, 2, 3, 4, 5]) {
      expect(placed.filter((replicas) => replicas[0] === id)).toHaveLength(4);
      expect(placed.filter((replicas) => replicas.includes(id))).toHaveLength(12);
    }
    for (const replicas of placed) expect(new Set(replicas).size).toBe(3);
  });

  it('uses every rack before it uses one twice', () => {
    const racks = { 1: 'a', 2: 'a', 3: 'b', 4: 'b', 5: 'c', 6: 'c' };
    const brokers = [...testImage([1, 2, 3, 4, 5, 6], {}, { racks }).brokers.values()];
    for (let seed = 1; seed <= 20; seed++) {
      for (const replicas of placeReplicas(brokers, 12, 3, seededRandom(seed))) {
        expect(new Set(replicas.map((id) => racks[id as 1])).size, `seed ${seed}`).toBe(3);
      }
    }
  });
});

describe('creating partitions and deleting topics', () => {
  const image = testImage([1, 2, 3], { a: [{ replicas: [1, 2] }] }, { configs: { a: { 'retention.ms': '1' } } });

  it('adds partitions, never removes any', () => {
    const add = (count: number, assignments: { brokerIds: number[] }[] | null = null, name = 'a') =>
      createPartitions(testContext(image), { topics: [{ name, count, assignments }], timeoutMs: 1, validateOnly: false });
    const after = apply(image, add(4).records);
    expect(after.topics.get('a')!.partitions.map((one) => one.replicas.length)).toEqual([2, 2, 2, 2]);
    expect(add(1).response.results[0]!.errorCode).toBe(ErrorCode.INVALID_PARTITIONS);
    expect(add(0).response.results[0]!.errorMessage).toBe('a has 1 partitions and cannot be reduced to 0; create a new topic instead.');
    expect(add(2, [{ brokerIds: [3, 1] }]).response.results[0]!.errorCode).toBe(0);
    expect(add(3, [{ brokerIds: [3, 1] }]).response.results[0]!.errorCode).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(add(2, [{ brokerIds: [3] }]).response.results[0]!.errorCode).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT);
    expect(add(2, null, 'zzz').response.results[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  it('deletes by name or by id', () => {
    const remove = (topics: { name: string | null; topicId: string }[], topicNames: string[] = []) =>
      deleteTopics(testContext(image), { topics, topicNames, timeoutMs: 1 });
    expect(apply(image, remove([], ['a']).records).topics.size).toBe(0);
    const byId = remove([{ name: null, topicId: testId('a') }]);
    expect(byId.response.responses[0]).toMatchObject({ name: 'a', errorCode: 0 });
    expect(apply(image, byId.records).configs.size).toBe(0);
    expect(remove([], ['zzz']).response.responses[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(remove([{ name: null, topicId: testId('zzz') }]).response.responses[0]!.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
    expect(remove([{ name: 'a', topicId: testId('a') }]).response.responses[0]!.errorCode).toBe(ErrorCode.INVALID_REQUEST);
    expect(
      remove([
        { name: 'a', topicId: ZERO_UUID },
        { name: null, topicId: testId('a') },
      ]).records,
    ).toHaveLength(1);
  });
});

describe('settings', () => {
  const image = testImage(
    [1, 2],
    { a: [{ replicas: [1, 2], isr: [1], leader: -1 }] },
    { fenced: [1], configs: { a: { 'retention.ms': '1', 'segment.bytes': '2000000' } } },
  );
  const key = configKey(TOPIC_RESOURCE, 'a');
  const change = (name: string, configOperation: number, value: string | null, resourceName = 'a', resourceType = 2) =>
    incrementalAlterConfigs(testContext(image), {
      resources: [{ resourceType, resourceName, configs: [{ name, configOperation, value }] }],
      validateOnly: false,
    });
  const settings = (decision: ReturnType<typeof change>) => Object.fromEntries(apply(image, decision.records).configs.get(key) ?? []);

  it('sets, deletes, appends and subtracts', () => {
    expect(settings(change('retention.ms', 0, '5'))).toEqual({ 'retention.ms': '5', 'segment.bytes': '2000000' });
    expect(settings(change('retention.ms', 1, null))).toEqual({ 'segment.bytes': '2000000' });
    expect(settings(change('cleanup.policy', 2, 'compact'))).toMatchObject({ 'cleanup.policy': 'delete,compact' });
    const both = apply(image, change('cleanup.policy', 2, 'compact').records);
    const less = incrementalAlterConfigs(testContext(both), {
      resources: [{ resourceType: 2, resourceName: 'a', configs: [{ name: 'cleanup.policy', configOperation: 3, value: 'delete' }] }],
      validateOnly: false,
    });
    expect(apply(both, less.records).configs.get(key)!.get('cleanup.policy')).toBe('compact');
  });

  it('refuses invalid changes', () => {
    const code = (...args: Parameters<typeof change>) => change(...args).response.responses[0]!.errorCode;
    expect(code('retention.ms', 0, 'x')).toBe(ErrorCode.INVALID_CONFIG);
    expect(code('no.such', 0, '1')).toBe(ErrorCode.INVALID_CONFIG);
    expect(code('retention.ms', 2, '1')).toBe(ErrorCode.INVALID_CONFIG);
    expect(code('retention.ms', 9, '1')).toBe(ErrorCode.INVALID_REQUEST);
    expect(code('retention.ms', 0, '1', 'zzz')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(code('x', 0, '1', '7', 4)).toBe(ErrorCode.INVALID_REQUEST);
    expect(code('x', 0, '1', 'a', 8)).toBe(ErrorCode.INVALID_REQUEST);
  });

  it('AlterConfigs replaces all settings of the resource', () => {
    const decision = alterConfigs(testContext(image), {
      resources: [{ resourceType: 2, resourceName: 'a', configs: [{ name: 'retention.ms', value: '7' }] }],
      validateOnly: false,
    });
    expect(Object.fromEntries(apply(image, decision.records).configs.get(key)!)).toEqual({ 'retention.ms': '7' });
  });

  it('elects a leader of an offline partition at once when unclean election is enabled', () => {
    const decision = change('unclean.leader.election.enable', 0, 'true');
    expect(partition(apply(image, decision.records), 'a')).toMatchObject({ leader: 2, isr: [2] });
    expect(decision.events.map((event) => event.type)).toEqual([
      'topic/configChanged',
      'partition/uncleanlyElected',
      'partition/isrShrunk',
    ]);
    expect(decision.events[1]).toMatchObject({ reason: 'unclean leader election was enabled' });
  });

  it('does not name unclean election as the reason when another setting finds an eligible leader', () => {
    const leaderless = testImage([1, 2], { a: [{ replicas: [1, 2], leader: -1 }] });
    const decision = alterConfigs(testContext(leaderless), {
      resources: [{ resourceType: 2, resourceName: 'a', configs: [{ name: 'retention.ms', value: '7' }] }],
      validateOnly: false,
    });
    expect(decision.events[1]).toMatchObject({ type: 'partition/leadersElected', reason: 'an eligible leader is live' });
  });
});

describe('AlterPartition', () => {
  const image = testImage([1, 2, 3], { a: [{ replicas: [1, 2, 3], isr: [1, 2], leaderEpoch: 5, partitionEpoch: 8 }] });
  const alter = (from: MetadataImage, isr: [id: number, epoch: bigint][], more: Record<string, unknown> = {}, sender = 1) =>
    alterPartition(testContext(from), {
      brokerId: sender,
      brokerEpoch: BigInt(sender * 10),
      topics: [
        {
          topicId: testId('a'),
          partitions: [
            {
              partitionIndex: 0,
              leaderEpoch: 5,
              partitionEpoch: 8,
              leaderRecoveryState: 0,
              newIsr: [],
              newIsrWithEpochs: isr.map(([brokerId, brokerEpoch]) => ({ brokerId, brokerEpoch })),
              ...more,
            },
          ],
        },
      ],
    });
  const code = (...args: Parameters<typeof alter>) => alter(...args).response.topics[0]!.partitions[0]!.errorCode;
  const all: [number, bigint][] = [
    [1, 10n],
    [2, 20n],
    [3, 30n],
  ];

  it('grows and shrinks the ISR', () => {
    const grown = alter(image, all);
    expect(grown.response.topics[0]!.partitions[0]).toMatchObject({
      errorCode: 0,
      isr: [1, 2, 3],
      leaderEpoch: 5,
      partitionEpoch: 9,
      leaderId: 1,
    });
    expect(grown.events).toMatchObject([{ type: 'partition/isrExpanded', reason: 'broker 3 caught up with the leader' }]);
    const shrunk = alter(image, [[1, 10n]]);
    expect(partition(apply(image, shrunk.records), 'a')).toMatchObject({ isr: [1], partitionEpoch: 9, leaderEpoch: 5 });
    expect(alter(image, all.slice(0, 2)).records).toEqual([]);
  });

  it('compares epochs before it changes the ISR', () => {
    expect(code(image, all, { partitionEpoch: 7 })).toBe(ErrorCode.INVALID_UPDATE_VERSION);
    expect(code(image, all, { partitionEpoch: 9 })).toBe(ErrorCode.NOT_CONTROLLER);
    expect(code(image, all, { leaderEpoch: 4 })).toBe(ErrorCode.FENCED_LEADER_EPOCH);
    expect(code(image, all, { leaderEpoch: 6 })).toBe(ErrorCode.NOT_CONTROLLER);
    expect(code(image, all, {}, 2)).toBe(ErrorCode.INVALID_REQUEST);
    expect(code(image, [[1, 10n], [9, 90n]])).toBe(ErrorCode.INVALID_REQUEST); // prettier-ignore
    expect(code(image, all, { partitionIndex: 4 })).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  it('accepts no fenced, stopping or older incarnation into the ISR', () => {
    expect(code(image, [[1, 10n], [2, 20n], [3, 29n]])).toBe(ErrorCode.INELIGIBLE_REPLICA); // prettier-ignore
    const fenced = apply(image, [{ type: 'FenceBrokerRecord', value: { id: 3, epoch: 30n } }]);
    expect(code(fenced, all)).toBe(ErrorCode.INELIGIBLE_REPLICA);
    const leaving = apply(image, [
      { type: 'BrokerRegistrationChangeRecord', value: { brokerId: 3, brokerEpoch: 30n, fenced: 0, inControlledShutdown: 1 } },
    ]);
    expect(code(leaving, all)).toBe(ErrorCode.INELIGIBLE_REPLICA);
  });

  it('moves leadership to a member of the ISR, and removes the requesting leader from ISR and ELR', () => {
    const handover = alter(image, [[2, 20n]]);
    expect(handover.response.topics[0]!.partitions[0]).toMatchObject({ errorCode: ErrorCode.NEW_LEADER_ELECTED, leaderId: 2 });
    expect(partition(apply(image, handover.records), 'a')).toMatchObject({ leader: 2, isr: [2], elr: [], leaderEpoch: 6 });
    expect(handover.events).toMatchObject([
      { type: 'partition/leadersElected', reason: 'broker 1 cannot read its log, and no replica can repair it' },
      { type: 'partition/isrShrunk' },
    ]);
  });

  it('moves leadership to the first named broker, and keeps the other members of the ISR', () => {
    const configs = { a: { 'min.insync.replicas': '2' } };
    const of = (isr: number[], elr: number[] = []) =>
      testImage([1, 2, 3], { a: [{ replicas: [1, 2, 3], isr, elr, leaderEpoch: 5, partitionEpoch: 8 }] }, { configs });
    const three = of([1, 2, 3]);
    const handover = alter(three, [[3, 30n], [2, 20n]]); // prettier-ignore
    expect(handover.response.topics[0]!.partitions[0]).toMatchObject({ errorCode: ErrorCode.NEW_LEADER_ELECTED, leaderId: 3 });
    expect(partition(apply(three, handover.records), 'a')).toMatchObject({ leader: 3, isr: [2, 3], elr: [], leaderEpoch: 6 });
    // An eligible replica may lead, and no other replica joins.
    const eligible = of([1, 2], [3]);
    const toEligible = alter(eligible, [[3, 30n], [2, 20n]]); // prettier-ignore
    expect(partition(apply(eligible, toEligible.records), 'a')).toMatchObject({ leader: 3, isr: [2, 3] });
    expect(code(eligible, [[2, 20n], [3, 30n]])).toBe(ErrorCode.INVALID_REQUEST); // prettier-ignore
    expect(code(three, [[3, 30n], [2, 19n]])).toBe(ErrorCode.INELIGIBLE_REPLICA); // prettier-ignore
  });

  it('moves leadership to an eligible replica; the others stay eligible, the requesting leader does not', () => {
    const configs = { a: { 'min.insync.replicas': '2' } };
    const alone = testImage(
      [1, 2, 3],
      { a: [{ replicas: [1, 2, 3], isr: [1], elr: [2, 3], leaderEpoch: 5, partitionEpoch: 8 }] },
      { configs },
    );
    const handover = alter(alone, [[3, 30n]]);
    expect(handover.events.map(({ type }) => type)).toContain('partition/leadersElected');
    expect(partition(apply(alone, handover.records), 'a')).toMatchObject({
      leader: 3,
      isr: [3],
      elr: [2],
      lastKnownElr: [1],
      leaderEpoch: 6,
    });
  });

  it('moves leadership to no replica that may lack committed records', () => {
    expect(code(image, [[3, 30n]])).toBe(ErrorCode.INVALID_REQUEST);
    expect(code(image, [[2, 20n], [3, 30n]])).toBe(ErrorCode.INVALID_REQUEST); // prettier-ignore
    expect(code(image, [[2, 19n]])).toBe(ErrorCode.INELIGIBLE_REPLICA);
    expect(code(image, [[2, 20n]], { partitionEpoch: 7 })).toBe(ErrorCode.INVALID_UPDATE_VERSION);
    const fenced = apply(image, [{ type: 'FenceBrokerRecord', value: { id: 2, epoch: 20n } }]);
    expect(code(fenced, [[2, 20n]])).toBe(ErrorCode.INELIGIBLE_REPLICA);
  });

  it('refuses a sender with an old epoch', () => {
    const request = { brokerId: 1, brokerEpoch: 9n, topics: [] };
    expect(codeOf(() => alterPartition(testContext(image), request))).toBe('STALE_BROKER_EPOCH');
  });
});

describe('elections on request', () => {
  const topics = {
    a: [
      { replicas: [1, 2], leader: 2 },
      { replicas: [1, 2] },
      { replicas: [3, 2], isr: [2], leader: 2 },
      { replicas: [1, 2], isr: [3], leader: -1 },
    ],
  };
  const image = testImage([1, 2, 3], topics, { fenced: [3] });
  const elect = (electionType: number, wanted: number[] | null) =>
    electLeaders(testContext(image), {
      electionType,
      topicPartitions: wanted === null ? null : [{ topic: 'a', partitions: wanted }],
      timeoutMs: 1,
    });
  const codes = (decision: ReturnType<typeof elect>) =>
    decision.response.replicaElectionResults[0]?.partitionResult.map((one) => [one.partitionId, one.errorCode]);

  it('elect preferred replicas where they are in sync', () => {
    const decision = elect(0, [0, 1, 2, 9]);
    expect(codes(decision)).toEqual([
      [0, 0],
      [1, ErrorCode.ELECTION_NOT_NEEDED],
      [2, ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE],
      [9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
    expect(partition(apply(image, decision.records), 'a')).toMatchObject({ leader: 1, isr: [1, 2] });
    expect(codes(elect(0, null))).toEqual([
      [0, 0],
      [2, ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE],
      [3, ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE],
    ]);
  });

  it('elect any live replica in an unclean election, for offline partitions only', () => {
    const decision = elect(1, [0, 3]);
    expect(codes(decision)).toEqual([
      [0, ErrorCode.ELECTION_NOT_NEEDED],
      [3, 0],
    ]);
    expect(partition(apply(image, decision.records), 'a', 3)).toMatchObject({ leader: 1, isr: [1], leaderRecoveryState: 1 });
  });
});

describe('unregistering a broker', () => {
  it('moves its leaderships and removes it', () => {
    const image = testImage([1, 2], { a: [{ replicas: [1, 2] }] });
    const after = apply(image, unregisterBroker(testContext(image), { brokerId: 1 }).records);
    expect(after.brokers.has(1)).toBe(false);
    expect(partition(after, 'a')).toMatchObject({ leader: 2, isr: [2] });
    expect(codeOf(() => unregisterBroker(testContext(image), { brokerId: 7 }))).toBe('BROKER_ID_NOT_REGISTERED');
  });

  it('reports that the removal fenced it, so that no failure and no incident follow', () => {
    const image = testImage([1, 2], { a: [{ replicas: [1, 2] }] });
    const events = unregisterBroker(testContext(image), { brokerId: 1 }).events;
    expect(events.find(({ type }) => type === 'cluster/brokerFenced')).toMatchObject({ broker: 1, details: { trigger: 'removal' } });
  });
});
