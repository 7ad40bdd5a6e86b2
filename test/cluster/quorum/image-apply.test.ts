import { describe, expect, it } from 'vitest';
import {
  completeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecordIn,
} from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { applyRecords, MAX_UNAPPLIED_BYTES } from '../../../electron/cluster/quorum/image-apply.ts';
import { configKey, TOPIC_RESOURCE } from '../../../electron/cluster/quorum/image.ts';
import { apply, partition, testId, testImage } from '../../helpers/metadata-image.ts';

const change = (image: ReturnType<typeof testImage>, records: MetadataRecordIn[]) =>
  applyRecords(image, records.map(completeMetadataRecord), { offset: 100n, epoch: 7 });

describe('applying records', () => {
  const image = testImage([1, 2, 3], { a: [{ replicas: [1, 2, 3] }, { replicas: [2, 3, 1] }], b: [{ replicas: [3, 1, 2] }] });

  it('leaves the previous image unchanged, and shares the parts that did not change', () => {
    const { image: after, change: what } = change(image, [
      { type: 'PartitionChangeRecord', value: { partitionId: 1, topicId: testId('a'), isr: [2, 3], leader: 3 } },
    ]);
    expect(partition(image, 'a', 1)).toMatchObject({ isr: [2, 3, 1], leader: 2, leaderEpoch: 0, partitionEpoch: 0 });
    expect(partition(after, 'a', 1)).toMatchObject({ isr: [2, 3], leader: 3, leaderEpoch: 1, partitionEpoch: 1 });
    expect(after).toMatchObject({ offset: 100n, epoch: 7 });
    expect(after.brokers).toBe(image.brokers);
    expect(after.configs).toBe(image.configs);
    expect(after.topics.get('b')).toBe(image.topics.get('b'));
    expect(after.topics.get('a')!.partitions[0]).toBe(image.topics.get('a')!.partitions[0]);
    expect(after.topicsById.get(testId('a'))).toBe(after.topics.get('a'));
    expect(what.partitions).toEqual([partition(after, 'a', 1)]);
    expect(what.before).toBe(image);
  });

  it('increments a leader epoch only for a record with a leader, a partition epoch always', () => {
    const id = testId('a');
    const shrunk = apply(image, [{ type: 'PartitionChangeRecord', value: { partitionId: 0, topicId: id, isr: [1] } }]);
    expect(partition(shrunk, 'a')).toMatchObject({ leader: 1, leaderEpoch: 0, partitionEpoch: 1 });
    const same = apply(shrunk, [{ type: 'PartitionChangeRecord', value: { partitionId: 0, topicId: id, leader: 1 } }]);
    expect(partition(same, 'a')).toMatchObject({ leader: 1, leaderEpoch: 1, partitionEpoch: 2 });
    const lost = apply(same, [{ type: 'PartitionChangeRecord', value: { partitionId: 0, topicId: id, leader: -1 } }]);
    expect(partition(lost, 'a')).toMatchObject({ leader: -1, leaderEpoch: 2, isr: [1] });
  });

  it('deletes the settings of a topic with it, and re-creates the topic in the same batch', () => {
    const key = configKey(TOPIC_RESOURCE, 'a');
    const set: MetadataRecordIn = { type: 'ConfigRecord', value: { resourceType: 2, resourceName: 'a', name: 'retention.ms', value: '1' } };
    const configured = apply(image, [set]);
    expect(configured.configs.get(key)!.get('retention.ms')).toBe('1');
    const gone = change(configured, [{ type: 'RemoveTopicRecord', value: { topicId: testId('a') } }]);
    expect(gone.image.topics.has('a')).toBe(false);
    expect(gone.image.topicsById.has(testId('a'))).toBe(false);
    expect(gone.image.configs.has(key)).toBe(false);
    expect(gone.change.deletedTopics.map((topic) => topic.name)).toEqual(['a']);
    expect(gone.change.configs).toEqual([key]);
    const recreated = change(configured, [
      { type: 'RemoveTopicRecord', value: { topicId: testId('a') } },
      { type: 'TopicRecord', value: { name: 'a', topicId: testId('a2') } },
      {
        type: 'PartitionRecord',
        value: {
          partitionId: 0,
          topicId: testId('a2'),
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
    expect(recreated.image.topics.get('a')).toMatchObject({ id: testId('a2'), partitions: [{ replicas: [1] }] });
    expect(recreated.change.deletedTopics).toHaveLength(1);
  });

  it('follows a broker through registration, fencing, shutdown and removal', () => {
    const fenced = change(image, [{ type: 'FenceBrokerRecord', value: { id: 2, epoch: 20n } }]);
    expect(fenced.image.brokers.get(2)!.fenced).toBe(true);
    expect(fenced.change.brokers).toEqual([2]);
    const back = apply(fenced.image, [{ type: 'UnfenceBrokerRecord', value: { id: 2, epoch: 20n } }]);
    expect(back.brokers.get(2)!.fenced).toBe(false);
    const leaving = apply(back, [
      { type: 'BrokerRegistrationChangeRecord', value: { brokerId: 2, brokerEpoch: 20n, fenced: 0, inControlledShutdown: 1 } },
    ]);
    expect(leaving.brokers.get(2)).toMatchObject({ fenced: false, inControlledShutdown: true });
    const stopped = apply(leaving, [
      { type: 'BrokerRegistrationChangeRecord', value: { brokerId: 2, brokerEpoch: 20n, fenced: 1, inControlledShutdown: 0 } },
    ]);
    expect(stopped.brokers.get(2)).toMatchObject({ fenced: true, inControlledShutdown: true });
    expect(apply(stopped, [{ type: 'UnregisterBrokerRecord', value: { brokerId: 2, brokerEpoch: 20n } }]).brokers.has(2)).toBe(false);
    expect(() => apply(image, [{ type: 'FenceBrokerRecord', value: { id: 2, epoch: 19n } }])).toThrow(/epoch 19/);
  });

  it('keeps settings, features and producer ids', () => {
    const key = configKey(4, '');
    const set = (value: string | null): MetadataRecordIn => ({
      type: 'ConfigRecord',
      value: { resourceType: 4, resourceName: '', name: 'x', value },
    });
    const after = change(image, [
      set('1'),
      { type: 'FeatureLevelRecord', value: { name: 'f', featureLevel: 2 } },
      { type: 'ProducerIdsRecord', value: { brokerId: 1, nextProducerId: 5000n } },
      { type: 'NoOpRecord', value: {} },
    ]);
    expect(after.image.configs.get(key)!.get('x')).toBe('1');
    expect(after.image.features.get('f')).toBe(2);
    expect(after.image.nextProducerId).toBe(5000n);
    expect(after.change.configs).toEqual([key]);
    const cleared = apply(after.image, [set(null), { type: 'FeatureLevelRecord', value: { name: 'f', featureLevel: 0 } }]);
    expect(cleared.configs.has(key)).toBe(false);
    expect(cleared.features.size).toBe(0);
  });

  it('refuses records that do not fit the image', () => {
    expect(() => apply(image, [{ type: 'PartitionChangeRecord', value: { partitionId: 9, topicId: testId('a'), isr: [1] } }])).toThrow(
      /a-9/,
    );
    expect(() => apply(image, [{ type: 'RemoveTopicRecord', value: { topicId: testId('zzz') } }])).toThrow(/does not exist/);
  });

  it('keeps records that change no other part, in order, and none of a transaction marker', () => {
    const principal = { mechanism: 1, salt: Buffer.from('s'), storedKey: Buffer.from('k'), serverKey: Buffer.from('v'), iterations: 4096 };
    const kept: MetadataRecordIn[] = [
      { type: 'Unknown', value: Uint8Array.of(1, 127, 0, 7) },
      { type: 'UserScramCredentialRecord', value: { name: 'alice', ...principal } },
      { type: 'RemoveAccessControlEntryRecord', value: { id: testId('acl') } },
    ];
    const { image: after, change: what } = change(image, [
      { type: 'BeginTransactionRecord', value: {} },
      ...kept,
      { type: 'EndTransactionRecord', value: {} },
    ]);
    expect(after.unappliedRecords.records.map((bytes) => Buffer.from(bytes))).toEqual(kept.map(encodeMetadataRecord));
    expect(what).toMatchObject({ partitions: [], brokers: [], configs: [] });
    expect(image.unappliedRecords.records).toEqual([]);
  });

  it('is incomplete after a newer version of a known type, which a snapshot would place after later changes', () => {
    const { image: after } = change(image, [{ type: 'Unknown', value: Uint8Array.of(1, 2, 9, 4) }]);
    expect(after.unappliedRecords).toMatchObject({ records: [], isComplete: false });
    expect(change(after, [{ type: 'Unknown', value: Uint8Array.of(9) }]).image.unappliedRecords.isComplete).toBe(false);
  });

  it('bounds the bytes of kept records, and marks the image as incomplete beyond', () => {
    const large = { type: 'Unknown', value: new Uint8Array(MAX_UNAPPLIED_BYTES / 2).fill(9) } as const;
    const full = change(image, [large, large]).image.unappliedRecords;
    expect(full).toMatchObject({ sizeBytes: MAX_UNAPPLIED_BYTES, isComplete: true });
    const { image: beyond } = change({ ...image, unappliedRecords: full }, [{ type: 'Unknown', value: Uint8Array.of(9) }]);
    expect(beyond.unappliedRecords).toMatchObject({ sizeBytes: MAX_UNAPPLIED_BYTES, isComplete: false });
    expect(beyond.unappliedRecords.records).toHaveLength(2);
  });
});
