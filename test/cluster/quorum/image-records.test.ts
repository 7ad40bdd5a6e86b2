import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { completeMetadataRecord, type MetadataRecord } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { runWhole } from '../../../electron/cluster/lib/work-slices.ts';
import { applyZooKeeperRecords, ZooKeeperLogState } from '../../../electron/cluster/quorum/zookeeper-state/log-state.ts';
import { coordinationRecords } from '../../../electron/cluster/quorum/zookeeper-state/snapshot.ts';
import { diffImages } from '../../../electron/cluster/quorum/image-diff.ts';
import { applySnapshotInSteps, imageRecords } from '../../../electron/cluster/quorum/image-records.ts';
import { diffCoordination } from '../../../electron/cluster/quorum/zookeeper-state/diff.ts';
import { ChangeKind, EMPTY_COORDINATION, type CoordinationImage } from '../../../electron/cluster/quorum/zookeeper-state/state.ts';
import { EMPTY_IMAGE } from '../../../electron/cluster/quorum/image.ts';
import { apply, IMAGE_CLUSTER_ID, testId, testImage } from '../../helpers/metadata-image.ts';
import { randomImage, randomZooKeeperState } from '../../helpers/random-image.ts';

describe('an image as records', () => {
  it('restore the image and the state of ZooKeeper: 500 images', () => {
    const random = seededRandom(20);
    for (let round = 0; round < 500; round++) {
      const image = randomImage(random);
      const zookeeper = randomZooKeeperState(random, image);
      const records = [...imageRecords(image), ...coordinationRecords(zookeeper)].map(completeMetadataRecord);
      const { image: restored, change } = runWhole(applySnapshotInSteps(records, IMAGE_CLUSTER_ID, image));
      expect(restored).toEqual(image);
      const state = new ZooKeeperLogState();
      runWhole(state.prepare(records, change, image))();
      // Trees of the same content may have different shapes: their records are compared.
      expect([...coordinationRecords(state.current)]).toEqual([...coordinationRecords(zookeeper)]);
    }
  });

  it('need no record for an empty image except features, which come first', () => {
    expect([...imageRecords(EMPTY_IMAGE)]).toEqual([]);
    const image = { ...testImage([1], { t: [{ replicas: [1] }] }), features: new Map([['metadata.version', 30]]) };
    expect([...imageRecords(image)].slice(0, 4).map(({ type }) => type)).toEqual([
      'FeatureLevelRecord',
      'RegisterBrokerRecord',
      'TopicRecord',
      'PartitionRecord',
    ]);
  });
});

describe('the difference of two images', () => {
  it('equals the changes of the records between them', () => {
    const before = testImage([1, 2], { a: [{ replicas: [1] }, { replicas: [2] }], b: [{ replicas: [1] }] });
    const after = apply(before, [
      { type: 'PartitionChangeRecord', value: { topicId: testId('a'), partitionId: 1, isr: [2], leader: 2 } },
      { type: 'RemoveTopicRecord', value: { topicId: testId('b') } },
      { type: 'BrokerRegistrationChangeRecord', value: { brokerId: 2, brokerEpoch: 20n, fenced: 1, inControlledShutdown: 0 } },
      { type: 'ConfigRecord', value: { resourceType: 2, resourceName: 'a', name: 'retention.ms', value: '5' } },
    ]);
    const change = diffImages(before, after);
    expect(change.partitions.map(({ topic, partition, leaderEpoch }) => [topic, partition, leaderEpoch])).toEqual([['a', 1, 1]]);
    expect(change.deletedTopics.map(({ name }) => name)).toEqual(['b']);
    expect(change.brokers).toEqual([2]);
    expect(change.configs).toEqual(['2:a']);
    expect(change).toMatchObject({ before, after });
  });

  it('has a topic that was deleted and re-created, and is empty for equal images', () => {
    const before = testImage([1], { a: [{ replicas: [1] }] });
    const after = apply(before, [
      { type: 'RemoveTopicRecord', value: { topicId: testId('a') } },
      { type: 'TopicRecord', value: { name: 'a', topicId: testId('again') } },
      {
        type: 'PartitionRecord',
        value: {
          topicId: testId('again'),
          partitionId: 0,
          replicas: [1],
          isr: [1],
          removingReplicas: [],
          addingReplicas: [],
          leader: 1,
          leaderEpoch: 0,
          partitionEpoch: 0,
        },
      },
    ]);
    const change = diffImages(before, after);
    expect(change.deletedTopics.map(({ id }) => id)).toEqual([testId('a')]);
    expect(change.partitions.map(({ topicId }) => topicId)).toEqual([testId('again')]);
    expect(diffImages(after, after)).toMatchObject({ partitions: [], deletedTopics: [], brokers: [], configs: [] });
  });
});

describe('the difference of two states of ZooKeeper', () => {
  it('lists znodes in an order in which they can have changed', () => {
    const znode = (zxid: bigint, changes: readonly { kind: number; path: string; data?: Buffer }[]) =>
      completeMetadataRecord({ type: 'NoOpRecord', value: { coordination: { zxid, time: 5n, changes } } });
    const unchanged = diffImages(EMPTY_IMAGE, EMPTY_IMAGE);
    const applied = (state: CoordinationImage, record: MetadataRecord): CoordinationImage =>
      applyZooKeeperRecords(state, [record], unchanged, { offset: 1n, epoch: 1 }).state;
    const { create, setData } = ChangeKind;
    const before = applied(
      EMPTY_COORDINATION,
      znode(5n, [
        { kind: create, path: '/kept' },
        { kind: create, path: '/gone' },
        { kind: create, path: '/gone/child' },
        { kind: create, path: '/again' },
      ]),
    );
    const after = applied(
      before,
      znode(9n, [
        { kind: setData, path: '/kept', data: Buffer.from('x') },
        { kind: ChangeKind.delete, path: '/gone/child' },
        { kind: ChangeKind.delete, path: '/gone' },
        { kind: ChangeKind.delete, path: '/again' },
        { kind: create, path: '/again' },
        { kind: create, path: '/new' },
        { kind: create, path: '/new/child' },
      ]),
    );
    expect(diffCoordination(before, after)).toEqual([
      { type: 'deleted', path: '/again' },
      { type: 'deleted', path: '/gone/child' },
      { type: 'deleted', path: '/gone' },
      { type: 'created', path: '/again' },
      { type: 'dataChanged', path: '/kept' },
      { type: 'created', path: '/new' },
      { type: 'created', path: '/new/child' },
    ]);
  });
});
