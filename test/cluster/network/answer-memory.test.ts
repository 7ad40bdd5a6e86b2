import { describe, expect, it } from 'vitest';
import { AnswerMemory, type AnswerHolder } from '../../../electron/cluster/network/answer-memory.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const MIB = 1024 * 1024;

class Reader implements AnswerHolder {
  refused = false;
  private readonly memory: AnswerMemory;
  private readonly bytes: number;
  constructor(memory: AnswerMemory, bytes: number) {
    this.memory = memory;
    this.bytes = bytes;
    memory.hold(bytes);
    memory.block(this);
  }
  refuse(): void {
    this.refused = true;
    this.memory.release(this.bytes);
  }
}

describe('AnswerMemory', () => {
  it('offers half of what is left, and never less than 64 KiB', () => {
    const memory = new AnswerMemory(new VirtualClock(), 32 * MIB);
    expect(memory.roomBytes).toBe(16 * MIB);
    memory.hold(16 * MIB);
    expect(memory.roomBytes).toBe(8 * MIB);
    memory.hold(40 * MIB);
    expect(memory.roomBytes).toBe(64 * 1024);
  });

  it('closes the client that took nothing for longest, once memory is short', async () => {
    const clock = new VirtualClock();
    const memory = new AnswerMemory(clock, 32 * MIB);
    const first = new Reader(memory, 16 * MIB);
    await clock.advance(1_000);
    const second = new Reader(memory, 12 * MIB);
    await clock.advance(1_500);
    const third = new Reader(memory, 12 * MIB);
    expect([first.refused, second.refused, third.refused]).toEqual([true, false, false]);
    expect(memory.usedBytes).toBe(24 * MIB);
  });

  it('closes no client that still takes its answer, below twice the capacity', async () => {
    const clock = new VirtualClock();
    const memory = new AnswerMemory(clock, 32 * MIB);
    const first = new Reader(memory, 30 * MIB);
    await clock.advance(10_000);
    memory.block(first);
    const second = new Reader(memory, 30 * MIB);
    expect(first.refused).toBe(false);
    memory.hold(10 * MIB);
    expect([first.refused, second.refused]).toEqual([true, false]);
  });
});
