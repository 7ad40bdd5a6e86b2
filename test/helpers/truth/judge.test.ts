/** The judge of the truth table: statements that hold pass, and each kind of false one is found. */
import { describe, expect, it } from 'vitest';
import { addAttentionDetails } from './attention-statements.ts';
import type { ClusterReading, PartitionState } from './cluster-state.ts';
import { Facts } from './facts.ts';
import { addLabStatements } from './lab-statements.ts';
import type { PageText } from './page-text.ts';
import { addOverviewStatements } from './overview-statements.ts';
import { Statements } from './statements.ts';

const partition = (leader: number | null, isr: number[], replicas: number[]): PartitionState => ({
  leader,
  epoch: 1,
  isr,
  replicas,
  offline: [],
  start: 0n,
  end: 1n,
});
/** Broker 3 is stopped: it is in the ISR of orders-1 still, and held single-0 alone. */
const READING: ClusterReading = {
  answering: new Set([1, 2]),
  listed: new Set([1, 2]),
  controller: 1,
  topics: new Map([
    ['orders', new Map([[0, partition(1, [1, 2], [1, 2, 3])], [1, partition(2, [1, 2, 3], [2, 3, 1])]])], // prettier-ignore
    ['single', new Map([[0, partition(null, [3], [3])], [1, partition(1, [1], [1])]])], // prettier-ignore
    ['pairs', new Map([[0, partition(1, [1], [1, 3])]])],
  ]),
  groups: new Map(),
};
const minInsync = new Map([['orders', 1], ['single', 1], ['pairs', 2]]); // prettier-ignore
const EMPTY: PageText = {
  ...{
    title: '',
    header: '',
    age: '',
    statuses: [],
    sentence: '',
    line: [],
    brokerCards: [],
    empty: [],
    navigation: [],
    tabs: [],
    figures: [],
    tables: [],
  },
  ...{ drawn: [], attention: [], incident: [], promises: [] },
};

/** An attention list without omissions, and the number of statements that it makes. */
const COMPLETE = [
  { what: '1 partition has no leader', why: '' },
  { what: 'Broker 3 is down', why: '' },
];
const ROWS = judge(addOverviewStatements, { attention: COMPLETE }).verdicts.length;

/** What the judge says of each statement, in order; null: it holds. */
function judge(add: (statements: Statements) => void, text: Partial<PageText>, cutOff: readonly number[] = []) {
  const setting = { brokers: [1, 2, 3], partitions: 5, minInsync, isSupervised: true, cutOff: new Set(cutOff) };
  const statements = new Statements('/page', { ...EMPTY, ...text }, new Facts(READING, setting));
  add(statements);
  return { verdicts: statements.all.map(({ verdict }) => verdict), uncovered: statements.uncovered };
}

