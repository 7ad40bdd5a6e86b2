import { describe, expect, it } from 'vitest';
import { answers, assessBroker, assessBrokers, assessQuorum, assessTopic, leaderStateOf } from '#shared/health';
import type { BrokerRow, BrokerState, PartitionRow, QuorumView, ReplicaState, TopicRow } from '#shared/models/cluster';
import { listAttention } from '../../renderer/health/attention.ts';
import { assessGuarantees } from '../../renderer/health/guarantees.ts';
import { describeListed, countInSync, topicHealth } from '../../renderer/topics/replicas.ts';

const broker = (id: number, state: BrokerState): BrokerRow => ({
  id,
  host: '127.0.0.1',
  port: 9091 + id,
  rack: null,
  state,
  since: null,
  isController: id === 1,
  quorumRole: null,
  leaders: null,
  replicas: null,
  inSync: null,
  sessionAgeMs: null,
  sessionTimeoutMs: null,
  logBytes: null,
  disk: null,
  lab: { port: 1, controllerPort: 2, running: state !== 'down', memoryBytes: null },
});

function partition(index: number, leader: number | null, isr: number[], replicas = [1, 2, 3], error: string | null = null): PartitionRow {
  const state = (id: number): ReplicaState =>
    leader === null ? 'electing' : id === leader ? 'leader' : isr.includes(id) ? 'inSync' : 'lagging';
  return {
    partition: index,
    leader,
    leaderEpoch: 1,
    replicas: replicas.map((id) => ({ broker: id, state: state(id) })),
    isr,
    startOffset: '0',
    endOffset: '1',
    sizeBytes: null,
    error,
  };
}

const topic = (partitions: PartitionRow[], name = 'orders'): TopicRow => ({
  name,
  id: null,
  internal: false,
  replicationFactor: 3,
  partitions,
  cleanupPolicy: null,
  minInsyncReplicas: 2,
  records: null,
  sizeBytes: null,
  recordsEstimated: false,
  offsetsAsOf: null,
});
const QUORUM: QuorumView = {
  leaderId: 1,
  leaderEpoch: 1,
  highWatermark: '1',
  leaderSince: null,
  voters: [1, 2, 3].map((id) => ({ id, logEndOffset: null, lag: null, lastFetchAt: null, lastCaughtUpAt: null })),
  observers: [],
};
/** Partition 0 is led by broker 1, 1 by 2, 2 by 3; all in sync. */
const WHOLE = topic([partition(0, 1, [1, 2, 3]), partition(1, 2, [1, 2, 3]), partition(2, 3, [1, 2, 3])]);

interface Statements {
  reachable: boolean;
  /** By partition. */
  leaders: ReturnType<typeof leaderStateOf>[];
  /** Not served, as the totals and badges have it. */
  offline: number;
  underReplicated: number;
  quorumLost: boolean;
  /** Of the Lab's panel: no leader that answers. */
  leaderless: number;
  /** First words of the attention list. */
  attention: string[];
}

function statementsOf(states: [BrokerState, BrokerState, BrokerState], reported: TopicRow): Statements {
  const brokers = states.map((state, i) => broker(i + 1, state));
  const facts = assessBrokers(brokers);
  const row = assessTopic(reported, facts);
  const health = topicHealth(row);
  const quorum = assessQuorum(QUORUM, facts);
  const source = { brokers, topics: [row], groups: [], quorum: QUORUM, unreachable: [], facts, incidents: [], now: 0 };
  return {
    reachable: facts.reachable,
    leaders: row.partitions.map(leaderStateOf),
    offline: health.offline,
    underReplicated: health.underReplicated,
    quorumLost: quorum?.lost === true,
    leaderless: assessGuarantees({ brokers, topics: [row], quorum: QUORUM, faults: [] }).counts.leaderless,
    attention: listAttention(source).map(({ what }) => what),
  };
}

const fine = { reachable: true, quorumLost: false };
const unfenced = WHOLE;
/** After broker 3 has been fenced. */
const fenced = topic([partition(0, 1, [1, 2]), partition(1, 2, [1, 2]), partition(2, 1, [1, 2])]);

