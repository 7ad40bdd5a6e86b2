/** Missing, empty, truncated or flipped files of a log: no record is skipped, and records from another replica make the log whole. */
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { DEFAULT_LOG_CONFIG } from '../../../electron/cluster/log/log-config.ts';
import { LogManager } from '../../../electron/cluster/log/log-manager.ts';
import type { Log, LogCorruption } from '../../../electron/cluster/log/log.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { BATCH_HEADER_BYTES, iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { append, batchOf, contents, copyAll, ManualClock, sequenced, START_MS } from './helpers.ts';

const ID = 'jKfGsCXpQWmGQDO3oMzNHw';
const DIRECTORY = '/data/t-0';
const RECORDS = 12;

interface Opened {
  logs: LogManager;
  log: Log;
  corruptions: LogCorruption[];
}

function open(disk: MemoryDisk, policy: 'delete' | 'compact' = 'delete'): Opened {
  const corruptions: LogCorruption[] = [];
  const logs = LogManager.open({
    disk,
    directory: '/data',
    clock: new ManualClock(),
    logger: silentLogger,
    random: seededRandom(1),
    cleaner: false,
    onCorruption: (_topic, _partition, corruption) => corruptions.push(corruption),
    configFor: () => ({ ...DEFAULT_LOG_CONFIG, segmentBytes: 170, indexIntervalBytes: 1, cleanupPolicy: new Set([policy]) }),
  });
  const log = logs.get('t', 0) ?? logs.create('t', 0, ID);
  log.updateHighWatermark(log.logEndOffset);
  return { logs, log, corruptions };
}

/** A log of several closed segments, with its records. `end`: how its node ended. */
function written(end: 'stop' | 'kill', policy: 'delete' | 'compact' = 'delete'): { disk: MemoryDisk; all: string[]; copy: Buffer } {
  const disk = new MemoryDisk();
  const { logs, log } = open(disk, policy);
  for (let i = 0; i < RECORDS; i++) {
    log.appendAsLeader(sequenced(7n, 0, i, 1, { timestamp: BigInt(START_MS + i) }), i >> 2, {
      origin: policy === 'compact' ? 'coordinator' : 'client',
    });
  }
  log.updateHighWatermark(log.logEndOffset);
  log.flush();
  const all = contents(log);
  const copy = copyAll(log);
  expect(log.segments.length).toBeGreaterThan(4);
  if (end === 'stop') logs.close();
  else {
    logs.checkpoint();
    logs.halt();
    log.closeWithoutFlush();
  }
  return { disk, all, copy };
}

const WAYS = ['missing', 'empty', 'cut', 'flipped'] as const;
type Way = (typeof WAYS)[number];

function corruptFile(disk: MemoryDisk, path: string, way: Way): void {
  if (way === 'missing') {
    disk.remove(path);
    return;
  }
  const file = disk.open(path);
  const bytes = disk.readFile(path);
  // Logs are truncated where a batch ends, so the file alone does not show it.
  const [, second] = path.endsWith('.log') ? [...iterateBatches(bytes)] : [];
  if (way === 'empty') file.truncate(0);
  else if (way === 'cut') file.truncate(second?.position ?? bytes.length >> 1);
  else {
    const at = path.endsWith('.log') ? bytes.length - 2 : bytes.length >> 1;
    file.write([Buffer.of((bytes[at] as number) ^ 0xff)], at);
  }
  file.close();
}

/** The records of a reader that starts at the beginning, and where it is refused. */
function read(log: Log): { records: string[]; refusedAt: bigint | undefined } {
  const records: string[] = [];
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    try {
      const result = log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true });
      for (const bytes of result.records) for (const batch of iterateBatches(bytes)) records.push(String(batch.baseOffset));
      offset = result.nextOffset;
    } catch (error) {
      expect(error).toMatchObject({ code: ErrorCode.CORRUPT_MESSAGE });
      return { records, refusedAt: offset };
    }
  }
  return { records, refusedAt: undefined };
}

/** Repairs the log with records of another replica, as the broker does. */
function repairFrom(log: Log, copy: Buffer): void {
  for (let repair = log.beginRepair(); repair !== undefined; repair = log.beginRepair()) {
    const from = repair.nextOffset;
    repair.append(
      Buffer.concat(
        [...iterateBatches(copy)]
          .filter(({ lastOffset }) => lastOffset >= from)
          .map((b) => copy.subarray(b.position, b.position + b.sizeInBytes)),
      ),
    );
    expect(repair.isComplete).toBe(true);
    expect(repair.finish()).toBe(true);
  }
}

const SEGMENTS = ['00000000000000000000', '00000000000000000002', '00000000000000000004'];