describe('the judge of the truth table', () => {
  it.each<[line: string, holds: boolean]>([
    // Broker 1 or 2 as leader of the quorum has no other majority without it.
    ['No partition can lose one more broker and stay writable.', true],
    ['1 of 5 partitions can lose one more broker and stay writable.', false],
    ['1 partition has no leader that answers.', true],
    ['2 partitions have no leader that answers.', false],
    ['1 partition refuses acks=all writes: fewer in-sync replicas than min.insync.replicas.', true],
    ['1 partition acknowledges no acks=all write until the ISR shrinks: a replica in it has stopped.', true],
    ['The quorum cannot lose another voter: 2 of 3 are left, and fewer elect no leader.', true],
    ['The quorum cannot lose another voter: 3 of 3 are left, and fewer elect no leader.', false],
    ['2 partitions have replication factor 1.', true],
    ['3 partitions have replication factor 1.', false],
    ['Clients do not reach broker 3, which leads 0 partitions.', true],
    ['Clients do not reach broker 3, which leads 2 partitions.', false],
    ['Clients do not reach broker 2, which leads 1 partition.', false],
    ['Acknowledged writes of 1 partition are on broker 3 only, and unavailable until it is back.', true],
    ['Acknowledged writes of 2 partitions are on broker 3 only, and unavailable until it is back.', false],
    ['No acknowledged write is at risk.', false],
    ['1 partition has one in-sync replica left: acknowledged writes depend on it.', true],
    ['2 partitions have one in-sync replica left: acknowledged writes depend on it.', false],
    ['Broker 3 killed · 7.0 s · 1 partition without a leader.', true],
    ['Broker 3 killed · 7.0 s · 2 partitions without a leader.', false],
  ])('decides a line of the guarantees panel: %s', (line, holds) => {
    const { verdicts, uncovered } = judge(addLabStatements, { promises: [line] });
    expect(uncovered).toEqual([]);
    expect(verdicts.map((verdict) => verdict === null)).toEqual([holds]);
  });

  it('names lines of the guarantees panel that no rule covers', () => {
    const promises = ['Each write is safe.', '2 more open incidents.'];
    expect(judge(addLabStatements, { promises })).toEqual({ verdicts: [], uncovered: ['Each write is safe.'] });
  });

  it.each<[what: string, why: string, verdicts: boolean[]]>([
    ['1 partition has no leader', 'single 0 of 2: reads and writes fail.', [true]],
    ['1 partition has no leader', 'single 1 of 2: reads and writes fail.', [false]],
    ['2 partitions have no leader', 'orders 0–1 of 2 and single 0 of 2: reads and writes fail.', [false, true]],
    [
      '3 partitions have a leader that does not answer',
      'orders, pairs and 2 more topics: reads and writes fail until another replica leads.',
      [false, false],
    ],
    ['1 partition refuses acks=all writes', 'pairs: fewer in-sync replicas than min.insync.replicas.', [true]],
    ['2 partitions refuse acks=all writes', 'orders 0 of 2 and pairs: fewer in-sync replicas than min.insync.replicas.', [false, true]],
    ['Broker 3 is down', 'The ISR of 2 partitions still lists it. 2 partitions are under-replicated without it.', [true, true]],
    ['Broker 3 is fenced', 'It is in the ISR of 3 partitions. 1 partition is under-replicated without it.', [false, false]],
    ['Broker 2 is down', 'The ISR of 2 partitions still lists it.', [true]],
    ['Broker 2 is frozen', 'It leads 1 partition and answers for none. The ISR of 1 other partition still lists it.', [true]],
    ['Broker 2 is frozen', 'It leads 1 partition and answers for none. The ISR of 2 other partitions still lists it.', [false]],
    ['Broker 3 is down', 'It has no replicas.', [false]],
  ])('decides what a row of the attention list states: %s: %s', (what, why, holds) => {
    const { verdicts } = judge(addAttentionDetails, { attention: [{ what, why }] });
    expect(verdicts.map((verdict) => verdict === null)).toEqual(holds);
  });

  it.each<[card: string, verdicts: boolean[]]>([
    ['Broker 1 controller 3 of 5 leaders Replicas 4 Not in sync 0', [true, true, true, true]],
    ['Broker 1 4 of 5 leaders Replicas 5 Not in sync 1', [false, false, false, false]],
    ['Broker 1 controller frozen 3 s serves none of 3 partitions that metadata assigns to it', [true, false, false]],
    ['Broker 2 controller 1 of 5 leaders · preferred leader of 1 more', [false, true, false]],
    ['Broker 3 down 7.0 s 0 of 5 leaders Replicas 4 Not in sync 4', [true, true, true, true, true]],
    ['Broker 3 down 7.0 s ? leaders Replicas ? Not in sync ?', [true, true, true, true, true]],
    ['Broker 3 down 7.0 s 1 of 5 leaders Replicas 3 Not in sync 1', [true, true, false, false, false]],
  ])('decides a card of a broker: %s', (card, holds) => {
    const { verdicts } = judge(addOverviewStatements, { brokerCards: [card], attention: COMPLETE });
    expect(verdicts.slice(ROWS).map((verdict) => verdict === null)).toEqual(holds);
  });

  it.each<[sentence: string, holds: boolean]>([
    ['Healthy', false],
    ['Unknown since 10:00:00', false],
    ['1 partition has no leader and 2 more problems', true],
    ['2 partitions have no leader and 2 more problems', false],
    ['2 partitions under-replicated, all of them served', false],
    ['Broker 3 is down', true],
    ['Broker 2 is down and 1 more problem', false],
    ['No controller: 1 of 3 voters are left and 1 more problem', false],
  ])('decides the sentence of the Overview: %s', (sentence, holds) => {
    expect(judge(addOverviewStatements, { sentence, attention: COMPLETE }).verdicts[0] === null).toBe(holds);
  });

  it.each<[figure: string, holds: boolean]>([
    ['2/3 brokers', true],
    ['3/3 brokers', false],
    ['1 controller', true],
    ['3 controller', false],
    ['1 offline', true],
    ['? offline', false],
    ['2 under-replicated', true],
    ['0 under-replicated', false],
    ['1 with a stopped replica', true],
    ['2 with a stopped replica', false],
    ['2/3 quorum', true],
    ['3/3 quorum', false],
  ])('decides a figure of the Overview: %s', (figure, holds) => {
    expect(judge(addOverviewStatements, { line: [figure], attention: COMPLETE }).verdicts[0] === null).toBe(holds);
  });

  it('misses no row of the attention list that is absent', () => {
    const { verdicts } = judge(addOverviewStatements, {});
    expect(verdicts.filter((verdict) => verdict !== null)).toEqual(['1 partitions are not served', 'broker 3 does not answer']);
  });

  it('counts a replica of a broker that only clients do not reach', () => {
    const line = 'No partition can lose one more broker and stay writable.';
    expect(judge(addLabStatements, { promises: [line] }, [3]).verdicts).toEqual([expect.any(String)]);
    expect(judge(addLabStatements, { promises: ['2 of 5 partitions can lose one more broker.'] }, [3]).verdicts).toEqual([null]);
  });
});
