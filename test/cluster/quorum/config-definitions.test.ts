import { describe, expect, it } from 'vitest';
import {
  brokerConfigDefinitions,
  brokerSettings,
  checkBrokerConfig,
  checkTopicConfig,
  topicConfigDefinitions,
  topicSettings,
} from '../../../electron/cluster/quorum/config-definitions.ts';
import { BROKER_RESOURCE, TOPIC_RESOURCE } from '../../../electron/cluster/quorum/image.ts';
import { imageOf } from '../../helpers/fake-broker.ts';

describe('definitions', () => {
  it('have unique names, a default that passes its own check, and one sentence of documentation', () => {
    for (const definitions of [topicConfigDefinitions, brokerConfigDefinitions]) {
      expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length);
      for (const definition of definitions) {
        if (definition.default !== null)
          expect([definition.name, definition.validate(definition.default)]).toEqual([definition.name, null]);
        expect(definition.documentation).toMatch(/^[A-Z].*\.$/);
      }
    }
  });

  it('of broker settings include every synonym of a topic setting', () => {
    const names = new Set(brokerConfigDefinitions.map(({ name }) => name));
    for (const { synonyms } of topicConfigDefinitions) for (const { name } of synonyms) expect(names).toContain(name);
  });
});

describe('checks', () => {
  it.each([
    ['retention.ms', '-1', null],
    ['retention.ms', '-2', 'retention.ms must be at least -1.'],
    ['retention.ms', '9223372036854775807', null],
    ['retention.ms', '9223372036854775808', 'retention.ms must fit into 64 bits.'],
    ['retention.ms', '1.5', 'retention.ms must be a whole number, not "1.5".'],
    ['retention.ms', '', 'retention.ms must be a whole number, not "".'],
    ['segment.bytes', '1048576', null],
    ['segment.bytes', '1048575', 'segment.bytes must be at least 1048576.'],
    ['segment.bytes', '2147483648', 'segment.bytes must fit into 32 bits.'],
    ['cleanup.policy', 'compact, delete', null],
    ['cleanup.policy', 'shred', 'cleanup.policy may hold only compact, delete.'],
    ['compression.type', 'none', 'compression.type must be one of uncompressed, zstd, lz4, snappy, gzip, producer.'],
    ['compression.gzip.level', '-1', null],
    ['compression.gzip.level', '0', 'compression.gzip.level must be between 1 and 9.'],
    ['min.cleanable.dirty.ratio', '0.25', null],
    ['min.cleanable.dirty.ratio', '1.1', 'min.cleanable.dirty.ratio must be between 0 and 1.'],
    ['min.cleanable.dirty.ratio', 'half', 'min.cleanable.dirty.ratio must be a number, not "half".'],
    ['preallocate', 'TRUE', null],
    ['preallocate', 'yes', 'preallocate must be true or false, not "yes".'],
    ['message.timestamp.type', 'createtime', 'message.timestamp.type must be one of CreateTime, LogAppendTime.'],
    ['leader.replication.throttled.replicas', '0:1,1:2', null],
    ['leader.replication.throttled.replicas', '*', null],
    ['leader.replication.throttled.replicas', '0-1', 'leader.replication.throttled.replicas must be * or pairs such as 0:1,1:2.'],
    ['remote.storage.enable', 'true', 'remote.storage.enable cannot be true: this broker has no tiered storage.'],
    ['retention.minutes', '1', 'There is no topic setting named retention.minutes.'],
  ])('of the topic setting %s = %j say %j', (name, value, said) => {
    expect(checkTopicConfig(name, value)).toBe(said);
  });

  it('of broker settings refuse changes that need a restart', () => {
    expect(checkBrokerConfig('log.retention.ms', '5', '1')).toBeNull();
    expect(checkBrokerConfig('log.retention.ms', 'x', '1')).toBe('log.retention.ms must be a whole number, not "x".');
    expect(checkBrokerConfig('num.partitions', '5', '1')).toBe('num.partitions cannot be changed while the broker runs.');
    expect(checkBrokerConfig('nonsense', '5', '1')).toBeNull();
  });
});

