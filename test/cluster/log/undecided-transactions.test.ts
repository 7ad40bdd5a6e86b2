/** read_committed reads of a log that lacks records: an aborted record is never returned as a committed one, and none is skipped. */
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { markerOf } from '../../../electron/cluster/log/append-checks.ts';
import { DEFAULT_LOG_CONFIG, type CleanupPolicy } from '../../../electron/cluster/log/log-config.ts';
import { LogManager } from '../../../electron/cluster/log/log-manager.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { iterateBatches, type BatchView } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { batchesOf, batchOf, contents, copyAll, ManualClock, marker, sequenced, START_MS } from './helpers.ts';

const ID = 'jKfGsCXpQWmGQDO3oMzNHw';
const DIRECTORY = '/data/t-0';
const PLAIN_PRODUCER = 9n;
const UNREADABLE = () => undefined;

type End = 'stop' | 'kill';
/** `t1`: a transactional record of producer 1; `c1` and `a1`: its transaction ends; `p`: a record without a transaction. */
type Step = `${'t' | 'c' | 'a'}${number}` | 'p';
type Fate = 'committed' | 'aborted' | 'open' | 'marker';

interface Opened {
  logs: LogManager;
  log: Log;
}

function open(disk: MemoryDisk, policy: CleanupPolicy = 'delete'): Opened {
  const logs = LogManager.open({
    disk,
    directory: '/data',
    clock: new ManualClock(),
    logger: silentLogger,
    random: seededRandom(1),
    cleaner: false,
    configFor: () => ({
      ...DEFAULT_LOG_CONFIG,
      segmentBytes: 180,
      indexIntervalBytes: 1,
      minCleanableDirtyRatio: 0,
      cleanupPolicy: new Set([policy]),
    }),
  });
  const log = logs.get('t', 0) ?? logs.create('t', 0, ID);
  log.updateHighWatermark(log.logEndOffset);
  return { logs, log };
}

function close({ logs, log }: Opened, end: End): void {
  log.updateHighWatermark(log.logEndOffset);
  log.flush();
  if (end === 'stop') {
    logs.close();
    return;
  }
  logs.checkpoint();
  logs.halt();
  log.closeWithoutFlush();
}

interface Written {
  disk: MemoryDisk;
  /** By offset. */
  fates: Fate[];
  /** The batches that another replica sends. */
  copy: Buffer;
  /** Base offsets of the closed segments. */
  closed: number[];
}

/** Each step is one batch of one record, so its offset is its index; two batches make a segment. */
function write(steps: readonly Step[], end: End): Written {
  const disk = new MemoryDisk();
  const opened = open(disk);
  const { log } = opened;
  const fates: Fate[] = [];
  const pending = new Map<string, number[]>();
  const sequences = new Map<string, number>();
  for (const [offset, step] of steps.entries()) {
    const [kind, id] = [step.slice(0, 1), step.slice(1)];
    const producerId = kind === 'p' ? PLAIN_PRODUCER : BigInt(id);
    if (kind === 'c' || kind === 'a') {
      for (const one of pending.get(id) ?? []) fates[one] = kind === 'c' ? 'committed' : 'aborted';
      pending.delete(id);
      log.appendAsLeader(marker(kind === 'c' ? 'commit' : 'abort', producerId, 0), 0, { origin: 'coordinator' });
      fates.push('marker');
      continue;
    }
    const sequence = sequences.get(id) ?? 0;
    sequences.set(id, sequence + 1);
    log.appendAsLeader(sequenced(producerId, 0, sequence, 1, { transactional: kind === 't' }), 0, { origin: 'client' });
    fates.push(kind === 't' ? 'open' : 'committed');
    if (kind === 't') pending.set(id, [...(pending.get(id) ?? []), offset]);
  }
  const copy = copyAll(log);
  const closed = log.segments.slice(0, -1).map(({ baseOffset }) => Number(baseOffset));
  close(opened, end);
  return { disk, fates, copy, closed };
}

function pathOf(base: number, suffix = '.log'): string {
  return `${DIRECTORY}/${String(base).padStart(20, '0')}${suffix}`;
}

const WAYS = ['missing', 'empty', 'cut'] as const;
type Way = (typeof WAYS)[number] | 'flipped';