describe.each(['stop', 'kill'] as const)('after a %s', (end) => {
  describe.each(WAYS)('a closed .log that is %s', (way) => {
    test.each(SEGMENTS)('%s: refuses its readers, and returns every record after the repair', (segment) => {
      const { disk, all, copy } = written(end);
      corruptFile(disk, `${DIRECTORY}/${segment}.log`, way);
      const opened = open(disk);
      const { log, corruptions } = opened;
      expect(log.logEndOffset).toBe(BigInt(RECORDS));
      expect(opened.logs.lostRecords).toBe(false);
      const { records, refusedAt } = read(log);
      expect(refusedAt).toBe(BigInt(Number(segment)) + (way === 'cut' || way === 'flipped' ? 1n : 0n));
      expect(records).toEqual(all.slice(0, Number(refusedAt)).map((one) => one.split(':')[0]));
      expect(corruptions).toMatchObject([
        { foundBy: way === 'flipped' ? 'read' : 'open', offset: refusedAt, segment: `${segment}.log`, bytes: 0 },
      ]);
      repairFrom(log, copy);
      expect(contents(log)).toEqual(all);
      expect(log.corruptSegments).toEqual([]);
      append(log, 'next');
      opened.logs.close();
      const again = open(disk);
      expect(contents(again.log).slice(0, RECORDS)).toEqual(all);
      expect(again.corruptions).toEqual([]);
    });

    test('the next start finds again what is not repaired', () => {
      const { disk } = written(end);
      corruptFile(disk, `${DIRECTORY}/${SEGMENTS[1] ?? ''}.log`, way);
      const first = open(disk);
      const { refusedAt } = read(first.log);
      append(first.log, 'next');
      first.logs.close();
      const again = open(disk);
      expect(read(again.log).refusedAt).toBe(refusedAt);
    });
  });

  test.each(['.index', '.timeindex'].flatMap((suffix) => WAYS.map((way) => [suffix, way] as const)))(
    'a closed %s that is %s is built again',
    (suffix, way) => {
      const { disk, all } = written(end);
      corruptFile(disk, `${DIRECTORY}/${SEGMENTS[1] ?? ''}${suffix}`, way);
      const { log, corruptions } = open(disk);
      for (let i = 0; i < RECORDS; i++) {
        expect(log.offsetForTimestamp(BigInt(START_MS + i))).toMatchObject({ offset: BigInt(i) });
        expect(log.read(BigInt(i), 1, { maxOffset: log.logEndOffset, minOneMessage: true }).nextOffset).toBe(BigInt(i + 1));
      }
      expect(contents(log)).toEqual(all);
      expect(corruptions).toEqual([]);
    },
  );

  test.each(
    ['leader-epoch-checkpoint', 'closed-segments', '00000000000000000004.snapshot'].flatMap((name) =>
      WAYS.map((way) => [name, way] as const),
    ),
  )('%s that is %s is built again from the records', (name, way) => {
    const { disk, all } = written(end);
    const untouched = open(written(end).disk).log;
    corruptFile(disk, `${DIRECTORY}/${name}`, way);
    const { log } = open(disk);
    expect(contents(log)).toEqual(all);
    expect(log.epochStarts).toEqual(untouched.epochStarts);
    expect([...log.producerEntries]).toEqual([...untouched.producerEntries]);
    expect(log.appendAsLeader(sequenced(7n, 0, RECORDS - 1, 1), 2, { origin: 'client' })).toMatchObject({ duplicate: true });
  });

  test('recognises a retry without any producer snapshot', () => {
    const { disk } = written(end);
    for (const name of disk.list(DIRECTORY)) if (name.endsWith('.snapshot')) disk.remove(`${DIRECTORY}/${name}`);
    const { log } = open(disk);
    expect(log.appendAsLeader(sequenced(7n, 0, RECORDS - 1, 1), 2, { origin: 'client' })).toMatchObject({ duplicate: true });
  });

  test.each(WAYS)('the last .log that is %s counts as lost records', (way) => {
    const { disk } = written(end);
    const last = disk.list(DIRECTORY).findLast((name) => name.endsWith('.log')) ?? '';
    corruptFile(disk, `${DIRECTORY}/${last}`, way);
    const { logs, log } = open(disk);
    if (end === 'stop' && way === 'flipped') expect(read(log).refusedAt).toBe(BigInt(RECORDS) - 1n);
    else {
      expect(logs.lostRecords).toBe(true);
      expect(read(log).refusedAt).toBeUndefined();
      expect(log.logEndOffset).toBeLessThan(BigInt(RECORDS));
    }
  });

  test.each(WAYS)('partition.metadata that is %s: the topic id is kept, or the log is not opened', (way) => {
    const { disk, all } = written(end);
    corruptFile(disk, `${DIRECTORY}/partition.metadata`, way);
    const logs = LogManager.open({
      disk,
      directory: '/data',
      clock: new ManualClock(),
      logger: silentLogger,
      random: seededRandom(1),
      configFor: () => DEFAULT_LOG_CONFIG,
    });
    const log = logs.get('t', 0);
    if (log === undefined) {
      expect(logs.failures.get('t-0')?.message).toContain(`${DIRECTORY}/partition.metadata`);
      logs.setAside('t', 0);
      expect(logs.create('t', 0, ID).logEndOffset).toBe(0n);
      expect(disk.list('/data').filter((name) => /^t-0\.[0-9a-f]{32}-damaged$/.test(name))).toHaveLength(1);
      return;
    }
    log.assignTopicId(ID);
    expect(contents(log)).toEqual(all);
  });
});

