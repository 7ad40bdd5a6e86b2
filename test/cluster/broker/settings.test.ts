import { describe, expect, it } from 'vitest';
import { keepEverything, logConfig, nodeProperties } from '../../../electron/cluster/broker/settings.ts';
import type { NodeConfig } from '../../../electron/cluster/lib/node-config.ts';
import { brokerSettings, topicSettings } from '../../../electron/cluster/quorum/config-definitions.ts';
import { TOPIC_RESOURCE } from '../../../electron/cluster/quorum/image.ts';
import { imageOf } from '../../helpers/fake-broker.ts';

const config: NodeConfig = {
  nodeId: 2,
  clusterId: 'c',
  dataDirectory: '/data/2',
  host: 'localhost',
  brokerPort: 9093,
  controllerPort: 9193,
  rack: 'r1',
  voters: [
    { id: 1, host: 'localhost', port: 9192 },
    { id: 2, host: 'localhost', port: 9193 },
  ],
  properties: { 'num.partitions': '6' },
};

describe("a node's properties", () => {
  it('contain the bound and the advertised listeners, IPv6 addresses in brackets', () => {
    expect(nodeProperties({ ...config, bindHost: '::', advertisedHost: 'kafka.example' })).toMatchObject({
      listeners: 'PLAINTEXT://[::]:9093,CONTROLLER://localhost:9193',
      'advertised.listeners': 'PLAINTEXT://kafka.example:9093',
      'controller.quorum.voters': '1@localhost:9192,2@localhost:9193',
    });
    expect(nodeProperties({ ...config, bindHost: 'fd00::5' })).toMatchObject({ 'advertised.listeners': 'PLAINTEXT://[fd00::5]:9093' });
  });

  it('contain implied values, and pass their own validation', () => {
    const properties = nodeProperties(config);
    expect(properties).toMatchObject({
      'node.id': '2',
      'broker.rack': 'r1',
      listeners: 'PLAINTEXT://localhost:9093,CONTROLLER://localhost:9193',
      'controller.quorum.voters': '1@localhost:9192,2@localhost:9193',
      'default.replication.factor': '2',
      'num.partitions': '6',
    });
    expect(brokerSettings(properties, 2)).toMatchObject({
      numPartitions: 6,
      defaultReplicationFactor: 2,
      offsetsTopicReplicationFactor: 2,
    });
  });

  it('are overridden by those of a user', () => {
    expect(nodeProperties({ ...config, properties: { 'default.replication.factor': '1' } })['default.replication.factor']).toBe('1');
  });
});

describe("a log's settings", () => {
  const broker = brokerSettings({}, 3);
  const of = (values: Record<string, string>) =>
    logConfig(topicSettings(imageOf({ configs: [[TOPIC_RESOURCE, 't', values]] }), 't', {}), broker);

  it('turn "never" into Infinity', () => {
    expect(of({})).toMatchObject({
      flushMs: Infinity,
      flushMessages: Infinity,
      messageTimestampBeforeMaxMs: Infinity,
      retentionMs: 604_800_000,
    });
    expect(of({ 'retention.ms': '-1', 'retention.bytes': '5' })).toMatchObject({ retentionMs: -1, retentionBytes: 5 });
    expect([...of({ 'cleanup.policy': 'compact,delete' }).cleanupPolicy].sort()).toEqual(['compact', 'delete']);
  });

  it('delete and compact nothing before the configuration of the topic is known', () => {
    const config = keepEverything(of({ 'cleanup.policy': 'compact', 'retention.ms': '1' }));
    expect(config).toMatchObject({ retentionMs: -1, retentionBytes: -1 });
    expect([...config.cleanupPolicy]).toEqual(['delete']);
  });
});
