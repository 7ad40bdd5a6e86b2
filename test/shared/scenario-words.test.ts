import { describe, expect, test } from 'vitest';
import { parseDuration, sayDuration, writeDuration } from '../../shared/durations.ts';
import { parsePartition, parseTarget } from '../../shared/scenario-targets.ts';

describe('durations', () => {
  test.each([
    ['3s', 3_000],
    ['250ms', 250],
    ['2m', 120_000],
    ['1.5s', 1_500],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['3', 's', '3 s', '-1s', '3h', '', '1e3ms', '3s '])('%j is none', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  test.each([0, 10, 250, 3_000, 3_210, 60_000, 90_500, 120_000])('%i ms is read back as it was written', (ms) => {
    expect(parseDuration(writeDuration(ms))).toBe(ms);
  });

  test.each([
    [250, '0.25 s'],
    [3_000, '3 s'],
    [3_140, '3.1 s'],
    [120_000, '2 min'],
  ])('%i ms is said as %s', (ms, text) => {
    expect(sayDuration(ms)).toBe(text);
  });
});

describe('brokers in words', () => {
  test.each([
    [2, { kind: 'id', id: 2 }],
    ['broker 2', { kind: 'id', id: 2 }],
    ['controller', { kind: 'controller' }],
    ['leader of orders-0', { kind: 'leader', topic: 'orders', partition: 0 }],
    ['a follower of my.topic-x-12', { kind: 'follower', topic: 'my.topic-x', partition: 12 }],
    ['coordinator of readers', { kind: 'coordinator', group: 'readers' }],
    ['a broker', { kind: 'any' }],
    ['victim', { kind: 'name', name: 'victim' }],
  ] as const)('%s', (text, base) => {
    expect(parseTarget(text)).toEqual({ base, but: [] });
  });

  test('with those that it may not be', () => {
    expect(parseTarget('a follower of orders-0 but first and second')?.but).toEqual(['first', 'second']);
    expect(parseTarget('a broker but controller')?.but).toEqual(['controller']);
  });

  test.each(['leader of orders', 'the Victim', '', 'a broker but', 'a broker but 2', 'broker 0', 'x but y but z', 'clients'])(
    '%j names none',
    (text) => {
      expect(parseTarget(text)).toBeNull();
    },
  );

  test('a partition ends with its number', () => {
    expect(parsePartition('orders-0')).toEqual({ topic: 'orders', partition: 0 });
    expect(parsePartition('orders-v2-1')).toEqual({ topic: 'orders-v2', partition: 1 });
    expect(parsePartition('orders')).toBeNull();
  });
});
