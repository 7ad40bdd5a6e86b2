/** Requests of ZooKeeper clients acquire memory of the node, and release all of it. */
import { describe, expect, test } from 'vitest';
import { RequestMemory } from '../../../electron/cluster/network/request-memory.ts';
import { FrameInput } from '../../../electron/cluster/zookeeper/frame-input.ts';
import { OpCode } from '../../../electron/cluster/zookeeper/wire.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';
import { createBody } from '../../helpers/zookeeper-client.ts';
import { ZooKeeperCluster } from '../../helpers/zookeeper-cluster.ts';

const KIB = 1024;
const frame = (bytes: number): Buffer => {
  const out = Buffer.alloc(4 + bytes, 7);
  out.writeInt32BE(bytes, 0);
  return out;
};

function bench(capacity = 1024 * KIB, parkedCapacityBytes = 512 * KIB) {
  const clock = new VirtualClock();
  const memory = new RequestMemory({ clock, maxFrameBytes: capacity, mediumCapacityBytes: capacity, parkedCapacityBytes });
  const open = () => {
    const seen = { arrived: 0, refused: [] as string[], failed: [] as string[] };
    const input = new FrameInput({
      maxFrameBytes: 1024 * KIB,
      memory,
      arrived: (frames) => (seen.arrived += frames),
      failed: (error) => seen.failed.push(String(error)),
      refuse: (reason) => {
        seen.refused.push(reason);
        input.close();
      },
    });
    return { input, seen };
  };
  return { clock, memory, open };
}

describe('FrameInput', () => {
  test('holds the memory of a frame from its length to its response', () => {
    const { memory, open } = bench();
    const { input } = open();
    const bytes = frame(300 * KIB);
    expect(input.push(bytes.subarray(0, 10))).toBe(0);
    expect(memory.usedBytes).toBe(300 * KIB);
    expect(input.push(bytes.subarray(10))).toBe(1);
    expect(input.queuedBytes).toBe(300 * KIB);
    expect(input.take()).toHaveLength(300 * KIB);
    expect([memory.usedBytes, input.queuedBytes]).toEqual([300 * KIB, 0]);
    input.done();
    expect(memory.usedBytes).toBe(0);
  });

  test('keeps a frame that does not fit unallocated until another one is answered', async () => {
    const { memory, open } = bench();
    const [first, second] = [open(), open()];
    first.input.push(frame(800 * KIB));
    expect(second.input.push(frame(500 * KIB).subarray(0, 1000))).toBe(0);
    expect([memory.usedBytes, memory.waiting, second.input.waits]).toEqual([800 * KIB, 1, true]);
    first.input.take();
    first.input.done();
    expect(second.input.waits).toBe(false);
    await Promise.resolve();
    expect(second.input.push(frame(500 * KIB).subarray(1000))).toBe(1);
    expect(memory.usedBytes).toBe(500 * KIB);
  });

  test('delivers frames behind a waiting one together with it', async () => {
    const { open } = bench();
    const [first, second] = [open(), open()];
    first.input.push(frame(900 * KIB));
    expect(second.input.push(Buffer.concat([frame(200 * KIB), frame(10), frame(20)]))).toBe(0);
    first.input.close();
    await Promise.resolve();
    expect(second.seen.arrived).toBe(3);
    expect([second.input.length, second.input.first?.length]).toEqual([3, 200 * KIB]);
  });

  test('releases everything when it is closed, in any state', async () => {
    const { memory, open } = bench();
    const inputs = Array.from({ length: 6 }, open);
    inputs[0]?.input.push(frame(300 * KIB));
    inputs[0]?.input.take();
    inputs[1]?.input.push(Buffer.concat([frame(100), frame(200)]));
    inputs[2]?.input.push(frame(400 * KIB).subarray(0, 50));
    inputs[3]?.input.push(frame(500 * KIB).subarray(0, 300 * KIB));
    inputs[4]?.input.push(frame(600 * KIB).subarray(0, 100));
    inputs[5]?.input.push(Buffer.from([0, 0]));
    expect(memory.waiting).toBe(2);
    for (const { input } of inputs) input.close();
    inputs[0]?.input.done();
    await Promise.resolve();
    expect([memory.usedBytes, memory.waiting]).toEqual([0, 0]);
    // Nor is any parked: all memory can be acquired.
    expect(memory.park(512 * KIB)).toBe(true);
  });

  test('is refused where not even the received bytes can be kept', () => {
    const { memory, open } = bench(1024 * KIB, 1 * KIB);
    const [first, second] = [open(), open()];
    first.input.push(frame(1000 * KIB));
    second.input.push(frame(500 * KIB).subarray(0, 100 * KIB));
    expect(second.seen.refused).toHaveLength(1);
    expect([memory.usedBytes, memory.waiting]).toEqual([1000 * KIB, 0]);
  });

  test('closes an incomplete frame without progress while others wait', async () => {
    const { clock, memory, open } = bench();
    const [silent, waiting] = [open(), open()];
    silent.input.push(frame(900 * KIB).subarray(0, 100));
    waiting.input.push(frame(500 * KIB).subarray(0, 100));
    await clock.advance(7_000);
    expect(silent.seen.refused).toHaveLength(1);
    expect(waiting.seen.refused).toEqual([]);
    expect(memory.usedBytes).toBe(500 * KIB);
  });
});

describe('an endpoint', () => {
  test('serves sessions whose requests together exceed its memory, and holds none afterwards', async () => {
    const made: RequestMemory[] = [];
    const cluster = await ZooKeeperCluster.start(1, {}, (clock) => {
      const memory = new RequestMemory({ clock, maxFrameBytes: 1024 * KIB, mediumCapacityBytes: 600 * KIB });
      made.push(memory);
      return memory;
    });
    const [memory] = made;
    const clients = await Promise.all(Array.from({ length: 4 }, () => cluster.client(1)));
    let most = 0;
    const data = 'x'.repeat(400 * KIB);
    const creates = clients.map((zk, index) => {
      const answer = zk.call(OpCode.create, (writer) => createBody(writer, `/n${index}`, data, 0));
      most = Math.max(most, memory?.usedBytes ?? 0);
      return answer;
    });
    const answers = await cluster.run(Promise.all(creates));
    expect(answers.map(({ error }) => error)).toEqual([0, 0, 0, 0]);
    expect(most).toBeGreaterThan(400 * KIB);
    expect(most).toBeLessThanOrEqual(600 * KIB);
    expect([memory?.usedBytes, memory?.waiting]).toEqual([0, 0]);
  });
});
