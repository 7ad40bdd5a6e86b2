import { beforeEach, describe, expect, it } from 'vitest';
import { TabSender } from '../../electron/web/tab-sender.ts';

const MIB = 1024 * 1024;

class FakeSocket {
  readonly OPEN = 1;
  readyState: 0 | 1 | 2 | 3 = 1;
  readonly sent: number[] = [];
  private readonly callbacks: (() => void)[] = [];

  send(data: Buffer, _options: unknown, written: () => void): void {
    this.sent.push(data.length);
    this.callbacks.push(written);
  }

  /** The tab reads the oldest frame. */
  write(): void {
    this.callbacks.shift()?.();
  }

  terminate(): void {
    this.readyState = 3;
  }
}

let socket: FakeSocket;
let sender: TabSender;
let now: number;

beforeEach(() => {
  socket = new FakeSocket();
  now = 0;
  sender = new TabSender(socket as never, () => now);
});

const frame = (bytes: number): string => 'x'.repeat(bytes);
const isDropped = (bytes: number): boolean => {
  const before = socket.sent.length;
  sender.sendDroppable(() => frame(bytes));
  return socket.sent.length === before;
};

describe('a tab that reads', () => {
  it('gets frames of any size, one after the other', () => {
    for (let i = 0; i < 3; i++) {
      expect(isDropped(40 * MIB)).toBe(false);
      socket.write();
    }
  });

  it('gets what follows a large frame that is still being written', () => {
    sender.send(frame(129 * MIB));
    expect(isDropped(1_000)).toBe(false);
    sender.send(frame(1_000));
    expect(socket.readyState).toBe(1);
    expect(socket.sent).toEqual([129 * MIB, 1_000, 1_000]);
  });

  it('gets frames in bytes of UTF-8', () => {
    sender.send('é'.repeat(10));
    expect(socket.sent).toEqual([20]);
  });
});

describe('a tab that is behind', () => {
  beforeEach(() => {
    sender.send(frame(1));
    sender.send(frame(16 * MIB + 1));
  });

  it('misses patches until it has read what waits, and no other frame', () => {
    expect(isDropped(1)).toBe(true);
    sender.send(frame(5));
    expect(socket.sent.at(-1)).toBe(5);
    socket.write();
    expect(isDropped(1)).toBe(false);
  });

  it('receives the last patch that was dropped as soon as there is room, since no later one may follow', () => {
    for (const bytes of [7, 8, 9]) expect(isDropped(bytes)).toBe(true);
    socket.write();
    expect(socket.sent.slice(2)).toEqual([9]);
    socket.write();
    socket.write();
    expect(socket.sent.slice(2)).toEqual([9]);
  });

  it('receives patches in their order', () => {
    expect(isDropped(7)).toBe(true);
    socket.write();
    expect(isDropped(8)).toBe(false);
    socket.write();
    socket.write();
    expect(socket.sent.slice(2)).toEqual([7, 8]);
  });

  it('is sent nothing that was dropped once it is closed', () => {
    expect(isDropped(7)).toBe(true);
    socket.readyState = 3;
    socket.write();
    expect(socket.sent).toHaveLength(2);
  });

  it('is not serialised for where a patch is dropped', () => {
    sender.sendDroppable(() => {
      throw new Error('serialised');
    });
  });

  it('is disconnected where more than 128 MiB wait', () => {
    sender.send(frame(112 * MIB));
    expect(socket.readyState).toBe(1);
    sender.send(frame(1));
    expect(socket.readyState).toBe(3);
  });
});

it('a tab that reads nothing for two minutes is disconnected by the next frame, droppable or not', () => {
  sender.send(frame(1));
  now = 120_000;
  sender.sendDroppable(() => frame(1));
  expect(socket.readyState).toBe(1);
  now = 120_001;
  sender.sendDroppable(() => frame(1));
  expect(socket.readyState).toBe(3);
});

it('a slow tab that reads one frame after the other is not disconnected', () => {
  for (let i = 0; i < 50; i++) {
    sender.send(frame(1));
    sender.send(frame(1));
    now += 100_000;
    socket.write();
  }
  expect(socket.readyState).toBe(1);
});

it('a pause without frames is not held against the tab', () => {
  sender.send(frame(1));
  socket.write();
  now = 1_000_000;
  sender.send(frame(1));
  sender.send(frame(1));
  expect(socket.readyState).toBe(1);
});

it('nothing is sent to a socket that is not open', () => {
  socket.readyState = 2;
  sender.send(frame(1));
  expect(isDropped(1)).toBe(true);
  expect(socket.sent).toEqual([]);
});