function corruptFile(disk: MemoryDisk, path: string, way: Way): void {
  if (!disk.exists(path) || disk.size(path) === 0) return;
  if (way === 'missing') {
    disk.remove(path);
    return;
  }
  const bytes = disk.readFile(path);
  const file = disk.open(path);
  if (way === 'empty') file.truncate(0);
  else if (way === 'cut') file.truncate([...iterateBatches(bytes)][1]?.position ?? 0);
  else {
    const at = bytes.length - 3;
    file.write([Buffer.of((bytes[at] as number) ^ 0xff)], at);
  }
  file.close();
}

/** The records that a read_committed client takes from one response, as Apache Kafka's consumer does. */
function committedOf(batches: readonly BatchView[], aborted: readonly { producerId: bigint; firstOffset: bigint }[]): number[] {
  const due = aborted.toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  const excluded = new Set<bigint>();
  const shown: number[] = [];
  for (const batch of batches) {
    while (due[0] !== undefined && due[0].firstOffset <= batch.lastOffset) excluded.add((due.shift() as { producerId: bigint }).producerId);
    if (batch.isControl) {
      if (markerOf(batch, UNREADABLE)?.type === 'abort') excluded.delete(batch.producerId);
    } else if (!batch.isTransactional || !excluded.has(batch.producerId)) shown.push(Number(batch.baseOffset));
  }
  return shown;
}

interface Reading {
  shown: number[];
  /** The first offset that was not returned. */
  end: number;
  refused: boolean;
}

function readCommitted(log: Log, from: number, maxBytes = 1): Reading {
  const shown: number[] = [];
  let offset = BigInt(from);
  while (offset < log.lastStableOffset) {
    try {
      const result = log.read(offset, maxBytes, { maxOffset: log.lastStableOffset, minOneMessage: true, readCommitted: true });
      shown.push(...committedOf(batchesOf(result.records), log.abortedTransactions(offset, result.nextOffset)));
      expect(result.nextOffset).toBeGreaterThan(offset);
      offset = result.nextOffset;
    } catch (error) {
      expect(error).toMatchObject({ code: ErrorCode.CORRUPT_MESSAGE });
      return { shown, end: Number(offset), refused: true };
    }
  }
  return { shown, end: Number(offset), refused: false };
}

/** From every offset: exactly the committed records up to where the read ends. */
function expectTruth(log: Log, fates: readonly Fate[], what = ''): void {
  for (let from = Number(log.logStartOffset); from < fates.length; from++) {
    for (const maxBytes of from === 0 ? [1, 250, 100_000] : [100_000]) {
      const { shown, end } = readCommitted(log, from, maxBytes);
      const expected = fates.flatMap((fate, offset) => (offset >= from && offset < end && fate === 'committed' ? [offset] : []));
      expect(shown, `${what} from offset ${from} with ${maxBytes} bytes`).toEqual(expected);
    }
  }
}

function repairFrom(log: Log, copy: Buffer): void {
  for (let repair = log.beginRepair(), left = 50; repair !== undefined && left > 0; repair = log.beginRepair(), left--) {
    const from = repair.nextOffset;
    const wanted = [...iterateBatches(copy)].filter(({ lastOffset }) => lastOffset >= from);
    repair.append(Buffer.concat(wanted.map(({ position, sizeInBytes }) => copy.subarray(position, position + sizeInBytes))));
    expect(repair.finish()).toBe(true);
  }
  expect(log.corruptSegments).toEqual([]);
}

/** Segments: 0-1, 2-3, 4-5, 6-7, 8-9, 10-. */
const ABORT_IN_4: readonly Step[] = ['p', 't1', 't1', 'p', 'a1', 'p', 'p', 'p', 'p', 'p', 'p', 'p'];

