import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { runWhole } from '../../../electron/cluster/lib/work-slices.ts';
import { encodeMetadataRecord, type MetadataRecordIn } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { MetadataDecoder } from '../../../electron/cluster/quorum/metadata-decoding.ts';
import { MetadataLoader, type LogState } from '../../../electron/cluster/quorum/metadata-loader.ts';
import type { CommittedBatch } from '../../../electron/cluster/quorum/raft-log.ts';
import { ZooKeeperLogState } from '../../../electron/cluster/quorum/zookeeper-state/log-state.ts';
import { ChangeKind } from '../../../electron/cluster/quorum/zookeeper-state/state.ts';
import { IMAGE_CLUSTER_ID } from '../../helpers/metadata-image.ts';
import { ManualClock } from '../log/helpers.ts';

const feature = (featureLevel: number): MetadataRecordIn => ({
  type: 'FeatureLevelRecord',
  value: { name: 'metadata.version', featureLevel },
});
const znode = (path: string, zxid: bigint): MetadataRecordIn => ({
  type: 'NoOpRecord',
  value: { coordination: { zxid, time: 5n, changes: [{ kind: ChangeKind.create, path, number: 31 }] } },
});
const batch = (offset: bigint, ...records: MetadataRecordIn[]): CommittedBatch => ({
  baseOffset: offset,
  lastOffset: offset + BigInt(records.length) - 1n,
  epoch: 1,
  timestamp: 5,
  control: false,
  values: records.map(encodeMetadataRecord),
});

function setUp(states: readonly LogState[]) {
  const decoder = new MetadataDecoder({ nodeId: 1, clock: new ManualClock(), logger: silentLogger, events: () => undefined });
  return new MetadataLoader({ decoder, clusterId: IMAGE_CLUSTER_ID, states });
}

/** Contents of a snapshot as batches of its records. */
const contentOf = (loader: MetadataLoader): Buffer[][] => {
  const values: Buffer[] = [];
  const { records } = loader.snapshotContent();
  for (let next = records.next(); next.done !== true; next = records.next()) values.push(encodeMetadataRecord(next.value));
  return [values];
};

describe('the loader of the metadata log', () => {
  it('publishes an image and states of the same offset, and committed batches last', () => {
    const zookeeper = new ZooKeeperLogState();
    const loader = setUp([zookeeper]);
    const seen: string[] = [];
    loader.onApplied((batches) => seen.push(`applied ${batches.length}`));
    loader.onImage(({ after }) => {
      expect(loader.image).toBe(after);
      seen.push(
        `image ${after.offset}, /a ${zookeeper.current.root.children.get('a')?.czxid}, ${zookeeper.lastChange.znodes.length} changes`,
      );
    });
    loader.applyBatches([batch(0n, feature(7)), batch(1n, znode('/a', 1n), feature(8))]);
    expect(seen).toEqual(['image 0, /a undefined, 0 changes', 'image 2, /a 1, 1 changes', 'applied 2']);
    expect(loader.image.features.get('metadata.version')).toBe(8);
  });

  it('changes neither the image nor a state where records do not fit the image, and publishes nothing', () => {
    const zookeeper = new ZooKeeperLogState();
    const loader = setUp([zookeeper]);
    const before = [loader.image, zookeeper.current];
    let published = 0;
    loader.onImage(() => published++);
    const unknownBroker: MetadataRecordIn = { type: 'FenceBrokerRecord', value: { id: 9, epoch: 1n } };
    expect(() => loader.applyBatches([batch(0n, znode('/a', 0n), unknownBroker)])).toThrow(/broker 9/);
    expect([loader.image, zookeeper.current]).toEqual(before);
    expect(published).toBe(0);
  });

  it('replaces image and states by a snapshot before it notifies, and states the difference', () => {
    const source = setUp([new ZooKeeperLogState()]);
    source.applyBatches([batch(0n, feature(7), znode('/kept', 1n), znode('/new', 2n))]);
    const zookeeper = new ZooKeeperLogState();
    const loader = setUp([zookeeper]);
    loader.applyBatches([batch(0n, feature(6), znode('/kept', 1n))]);
    const seen: string[] = [];
    loader.onLoaded(({ endOffset }, records) => {
      expect([loader.image.features.get('metadata.version'), zookeeper.current.root.children.has('new')]).toEqual([7, true]);
      seen.push(`loaded ${endOffset}, ${records > 3}`);
    });
    loader.onImage(({ after }) => seen.push(`image ${after.offset}: ${zookeeper.lastChange.znodes.map(({ path }) => path).join()}`));
    loader.loadSnapshot({ endOffset: 3n, epoch: 1 }, () => contentOf(source));
    expect(seen).toEqual(['loaded 3, true', 'image 2: /new']);
  });

  it('uses a prepared snapshot once, and only for its own name', () => {
    const source = setUp([]);
    source.applyBatches([batch(0n, feature(7))]);
    const loader = setUp([]);
    let reads = 0;
    const content = () => {
      reads++;
      return contentOf(source);
    };
    runWhole(loader.prepareSnapshot({ endOffset: 1n, epoch: 1 }, contentOf(source)));
    expect(loader.image.features.size).toBe(0);
    loader.loadSnapshot({ endOffset: 1n, epoch: 1 }, content);
    expect([reads, loader.image.features.get('metadata.version')]).toEqual([0, 7]);
    loader.loadSnapshot({ endOffset: 1n, epoch: 1 }, content);
    expect(reads).toBe(1);
    runWhole(loader.prepareSnapshot({ endOffset: 1n, epoch: 1 }, contentOf(source)));
    loader.loadSnapshot({ endOffset: 1n, epoch: 2 }, content);
    expect([reads, loader.image.epoch]).toEqual([2, 2]);
  });

  it('keeps the content of a snapshot as it was when the snapshot began', () => {
    const loader = setUp([new ZooKeeperLogState()]);
    loader.applyBatches([batch(0n, feature(7), znode('/a', 1n))]);
    const { id, records } = loader.snapshotContent();
    loader.applyBatches([batch(2n, feature(8), znode('/b', 3n))]);
    const written = [...{ [Symbol.iterator]: () => records }] as MetadataRecordIn[];
    expect(id).toEqual({ endOffset: 2n, epoch: 1 });
    expect(written[0]).toMatchObject({ type: 'FeatureLevelRecord', value: { featureLevel: 7 } });
    const paths = written.flatMap((one) =>
      one.type === 'NoOpRecord' ? (one.value.coordination?.changes ?? []).map(({ path }) => path) : [],
    );
    expect(paths).toContain('/a');
    expect(paths).not.toContain('/b');
  });
});