test('a compacted log: distinguishes records that compaction removed from records that the disk lost', () => {
  const { disk, copy } = written('stop', 'compact');
  const compacted = open(disk, 'compact');
  compacted.logs.close();
  corruptFile(disk, `${DIRECTORY}/${SEGMENTS[1] ?? ''}.log`, 'missing');
  const { log } = open(disk, 'compact');
  expect(read(log).refusedAt).toBe(2n);
  const repair = log.beginRepair();
  // The other replica has compacted the segment away.
  repair?.skipTo(repair.endOffset);
  expect(repair?.finish()).toBe(true);
  expect(read(log).refusedAt).toBeUndefined();
  expect(read(log).records).not.toContain('2');
  expect(copy.length).toBeGreaterThan(0);
});

test('data without a manifest: a segment starts where the one before it ends', () => {
  const { disk } = written('stop');
  disk.remove(`${DIRECTORY}/closed-segments`);
  disk.remove(`${DIRECTORY}/${SEGMENTS[1] ?? ''}.log`);
  expect(read(open(disk).log).refusedAt).toBe(2n);
});

test.each([0, 1])(
  'a header with a flipped bit, batch %i of a closed segment: no reader passes over its records, or waits there',
  (index) => {
    const path = `${DIRECTORY}/00000000000000000002.log`;
    const { disk, all } = written('stop');
    const sound = disk.readFile(path);
    const batch = [...iterateBatches(sound)][index];
    const damagedOffset = 2n + BigInt(index);
    // No checksum covers the bytes before byte 17, which are the base offset and the epoch.
    for (let bit = 17 * 8; bit < BATCH_HEADER_BYTES * 8; bit++) {
      const at = (batch?.position ?? 0) + (bit >> 3);
      const file = disk.open(path);
      file.write([Buffer.of((sound[at] as number) ^ (1 << (bit & 7)))], at);
      for (let from = 0n; from < 5n; from++) {
        const { logs, log } = open(disk);
        const got: string[] = [];
        let refused = false;
        for (let offset = from; offset < 5n && !refused;) {
          try {
            const result = log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true });
            expect(result.sizeBytes, `bit ${bit} at offset ${offset}`).toBeGreaterThan(0);
            for (const bytes of result.records) for (const one of iterateBatches(bytes)) got.push(String(one.baseOffset));
            offset = result.nextOffset;
          } catch (error) {
            expect(error).toMatchObject({ code: ErrorCode.CORRUPT_MESSAGE });
            refused = true;
          }
        }
        const expected = all.slice(Number(from), refused ? Number(damagedOffset) : 5).map((one) => one.split(':')[0]);
        if (!refused || from <= damagedOffset) expect(got, `bit ${bit} from offset ${from}`).toEqual(expected);
        logs.halt();
        log.closeWithoutFlush();
      }
      file.write([sound.subarray(at, at + 1)], at);
      file.close();
    }
  },
);

test('checks records of another replica before it writes them', () => {
  const { disk, copy } = written('stop');
  corruptFile(disk, `${DIRECTORY}/${SEGMENTS[1] ?? ''}.log`, 'missing');
  const { log } = open(disk);
  const flipped = Buffer.from(copy);
  flipped[flipped.length - 2] = (flipped[flipped.length - 2] as number) ^ 1;
  expect(() => log.beginRepair()?.append(flipped)).toThrow(expect.objectContaining({ code: ErrorCode.CORRUPT_MESSAGE }) as Error);
  // A batch that extends beyond the segment belongs to another history.
  const wide = batchOf(['a', 'b', 'c', 'd'], { baseOffset: 2n });
  expect(() => log.beginRepair()?.append(wide)).toThrow(expect.objectContaining({ code: ErrorCode.OFFSET_OUT_OF_RANGE }) as Error);
  expect(read(log).refusedAt).toBe(2n);
});
