/** Connections of a node over streams in memory, in virtual time. */
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import type { Stream, StreamHandlers } from '../../../electron/cluster/lib/network.ts';
import { AnswerMemory } from '../../../electron/cluster/network/answer-memory.ts';
import { Connection } from '../../../electron/cluster/network/connection.ts';
import type { Dispatch } from '../../../electron/cluster/dispatch/request.ts';
import { RequestMemory } from '../../../electron/cluster/network/request-memory.ts';
import { settle, VirtualClock } from '../../helpers/virtual-clock.ts';
import { answer, echo, generationOf, requestBytes } from './support.ts';

const MIB = 1024 * 1024;
const PARKED_BYTES = 4 * MIB;

/** The server's side of a client that never closes its own side. */
class MemoryStream implements Stream {
  readonly remote = '127.0.0.1:5000';
  handlers!: StreamHandlers;
  answers = 0;
  ended = false;
  destroyedFor: string | undefined;

  write(): boolean {
    this.answers++;
    return true;
  }

  pause(): void {
    /* `send` still delivers: bytes that were read before the pause. */
  }

  resume(): void {
    /* See `pause`. */
  }

  end(): void {
    this.ended = true;
  }

  destroy(reason?: Error): void {
    if (this.destroyedFor !== undefined) return;
    this.destroyedFor = reason?.message ?? '';
    this.handlers.close(reason);
  }

  get open(): boolean {
    return !this.ended && this.destroyedFor === undefined;
  }
}

class Rig {
  readonly clock = new VirtualClock();
  readonly requests: RequestMemory;
  private readonly answers = new AnswerMemory(this.clock);
  dispatch: Dispatch = echo;
  private ids = 0;

  constructor(mediumCapacityBytes = MIB) {
    this.requests = this.memoryOf(mediumCapacityBytes);
  }

  open(): { connection: Connection; stream: MemoryStream; send: (bytes: Buffer) => void } {
    const stream = new MemoryStream();
    const connection = new Connection({
      id: ++this.ids,
      listener: 'PLAINTEXT',
      stream,
      dispatch: (request) => this.dispatch(request),
      pipelined: new Set(),
      clock: this.clock,
      logger: silentLogger,
      maxFrameBytes: 8 * MIB,
      traffic: { inBytes: 0, outBytes: 0 },
      memory: { clients: this.requests, peers: this.memoryOf(MIB), answers: this.answers },
      used: () => undefined,
      closed: () => undefined,
    });
    return { connection, stream, send: (bytes) => stream.handlers.data(bytes) };
  }

  private memoryOf(mediumCapacityBytes: number): RequestMemory {
    return new RequestMemory({ clock: this.clock, maxFrameBytes: 8 * MIB, mediumCapacityBytes, parkedCapacityBytes: PARKED_BYTES });
  }
}

/** A request whose frame is `bytes` long. */
function requestOf(bytes: number, generation = 1): Buffer {
  const small = requestBytes(generation);
  const frame = Buffer.concat([small, Buffer.alloc(4 + bytes - small.length)]);
  frame.writeInt32BE(bytes, 0);
  return frame;
}

