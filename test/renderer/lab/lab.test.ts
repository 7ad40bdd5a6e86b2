import { assessBrokers, assessTopic } from '#shared/health';
import { deriveIncidents } from '#shared/incidents/reducer';
import { describe, expect, it } from 'vitest';
import type { BrokerRow, QuorumView, TopicRow } from '#shared/models/cluster';
import type { Fault, FaultSpec } from '#shared/models/lab';
import { checkForm, faultsOf, type FormValues } from '../../../renderer/faults/fault-forms.ts';
import { definitionOf, describeFault } from '#shared/faults/definitions';
import { describeVerb } from '../../../renderer/faults/faults.ts';
import { dotsFor, flowsBetween, snapshotOffsets } from '../../../renderer/lab/flow.ts';
import { brokerLink, fits, layoutLab } from '../../../renderer/lab/lab-layout.ts';
import { allLinks, linkState, describeLinkState } from '../../../renderer/lab/links.ts';
import { incidentLines, assessGuarantees } from '../../../renderer/health/guarantees.ts';

const fault = (spec: FaultSpec, id = 1): Fault => ({ id, fault: spec, since: 0, eventId: 1, detail: null });

describe('links', () => {
  it('are every pair and the clients', () => {
    expect(allLinks([1, 2, 3]).map(({ key }) => key)).toEqual(['1-2', '1-3', '2-3', '1-clients', '2-clients', '3-clients']);
  });

  it('know their ways, whichever end a fault names first', () => {
    const link = { key: '2-3', a: 2, b: 3 };
    const state = (...specs: FaultSpec[]) =>
      linkState(
        link,
        specs.map((spec, i) => fault(spec, i + 1)),
      );
    expect(state({ type: 'partition', between: [3, 2], direction: 'both' }).cut).toBe('both');
    expect(state({ type: 'partition', between: [3, 2], direction: 'out' }).cut).toBe('bToA');
    expect(state({ type: 'partition', between: [2, 3], direction: 'out' }).cut).toBe('aToB');
    expect(state({ type: 'partition', between: [2, 3], direction: 'in' }).cut).toBe('bToA');
    expect(
      state({ type: 'partition', between: [2, 3], direction: 'in' }, { type: 'partition', between: [3, 2], direction: 'in' }).cut,
    ).toBe('both');
    expect(state({ type: 'partition', between: [1, 2], direction: 'both' }).cut).toBe('none');
    expect(describeLinkState(state({ type: 'partition', between: [2, 3], direction: 'out' }))).toBe(
      'cut one way: broker 3 receives nothing from broker 2',
    );
    expect(
      describeLinkState(state({ type: 'slowLink', between: [2, 3], direction: 'out', latencyMs: 200, jitterMs: 0, bytesPerSecond: 0 })),
    ).toBe('slow from broker 2: 200 ms');
  });
});

describe('the layout', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('of %i brokers overlaps nothing, wide or narrow', (count) => {
    for (const [width, height] of [
      [845, 420],
      [845, 545],
      [515, 340],
      [1_300, 700],
    ] as const) {
      const layout = layoutLab(count, width, height, 12);
      expect(fits(layout), `${count} in ${width} × ${height}: ${layout.card.kind}`).toBe(true);
    }
  });

  it('keeps links clear of the clients in the middle', () => {
    for (const count of [2, 4, 6, 8, 9]) {
      const layout = layoutLab(count, 845, 545, 12);
      for (let i = 0; i < count; i += 1) {
        for (let j = i + 1; j < count; j += 1) {
          const { middle } = brokerLink(layout, i, j);
          expect(Math.hypot(middle.x - layout.clients.x, middle.y - layout.clients.y)).toBeGreaterThan(layout.clients.radius + 10);
        }
      }
    }
  });

  it('shows replicas topic by topic where there is room', () => {
    expect(layoutLab(3, 845, 420, 12).card).toMatchObject({ kind: 'full' });
    expect(layoutLab(9, 515, 340, 12).card.kind).toBe('tiny');
  });
});

const BROKERS = [1, 2, 3].map((id): BrokerRow => ({
  id,
  host: null,
  port: null,
  rack: null,
  state: 'online',
  since: null,
  isController: id === 1,
  quorumRole: null,
  leaders: 1,
  replicas: 1,
  inSync: 1,
  sessionAgeMs: 0,
  sessionTimeoutMs: 3_000,
  logBytes: null,
  disk: null,
  lab: null,
}));
const withState = (id: number, state: BrokerRow['state']): BrokerRow[] => BROKERS.map((row) => (row.id === id ? { ...row, state } : row));

