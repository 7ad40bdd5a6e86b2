import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { completeMetadataRecord } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { applyRecords } from '../../../electron/cluster/quorum/image-apply.ts';
import { diffImages } from '../../../electron/cluster/quorum/image-diff.ts';
import { imageRecords } from '../../../electron/cluster/quorum/image-records.ts';
import { EMPTY_IMAGE, type MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { apply, IMAGE_CLUSTER_ID, testId, testImage } from '../../helpers/metadata-image.ts';
import { randomImage } from '../../helpers/random-image.ts';
import { plain } from '../../helpers/plain.ts';

function throughRecords(image: MetadataImage): MetadataImage {
  const records = [...imageRecords(image)].map(completeMetadataRecord);
  return applyRecords({ ...EMPTY_IMAGE, clusterId: IMAGE_CLUSTER_ID }, records, image).image;
}

describe('an image as records', () => {
  it('comes back as it was: 500 images', () => {
    const random = seededRandom(20);
    for (let round = 0; round < 500; round++) {
      const image = randomImage(random);
      const made = throughRecords(image);
      // An image that no records have made does not know when anything in it came about; one that they have made does.
      expect({ ...made, coordination: image.coordination }).toEqual(image);
      expect(plain(throughRecords(made))).toEqual(plain(made));
    }
  });

  it('an empty one needs none, and features come first', () => {
    expect([...imageRecords(EMPTY_IMAGE)]).toEqual([]);
    const image = { ...testImage([1], { t: [{ replicas: [1] }] }), features: new Map([['metadata.version', 30]]) };
    const types = [...imageRecords(image)].map(({ type }) => type);
    expect(types.slice(0, 4)).toEqual(['FeatureLevelRecord', 'RegisterBrokerRecord', 'TopicRecord', 'PartitionRecord']);
    // What the ZooKeeper tree knows beside all that comes last.
    expect(new Set(types.slice(4))).toEqual(new Set(['NoOpRecord']));
  });
});

describe('the difference of two images', () => {
  it('is what the records between them change', () => {
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

  it('knows a topic that was deleted and made anew, and nothing where nothing differs', () => {
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
