import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { SortedMap } from '../../../electron/cluster/lib/sorted-map.ts';
import { EMPTY_COORDINATION, emptyZnode } from '../../../electron/cluster/quorum/zookeeper-state/state.ts';
import type { SnapshotContent } from '../../../electron/cluster/quorum/metadata-loader.ts';
import { coordinationRecords } from '../../../electron/cluster/quorum/zookeeper-state/snapshot.ts';
import { MetadataLog } from '../../../electron/cluster/quorum/metadata-log.ts';
import type { CommittedBatch } from '../../../electron/cluster/quorum/raft-log.ts';
import { Snapshotting } from '../../../electron/cluster/quorum/snapshotting.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const MEBIBYTE = 1024 * 1024;

/** Nodes of half a mebibyte each. */
function contentOf(nodes: number, endOffset: bigint, isComplete: boolean): SnapshotContent {
  const data = new Uint8Array(MEBIBYTE / 2);
  const children = SortedMap.of(Array.from({ length: nodes }, (_, index) => [`n${index}`, { ...emptyZnode(), data }]));
  const records = coordinationRecords({ ...EMPTY_COORDINATION, root: emptyZnode(children) });
  return { id: { endOffset, epoch: 1 }, records, isComplete };
}

function committed(baseOffset: bigint, bytes: number): CommittedBatch {
  return { baseOffset, lastOffset: baseOffset, epoch: 1, timestamp: 0, control: false, values: [new Uint8Array(bytes)] };
}

describe('snapshots of metadata with much data', () => {
  function setUp() {
    const disk = new MemoryDisk();
    const clock = new VirtualClock();
    const log = MetadataLog.open({ disk, dataDirectory: 'data', clock, logger: silentLogger });
    const pieces: number[] = [];
    let endOffset = 10n;
    let isComplete = true;
    const recording = new Proxy(log, {
      get: (target, name) => {
        if (name === 'writeSnapshot') {
          return (...asked: Parameters<MetadataLog['writeSnapshot']>) => {
            const writer = target.writeSnapshot(...asked);
            return {
              append: (values: readonly Uint8Array[]) => {
                pieces.push(values.reduce((sum, value) => sum + value.length, 0));
                writer.append(values);
              },
              finish: () => writer.finish(),
              abandon: () => writer.abandon(),
            };
          };
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const finished: number[] = [];
    let applied: (batches: readonly CommittedBatch[]) => void = () => undefined;
    new Snapshotting({
      nodeId: 1,
      log: recording,
      clock,
      logger: silentLogger,
      events: ({ details }) => finished.push(Number(details?.['endOffset'])),
      metadata: {
        snapshotContent: () => contentOf(40, endOffset, isComplete),
        onApplied: (listener) => void (applied = listener),
        onLoaded: () => undefined,
      },
      maxBytes: MEBIBYTE,
      maxIntervalMs: 0,
    });
    const commit = async (offset: bigint, bytes: number): Promise<void> => {
      endOffset = offset + 1n;
      applied([committed(offset, bytes)]);
      await clock.advance(1_000);
    };
    const forget = (): void => void (isComplete = false);
    return { pieces, finished, commit, forget };
  }

  test('are written in steps of bounded bytes', async () => {
    const { pieces, finished, commit } = setUp();
    await commit(10n, MEBIBYTE);
    expect(finished).toEqual([11]);
    // A record is written as a whole: a step is below a quarter of a mebibyte, or it is one large record beside small ones.
    expect(Math.max(...pieces)).toBeLessThan(MEBIBYTE);
    expect(pieces.filter((bytes) => bytes > 0).length).toBeGreaterThanOrEqual(40);
  });

  test('are written again only after half of their size has been logged', async () => {
    const { finished, commit } = setUp();
    await commit(10n, MEBIBYTE);
    for (let offset = 11n; offset < 20n; offset++) await commit(offset, MEBIBYTE);
    // 9 MiB logged since a snapshot of 20 MiB.
    expect(finished).toEqual([11]);
    for (let offset = 20n; offset <= 21n; offset++) await commit(offset, MEBIBYTE);
    expect(finished).toEqual([11, 22]);
  });

  test('are not written where the image lacks records that it did not apply', async () => {
    const { finished, commit, forget } = setUp();
    await commit(10n, MEBIBYTE);
    forget();
    for (let offset = 11n; offset < 60n; offset++) await commit(offset, MEBIBYTE);
    expect(finished).toEqual([11]);
  });
});