function topic(
  name: string,
  partitions: { leader: number | null; isr: number[]; replicas?: number[]; end?: string }[],
  minIsr: number | null = 2,
): TopicRow {
  return {
    name,
    id: null,
    internal: false,
    replicationFactor: 3,
    partitions: partitions.map(({ leader, isr, replicas = [1, 2, 3], end = '0' }, partition) => ({
      partition,
      leader,
      leaderEpoch: 1,
      replicas: replicas.map((id) => ({ broker: id, state: 'inSync' })),
      isr,
      startOffset: '0',
      endOffset: end,
      sizeBytes: null,
      error: null,
    })),
    cleanupPolicy: null,
    minInsyncReplicas: minIsr,
    records: null,
    sizeBytes: null,
    recordsEstimated: false,
    offsetsAsOf: null,
  };
}
const quorum: QuorumView = {
  leaderId: 1,
  leaderEpoch: 1,
  highWatermark: '1',
  leaderSince: null,
  voters: [1, 2, 3].map((id) => ({ id, logEndOffset: null, lag: null, lastFetchAt: null, lastCaughtUpAt: null })),
  observers: [],
};
const assess = (brokers: BrokerRow[], topics: TopicRow[]) => topics.map((row) => assessTopic(row, assessBrokers(brokers)));
const promises = (brokers: BrokerRow[], topics: TopicRow[], faults: FaultSpec[] = []) =>
  assessGuarantees({ brokers, topics: assess(brokers, topics), quorum, faults: faults.map((spec, i) => fault(spec, i + 1)) });

describe('open incidents in the promise panel', () => {
  const kill = (id: number, broker: number) => ({ id, type: 'lab/nodeKilled' as const, at: id * 1_000, node: null, broker });
  const lost = {
    id: 9,
    type: 'partition/leadersLost' as const,
    at: 9_000,
    node: 1,
    broker: 3,
    causeId: 3,
    count: 1,
    details: { partitions: [{ topic: 'orders', partition: 0 }] },
  };

  it('are the newest, with what they lack, and end with the incident', () => {
    const open = incidentLines(deriveIncidents([kill(1, 1), kill(2, 2), kill(3, 3), lost]), 10_000);
    expect(open).toEqual([
      { tone: 'bad', text: 'Broker 3 killed · 7.0 s · 1 partition without a leader.' },
      { tone: 'none', text: 'Broker 2 killed · 8.0 s · not detected yet.' },
      { tone: 'none', text: '1 more open incident.' },
    ]);
    const closed = deriveIncidents([
      kill(1, 3),
      { id: 2, type: 'lab/nodeStarted', at: 2_000, node: null, broker: 3 },
      { id: 3, type: 'cluster/brokerUnfenced', at: 3_000, node: 1, broker: 3 },
    ]);
    expect(incidentLines(closed, 10_000)).toEqual([]);
    expect(incidentLines([], 10_000)).toEqual([]);
  });
});