describe('health', () => {
  it.each<[string, [BrokerState, BrokerState, BrokerState], TopicRow, Statements]>([
    [
      'all online',
      ['online', 'online', 'online'],
      WHOLE,
      { ...fine, leaders: ['serving', 'serving', 'serving'], offline: 0, underReplicated: 0, leaderless: 0, attention: [] },
    ],
    [
      'a broker killed, not fenced yet',
      ['online', 'online', 'down'],
      unfenced,
      {
        ...fine,
        leaders: ['serving', 'serving', 'silent'],
        offline: 1,
        underReplicated: 0,
        leaderless: 1,
        attention: ['1 partition has a leader that does not answer', 'Broker 3 is down'],
      },
    ],
    [
      'a broker killed and fenced',
      ['online', 'online', 'down'],
      fenced,
      {
        ...fine,
        leaders: ['serving', 'serving', 'serving'],
        offline: 0,
        underReplicated: 3,
        leaderless: 0,
        attention: ['Broker 3 is down'],
      },
    ],
    [
      'a broker frozen, not fenced yet',
      ['online', 'online', 'frozen'],
      unfenced,
      {
        ...fine,
        leaders: ['serving', 'serving', 'silent'],
        offline: 1,
        underReplicated: 0,
        leaderless: 1,
        attention: ['1 partition has a leader that does not answer', 'Broker 3 is frozen'],
      },
    ],
    [
      'one killed and one frozen of three',
      ['online', 'down', 'frozen'],
      topic([partition(0, 1, [1, 3]), partition(1, 3, [1, 3]), partition(2, 3, [1, 3]), partition(3, null, [2], [2])]),
      {
        reachable: true,
        quorumLost: true,
        leaders: ['serving', 'silent', 'silent', 'none'],
        offline: 3,
        underReplicated: 3,
        leaderless: 3,
        attention: [
          'No controller: 1 of 3 voters are left',
          '1 partition has no leader',
          '2 partitions have a leader that does not answer',
          'Broker 2 is down',
          'Broker 3 is frozen',
        ],
      },
    ],
    [
      'a broker stopped in order',
      ['online', 'online', 'shuttingDown'],
      fenced,
      {
        ...fine,
        leaders: ['serving', 'serving', 'serving'],
        offline: 0,
        underReplicated: 3,
        leaderless: 0,
        attention: ['Broker 3 is shutting down'],
      },
    ],
    [
      'a remote broker that does not answer',
      ['online', 'online', 'unreachable'],
      unfenced,
      {
        ...fine,
        leaders: ['serving', 'serving', 'silent'],
        offline: 1,
        underReplicated: 0,
        leaderless: 1,
        attention: ['1 partition has a leader that does not answer', 'Broker 3 is unreachable'],
      },
    ],
    [
      'a remote cluster of which no broker answers',
      ['unreachable', 'unreachable', 'unreachable'],
      unfenced,
      {
        reachable: false,
        // The leader of the quorum is the last one that was known; nothing is stated of it.
        quorumLost: false,
        leaders: ['unknown', 'unknown', 'unknown'],
        offline: 0,
        underReplicated: 0,
        leaderless: 3,
        attention: [],
      },
    ],
    [
      'all brokers of the embedded cluster down',
      ['down', 'down', 'down'],
      topic([partition(0, null, []), partition(1, null, [])]),
      {
        reachable: false,
        quorumLost: true,
        leaders: ['none', 'none'],
        offline: 2,
        underReplicated: 2,
        leaderless: 2,
        attention: ['2 partitions have no leader', 'Broker 1 is down', 'Broker 2 is down', 'Broker 3 is down'],
      },
    ],
    [
      'an ISR below min.insync.replicas behind a slow link',
      ['online', 'online', 'online'],
      topic([partition(0, 1, [1]), partition(1, 2, [1, 2, 3])]),
      {
        ...fine,
        leaders: ['serving', 'serving'],
        offline: 0,
        underReplicated: 1,
        leaderless: 0,
        attention: ['1 partition refuses acks=all writes'],
      },
    ],
    [
      'a fenced broker that runs, such as one that is cut off from the controller',
      ['online', 'online', 'fenced'],
      fenced,
      {
        ...fine,
        leaders: ['serving', 'serving', 'serving'],
        offline: 0,
        underReplicated: 3,
        leaderless: 0,
        attention: ['Broker 3 is fenced'],
      },
    ],
  ])('derives the same statements for every page: %s', (_title, states, reported, expected) => {
    expect(statementsOf(states, reported)).toEqual(expected);
  });

  it('has a majority while a leader of the quorum is known, whichever voters do not answer here', () => {
    const facts = assessBrokers([broker(1, 'online'), broker(2, 'unreachable'), broker(3, 'unreachable')]);
    expect(assessQuorum(QUORUM, facts)).toEqual({ voters: 3, left: 1, unknown: 2, needed: 2, lost: false });
    expect(assessQuorum({ ...QUORUM, leaderId: null }, facts)?.lost).toBe(true);
    const stopped = assessBrokers([broker(1, 'online'), broker(2, 'down'), broker(3, 'frozen')]);
    expect(assessQuorum(QUORUM, stopped)?.lost).toBe(true);
  });

  it('is not well without a known controller, though each broker answers', () => {
    // The voters of the second quorum are controllers only, which no client connects to.
    const controllers = QUORUM.voters.map((voter) => ({ ...voter, id: voter.id + 100 }));
    const brokers = [broker(1, 'online'), broker(2, 'online'), broker(3, 'online')];
    const facts = assessBrokers(brokers);
    const rows = { brokers, topics: [WHOLE], groups: [], unreachable: [], facts, incidents: [], now: 0 };
    for (const voters of [QUORUM.voters, controllers]) {
      const items = (leaderId: number | null) => listAttention({ ...rows, quorum: { ...QUORUM, voters, leaderId } });
      expect(items(voters[0]?.id ?? 0)).toEqual([]);
      expect(items(null).map(({ what }) => what)).toEqual(['No controller is known']);
    }
    expect(listAttention({ ...rows, quorum: null })).toEqual([]);
  });

  it('counts what an unreachable broker stores, and serves nothing that it leads', () => {
    const countsWith = (state: BrokerState) => {
      const brokers = [broker(1, 'online'), broker(2, 'online'), broker(3, state)];
      const row = assessTopic(topic([partition(0, 1, [1, 3], [1, 3]), partition(1, 3, [3], [3])]), assessBrokers(brokers));
      return assessGuarantees({ brokers, topics: [row], quorum: QUORUM, faults: [] }).counts;
    };
    expect(countsWith('unreachable')).toMatchObject({ refusing: 0, lastCopy: 0, outOfReach: 0, leaderless: 1 });
    expect(countsWith('down')).toMatchObject({ refusing: 0, waiting: 1, lastCopy: 1, outOfReach: 1, leaderless: 1 });
  });

  it('promises nothing, and states no leader, ISR or count, of a cluster of which no broker answers', () => {
    const brokers = [broker(1, 'unreachable'), broker(2, 'unreachable'), broker(3, 'down')];
    const facts = assessBrokers(brokers);
    const row = assessTopic(topic([partition(0, 1, [1, 2]), partition(1, null, [3])]), facts);
    expect(row.partitions.map(leaderStateOf)).toEqual(['unknown', 'unknown']);
    expect(assessBroker({ ...broker(1, 'unreachable'), leaders: 4, inSync: 7 }, facts)).toMatchObject({ leaders: null, inSync: null });
    const remote = { ...broker(3, 'down'), lab: null, leaders: 0, inSync: 2 };
    expect(assessBroker(remote, facts)).toMatchObject({ leaders: null, inSync: null });
    expect(assessBroker({ ...remote, lab: broker(3, 'down').lab }, facts)).toMatchObject({ leaders: 0, inSync: 0 });
    const source = { brokers, topics: [row], groups: [], quorum: QUORUM, unreachable: [], facts, incidents: [], now: 0 };
    expect(listAttention(source).map(({ what }) => what)).toEqual(['Broker 3 is down']);
    expect(listAttention({ ...source, brokers: [...brokers.slice(0, 2), remote] })).toEqual([]);
    const { verdict, lines } = assessGuarantees({ brokers, topics: [row], quorum: QUORUM, faults: [] });
    expect(verdict.text).toMatch(/not known/);
    expect(lines).toEqual([]);
  });

  it('counts the ISRs that still list a stopped broker, which is in sync in none, where a broker can be asked', () => {
    const frozen = { ...broker(3, 'frozen'), inSync: 30 };
    const row = assessBroker(frozen, assessBrokers([broker(1, 'online'), frozen]));
    expect(row).toMatchObject({ inSync: 0, listed: 30 });
    expect(describeListed(row)).toBe(
      'Broker 3 has stopped. The ISR of 30 partitions still lists it, until the leaders or the controller remove it.',
    );
    expect(describeListed(assessBroker({ ...frozen, inSync: 0 }, assessBrokers([broker(1, 'online'), frozen])))).toBeNull();
    expect(describeListed(assessBroker(frozen, assessBrokers([broker(1, 'down'), frozen])))).toBeNull();
    const online = { ...broker(1, 'online'), inSync: 30 };
    expect(describeListed(assessBroker(online, assessBrokers([online, frozen])))).toBeNull();
  });

  it('draws replicas of stopped brokers as offline, of unreachable ones as unknown, and keeps the ISR of the metadata', () => {
    const states = (state: BrokerState) =>
      assessTopic(WHOLE, assessBrokers([broker(1, 'online'), broker(2, 'online'), broker(3, state)])).partitions.map((row) => ({
        state: row.replicas.find((replica) => replica.broker === 3)?.state,
        isr: row.isr.length,
      }));
    for (const state of ['frozen', 'down'] as const) expect(new Set(states(state).map((one) => one.state))).toEqual(new Set(['offline']));
    expect(new Set(states('unreachable').map((one) => one.state))).toEqual(new Set(['unknown']));
    expect(states('frozen').map(({ isr }) => isr)).toEqual([3, 3, 3]);
  });

  it('names replicas of brokers that are known to have stopped, not those of brokers that are fenced, start or are out of reach', () => {
    const stoppedWith = (state: BrokerState) =>
      assessTopic(WHOLE, assessBrokers([broker(1, 'online'), broker(2, 'down'), broker(3, state)])).partitions[0]?.stopped;
    for (const state of ['down', 'frozen'] as const) expect(stoppedWith(state)).toEqual([2, 3]);
    for (const state of ['online', 'fenced', 'starting', 'shuttingDown', 'unreachable'] as const) expect(stoppedWith(state)).toEqual([2]);
  });

  it('keeps the only replica of a partition in sync while its broker is fenced and runs, on every page', () => {
    const lone = { ...partition(0, null, [3], [3]), replicas: [{ broker: 3, state: 'offline' as const }] };
    const statementsWith = (state: BrokerState) => {
      const brokers = [broker(1, 'online'), broker(2, 'online'), { ...broker(3, state), inSync: 1 }];
      const facts = assessBrokers(brokers);
      const topics = [assessTopic({ ...topic([lone], 'single'), minInsyncReplicas: 1 }, facts)];
      const source = { topics, brokers, quorum: QUORUM, groups: [], unreachable: [], facts, incidents: [], now: 0 };
      const { counts, verdict } = assessGuarantees({ ...source, faults: [] });
      return {
        partition: topics[0]?.partitions.map(countInSync),
        broker: brokers.map((one) => assessBroker(one, facts).inSync),
        outOfReach: counts.outOfReach,
        leaderless: counts.leaderless,
        verdict: verdict.tone,
        attention: listAttention(source).find(({ what }) => what.startsWith('Broker 3'))?.why,
      };
    };
    const fencedAlive = { partition: ['1 of 1'], broker: [null, null, 1], outOfReach: 0, leaderless: 1, verdict: 'warn' };
    for (const state of ['fenced', 'starting', 'shuttingDown'] as const)
      expect(statementsWith(state)).toEqual({ ...fencedAlive, attention: 'It is in the ISR of 1 partition.' });
    const stopped = { partition: ['0 of 1'], broker: [null, null, 0], outOfReach: 1, leaderless: 1, verdict: 'bad' };
    for (const state of ['down', 'frozen'] as const)
      expect(statementsWith(state)).toEqual({ ...stopped, attention: 'The ISR of 1 partition still lists it.' });
  });

  it('drops the error of a request to a leader that does not answer, and keeps that of a leader that does', () => {
    const failed = topic([partition(0, 3, [1, 2, 3], [1, 2, 3], 'UNSUPPORTED_VERSION'), partition(1, 1, [1], [1], 'KAFKA_STORAGE_ERROR')]);
    const row = assessTopic(failed, assessBrokers([broker(1, 'online'), broker(2, 'online'), broker(3, 'frozen')]));
    expect(row.partitions.map(({ error }) => error)).toEqual([null, 'KAFKA_STORAGE_ERROR']);
  });

  it('returns the same row where every broker answers or none of its replicas is concerned', () => {
    expect(assessTopic(WHOLE, assessBrokers([broker(1, 'online'), broker(2, 'starting'), broker(3, 'fenced')]))).toBe(WHOLE);
    const single = topic([partition(0, 1, [1], [1])]);
    expect(assessTopic(single, assessBrokers([broker(1, 'online'), broker(2, 'down')]))).toBe(single);
  });

  it('knows nothing against a broker that it has not seen', () => {
    const facts = assessBrokers([broker(1, 'frozen')]);
    expect([1, 2].map((id) => answers(facts, id))).toEqual([false, true]);
    expect(assessQuorum(null, facts)).toBeNull();
  });
});