describe('topic settings', () => {
  it("have Kafka's defaults", () => {
    expect(topicSettings(imageOf({}), 't', {})).toMatchObject({
      compact: false,
      delete: true,
      retentionMs: 604_800_000n,
      retentionBytes: -1n,
      segmentBytes: 1_073_741_824,
      segmentMs: 604_800_000n,
      segmentJitterMs: 0n,
      flushMs: 9_223_372_036_854_775_807n,
      minInsyncReplicas: 1,
      maxMessageBytes: 1_048_588,
      messageTimestampType: 'CreateTime',
      minCleanableDirtyRatio: 0.5,
      uncleanLeaderElectionEnable: false,
      leaderReplicationThrottledReplicas: [],
    });
  });

  it("come from the topic, this broker, all brokers, the node's file, in that order", () => {
    const topic = [TOPIC_RESOURCE, 't', { 'retention.ms': '1' }] as const;
    const own = [BROKER_RESOURCE, '1', { 'log.retention.ms': '2' }] as const;
    const shared = [BROKER_RESOURCE, '', { 'log.retention.ms': '3' }] as const;
    const properties = { 'log.retention.ms': '4', 'log.retention.minutes': '5', 'log.retention.hours': '6' };
    const retention = (configs: Parameters<typeof imageOf>[0]['configs'], file: Record<string, string>, id?: number): bigint =>
      topicSettings(imageOf({ configs: configs ?? [] }), 't', file, id).retentionMs;
    expect(retention([topic, own, shared], properties, 1)).toBe(1n);
    expect(retention([own, shared], properties, 1)).toBe(2n);
    expect(retention([own, shared], properties, 2)).toBe(3n);
    expect(retention([own, shared], properties)).toBe(3n);
    expect(retention([], properties)).toBe(4n);
    expect(retention([], { 'log.retention.minutes': '5', 'log.retention.hours': '6' })).toBe(300_000n);
    expect(retention([], { 'log.retention.hours': '6' })).toBe(21_600_000n);
    expect(retention([], { 'log.retention.hours': '-1' })).toBe(-1n);
  });

  it('skip an invalid stored value', () => {
    const configs = [[TOPIC_RESOURCE, 't', { 'segment.bytes': '12' }]] as const;
    expect(topicSettings(imageOf({ configs }), 't', { 'log.segment.bytes': '2097152' }).segmentBytes).toBe(2_097_152);
    // Topics without settings of their own share one result, separate for each file and broker.
    const image = imageOf({ configs: [[TOPIC_RESOURCE, 'own', { 'retention.ms': '5' }]] });
    const file = { 'log.retention.ms': '7' };
    const other = { 'log.retention.ms': '8' };
    expect(topicSettings(image, 'a', file)).toBe(topicSettings(image, 'b', file));
    expect(['a', 'own'].map((topic) => topicSettings(image, topic, file).retentionMs)).toEqual([7n, 5n]);
    expect(topicSettings(image, 'a', other).retentionMs).toBe(8n);
    const changed = { ...image, configs: new Map([...image.configs, ['4:1', new Map([['log.retention.ms', '9']])]]) };
    expect([undefined, 1, 2].map((broker) => topicSettings(changed, 'a', file, broker).retentionMs)).toEqual([7n, 9n, 7n]);
  });
});

describe('broker settings', () => {
  it("have this product's defaults", () => {
    expect(brokerSettings({}, 3)).toMatchObject({
      brokerSessionTimeoutMs: 3000,
      brokerHeartbeatIntervalMs: 500,
      replicaLagTimeMaxMs: 4000,
      numPartitions: 1,
      defaultReplicationFactor: 3,
      offsetsTopicNumPartitions: 12,
      offsetsTopicReplicationFactor: 3,
      autoCreateTopicsEnable: true,
      groupInitialRebalanceDelayMs: 500,
      minInsyncReplicas: 1,
      socketRequestMaxBytes: 104_857_600,
    });
  });

  it('limit replication factors to the number of nodes, unless they are set', () => {
    expect(brokerSettings({}, 1)).toMatchObject({ defaultReplicationFactor: 1, offsetsTopicReplicationFactor: 1 });
    expect(brokerSettings({ 'default.replication.factor': '5' }, 1).defaultReplicationFactor).toBe(5);
    expect(brokerSettings({}, 9).defaultReplicationFactor).toBe(3);
  });

  it('refuse unknown names and invalid values', () => {
    expect(() => brokerSettings({ 'broker.sesion.timeout.ms': '1' }, 1)).toThrow(
      'There is no broker setting named broker.sesion.timeout.ms.',
    );
    expect(() => brokerSettings({ 'num.partitions': '0' }, 1)).toThrow('num.partitions must be at least 1.');
  });
});
