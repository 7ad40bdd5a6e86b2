/** The schedule of repairs: several partitions at a time, beside handovers, and without a limit of retries while the disk is full. */
import { expect, test } from 'vitest';
import { FollowerState } from '../../../electron/cluster/broker/partition-follower.ts';
import type { Partition } from '../../../electron/cluster/broker/partition.ts';
import { SegmentRepairs } from '../../../electron/cluster/broker/segment-repairs.ts';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import type { MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { testImage } from '../../helpers/metadata-image.ts';
import { append, createHarness, contents, DIRECTORY, ManualClock, type LogHarness } from '../log/helpers.ts';

interface Answer {
  readonly errorCode: number;
  readonly records: Buffer | null;
  readonly highWatermark: bigint;
  readonly logStartOffset: bigint;
}

/** A log whose segment at offset 4 is missing, and one that is whole. */
function holed(highWatermark: bigint): { damaged: LogHarness; whole: LogHarness } {
  const [damaged, whole] = [
    createHarness({ segmentBytes: 170, indexIntervalBytes: 1 }),
    createHarness({ segmentBytes: 170, indexIntervalBytes: 1 }),
  ];
  for (const { log } of [damaged, whole]) {
    for (let i = 0; i < 12; i++) append(log, `value ${i}`);
    log.updateHighWatermark(log.logEndOffset);
  }
  damaged.log.close();
  damaged.disk.remove(`${DIRECTORY}/00000000000000000004.log`);
  damaged.reopen({ highWatermark });
  return { damaged, whole };
}

function readFrom({ log }: LogHarness, fetchOffset: bigint): Answer {
  const { highWatermark, logStartOffset } = log;
  const { records } = log.read(fetchOffset, 1, { maxOffset: highWatermark, minOneMessage: true });
  return { errorCode: ErrorCode.NONE, records: Buffer.concat(records), highWatermark, logStartOffset };
}

/** Broker 1 leads partitions of these topics, each with a hole; `answer` is the response of broker 2. */
function leading(
  topics: readonly string[],
  highWatermark: bigint,
  answer: (topic: string, offset: bigint, whole: LogHarness) => Promise<Answer>,
) {
  const clock = new ManualClock();
  const events: NodeEvent[] = [];
  const onRepaired: (() => void)[] = [];
  const handovers: { topic: string; at: number }[] = [];
  const base = testImage([1, 2]);
  const image = {
    ...base,
    topics: new Map(topics.map((name) => [name, { name, partitions: [{ topic: name, partition: 0 }] }])),
  } as unknown as MetadataImage;
  const made = new Map(topics.map((topic) => [topic, holed(highWatermark)]));
  const followers = new Map<string, FollowerState>();
  const partitions = new Map(
    [...made].map(([topic, { damaged }]) => [
      topic,
      {
        ...{ name: `${topic}-0`, topic, topicId: topic, index: 0, role: 'leader', leader: 1, isr: [1, 2], elr: [], replicas: [1, 2] },
        log: damaged.log,
        follower: () => followers.get(topic),
        handOver: () => handovers.push({ topic, at: clock.monotonic() }) > 0,
      } as unknown as Partition,
    ]),
  );
  const repairs = new SegmentRepairs({
    ...{ brokerId: 1, clock, logger: silentLogger, timeoutMs: 30_000 },
    disk: { admit: () => Promise.resolve() },
    events: (event) => void events.push(event),
    image: () => image,
    partition: (topic) => partitions.get(topic),
    connect: () => ({
      close: () => undefined,
      send: (_api, _version, body) => {
        const [asked] = (body as unknown as { topics: { topicId: string; partitions: { fetchOffset: bigint }[] }[] }).topics;
        const { topicId = '' } = asked ?? {};
        const whole = made.get(topicId)?.whole;
        if (whole === undefined) throw new Error(`no topic ${topicId}`);
        const partition = answer(topicId, asked?.partitions[0]?.fetchOffset ?? 0n, whole);
        return partition.then((one) => ({ errorCode: ErrorCode.NONE, responses: [{ partitions: [one] }] }) as never);
      },
    }),
    repaired: () => onRepaired.splice(0).forEach((then) => then()),
  });
  for (const topic of topics) repairs.add(topic, 0);
  repairs.start();
  const runUntil = async (ms: number, isOver: () => boolean = () => false): Promise<void> => {
    for (let passed = 0; passed < ms && !isOver(); passed += 50) {
      clock.advance(50);
      for (let i = 0; i < 200; i++) await Promise.resolve();
    }
  };
  const block = (topic: string): void => {
    const follower = new FollowerState(2, 0);
    follower.fetched(4n, 0n, 12n, 20n, 1);
    followers.set(topic, follower);
  };
  const logOf = (topic: string) => made.get(topic)?.damaged.log;
  return { clock, events, handovers, made, onRepaired, logOf, block, runUntil, repairs };
}

const NEVER = new Promise<Answer>(() => undefined);

test.each([1, 3, 20])('a leader hands over while repairs of %i other partitions wait for an answer', async (count) => {
  const hanging = Array.from({ length: count }, (_, index) => `hanging${index}`);
  const refusal: Answer = { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, records: null, highWatermark: 4n, logStartOffset: 0n };
  const { block, handovers, repairs, runUntil } = leading([...hanging, 'blocked'], 4n, (topic) =>
    topic === 'blocked' ? Promise.resolve(refusal) : NEVER,
  );
  block('blocked');
  await runUntil(10_000, () => handovers.length > 0);
  repairs.stop();
  expect(handovers[0]?.topic).toBe('blocked');
  expect(handovers[0]?.at).toBeLessThan(2_000);
});

test('a leader hands over while its own repair waits for an answer', async () => {
  const { block, handovers, repairs, runUntil } = leading(['t'], 4n, () => NEVER);
  block('t');
  await runUntil(10_000, () => handovers.length > 0);
  repairs.stop();
  expect(handovers[0]?.at).toBeLessThan(2_000);
});

test('a replica that does not answer for some partitions delays the repair of no other, and four are repaired at a time', async () => {
  const topics = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  let fetching = 0;
  let most = 0;
  const { clock, logOf, repairs, runUntil } = leading(topics, 12n, async (topic, offset, whole) => {
    most = Math.max(most, ++fetching);
    await new Promise<void>((resolve) => clock.setTimer(topic < 'd' ? 20_000 : 100, resolve));
    fetching--;
    return readFrom(whole, offset);
  });
  const isWhole = (topic: string): boolean => logOf(topic)?.corruptSegments.length === 0;
  await runUntil(10_000, () => ['d', 'e', 'f', 'g'].every(isWhole));
  expect(topics.filter(isWhole)).toEqual(['d', 'e', 'f', 'g']);
  await runUntil(120_000, () => topics.every(isWhole));
  repairs.stop();
  expect(topics.filter(isWhole)).toEqual(topics);
  expect(most).toBe(4);
});

test('a repair for which the disk has no space backs off, reports what is missing once, and succeeds when there is space', async () => {
  const attempts: number[] = [];
  const { clock, events, logOf, made, repairs, runUntil } = leading(['t'], 12n, (_topic, offset, whole) => {
    attempts.push(clock.monotonic());
    return Promise.resolve(readFrom(whole, offset));
  });
  const disk = made.get('t')?.damaged.disk;
  const log = logOf('t');
  if (disk === undefined || log === undefined) throw new Error('no log');
  disk.options = { fault: (operation, path) => (operation === 'write' && path.includes('.repair') ? { code: 'ENOSPC' } : undefined) };
  await runUntil(40_000);
  expect(log.storageError).toBeUndefined();
  expect(attempts.length).toBeGreaterThanOrEqual(4);
  expect(attempts.length).toBeLessThan(10);
  expect(events.map(({ type }) => type)).toEqual(['partition/repairBlocked']);
  expect(events[0]?.reason).toContain('cannot write the repair of offsets 4 to 5 of t-0');
  expect(events[0]?.reason).toContain('ENOSPC');
  expect(repairs.mayRepair({ name: 't-0', replicas: [1, 2] } as unknown as Partition)).toBe(true);
  append(log, 'the log still takes writes');
  disk.options = {};
  await runUntil(60_000, () => log.corruptSegments.length === 0);
  repairs.stop();
  expect(log.corruptSegments).toEqual([]);
  expect(contents(log)).toHaveLength(13);
});

test('corruption that is found while a repair ends is repaired too', async () => {
  const { logOf, made, onRepaired, repairs, runUntil } = leading(['t'], 12n, (_topic, offset, whole) =>
    Promise.resolve(readFrom(whole, offset)),
  );
  const [log, disk] = [logOf('t'), made.get('t')?.damaged.disk];
  if (log === undefined || disk === undefined) throw new Error('no log');
  let foundMore = false;
  onRepaired.push(() => {
    const file = disk.open(`${DIRECTORY}/00000000000000000008.log`);
    file.write([Buffer.from('!')], 70);
    file.close();
    expect(() => log.read(8n, 1, { maxOffset: 12n, minOneMessage: true })).toThrow();
    repairs.add('t', 0);
    foundMore = log.corruptSegments.length === 1;
  });
  await runUntil(5_000, () => foundMore && log.corruptSegments.length === 0);
  repairs.stop();
  expect([foundMore, log.corruptSegments]).toEqual([true, []]);
});

test('a repair ends when its partition has left the broker, and waits while the partition is only not open', async () => {
  for (const replicas of [
    [1, 2],
    [2, 3],
  ]) {
    const clock = new ManualClock();
    let asked = 0;
    const repairs = new SegmentRepairs({
      ...{ brokerId: 1, clock, logger: silentLogger, timeoutMs: 30_000, disk: { admit: () => undefined } },
      ...{ events: () => undefined, connect: () => undefined, repaired: () => undefined },
      image: () => testImage([1, 2, 3], { t: [{ replicas }] }),
      partition: () => {
        asked++;
        return undefined;
      },
    });
    repairs.add('t', 0);
    repairs.start();
    const run = async (): Promise<number> => {
      const before = asked;
      for (let step = 0; step < 100; step++) {
        clock.advance(50);
        for (let i = 0; i < 20; i++) await Promise.resolve();
      }
      return asked - before;
    };
    expect(await run()).toBeGreaterThan(0);
    if (replicas.includes(1)) expect(await run()).toBeGreaterThan(0);
    else expect(await run()).toBe(0);
    repairs.stop();
  }
});