describe('Connection', () => {
  it('releases the memory of its waiting frame when more bytes arrive together with the grant', async () => {
    const rig = new Rig();
    expect(rig.requests.take(MIB, true)).toBe(true);
    const { stream, send } = rig.open();
    const frame = requestOf(800_000);
    send(frame.subarray(0, 300_000));
    expect(rig.requests.waiting).toBe(1);
    rig.requests.release(MIB);
    send(frame.subarray(300_000));
    await settle();
    expect(stream.answers).toBe(1);
    expect(rig.requests.usedBytes).toBe(0);
    expect(rig.requests.park(PARKED_BYTES)).toBe(true);
  });

  it('is closed when its complete frames are blocked by a request while other frames wait, and no more than needed', async () => {
    const rig = new Rig(4 * MIB);
    rig.dispatch = (request) => (generationOf(request) === 9 ? new Promise(() => undefined) : answer(request, 0));
    const stuck = [900_000, 400_000, 1_000_000, 500_000].map((bytes) => {
      const one = rig.open();
      one.send(requestBytes(9));
      one.send(requestOf(bytes));
      return one.stream;
    });
    const small = rig.open();
    small.send(requestBytes(9));
    small.send(requestBytes(1));
    await rig.clock.advance(60_000);
    const open = (): boolean[] => [...stuck, small.stream].map((stream) => stream.open);
    expect(open()).toEqual([true, true, true, true, true]);
    const filler = rig.open();
    filler.send(requestBytes(9));
    filler.send(requestOf(MIB));
    const other = rig.open();
    other.send(requestOf(1_000_000));
    expect(rig.requests.waiting).toBe(1);
    await rig.clock.advance(7_000);
    expect(other.stream.answers).toBe(1);
    expect(open()).toEqual([true, true, false, true, true]);
    expect(filler.stream.open).toBe(true);
  });

  it('stays open while its queue moves, though other frames wait', async () => {
    const rig = new Rig();
    const release: (() => void)[] = [];
    rig.dispatch = (request) => new Promise((resolve) => release.push(() => resolve(answer(request, 0))));
    const busy = rig.open();
    for (let i = 0; i < 10; i++) busy.send(requestOf(100_000));
    const other = rig.open();
    other.send(requestOf(1_000_000));
    for (let i = 0; i < 9; i++) {
      await rig.clock.advance(4_000);
      release.shift()?.();
    }
    await settle();
    expect(busy.stream.answers).toBe(9);
    expect(busy.stream.open).toBe(true);
    expect(rig.requests.waiting).toBe(1);
    release.shift()?.();
    await settle();
    expect([rig.requests.waiting, release.length]).toEqual([0, 1]);
  });

  it('is closed when its partial frame below 64 KiB makes no progress while other frames wait', async () => {
    const rig = new Rig(128 * 1024);
    const half = [1, 2].map(() => rig.open());
    for (const { send } of half) send(requestOf(65_000).subarray(0, 20));
    const steady = rig.open();
    const frame = requestOf(60_000);
    steady.send(frame.subarray(0, 20));
    const other = rig.open();
    other.send(requestOf(100_000));
    expect(rig.requests.waiting).toBe(1);
    await rig.clock.advance(4_000);
    steady.send(frame.subarray(20));
    await rig.clock.advance(4_000);
    expect(half.map(({ stream }) => stream.open)).toEqual([false, false]);
    expect([steady, other].map(({ stream }) => [stream.open, stream.answers])).toEqual([
      [true, 1],
      [true, 1],
    ]);
  });

  it.each([
    ['at once', (frame: Uint8Array[]) => frame],
    ['in a promise', (frame: Uint8Array[]) => Promise.resolve(frame)],
  ])('gives other connections a turn while it serves thousands of requests of one read, answered %s', async (_how, answers) => {
    const rig = new Rig();
    const { stream, send } = rig.open();
    const other = rig.open();
    let longestMs = 0;
    let turnFrom = 0;
    rig.dispatch = (request) => {
      rig.clock.stall(1);
      longestMs = Math.max(longestMs, rig.clock.monotonic() - turnFrom);
      return answers(answer(request, 0));
    };
    let timers = 0;
    const tick = (): void => {
      timers++;
      turnFrom = rig.clock.monotonic();
      if (stream.answers < 2_000) rig.clock.setTimer(1, tick);
    };
    rig.clock.setTimer(0, tick);
    send(Buffer.concat(Array.from({ length: 2_000 }, (_, i) => requestBytes(i))));
    await settle();
    other.send(requestBytes(1));
    await settle();
    expect(other.stream.answers).toBe(1);
    expect(stream.answers).toBeLessThan(100);
    expect(await rig.clock.until(() => stream.answers === 2_000, 60_000)).toBe(true);
    expect(timers).toBeGreaterThan(40);
    expect(longestMs).toBeLessThan(100);
    expect(stream.open).toBe(true);
  });

  it('processes the requests of a client that closed between two slices, and none of a refused connection', async () => {
    const rig = new Rig();
    let served = 0;
    rig.dispatch = () => {
      rig.clock.stall(1);
      served++;
      return null;
    };
    const requests = Buffer.concat(Array.from({ length: 200 }, (_, i) => requestBytes(i)));
    const left = rig.open();
    left.send(requests);
    left.stream.destroy();
    await rig.clock.advance(1_000);
    expect(served).toBe(200);
    served = 0;
    const refused = rig.open();
    refused.send(requests);
    refused.connection.refuse('a test');
    const atRefusal = served;
    await rig.clock.advance(10_000);
    expect(served).toBe(atRefusal);
    expect(atRefusal).toBeLessThan(100);
    expect(rig.requests.usedBytes).toBe(0);
  });

  it('is reset when the client does not close its side within a second after `end`', async () => {
    const rig = new Rig();
    const { connection, stream, send } = rig.open();
    send(requestBytes(1));
    connection.end();
    expect([stream.ended, stream.destroyedFor]).toEqual([true, undefined]);
    await rig.clock.advance(1_100);
    expect(stream.destroyedFor).toContain('did not close');
  });

  it('is reset when its slot is needed while it is being closed', () => {
    const { connection, stream } = new Rig().open();
    connection.end();
    connection.refuse('closed for a new connection');
    expect(stream.destroyedFor).toBe('closed for a new connection');
  });

  it('is not reset by a second request that is refused, before the client has read the answers before it', async () => {
    const rig = new Rig();
    const { connection, stream, send } = rig.open();
    const failed = Promise.withResolvers<never>();
    rig.dispatch = (request) => {
      request.connection.answerLater();
      return failed.promise;
    };
    send(requestBytes(1));
    connection.refuse('a limit');
    failed.reject(new Error('refused'));
    await settle();
    expect([stream.ended, stream.destroyedFor]).toEqual([true, undefined]);
    await rig.clock.advance(1_100);
    expect(stream.destroyedFor).toBe('a limit');
  });
});