describe('guarantees', () => {
  const whole = topic('orders', [
    { leader: 1, isr: [1, 2, 3] },
    { leader: 2, isr: [1, 2, 3] },
  ]);

  it('is everything when all is well', () => {
    const { verdict, lines, counts } = promises(BROKERS, [whole]);
    expect(verdict).toEqual({ tone: 'ok', text: 'No acknowledged write is at risk.' });
    expect(counts).toMatchObject({ partitions: 2, canLoseOne: 2, leaderless: 0, refusing: 0, lastCopy: 0 });
    expect(lines.map(({ text }) => text)).toEqual(['2 of 2 partitions can lose one more broker and stay writable.']);
  });

  it('counts a frozen broker as gone before the cluster has noticed', () => {
    const { counts, verdict } = promises(withState(2, 'frozen'), [whole]);
    expect(counts).toMatchObject({ canLoseOne: 0, leaderless: 1, refusing: 0 });
    expect(verdict.tone).toBe('ok');
  });

  it('reports partitions that refuse writes, and those with one in-sync replica left', () => {
    const { counts, verdict, lines } = promises(withState(3, 'down'), [topic('orders', [{ leader: 1, isr: [1] }])]);
    expect(counts).toMatchObject({ refusing: 1, lastCopy: 1, canLoseOne: 0 });
    expect(verdict).toEqual({ tone: 'warn', text: '1 partition has one in-sync replica left: acknowledged writes depend on it.' });
    expect(lines.some(({ text }) => text.startsWith('1 partition refuses acks=all writes'))).toBe(true);
    expect(lines.some(({ text }) => text.startsWith('The quorum cannot lose another voter'))).toBe(true);
  });

  it('says where writes are that cannot be reached', () => {
    const { verdict } = promises(withState(3, 'down'), [topic('single', [{ leader: null, isr: [], replicas: [3] }], 1)]);
    expect(verdict).toEqual({
      tone: 'bad',
      text: 'Acknowledged writes of 1 partition are on broker 3 only, and unavailable until it returns.',
    });
  });

  it('says of several brokers that one of them is enough', () => {
    const down = withState(3, 'down').map((broker) => (broker.id === 2 ? { ...broker, state: 'down' as const } : broker));
    const { verdict } = promises(down, [topic('single', [{ leader: null, isr: [], replicas: [2, 3] }], 1)]);
    expect(verdict.text).toBe('Acknowledged writes of 1 partition are on brokers 2 and 3 only, and unavailable until one of them returns.');
  });

  it('needs a majority to elect who takes over', () => {
    const kept = topic('orders', [{ leader: 1, isr: [1, 2] }], 1);
    expect(promises(withState(3, 'down'), [kept]).counts.canLoseOne).toBe(0);
    const five = {
      ...quorum,
      voters: [1, 2, 3, 4, 5].map((id) => ({ id, logEndOffset: null, lag: null, lastFetchAt: null, lastCaughtUpAt: null })),
    };
    const down = withState(3, 'down');
    expect(assessGuarantees({ brokers: down, topics: assess(down, [kept]), quorum: five, faults: [] }).counts.canLoseOne).toBe(1);
  });

  it('damage is a risk only where no sound copy in sync lives', () => {
    const damage: FaultSpec = { type: 'corrupt', node: 1, topic: 'orders', partition: 0, where: 'tail' };
    expect(promises(BROKERS, [whole], [damage]).verdict.tone).toBe('ok');
    expect(promises(BROKERS, [topic('orders', [{ leader: 1, isr: [1] }])], [damage]).verdict.tone).toBe('bad');
  });

  it('reports unknown min.insync.replicas, replication factor 1 and a lost majority', () => {
    const unknown = promises(BROKERS, [topic('orders', [{ leader: 1, isr: [1, 2, 3] }], null)]);
    expect(unknown.counts).toMatchObject({ unknown: 1, canLoseOne: 0 });
    expect(unknown.lines.at(-1)?.text).toContain('min.insync.replicas is unknown');
    expect(promises(BROKERS, [whole, topic('single', [{ leader: 3, isr: [3], replicas: [3] }], 1)]).verdict.text).toBe(
      'No acknowledged write of a replicated topic is at risk.',
    );
    const lost = BROKERS.map((row) => (row.id > 1 ? { ...row, state: 'down' as const } : row));
    expect(promises(lost, [whole]).lines.some(({ text }) => text.startsWith('1 of 3 voters left, 2 needed'))).toBe(true);
  });

  it('names the brokers that clients do not reach', () => {
    const { lines } = promises(BROKERS, [whole], [{ type: 'partition', between: ['clients', 2], direction: 'both' }]);
    expect(lines.map(({ text }) => text)).toContain('Clients do not reach broker 2, which leads 1 partition.');
  });
});