describe.each(['stop', 'kill'] as const)('after a %s', (end) => {
  test.each(WAYS)('a missing abort marker: no read_committed read passes the start of its transaction (%s)', (way) => {
    const { disk, fates, copy } = write(ABORT_IN_4, end);
    // The marker is before the cut.
    const isDecided = way === 'cut';
    corruptFile(disk, pathOf(4), way);
    const opened = open(disk);
    const { log } = opened;
    expectTruth(log, fates);
    if (!isDecided) expect(readCommitted(log, 0)).toEqual({ shown: [0], end: 1, refused: true });
    expect(contentsUpToRefusal(log)).toBe(isDecided ? 5n : 4n);
    expect(readCommitted(log, 6)).toEqual({ shown: [6, 7, 8, 9, 10, 11], end: 12, refused: false });
    close(opened, end);
    const again = open(disk);
    expectTruth(again.log, fates, 'after another start');
    if (!isDecided) expect(readCommitted(again.log, 1)).toEqual({ shown: [], end: 1, refused: true });
    repairFrom(again.log, copy);
    expectTruth(again.log, fates, 'after the repair');
    expect(readCommitted(again.log, 0)).toEqual({ shown: [0, 3, 5, 6, 7, 8, 9, 10, 11], end: 12, refused: false });
    close(again, end);
    expect(readCommitted(open(disk).log, 0)).toEqual({ shown: [0, 3, 5, 6, 7, 8, 9, 10, 11], end: 12, refused: false });
  });

  test.each([
    ['its log whole otherwise', []],
    ['an index lost too, so that a start reads all records', [pathOf(0, '.index')]],
  ])('a transaction that ends behind the missing records is decided, and the records below them are returned: %s', (_case, alsoMissing) => {
    const steps: Step[] = ['p', 't1', 'p', 'p', 't2', 'a2', 'p', 'a1', 'p', 'p', 'p', 'p'];
    const { disk, fates } = write(steps, end);
    corruptFile(disk, pathOf(4), 'missing');
    for (const path of alsoMissing) corruptFile(disk, path, 'missing');
    const { log } = open(disk);
    expectTruth(log, fates);
    expect(readCommitted(log, 0)).toEqual({ shown: [0, 2, 3], end: 4, refused: true });
    expect(readCommitted(log, 6)).toMatchObject({ shown: [6, 8, 9, 10, 11], refused: false });
  });

  test('missing records without an abort: what lies below them is returned', () => {
    const steps: Step[] = ['p', 't1', 't1', 'p', 'c1', 'p', 'p', 't1', 'a1', 'p', 'p', 'p'];
    const { disk, fates } = write(steps, end);
    corruptFile(disk, pathOf(4), 'missing');
    const { log } = open(disk);
    expectTruth(log, fates);
    expect(readCommitted(log, 0)).toEqual({ shown: [0, 1, 2, 3], end: 4, refused: true });
  });

  test('two stretches of missing records: each ends the reads below it at the transactions that may have ended in it', () => {
    const steps: Step[] = ['t1', 'p', 'a1', 'p', 't2', 'p', 'p', 't2', 'a2', 'p', 'p', 'p', 'p', 'p'];
    const { disk, fates, copy } = write(steps, end);
    corruptFile(disk, pathOf(2), 'missing');
    corruptFile(disk, pathOf(8), 'missing');
    const { log } = open(disk);
    expectTruth(log, fates);
    expect(readCommitted(log, 0)).toEqual({ shown: [], end: 0, refused: true });
    expect(readCommitted(log, 4)).toEqual({ shown: [], end: 4, refused: true });
    expect(readCommitted(log, 10)).toMatchObject({ refused: false });
    repairFrom(log, copy);
    expect(readCommitted(log, 0)).toEqual({ shown: [1, 3, 5, 6, 9, 10, 11, 12, 13], end: 14, refused: false });
  });

  test('a follower that is elected, or read from, decides the same from its own log', () => {
    const { fates, copy } = write(ABORT_IN_4, end);
    const disk = new MemoryDisk();
    const follower = open(disk);
    for (const { position, sizeInBytes } of iterateBatches(copy))
      follower.log.appendAsFollower(copy.subarray(position, position + sizeInBytes));
    close(follower, end);
    corruptFile(disk, pathOf(4), 'missing');
    const { log } = open(disk);
    expectTruth(log, fates);
    expect(readCommitted(log, 0)).toEqual({ shown: [0], end: 1, refused: true });
  });

  test('read_uncommitted reads and replication are not affected', () => {
    const { disk } = write(ABORT_IN_4, end);
    corruptFile(disk, pathOf(4), 'missing');
    const { log } = open(disk);
    for (const offset of [0n, 1n, 2n, 3n]) {
      expect(log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true }).nextOffset).toBe(offset + 1n);
    }
  });

  test('a list of aborted transactions that is lost, with a corrupt batch in its segment: the reads before it are refused', () => {
    const steps: Step[] = ['p', 't1', 't1', 'p', 'p', 'a1', 'p', 'p', 'p', 'p', 'p', 'p'];
    const { disk, fates, copy } = write(steps, end);
    corruptFile(disk, pathOf(4), 'flipped');
    corruptFile(disk, pathOf(4, '.txnindex'), 'missing');
    const opened = open(disk);
    expectTruth(opened.log, fates);
    expect(readCommitted(opened.log, 1)).toMatchObject({ shown: [], refused: true });
    close(opened, end);
    const again = open(disk);
    expectTruth(again.log, fates, 'after another start');
    expect(readCommitted(again.log, 1)).toMatchObject({ shown: [], refused: true });
    repairFrom(again.log, copy);
    expect(readCommitted(again.log, 0)).toEqual({ shown: [0, 3, 4, 6, 7, 8, 9, 10, 11], end: 12, refused: false });
  });
});

