/** Every file beside the records, torn at every byte, after a kill and after a clean stop: the records and the state derived from them are the same. */
import { expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { DEFAULT_LOG_CONFIG } from '../../../electron/cluster/log/log-config.ts';
import { LogManager } from '../../../electron/cluster/log/log-manager.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { append, contents, ManualClock, marker, sequenced } from './helpers.ts';

const ID = 'jKfGsCXpQWmGQDO3oMzNHw';
const ENDS = ['a kill', 'a clean stop', 'a clean stop that closes logs without indexes'] as const;
type End = (typeof ENDS)[number];
const CLIENT = { origin: 'client' } as const;

function open(disk: MemoryDisk, syncedAtClose?: number): LogManager {
  return LogManager.open({
    disk,
    directory: '/data',
    clock: new ManualClock(),
    logger: silentLogger,
    random: seededRandom(1),
    syncedAtClose,
    configFor: () => ({ ...DEFAULT_LOG_CONFIG, segmentBytes: 400, indexIntervalBytes: 100 }),
  });
}

/** A log of several segments, one of a single one, epochs, producers, transactions. */
function written(end: End): Map<string, Buffer> {
  const disk = new MemoryDisk();
  // Writes indexes of a log that has no producer yet.
  const before = open(disk);
  append(before.create('one', 0, ID), 'a');
  before.close();
  const logs = open(disk, end === 'a clean stop that closes logs without indexes' ? 0 : undefined);
  const log = logs.create('t', 0, ID);
  for (let i = 0; i < 5; i++) {
    log.appendAsLeader(sequenced(1n, 0, i), i >> 1, CLIENT);
    log.appendAsLeader(sequenced(2n, 0, i, 1, { transactional: true }), i >> 1, CLIENT);
    log.appendAsLeader(marker(i % 2 === 0 ? 'abort' : 'commit', 2n, 0), i >> 1, { origin: 'coordinator' });
    if (i === 3) log.flush();
  }
  log.updateHighWatermark(log.logEndOffset);
  logs.create('one', 0, ID).appendAsLeader(sequenced(3n, 0, 0), 2, CLIENT);
  logs.checkpoint();
  if (end === 'a kill') logs.halt();
  else logs.close();
  const files = new Map<string, Buffer>();
  for (const directory of ['/data', '/data/t-0', '/data/one-0'])
    for (const name of disk.list(directory))
      if (!disk.isDirectory(`${directory}/${name}`)) files.set(`${directory}/${name}`, disk.readFile(`${directory}/${name}`));
  return files;
}

function restored(files: ReadonlyMap<string, Buffer>): MemoryDisk {
  const disk = new MemoryDisk();
  for (const directory of ['/data/t-0', '/data/one-0']) disk.makeDirectory(directory);
  for (const [path, bytes] of files) disk.open(path, { create: true }).write([bytes], 0);
  return disk;
}

function facts(log: Log): unknown {
  return {
    contents: contents(log),
    end: log.logEndOffset,
    epochs: log.epochStarts,
    producers: [...log.producerEntries].map(({ producerId, epoch, batches }) => [producerId, epoch, batches.at(-1)]),
    unstable: log.firstUnstableOffset,
  };
}

for (const end of ENDS) {
  const files = written(end);
  const auxiliary = [...files.keys()].filter(
    (path) => !path.endsWith('.log') && !path.endsWith('.kafka_cleanshutdown') && !path.endsWith('partition.metadata'),
  );

  test.each(auxiliary)(`after ${end}, %s`, (path) => {
    const whole = files.get(path) as Buffer;
    const untouched = open(restored(files));
    const expected = ['t', 'one'].map((topic) => facts(untouched.create(topic, 0, ID)));
    const aborted = untouched.create('t', 0, ID).abortedTransactions(0n, 15n);
    expect(aborted).toHaveLength(3);
    for (let bytes = 0; bytes < whole.length; bytes++) {
      const logs = open(restored(new Map(files).set(path, whole.subarray(0, bytes))));
      expect([...logs.failures.keys()]).toEqual([]);
      for (const { log } of logs.logs()) log.updateHighWatermark(log.logEndOffset);
      expect(['t', 'one'].map((topic) => facts(logs.create(topic, 0, ID)))).toEqual(expected);
      // Missing whole entries cannot be distinguished from entries that were never written.
      if (!path.endsWith('.txnindex') || bytes % 34 !== 0) expect(logs.create('t', 0, ID).abortedTransactions(0n, 15n)).toEqual(aborted);
      logs.close();
      expect(logs.storageError).toBeUndefined();
    }
  });
}
