import { describe, expect, it } from 'vitest';
import { assessBrokers } from '#shared/health';
import type { BrokerRow, BrokerState, QuorumView } from '#shared/models/cluster';
import { describeStatus, type StatusSource } from '../../../renderer/health/cluster-status.ts';

const brokers = (...states: BrokerState[]): BrokerRow[] => states.map((state, i) => ({ id: i + 1, state }) as unknown as BrokerRow);
const quorum = { voters: [{ id: 1 }, { id: 2 }, { id: 3 }] } as unknown as QuorumView;
const totals = { partitions: 102, underReplicated: 0, offline: 0, silent: 0, unknown: 0, refusing: 0, waiting: 0 };

function status(rows: BrokerRow[], more: Partial<StatusSource> = {}) {
  const source = {
    ready: true,
    facts: assessBrokers(rows),
    brokers: rows,
    totals,
    quorum,
    controllerId: 2,
    attention: [],
    asOf: 0,
    ...more,
  };
  const { tone, sentence, figures } = describeStatus(source);
  return {
    tone,
    sentence,
    figures: Object.fromEntries(figures.map(({ key, value }) => [key, value])),
    tones: figures.map((one) => one.tone),
  };
}
const ALL = brokers('online', 'online', 'online');
const item = { key: 'k', tone: 'bad' as const, what: 'Broker 3 is down', why: '', to: null };

describe('the status of the cluster', () => {
  it('is healthy where all brokers online and nothing needs attention', () => {
    expect(status(ALL)).toMatchObject({
      tone: 'ok',
      sentence: 'Healthy',
      figures: { brokers: '3/3', controller: '2', quorum: '3/3', partitions: '102', offline: '0', 'under-replicated': '0' },
    });
  });

  it('is the most urgent problem, with the number of the others', () => {
    expect(status(brokers('online', 'online', 'down'), { attention: [item] })).toMatchObject({ tone: 'bad', sentence: 'Broker 3 is down' });
    expect(status(ALL, { attention: [item, item, item] }).sentence).toBe('Broker 3 is down and 2 more problems');
    expect(status(brokers('online', 'online', 'down'), { attention: [item] }).figures).toMatchObject({ brokers: '2/3', quorum: '2/3' });
  });

  it('is not healthy while a partition is under-replicated', () => {
    expect(status(ALL, { totals: { ...totals, underReplicated: 7 } })).toMatchObject({
      tone: 'warn',
      sentence: '7 partitions under-replicated, all of them served',
    });
  });

  it('counts partitions whose ISR still lists a stopped replica, beside those that are under-replicated', () => {
    const down = brokers('online', 'down', 'down');
    expect(status(down, { totals: { ...totals, waiting: 12 } }).figures).toMatchObject({ 'under-replicated': '0', waiting: '12' });
    expect(status(down).figures).not.toHaveProperty('waiting');
    const unread = brokers('unreachable', 'unreachable', 'down');
    expect(status(unread, { totals: { ...totals, unknown: 102, waiting: 12 } }).figures).not.toHaveProperty('waiting');
  });

  it('is unknown where no broker answers: no figure is taken from what was read before', () => {
    const { tone, sentence, figures } = status(brokers('unreachable', 'unreachable', 'unreachable'), {
      totals: { ...totals, unknown: 102 },
    });
    expect(tone).toBe('bad');
    expect(sentence).toMatch(/^Unknown since \d\d:\d\d:\d\d$/);
    expect(figures).toEqual({ brokers: '0/3', controller: null, quorum: null, partitions: '102', offline: null, 'under-replicated': null });
  });

  it('claims nothing before a broker has answered', () => {
    const { tone, sentence, figures } = status([], { ready: false });
    expect([tone, sentence]).toEqual(['none', 'Connecting: no broker has answered yet.']);
    expect(Object.values(figures)).toEqual([null, null, null, null, null, null]);
  });

  it('has no controller and no quorum figure where the cluster reports none', () => {
    expect(status(ALL, { controllerId: null, quorum: null }).figures).toMatchObject({ controller: null, quorum: null });
  });
});