function removeSnapshots(disk: MemoryDisk): void {
  removeSnapshotsAt(disk, () => true);
}

function removeSnapshotsAt(disk: MemoryDisk, which: (offset: number) => boolean): void {
  for (const name of disk.list(DIRECTORY)) {
    if (name.endsWith('.snapshot') && which(Number(name.slice(0, 20)))) disk.remove(`${DIRECTORY}/${name}`);
  }
}

describe.each(['stop', 'kill'] as const)('after a %s without producer snapshots', (end) => {
  test('a lost list of aborted transactions is built again from all records', () => {
    const steps: Step[] = ['p', 't1', 't1', 'p', 'p', 'a1', 'p', 'p', 'p', 'p', 'p', 'p'];
    const { disk, fates } = write(steps, end);
    corruptFile(disk, pathOf(4, '.txnindex'), 'missing');
    removeSnapshots(disk);
    const opened = open(disk);
    expectTruth(opened.log, fates);
    expect(readCommitted(opened.log, 0)).toEqual({ shown: [0, 3, 4, 6, 7, 8, 9, 10, 11], end: 12, refused: false });
    close(opened, end);
    expectTruth(open(disk).log, fates, 'after another start');
  });

  const cases: [string, Step[]][] = [
    ['ended in them', ['p', 't1', 't1', 'p', 'a1', 'p', 'p', 'p', 'p', 'p', 'p', 'p']],
    ['ended in them, and the next one is open', ['p', 't1', 't1', 'p', 'a1', 'p', 'p', 'p', 'p', 't1', 'p', 'p']],
    ['ended in them, and the next one behind', ['p', 't1', 't1', 'p', 'c1', 'p', 'p', 't1', 'p', 'a1', 'p', 'p']],
    ['ended in them, and the next one in the active segment', ['p', 't1', 't1', 'p', 'c1', 'p', 'p', 'p', 'p', 't1', 'a1', 'p']],
    ['began in them and was aborted behind', ['p', 'p', 'p', 'p', 't1', 'p', 'p', 't1', 'a1', 'p', 'p', 'p']],
    ['began in them and was aborted in the active segment', ['p', 'p', 'p', 'p', 't1', 'p', 'p', 'p', 'p', 'p', 'a1', 'p']],
    ['began in them and is open', ['p', 'p', 'p', 'p', 't1', 'p', 'p', 'p', 'p', 'p', 'p', 'p']],
  ];
  describe.each([
    ['', 'stop'],
    ['', 'kill'],
    ['an index lost too', 'stop'],
    ['an index lost too', 'kill'],
  ] as const)('%s, then a %s', (prefix, nextEnd) => {
    test.each(cases)('a repair corrects a transaction that %s', (_case, steps) => {
      const { disk, fates, copy } = write(steps, end);
      corruptFile(disk, pathOf(4), 'missing');
      removeSnapshotsAt(disk, (offset) => offset > 4);
      // A start reads all records then.
      if (prefix !== '') corruptFile(disk, pathOf(0, '.index'), 'missing');
      const first = open(disk);
      expectTruth(first.log, fates);
      // This stop writes the state without the missing records.
      close(first, end);
      const opened = open(disk);
      expectTruth(opened.log, fates, 'before the repair');
      repairFrom(opened.log, copy);
      const stable = BigInt(fates.includes('open') ? fates.indexOf('open') : fates.length);
      expectTruth(opened.log, fates, 'after the repair');
      expect(readCommitted(opened.log, 0).end).toBe(Number(stable));
      close(opened, nextEnd);
      const again = open(disk);
      expectTruth(again.log, fates, 'after another start');
      expect(readCommitted(again.log, 0).end).toBe(Number(stable));
    });
  });
});

