import { describe, expect, it } from 'vitest';
import { RequestMemory, type FrameHolder } from '../../../electron/cluster/network/request-memory.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const MIB = 1024 * 1024;

class Holder implements FrameHolder {
  frameProgress = 0;
  queuedBytes = 0;
  refused: string | undefined;
  refuse(reason: string): void {
    this.refused = reason;
  }
}

function memoryOf(options: { mediumCapacityBytes?: number; parkedCapacityBytes?: number } = {}): {
  clock: VirtualClock;
  memory: RequestMemory;
} {
  const clock = new VirtualClock();
  return { clock, memory: new RequestMemory({ clock, maxFrameBytes: 100 * MIB, ...options }) };
}

describe('RequestMemory', () => {
  it('grants waiting frames in their order, when memory is released', () => {
    const { memory } = memoryOf();
    expect(memory.take(90 * MIB, true)).toBe(true);
    const granted: string[] = [];
    expect(memory.take(60 * MIB, true)).toBe(false);
    memory.wait(60 * MIB, () => granted.push('first'));
    // It would fit, but must not overtake.
    expect(memory.take(5 * MIB, true)).toBe(false);
    memory.wait(5 * MIB, () => granted.push('second'));
    expect(granted).toEqual([]);
    memory.release(90 * MIB);
    expect(granted).toEqual(['first', 'second']);
    expect(memory.usedBytes).toBe(65 * MIB);
  });

  it('grants the memory to the next frame when one is withdrawn', () => {
    const { memory } = memoryOf();
    memory.take(60 * MIB, true);
    const granted: string[] = [];
    const withdraw = memory.wait(80 * MIB, () => granted.push('large'));
    memory.wait(20 * MIB, () => granted.push('small'));
    withdraw();
    expect(granted).toEqual(['small']);
  });

  it('never lets the only small frame of a connection wait', () => {
    const { memory } = memoryOf({ mediumCapacityBytes: MIB });
    expect(memory.take(MIB, true)).toBe(true);
    expect(memory.take(2_000, true)).toBe(true);
    expect(memory.take(2_000, false)).toBe(false);
    expect(memory.take(MIB, true)).toBe(false);
  });

  it('reserves memory for frames of 1 MiB while large frames hold all of theirs', () => {
    const { memory } = memoryOf();
    expect(memory.take(100 * MIB, true)).toBe(true);
    expect(memory.take(2 * MIB, true)).toBe(false);
    expect(memory.take(MIB, true)).toBe(true);
  });

  it('refuses a connection whose frame makes no progress while others wait, and no other', async () => {
    const { clock, memory } = memoryOf();
    const stalled = new Holder();
    const steady = new Holder();
    memory.take(50 * MIB, true);
    memory.receives(stalled);
    memory.take(50 * MIB, true);
    memory.receives(steady);
    await clock.advance(60_000);
    expect(stalled.refused).toBeUndefined();
    memory.wait(10 * MIB, () => undefined);
    for (let second = 0; second < 8; second++) {
      steady.frameProgress += 100_000;
      await clock.advance(1_000);
    }
    expect(stalled.refused).toContain('no progress');
    expect(steady.refused).toBeUndefined();
  });

  it('limits the bytes that waiting connections have already read', () => {
    const { memory } = memoryOf({ parkedCapacityBytes: 1_000 });
    expect(memory.park(600)).toBe(true);
    expect(memory.park(600)).toBe(false);
    memory.unpark(600);
    expect(memory.park(600)).toBe(true);
  });
});
