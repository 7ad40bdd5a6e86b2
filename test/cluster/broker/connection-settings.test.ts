/** The limits of connections by the effective configuration. */
import { expect, test } from 'vitest';
import { connectionLimitReader } from '../../../electron/cluster/broker/settings.ts';
import type { NodeConfig } from '../../../electron/cluster/lib/node-config.ts';
import { BROKER_RESOURCE } from '../../../electron/cluster/quorum/image.ts';
import { imageOf } from '../../helpers/fake-broker.ts';

const config: NodeConfig = {
  nodeId: 1,
  clusterId: 'p8vRBjG1T0aqJvHCvtYbXg',
  host: '127.0.0.1',
  brokerPort: 1,
  controllerPort: 2,
  dataDirectory: '/data',
  voters: [{ id: 1, host: '127.0.0.1', port: 2 }],
  rack: null,
  properties: { 'max.connections': '500', 'max.connections.per.ip.overrides': '10.0.0.1:3' },
};

test('limits are those of this broker, else of all brokers, else of its properties', () => {
  let image = imageOf({});
  const limit = connectionLimitReader(config, () => image);
  expect(limit()).toEqual({ maxConnections: 500, maxPerIp: 2_147_483_647, perIp: new Map([['10.0.0.1', 3]]) });
  image = imageOf({ configs: [[BROKER_RESOURCE, '', { 'max.connections': '40', 'max.connections.per.ip': '20' }]] });
  expect(limit()).toMatchObject({ maxConnections: 40, maxPerIp: 20 });
  image = imageOf({
    configs: [
      [BROKER_RESOURCE, '', { 'max.connections': '40', 'max.connections.per.ip': '20' }],
      [BROKER_RESOURCE, '1', { 'max.connections': '30' }],
      [BROKER_RESOURCE, '2', { 'max.connections': '1' }],
    ],
  });
  expect(limit()).toMatchObject({ maxConnections: 30, maxPerIp: 20 });
  expect(limit()).toBe(limit());
});

test('overrides are pairs of an address, IPv6 without brackets, and a number', () => {
  const limit = connectionLimitReader(config, () =>
    imageOf({ configs: [[BROKER_RESOURCE, '', { 'max.connections.per.ip.overrides': ' 10.0.0.1: 5 ,::1:7,FE80::1:8,localhost:9,' }]] }),
  );
  expect([...(limit().perIp ?? [])]).toEqual([
    ['10.0.0.1', 5],
    ['::1', 9],
    ['fe80::1', 8],
    ['127.0.0.1', 9],
  ]);
});
