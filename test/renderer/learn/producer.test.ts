import { describe, expect, it } from 'vitest';
import { producer, stepsOf } from '../../../renderer/learn/producer.ts';
import { brokerRow, learnState, partitionRow, sentRecord, topicRow } from './learn-fixture.ts';

const box = (state = learnState(), id = 'partition-1', width = 778) => producer.diagram(state, width).boxes.find((one) => one.id === id);

describe('the diagram of Producer', () => {
  it('shows the last offsets of each partition, its leader and its end', () => {
    const found = box(
      learnState({ topic: topicRow({ partitions: [partitionRow(0), partitionRow(1, { leader: 3, isr: [3, 1], endOffset: '52' })] }) }),
    );
    expect(found?.note).toBe('leader: broker 3, 2 of 3 in sync');
    expect(found?.noteTone).toBe('warn');
    expect(found?.data).toEqual({ partition: 'learn-orders-1', leader: '3', isr: '1 3', end: '52' });
    expect(found?.cells?.map(({ text }) => text).slice(-3)).toEqual(['49', '50', '51']);
  });

  it('shows no offset below the log start offset, and "?" for an unknown end', () => {
    const from = (more: object) => box(learnState({ topic: topicRow({ partitions: [partitionRow(0), partitionRow(1, more)] }) }));
    expect(from({ startOffset: '8', endOffset: '10' })?.cells?.map(({ text }) => text)).toEqual(['8', '9']);
    expect(from({ endOffset: null })?.lines).toEqual([{ text: 'end offset ?', tone: 'warn' }]);
    expect(from({ leader: null })?.note).toBe('no leader');
  });

  it('marks the last record in its partition', () => {
    const state = learnState({ sent: [sentRecord({ partition: 1, offset: '10' })] });
    expect(box(state)?.tone).toBe('accent');
    expect(box(state)?.cells?.at(-1)).toMatchObject({ text: '10', tone: 'accent' });
    expect(box(state, 'partition-0')?.tone).toBe('plain');
    const diagram = producer.diagram(state, 778);
    expect(diagram.edges.find(({ id }) => id === 'edge-1')).toMatchObject({ tone: 'accent', label: 'customer-17' });
    expect(diagram.pulses).toEqual([expect.objectContaining({ edge: 'edge-1', label: 'customer-17' })]);
  });

  it('has no pulse for a record that was not acknowledged', () => {
    const state = learnState({ sent: [sentRecord({ error: 'no leader', partition: null, offset: null })] });
    const diagram = producer.diagram(state, 778);
    expect(diagram.pulses).toEqual([]);
    expect(diagram.edges.every(({ tone }) => tone !== 'accent')).toBe(true);
    expect(diagram.steps?.of.at(-1)).toBe('not acknowledged: no leader');
  });

  it('has rates only where they were measured', () => {
    const edges = producer.diagram(learnState({ rates: new Map([['learn-orders-2', 40]]) }), 778).edges;
    expect(edges.map(({ perSecond }) => perSecond)).toEqual([null, null, 40]);
  });
});

it('describes a record as sent, stored and acknowledged', () => {
  expect(stepsOf(sentRecord()).of).toEqual([
    'key customer-17 sent to broker 2, the leader of partition 1',
    'stored at offset 10',
    'acknowledged after 12 ms: brokers 1 and 3, in sync, have it too',
  ]);
  expect(stepsOf(sentRecord({ isr: null })).of[2]).toBe('acknowledged after 12 ms: all in-sync replicas have it');
  expect(stepsOf(sentRecord({ isr: [2] })).of[2]).toBe('acknowledged after 12 ms: no other replica is in sync');
  expect(stepsOf(sentRecord({ idempotent: true })).of[1]).toContain('with a sequence number of the producer');
  expect(stepsOf(sentRecord({ acks: 0, partition: null, offset: null })).of[1]).toContain('are unknown');
  expect(stepsOf(sentRecord({ acks: 1 })).of[2]).toContain('by the leader only');
});

describe('the check', () => {
  it('is done with records of two keys in one partition', () => {
    const done = (...sent: ReturnType<typeof sentRecord>[]) => producer.check.done(learnState({ sent }));
    expect(done(sentRecord(), sentRecord())).toBeNull();
    expect(done(sentRecord(), sentRecord({ key: 'b', partition: 2 }))).toBeNull();
    expect(done(sentRecord(), sentRecord({ key: 'b', partition: null, error: 'x' }))).toBeNull();
    expect(done(sentRecord(), sentRecord({ key: null }))).toBeNull();
    expect(done(sentRecord(), sentRecord({ key: 'customer-4' }))).toBe('customer-17 and customer-4 both went to partition 1.');
  });
});

it('offers to kill the leader, and to start a broker that is down', () => {
  expect(producer.outages(learnState({ sent: [sentRecord()] })).map(({ label }) => label)).toEqual(['Kill broker 2']);
  const lab = { port: 1, controllerPort: 2, running: false, memoryBytes: null };
  const down = learnState({ brokers: [brokerRow(1), brokerRow(2, { state: 'down', lab }), brokerRow(3)] });
  expect(producer.outages(down).map(({ label, act }) => [label, act])).toEqual([['Start broker 2', { start: 2 }]]);
});

it('names the leader of the partition during an outage, and none while the stopped broker is listed', () => {
  const lab = { port: 1, controllerPort: 2, running: false, memoryBytes: null };
  const during = (leader: number) =>
    learnState({
      brokers: [brokerRow(1), brokerRow(2, { state: 'down', lab }), brokerRow(3)],
      topic: topicRow({ partitions: [partitionRow(0, { leader })] }),
      sent: [sentRecord({ partition: 0 })],
    });
  expect(producer.wrong(during(3))).toEqual([
    'Broker 2 is down. The leader of partition 0 is broker 3: send again, and the record goes there.',
  ]);
  expect(producer.wrong(during(2)).join(' ')).toContain('partition 0 waits for a new leader');
});
