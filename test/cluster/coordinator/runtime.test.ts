/** The runtime with a state machine of one number: records that decisions see, records that clients read, and failures. */
import { expect, test } from 'vitest';
import type { Change, CoordinatorShard, Decision } from '../../../electron/cluster/coordinator/decision.ts';
import { CoordinatorRuntime } from '../../../electron/cluster/coordinator/runtime.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { ErrorCode as E } from '../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { MemoryCoordinatorStorage } from '../../helpers/memory-coordinator-storage.ts';
import { settle, VirtualClock } from '../../helpers/virtual-clock.ts';

/** A record without an encoding. */
const UNENCODABLE = 1000;

/** A number that must not be negative; its records are differences. */
class Counter implements CoordinatorShard<number, number> {
  current = 0;
  committed = 0;
  unloadedWith: number | undefined;
  /** The record that cannot be applied, or committed. */
  static broken: { apply?: number; commit?: number } = {};

  load(record: number): void {
    this.current += record;
    this.committed += record;
  }
  apply(record: number): void {
    if (record === Counter.broken.apply) throw new Error('planted');
    this.current += record;
  }
  commit(record: number): void {
    if (record === Counter.broken.commit) throw new Error('planted');
    this.committed += record;
  }
  endTransaction(): void {
    throw new Error('no transactions');
  }
  onLoaded(): void {
    this.unloadedWith = undefined;
  }
  onUnloaded(error: number): void {
    this.unloadedWith = error;
  }

  add(difference: number): Decision<number, number> {
    if (this.current + difference < 0) throw new KafkaError(E.INVALID_REQUEST);
    return { records: difference === 0 ? [] : [difference], response: this.current + difference };
  }
}

interface Bench {
  readonly storage: MemoryCoordinatorStorage;
  readonly runtime: CoordinatorRuntime<number, number, Counter>;
  readonly shards: Counter[];
  /** The sum after the addition, or minus the error code. */
  add(difference: number): Promise<number>;
  read(): number;
  perform(change: Change<number>): void;
}

async function bench(): Promise<Bench> {
  Counter.broken = {};
  const storage = new MemoryCoordinatorStorage(1);
  const shards: Counter[] = [];
  let write: (change: Change<number> | null) => void = () => undefined;
  const runtime = new CoordinatorRuntime<number, number, Counter>({
    clock: new VirtualClock(),
    logger: silentLogger,
    storage,
    encode: (record) => {
      if (record === UNENCODABLE) throw new RangeError('planted');
      return { key: Buffer.from('n'), value: Buffer.from(String(record)) };
    },
    decode: (_, value) => Number(value),
    createShard: (_, perform) => {
      write = perform;
      const shard = new Counter();
      shards.push(shard);
      return shard;
    },
  });
  runtime.onElection(0, storage.elect(0));
  await settle();
  return {
    storage,
    runtime,
    shards,
    add: (difference) =>
      runtime.decide<number>(
        0,
        (shard) => shard.add(difference),
        (error) => -error,
      ),
    read: () => {
      const shard = runtime.shard(0);
      return typeof shard === 'number' ? -shard : shard.committed;
    },
    perform: (change) => write(change),
  };
}

test('a decision sees the records of the decisions before it; clients read committed records', async () => {
  const b = await bench();
  b.storage.hold = true;
  const [five, negative, two] = [b.add(5), b.add(-6), b.add(-3)];
  expect(await negative).toBe(-E.INVALID_REQUEST);
  expect(b.read()).toBe(0);
  b.storage.commit(0);
  expect(await Promise.all([five, two])).toEqual([5, 2]);
  expect(b.read()).toBe(2);
});

test('a decision without records is answered when the batches before it are committed', async () => {
  const b = await bench();
  expect(await b.add(0)).toBe(0);
  b.storage.hold = true;
  const order: string[] = [];
  const requests = [b.add(5).then(() => order.push('five')), b.add(0).then((sum) => order.push(`read ${sum}`))];
  await settle();
  expect(order).toEqual([]);
  b.storage.commit(0);
  await Promise.all(requests);
  expect(order).toEqual(['five', 'read 5']);
});

test('a batch that cannot be appended is not applied, and the shard remains', async () => {
  const b = await bench();
  await b.add(1);
  b.storage.refuse = E.NOT_ENOUGH_REPLICAS;
  expect(await b.add(5)).toBe(-E.COORDINATOR_NOT_AVAILABLE);
  b.storage.refuse = null;
  expect(await b.add(1)).toBe(2);
  expect(b.shards).toHaveLength(1);
});

test('a rejected batch remains applied, and decisions on top of it fail until it is committed', async () => {
  const b = await bench();
  b.storage.hold = true;
  const requests = [b.add(5), b.add(0)];
  b.storage.rejectWaiting(0, E.REQUEST_TIMED_OUT);
  expect(await Promise.all(requests)).toEqual([-E.COORDINATOR_NOT_AVAILABLE, -E.COORDINATOR_NOT_AVAILABLE]);
  expect(await b.add(0)).toBe(-E.COORDINATOR_NOT_AVAILABLE);
  const later = b.add(-2);
  expect(b.read()).toBe(0);
  b.storage.commit(0);
  expect(await later).toBe(3);
  expect([b.read(), await b.add(0)]).toEqual([3, 3]);
});

