import { describe, expect, it } from 'vitest';
import { handleDescribeConfigs } from '../../../../electron/cluster/broker/handlers/describe-configs.ts';
import { ErrorCode } from '../../../../electron/cluster/protocol/error-codes.ts';
import { BROKER_RESOURCE, TOPIC_RESOURCE } from '../../../../electron/cluster/quorum/image.ts';
import { topicConfigDefinitions } from '../../../../electron/cluster/quorum/config-definitions.ts';
import { fakeBroker, imageOf, requestContext, topic } from '../../../helpers/fake-broker.ts';

const image = imageOf({
  topics: [topic('orders', 'AAAAAAAAAAAAAAAAAAAAAQ', [{}]), topic('plain', 'AAAAAAAAAAAAAAAAAAAAAg', [{}])],
  configs: [
    [TOPIC_RESOURCE, 'orders', { 'retention.ms': '1000', 'cleanup.policy': 'compact' }],
    [BROKER_RESOURCE, '', { 'log.retention.ms': '3000', 'min.insync.replicas': '2' }],
    [BROKER_RESOURCE, '1', { 'log.retention.ms': '2000' }],
  ],
});

async function ask(resourceType: number, resourceName: string, configurationKeys: string[] | null = null, includeSynonyms = false) {
  const broker = fakeBroker({ image, properties: { 'log.retention.hours': '5', 'compression.type': 'gzip', 'node.id': '1' } });
  const request = { resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms, includeDocumentation: false };
  const answer = await handleDescribeConfigs(request, requestContext(4), broker);
  const result = answer?.results[0];
  return { ...result, byName: new Map(result?.configs.map((config) => [config.name, config])) };
}

describe('DescribeConfigs', () => {
  it('returns every key of a topic with the source of its value', async () => {
    const { byName, errorCode } = await ask(2, 'orders');
    expect(errorCode).toBe(0);
    expect([...byName.keys()]).toEqual(topicConfigDefinitions.map(({ name }) => name));
    expect(byName.get('retention.ms')).toMatchObject({ value: '1000', configSource: 1, configType: 5, readOnly: false, synonyms: [] });
    expect(byName.get('min.insync.replicas')).toMatchObject({ value: '2', configSource: 3 });
    expect(byName.get('compression.type')).toMatchObject({ value: 'gzip', configSource: 4, configType: 2 });
    expect(byName.get('segment.ms')).toMatchObject({ value: '604800000', configSource: 5 });
    expect(byName.get('segment.bytes')).toMatchObject({ value: '1073741824', configSource: 5 });
    expect(byName.get('cleanup.policy')).toMatchObject({ value: 'compact', configType: 7, documentation: null });
  });

  it('lists synonyms, strongest first', async () => {
    const { byName } = await ask(2, 'orders', ['retention.ms'], true);
    expect(byName.get('retention.ms')?.synonyms).toEqual([
      { name: 'retention.ms', value: '1000', source: 1 },
      { name: 'log.retention.ms', value: '2000', source: 2 },
      { name: 'log.retention.ms', value: '3000', source: 3 },
      { name: 'log.retention.hours', value: '5', source: 4 },
      { name: 'log.retention.hours', value: '168', source: 5 },
    ]);
    expect(byName.size).toBe(1);
  });

  it("takes the broker's own dynamic value for a topic without an override", async () => {
    expect((await ask(2, 'plain', ['retention.ms'])).byName.get('retention.ms')).toMatchObject({ value: '2000', configSource: 2 });
  });

  it('returns all keys for an empty list, and skips unknown ones', async () => {
    expect((await ask(2, 'plain', [])).byName.size).toBe(topicConfigDefinitions.length);
    expect((await ask(2, 'plain', ['no.such.thing'])).byName.size).toBe(0);
  });

  it("returns this broker's keys, the cluster-wide dynamic ones under an empty name, and no other broker's", async () => {
    const own = (await ask(4, '1', null, true)).byName;
    expect(own.get('node.id')).toMatchObject({ value: '1', configSource: 4, readOnly: true });
    expect(own.get('log.retention.ms')).toMatchObject({ value: '2000', configSource: 2 });
    expect(own.get('broker.session.timeout.ms')).toMatchObject({ value: '3000', configSource: 5 });
    const shared = (await ask(4, '')).byName;
    expect([...shared.keys()].sort()).toEqual(['log.retention.ms', 'min.insync.replicas']);
    expect(await ask(4, '2')).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST, configs: [] });
  });

  it('returns an error for unknown resources', async () => {
    expect(await ask(2, 'absent')).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION });
    expect(await ask(2, 'a b')).toMatchObject({ errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION });
    expect(await ask(8, '2')).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST });
    expect(await ask(99, '1')).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST });
  });
});