test('a log that was truncated among its missing records ends their transactions after the repair', () => {
  const { disk, fates, copy } = write(ABORT_IN_4, 'stop');
  corruptFile(disk, pathOf(4), 'missing');
  const opened = open(disk);
  const { log } = opened;
  expect(log.truncateTo(5n, { keepsMissing: true })).toBe(5n);
  for (const { position, sizeInBytes, baseOffset } of iterateBatches(copy))
    if (baseOffset >= 5n) log.appendAsFollower(copy.subarray(position, position + sizeInBytes));
  log.updateHighWatermark(log.logEndOffset);
  expectTruth(log, fates);
  repairFrom(log, copy);
  expectTruth(log, fates, 'after the repair');
  expect(log.lastStableOffset).toBe(12n);
  close(opened, 'stop');
  expect(open(disk).log.lastStableOffset).toBe(12n);
});

test('a read that starts at an offset without a record, right below an undecided transaction, is refused', () => {
  const { copy } = write(ABORT_IN_4, 'stop');
  const disk = new MemoryDisk();
  const follower = open(disk, 'compact');
  // A record that compaction has removed on the leader.
  for (const { position, sizeInBytes, baseOffset } of iterateBatches(copy))
    if (baseOffset !== 0n) follower.log.appendAsFollower(copy.subarray(position, position + sizeInBytes));
  const [hole] = follower.log.segments.filter(({ baseOffset, endOffset }) => baseOffset <= 4n && endOffset > 4n);
  close(follower, 'stop');
  corruptFile(disk, pathOf(Number(hole?.baseOffset)), 'missing');
  const { log } = open(disk, 'compact');
  expect(readCommitted(log, 0)).toEqual({ shown: [], end: 0, refused: true });
});

function contentsUpToRefusal(log: Log): bigint {
  let offset = log.logStartOffset;
  try {
    while (offset < log.logEndOffset) offset = log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true }).nextOffset;
  } catch (error) {
    expect(error).toMatchObject({ code: ErrorCode.CORRUPT_MESSAGE });
  }
  return offset;
}

test('compaction: a record whose abort marker is missing replaces no committed value', () => {
  const disk = new MemoryDisk();
  const opened = open(disk, 'compact');
  const { log } = opened;
  const put = (value: string, more: Parameters<typeof batchOf>[1] = {}): void => {
    const records = [{ key: Buffer.from('k'), value: Buffer.from(value) }];
    log.appendAsLeader(buildBatch({ records, timestamp: BigInt(START_MS), ...more }), 0, { origin: 'client' });
  };
  put('committed');
  put('aborted', { producerId: 1n, producerEpoch: 0, baseSequence: 0, transactional: true });
  const markerAt = log.appendAsLeader(marker('abort', 1n, 0), 0, { origin: 'coordinator' }).lastOffset;
  for (let i = 0; i < 6; i++) log.appendAsLeader(batchOf(['filler']), 0, { origin: 'coordinator' });
  const copy = copyAll(log);
  expect(markerAt).toBe(2n);
  close(opened, 'stop');
  corruptFile(disk, pathOf(2), 'missing');
  const { log: reopened } = open(disk, 'compact');
  // As with a full map of keys, compaction ends below the missing records.
  const work = reopened.cleanable(0n, START_MS);
  expect(work?.end).toBe(0n);
  const steps = reopened.compact(0n, { nowMs: START_MS, maxKeyBytes: 1, sliceBytes: 1 << 20 });
  for (let step = steps.next(); step.done !== true; step = steps.next());
  repairFrom(reopened, copy);
  expect(contents(reopened)[0]).toBe('0:committed');
  expect(readCommitted(reopened, 0).shown[0]).toBe(0);
});

