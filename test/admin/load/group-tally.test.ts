import { describe, expect, it } from 'vitest';
import { GroupTally } from '../../../electron/admin/load/group-tally.ts';
import { LoadMeter } from '../../../electron/services/load-meter.ts';

describe('GroupTally', () => {
  it('counts records of all members, and those that another member had consumed as repeated', () => {
    const topics = ['a', 'b'];
    const memory = GroupTally.memory(topics);
    const [first, second] = [new GroupTally(memory, topics), new GroupTally(memory, topics)];
    for (const offset of [0n, 1n, 2n]) first.consume('a', 0, offset);
    first.consume('a', 1, 0n);
    first.consume('b', 0, 0n);
    second.consume('a', 0, 1n);
    second.consume('a', 0, 2n);
    second.consume('a', 0, 3n);
    expect([first.consumed, first.repeated]).toEqual([8, 2]);
    expect([second.consumed, second.repeated]).toEqual([8, 2]);
  });

  it('returns the offset after the highest consumed one', () => {
    const topics = ['a', 'b'];
    const memory = GroupTally.memory(topics);
    const [first, second] = [new GroupTally(memory, topics), new GroupTally(memory, topics)];
    expect(first.next('b', 3)).toBeNull();
    expect(first.next('unknown', 0)).toBeNull();
    first.consume('b', 3, 0n);
    first.consume('b', 3, 1n);
    second.consume('b', 3, 0n);
    second.consume('a', 3, 7n);
    expect(first.next('b', 3)).toBe(2n);
    expect(first.next('a', 3)).toBe(8n);
  });
});

describe('LoadMeter', () => {
  it('returns the rate of the last seconds', () => {
    const meter = new LoadMeter();
    expect(meter.perSecond).toBe(0);
    for (let now = 0; now <= 10_000; now += 250) meter.sample(now < 5_000 ? 0 : now - 5_000, now);
    expect(meter.perSecond).toBe(1_000);
    for (let now = 10_250; now <= 14_000; now += 250) meter.sample(5_000, now);
    expect(meter.perSecond).toBe(0);
  });
});