describe('the forms', () => {
  const values = (numbers: Record<string, string>, more: Partial<FormValues> = {}): FormValues => ({
    numbers: new Map(Object.entries(numbers)),
    choices: new Map(),
    ends: [2, 'clients'],
    replica: 'orders-0',
    ...more,
  });
  const context = { from: 1 as const, replicas: [{ topic: 'orders', partition: 0 }] };

  it('refuse what is no figure, out of bounds, or would change nothing', () => {
    expect(Object.fromEntries(checkForm('slowLink', values({ latencyMs: 'soon' }), context))).toEqual({
      latencyMs: '“soon” is not a number.',
    });
    expect(Object.fromEntries(checkForm('slowLink', values({ latencyMs: '700000' }), context))).toEqual({
      latencyMs: 'From 0 to 600,000 ms.',
    });
    expect(Object.fromEntries(checkForm('slowLink', values({ latencyMs: '0' }), context))).toEqual({
      latencyMs: 'A latency or a bandwidth limit is required.',
    });
    expect(Object.fromEntries(checkForm('clockSkew', values({ offsetMs: '' }), context))).toEqual({ offsetMs: 'A number is needed.' });
    expect(Object.fromEntries(checkForm('partition', values({}, { ends: [] }), context))).toEqual({ ends: 'Choose at least one.' });
    expect(Object.fromEntries(checkForm('corrupt', values({}, { replica: 'gone-9' }), context))).toEqual({
      replica: 'Choose a partition.',
    });
  });

  it('become faults in the units of the contract', () => {
    expect(faultsOf('slowLink', values({ latencyMs: '12.5', jitterMs: '', bytesPerSecond: '50' }), context)).toEqual([
      { type: 'slowLink', between: [1, 2], direction: 'both', latencyMs: 12.5, jitterMs: 0, bytesPerSecond: 50_000 },
      { type: 'slowLink', between: [1, 'clients'], direction: 'both', latencyMs: 12.5, jitterMs: 0, bytesPerSecond: 50_000 },
    ]);
    expect(
      faultsOf('slowLink', values({ latencyMs: '1.5 s', jitterMs: '1,500 ms', bytesPerSecond: '1 MB/s' }, { ends: [2] }), context),
    ).toEqual([{ type: 'slowLink', between: [1, 2], direction: 'both', latencyMs: 1_500, jitterMs: 1_500, bytesPerSecond: 1_000_000 }]);
    expect(faultsOf('clockSkew', values({ offsetMs: '−1 h 30 min' }), context)).toMatchObject([{ offsetMs: -5_400_000 }]);
    expect(Object.fromEntries(checkForm('clockSkew', values({ offsetMs: '5 MB' }), context))).toEqual({
      offsetMs: '“5 MB” is not a number.',
    });
    expect(Object.fromEntries(checkForm('slowLink', values({ latencyMs: '11 min' }), context))).toEqual({
      latencyMs: 'From 0 to 600,000 ms.',
    });
    expect(faultsOf('clockSkew', values({ offsetMs: '-1,5' }), context)).toEqual([{ type: 'clockSkew', node: 1, offsetMs: -1_500 }]);
    expect(faultsOf('corrupt', values({}), context)).toEqual([{ type: 'corrupt', node: 1, topic: 'orders', partition: 0, where: 'tail' }]);
  });
});

describe('words', () => {
  it('describe faults and what ends them', () => {
    expect(describeFault({ type: 'partition', between: [2, 3], direction: 'both' })).toBe('link 2 ↔ 3 cut');
    expect(describeFault({ type: 'clockSkew', node: 1, offsetMs: -60_000 })).toBe('clock of broker 1: 1 min behind');
    expect(describeFault({ type: 'slowDisk', node: 1, latencyMs: 120, bytesPerSecond: 50_000 })).toBe(
      'disk of broker 1 slow: 120 ms, 50.0 kB/s',
    );
    expect([...(['freeze', 'kill', 'fullDisk'] as const).map((type) => definitionOf({ type }).healLabel)]).toEqual([
      'Thaw',
      'Start',
      'Heal',
    ]);
  });

  it('count what a loss would mean before it happens', () => {
    const text = describeVerb('kill', { broker: BROKERS[0] as BrokerRow, topics: [topic('orders', [{ leader: 1, isr: [1, 2] }])] });
    expect(text).toBe(
      'Crashes immediately (SIGKILL). Data already written to disk is kept. Leadership moves after 3 s without a heartbeat. Leads 1 partition. orders will refuse acks=all writes.',
    );
  });
});

describe('flow', () => {
  it('is what end offsets grew by, to the leader and on to those in sync', () => {
    const before = snapshotOffsets([topic('orders', [{ leader: 1, isr: [1, 2], end: '100' }])], 1_000);
    const after = snapshotOffsets([topic('orders', [{ leader: 1, isr: [1, 2], end: '300' }])], 3_000);
    expect([...flowsBetween(before, after).values()]).toEqual([
      { from: 'clients', to: 1, recordsPerSecond: 100 },
      { from: 1, to: 2, recordsPerSecond: 100 },
    ]);
    const moved = snapshotOffsets([topic('orders', [{ leader: 2, isr: [1, 2], end: '300' }])], 3_000);
    expect(flowsBetween(before, moved).size).toBe(0);
  });

  it('does not reach a replica that has stopped and is in the ISR still', () => {
    const at = (end: string, ms: number) => {
      const rows = [topic('orders', [{ leader: 1, isr: [1, 2, 3], end }])];
      return snapshotOffsets(assess(withState(2, 'down'), rows), ms);
    };
    expect([...flowsBetween(at('100', 1_000), at('300', 3_000)).keys()]).toEqual(['clients>1', '1>3']);
  });

  it('has a dot for each power of ten', () => {
    expect([0, 0.4, 1, 9, 10, 150, 4_000, 1e6].map(dotsFor)).toEqual([0, 0, 1, 1, 2, 3, 4, 4]);
  });
});
