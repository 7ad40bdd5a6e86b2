/**
 * Apache Kafka's own DumpLogSegments reads what we wrote and finds nothing to complain of. Needs Kafka's jars: set KAFKA_JARS to their
 * directory.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemDisk } from '../../electron/cluster/lib/system-disk.ts';
import { DEFAULT_LOG_CONFIG, type CleanupPolicy } from '../../electron/cluster/log/log-config.ts';
import { openLog } from '../../electron/cluster/log/log.ts';
import { COMPRESSION_NAMES } from '../../electron/cluster/protocol/compression.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { buildEndTransactionMarker } from '../../electron/cluster/protocol/records/transaction-marker.ts';

const jars = process.env['KAFKA_JARS'];
const BATCHES = 200;

describe.skipIf(jars === undefined)('Apache Kafka reads our log (KAFKA_JARS)', () => {
  let directory: string;
  let files: string[];

  beforeAll(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'brokerdesk-dump-')), 't-0');
    write(directory);
    files = readdirSync(directory);
  });
  afterAll(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

  function dump(suffix: string, ...options: string[]): string {
    const paths = files.filter((name) => name.endsWith(suffix)).map((name) => join(directory, name));
    expect(paths.length).toBeGreaterThan(0);
    return execFileSync('java', ['-cp', `${jars}/*`, 'org.apache.kafka.tools.DumpLogSegments', '--files', paths.join(','), ...options], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    });
  }

  test('every record of every batch', () => {
    const out = dump('.log', '--deep-iteration', '--print-data-log');
    expect(out).not.toMatch(/isvalid: false|invalid bytes|non-consecutive|Could not|corrupt/i);
    const offsets = [...out.matchAll(/^\| offset: (\d+)/gm)].map((match) => Number(match[1]));
    expect(offsets).toEqual(offsets.map((_, i) => i));
    expect(offsets.length).toBeGreaterThan(BATCHES);
    for (const codec of COMPRESSION_NAMES) expect(out).toContain(`compresscodec: ${codec}`);
    expect(out).toContain('endTxnMarker: ABORT coordinatorEpoch: 3');
  }, 60_000);

  test('offset index, time index, aborted transactions, producer snapshots', () => {
    // Mismatches between an index and its log are printed, not signalled by the exit code.
    const complaints = /Mismatches|mismatch|not found|out of order|corrupt|sanity check|no entries/i;
    const index = dump('.index');
    expect(index).toMatch(/offset: \d+ position: \d+/);
    expect(index).not.toMatch(complaints);
    const time = dump('.timeindex');
    expect(time).toMatch(/timestamp: \d+ offset: \d+/);
    expect(time).not.toMatch(complaints);
    expect(dump('.txnindex')).toMatch(/producerId: 7 firstOffset: \d+ lastOffset: \d+ lastStableOffset: \d+/);
    expect(dump('.snapshot')).toMatch(/producerId: 7 producerEpoch: 0 coordinatorEpoch: 3 currentTxnFirstOffset/);
  }, 60_000);
});

describe.skipIf(jars === undefined)('Apache Kafka reads what compaction left (KAFKA_JARS)', () => {
  let directory: string;

  beforeAll(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'brokerdesk-dump-')), 'c-0');
    compacted(directory);
  });
  afterAll(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

  test('every batch, index, aborted transaction and snapshot of a compacted log', () => {
    const out = dumpAll(directory, '.log', '--deep-iteration', '--print-data-log');
    expect(out).not.toMatch(/isvalid: false|invalid bytes|Could not|corrupt/i);
    // Tombstones wait for their horizon, a producer's last batch stays without its records.
    expect(out).toMatch(/deleteHorizonMs: OptionalLong\[\d+\]/);
    expect(out).toMatch(/count: 0 .*producerId: 7/);
    const keys = [...out.matchAll(/^\| offset: (\d+) .*key: (k\d+)/gm)];
    expect(keys.length).toBeGreaterThan(0);
    const offsets = keys.map((match) => Number(match[1]));
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    const complaints = /Mismatches|mismatch|not found|out of order|corrupt|sanity check|no entries/i;
    expect(dumpAll(directory, '.index')).not.toMatch(complaints);
    expect(dumpAll(directory, '.timeindex')).not.toMatch(complaints);
    const snapshot = dumpAll(directory, '.snapshot');
    expect(snapshot).not.toMatch(/corrupt|Exception/i);
    // Several entries of one producer, its batches oldest first: Kafka's own reader takes each, and keeps the last.
    expect(snapshot.match(/producerId: 8 /g)?.length).toBeGreaterThan(1);
  }, 60_000);
});

function dumpAll(directory: string, suffix: string, ...options: string[]): string {
  const paths = readdirSync(directory)
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(directory, name));
  expect(paths.length).toBeGreaterThan(0);
  return execFileSync('java', ['-cp', `${jars}/*`, 'org.apache.kafka.tools.DumpLogSegments', '--files', paths.join(','), ...options], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 28,
  });
}

/** Keys written over and over, with tombstones and transactions; compacted twice, so that segments are put together too. */
function compacted(directory: string): void {
  const log = openLog({
    disk: systemDisk,
    directory,
    clock: systemClock,
    logger: silentLogger,
    config: { ...DEFAULT_LOG_CONFIG, segmentBytes: 4_000, indexIntervalBytes: 200, cleanupPolicy: new Set<CleanupPolicy>(['compact']) },
    cleanShutdown: true,
  });
  const random = seededRandom(9);
  const sequences = new Map<bigint, number>();
  for (let i = 0; i < BATCHES; i++) {
    const records = Array.from({ length: 1 + random.int(4) }, () => ({
      key: Buffer.from(`k${random.int(12)}`),
      value: random.int(5) === 0 ? null : Buffer.from('v'.repeat(random.int(100))),
    }));
    // One transaction that ends in the middle of the log, and an open one.
    const producerId = i < BATCHES / 2 && i % 5 === 0 ? 7n : 8n;
    const baseSequence = sequences.get(producerId) ?? 0;
    sequences.set(producerId, baseSequence + records.length);
    const timestamp = BigInt(systemClock.now() - 1_000_000 + i);
    const producer = { producerId, producerEpoch: 0, baseSequence, transactional: producerId === 7n };
    log.appendAsLeader(
      buildBatch({ records, timestamp, compression: COMPRESSION_NAMES[i % COMPRESSION_NAMES.length] ?? 'none', ...producer }),
      0,
      {
        origin: 'client',
      },
    );
    if (producerId !== 7n) continue;
    const type = i % 10 === 0 ? 'abort' : 'commit';
    log.appendAsLeader(buildEndTransactionMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 3, timestamp }), 0, {
      origin: 'coordinator',
    });
  }
  log.updateHighWatermark(log.logEndOffset);
  for (let round = 0; round < 2; round++) {
    const steps = log.compact(0n, { nowMs: systemClock.now(), maxKeyBytes: 1 << 20, sliceBytes: 1 << 20 });
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    expect(step.value?.cleanedTo).toBeGreaterThan(0n);
  }
  log.close();
}