test.each([['apply'], ['commit']] as const)('a shard that cannot %s a record is reloaded from the log', async (step) => {
  const b = await bench();
  await b.add(1);
  b.storage.hold = true;
  const earlier = b.add(2);
  Counter.broken = { [step]: 7 };
  const failing = b.add(7);
  const dependent = b.add(0);
  b.storage.commit(0);
  await settle();
  // What was committed before is acknowledged, or its outcome is unknown to the client; nothing waits for ever.
  expect([2 + 1, -E.NOT_COORDINATOR]).toContain(await earlier);
  expect(await failing).toBe(-E.NOT_COORDINATOR);
  expect(-(await dependent)).toBeGreaterThan(0);
  Counter.broken = {};
  b.storage.hold = false;
  await settle();
  expect(b.shards.map(({ unloadedWith }) => unloadedWith)).toEqual([E.NOT_COORDINATOR, undefined]);
  // The log has all of them.
  expect([b.read(), await b.add(0)]).toEqual([10, 10]);
});

test('a reload drops records that the log does not contain', async () => {
  const b = await bench();
  await b.add(1);
  b.storage.hold = true;
  const lost = b.add(5);
  await settle();
  const epoch = b.storage.elect(0, false);
  b.runtime.onResignation(0, epoch);
  expect(await lost).toBe(-E.NOT_COORDINATOR);
  b.storage.hold = false;
  b.runtime.onElection(0, b.storage.elect(0));
  await settle();
  expect([b.read(), await b.add(0)]).toEqual([1, 1]);
});

test('each change is completed once, with what follows it', async () => {
  const b = await bench();
  const completed: string[] = [];
  const change = (name: string, records: number[], next: Change<number> | null = null): Change<number> => ({
    records,
    complete(error) {
      completed.push(`${name} ${error}`);
      return next;
    },
  });
  b.perform(change('first', [1], change('second', [2], change('third', []))));
  await settle();
  expect([completed, b.read()]).toEqual([['first 0', 'second 0', 'third 0'], 3]);
  b.storage.hold = true;
  b.perform(change('fourth', [4], change('fifth', [8])));
  b.runtime.close();
  await settle();
  expect(completed.slice(3)).toEqual([`fourth ${E.COORDINATOR_NOT_AVAILABLE}`, `fifth ${E.NOT_COORDINATOR}`]);
});

test('decisions that wait for one batch are limited', async () => {
  const b = await bench();
  b.storage.hold = true;
  const batch = b.add(1);
  const waiting = Array.from({ length: 9_999 }, () => b.add(0));
  expect(await b.add(0)).toBe(-E.COORDINATOR_NOT_AVAILABLE);
  b.storage.commit(0);
  expect(new Set(await Promise.all([batch, ...waiting]))).toEqual(new Set([1]));
});

test('a request is answered when the completion of its decision throws, and the shard is reloaded', async () => {
  const b = await bench();
  const decide = (shard: Counter): Decision<number, number> => ({
    ...shard.add(3),
    complete: () => {
      throw new Error('planted');
    },
  });
  expect(await b.runtime.decide<number>(0, decide, (error) => -error)).toBe(3);
  await settle();
  expect(b.shards).toHaveLength(2);
  expect(b.read()).toBe(3);
});

test('a batch that cannot be encoded completes its change with an error, and the shard remains', async () => {
  const b = await bench();
  const completed: number[] = [];
  const change: Change<number> = {
    records: [UNENCODABLE],
    complete(error) {
      completed.push(error);
      return null;
    },
  };
  b.perform(change);
  expect(completed).toEqual([E.UNKNOWN_SERVER_ERROR]);
  expect(await b.add(UNENCODABLE)).toBe(-E.UNKNOWN_SERVER_ERROR);
  expect([await b.add(2), b.read(), b.shards.length]).toEqual([2, 2, 1]);
});

test.each([['resigns'], ['is reloaded'], ['closes']])('a completion that throws when its shard %s blocks no other', async (what) => {
  const b = await bench();
  b.storage.hold = true;
  b.perform({
    records: [1],
    complete: () => {
      throw new Error('planted');
    },
  });
  const other = b.add(2);
  if (what === 'resigns') b.runtime.onResignation(0, null);
  else if (what === 'closes') b.runtime.close();
  else {
    Counter.broken = { apply: 7 };
    b.perform({ records: [7] });
    Counter.broken = {};
  }
  expect(-(await other)).toBe(what === 'closes' ? E.COORDINATOR_NOT_AVAILABLE : E.NOT_COORDINATOR);
  expect(b.shards[0]?.unloadedWith).toBeGreaterThan(0);
  await settle();
  expect(b.shards).toHaveLength(what === 'is reloaded' ? 2 : 1);
});

test('a completion that throws when its append is refused does not reach the timer that made the change', async () => {
  const b = await bench();
  b.storage.refuse = E.NOT_ENOUGH_REPLICAS;
  b.perform({
    records: [1],
    complete: () => {
      throw new Error('planted');
    },
  });
  await settle();
  expect(b.shards).toHaveLength(2);
});