const SEEDS = 20;

/** Derived from one seed: a log of interleaved transactions, and corrupt files of it. */
function randomCase(seed: number): { steps: Step[]; end: End; random: ReturnType<typeof seededRandom> } {
  const random = seededRandom(seed);
  const steps: Step[] = [];
  const isOpen = new Set<number>();
  while (steps.length < 30) {
    const id = 1 + random.int(3);
    const kind = random.int(5);
    if (kind === 0) steps.push('p');
    else if (kind < 3) {
      steps.push(`t${id}`);
      isOpen.add(id);
    } else if (isOpen.delete(id)) steps.push(random.int(2) === 0 ? `a${id}` : `c${id}`);
  }
  for (const id of isOpen) steps.push(`a${id}`);
  steps.push('p', 'p', 'p');
  return { steps, end: random.int(2) === 0 ? 'stop' : 'kill', random };
}

test('random transactions and corrupt files: returned records are committed, and complete up to the first refusal', () => {
  let refusals = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { steps, end, random } = randomCase(seed);
    const { disk, fates, copy, closed } = write(steps, end);
    const what = `seed ${seed}`;
    for (let count = 1 + random.int(3); count > 0; count--) {
      const base = closed[random.int(closed.length)] as number;
      const way = [...WAYS, 'flipped' as const][random.int(4)] as Way;
      corruptFile(disk, pathOf(base), way);
      if (random.int(3) === 0) corruptFile(disk, pathOf(base, '.txnindex'), 'missing');
      if (random.int(4) === 0) disk.remove(pathOf(closed[random.int(closed.length)] as number, '.snapshot'));
    }
    if (random.int(4) === 0) removeSnapshots(disk);
    if (random.int(4) === 0) corruptFile(disk, pathOf(closed[random.int(closed.length)] as number, '.index'), 'missing');
    const opened = open(disk);
    expectTruth(opened.log, fates, what);
    if (readCommitted(opened.log, 0).refused) refusals++;
    close(opened, end);
    const again = open(disk);
    expectTruth(again.log, fates, `${what} after another start`);
    contentsUpToRefusal(again.log);
    repairFrom(again.log, copy);
    expectTruth(again.log, fates, `${what} after the repair`);
    // A read finds flipped bytes.
    for (let left = 10; readCommitted(again.log, 0).refused && left > 0; left--) repairFrom(again.log, copy);
    expect(readCommitted(again.log, 0), what).toMatchObject({ end: fates.length, refused: false });
  }
  expect(refusals).toBeGreaterThan(SEEDS / 2);
});

test.each([
  ['an index of a closed segment is lost', (disk: MemoryDisk) => corruptFile(disk, pathOf(0, '.index'), 'missing')],
  [
    'every producer snapshot is damaged',
    (disk: MemoryDisk) => {
      for (const name of disk.list(DIRECTORY)) if (name.endsWith('.snapshot')) corruptFile(disk, `${DIRECTORY}/${name}`, 'flipped');
    },
  ],
  ['every producer snapshot is lost', removeSnapshots],
])('an open transaction stays open where %s, over two more stops', (_case, harm) => {
  const { disk, fates } = write(['p', 't1', 'p', 'p', 'p', 'p', 'p', 'p', 'p', 'p', 'p', 'p'], 'stop');
  harm(disk);
  for (let start = 1; start <= 3; start++) {
    const opened = open(disk);
    expectTruth(opened.log, fates, `start ${start}`);
    expect(opened.log.lastStableOffset).toBe(1n);
    expect([...opened.log.producerEntries].map(({ producerId }) => producerId)).toContain(PLAIN_PRODUCER);
    close(opened, 'stop');
  }
});

test('producers are known after two more stops where every producer snapshot was lost', () => {
  const { disk } = write(['p', 'p', 'p', 'p', 'p', 'p'], 'stop');
  removeSnapshots(disk);
  for (let start = 1; start <= 3; start++) {
    const opened = open(disk);
    opened.log.read(0n, 1, { maxOffset: 1n, minOneMessage: true });
    expect([...opened.log.producerEntries].map(({ producerId }) => producerId)).toEqual([PLAIN_PRODUCER]);
    close(opened, 'stop');
  }
});