function write(directory: string): void {
  const log = openLog({
    disk: systemDisk,
    directory,
    clock: systemClock,
    logger: silentLogger,
    config: { ...DEFAULT_LOG_CONFIG, segmentBytes: 20_000, indexIntervalBytes: 500 },
    cleanShutdown: true,
  });
  const random = seededRandom(3);
  let sequence = 0;
  const base = systemClock.now() - 1_000_000;
  for (let i = 0; i < BATCHES; i++) {
    const records = Array.from({ length: 1 + random.int(5) }, (_, n) => ({
      key: Buffer.from(`k${n}`),
      value: Buffer.from('v'.repeat(random.int(300))),
      timestamp: BigInt(base + i * 1000 + random.int(5000)),
      headers: [['h', Buffer.from('x')]] as const,
    }));
    const transactional = i % 10 < 3;
    const batch = buildBatch({
      records,
      compression: COMPRESSION_NAMES[i % COMPRESSION_NAMES.length] ?? 'none',
      ...(transactional ? { producerId: 7n, producerEpoch: 0, baseSequence: sequence, transactional } : {}),
    });
    if (transactional) sequence += records.length;
    log.appendAsLeader(batch, i >> 4, { origin: 'client' });
    if (i % 10 === 4) {
      const type = i % 20 === 4 ? 'abort' : 'commit';
      const marker = buildEndTransactionMarker({
        type,
        producerId: 7n,
        producerEpoch: 0,
        coordinatorEpoch: 3,
        timestamp: BigInt(base + i * 1000),
      });
      log.appendAsLeader(marker, i >> 4, { origin: 'coordinator' });
    }
  }
  log.close();
}
