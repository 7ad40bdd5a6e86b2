import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { incrementalAlterConfigs } from '../../../electron/cluster/quorum/controller/alter-configs.ts';
import { electLeaders } from '../../../electron/cluster/quorum/controller/elect-leaders.ts';
import { fenceBroker } from '../../../electron/cluster/quorum/controller/fence-broker.ts';
import { unfenceBroker } from '../../../electron/cluster/quorum/controller/unfence-broker.ts';
import { BROKER_RESOURCE, TOPIC_RESOURCE, type MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { apply, partition, testContext, testImage } from '../../helpers/metadata-image.ts';

const configs = { a: { 'min.insync.replicas': '2' } };
const image = testImage([1, 2, 3], { a: [{ replicas: [1, 2, 3] }] }, { configs });

const fence = (before: MetadataImage, id: number) =>
  apply(before, fenceBroker(testContext(before), before.brokers.get(id)!, 'gone').records);
const unfence = (before: MetadataImage, id: number) => apply(before, unfenceBroker(testContext(before), before.brokers.get(id)!).records);

function set(before: MetadataImage, name: string, value: string, resourceType = TOPIC_RESOURCE, resourceName = 'a') {
  const decision = incrementalAlterConfigs(testContext(before), {
    resources: [{ resourceType, resourceName, configs: [{ name, configOperation: 0, value }] }],
    validateOnly: false,
  });
  return { after: apply(before, decision.records), code: decision.response.responses[0]?.errorCode };
}

describe('eligible leader replicas (KIP-966)', () => {
  it('are those that left the ISR since it fell below min.insync.replicas; one of them is elected when no in-sync replica can lead', () => {
    const two = fence(image, 3);
    expect(partition(two, 'a')).toMatchObject({ isr: [1, 2], elr: [] });
    const one = fence(two, 2);
    expect(partition(one, 'a')).toMatchObject({ isr: [1], elr: [2] });
    const none = fence(one, 1);
    expect(partition(none, 'a')).toMatchObject({ isr: [1], elr: [2], leader: -1 });
    expect(partition(unfence(none, 3), 'a')).toMatchObject({ leader: -1 });
    const back = unfence(unfence(none, 3), 2);
    // The former only ISR member has all records of the current leader: the high watermark has not advanced.
    expect(partition(back, 'a')).toMatchObject({ isr: [2], elr: [1], leader: 2 });
  });

  it('are removed when min.insync.replicas changes: the high watermark may advance without them', () => {
    const one = fence(fence(image, 3), 2);
    expect(partition(set(one, 'min.insync.replicas', '1').after, 'a')).toMatchObject({ isr: [1], elr: [], lastKnownElr: [] });
    expect(partition(set(one, 'min.insync.replicas', '3').after, 'a').elr).toEqual([]);
    expect(partition(set(one, 'retention.ms', '5').after, 'a').elr).toEqual([2]);
    // The setting of all brokers is the default, which this topic overrides.
    expect(partition(set(one, 'min.insync.replicas', '1', BROKER_RESOURCE, '').after, 'a').elr).toEqual([2]);
  });

  it('stay while there is no leader, since the high watermark does not advance without one', () => {
    const none = fence(fence(fence(image, 3), 2), 1);
    expect(partition(set(none, 'min.insync.replicas', '1').after, 'a').elr).toEqual([2]);
  });

  it('need one min.insync.replicas for all brokers', () => {
    expect(set(image, 'min.insync.replicas', '1', BROKER_RESOURCE, '2').code).toBe(ErrorCode.INVALID_CONFIG);
    expect(set(image, 'min.insync.replicas', '1', BROKER_RESOURCE, '').code).toBe(0);
  });

  it('are elected last in an unclean election, which reports it', () => {
    const lost = testImage([1, 2, 3], { a: [{ replicas: [1, 2, 3], isr: [1], leader: -1, lastKnownElr: [3] }] }, { configs, fenced: [1] });
    const decision = electLeaders(testContext(lost), {
      electionType: 1,
      topicPartitions: [{ topic: 'a', partitions: [0] }],
      timeoutMs: 1,
    });
    expect(partition(apply(lost, decision.records), 'a')).toMatchObject({ leader: 3, isr: [3], lastKnownElr: [], leaderRecoveryState: 1 });
    expect(decision.events.map(({ type }) => type)).toEqual(['partition/uncleanlyElected', 'partition/isrShrunk']);
  });
});
