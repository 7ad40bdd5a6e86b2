/**
 * What DescribeConfigs lists, beside Apache Kafka 4.3.0: one combined node with default settings described itself and a topic on 2026-11-30
 * (`described-configs.json`: name, type code, update mode, sensitivity, value, synonyms with their sources).
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { handleDescribeConfigs } from '../../../../electron/cluster/broker/handlers/describe-configs.ts';
import { fakeBroker, imageOf, registration, requestContext, topic } from '../../../helpers/fake-broker.ts';

const KAFKA = JSON.parse(readFileSync(new URL('described-configs.json', import.meta.url), 'utf8')) as Record<'topic' | 'broker', string[]>;

const FASTER = 'an embedded cluster detects failures and starts groups sooner';
const GIVEN = 'the node of the comparison was started with it';
const SECURITY = 'listeners and their security do not change while a node runs';
/** Reasons for deliberate differences. */
const REASONS: Readonly<Record<string, string>> = {
  'min.insync.replicas': 'Kafka stores it for all brokers when eligible leader replicas are turned on',
  'offsets.topic.num.partitions': 'fewer partitions for a desk',
  'transaction.state.log.num.partitions': 'fewer partitions for a desk',
  'broker.session.timeout.ms': FASTER,
  'broker.heartbeat.interval.ms': FASTER,
  'controller.quorum.fetch.timeout.ms': FASTER,
  'replica.socket.timeout.ms': FASTER,
  'replica.lag.time.max.ms': FASTER,
  'replica.fetch.backoff.ms': FASTER,
  'group.initial.rebalance.delay.ms': FASTER,
  'replica.fetch.max.bytes': 'catching up takes fewer requests',
  'group.max.size': 'members are bounded',
  'group.coordinator.rebalance.protocols': 'the classic protocol alone is built',
  'node.id': GIVEN,
  'broker.id': GIVEN,
  'process.roles': GIVEN,
  'log.dirs': GIVEN,
  listeners: GIVEN,
  'controller.listener.names': GIVEN,
  'controller.quorum.voters': GIVEN,
  'offsets.topic.replication.factor': GIVEN,
  'listener.security.protocol.map': SECURITY,
  'principal.builder.class': SECURITY,
  'sasl.enabled.mechanisms': SECURITY,
  'ssl.client.auth': SECURITY,
};
/** Prefixes of keys that belong to unimplemented features. */
const UNBUILT =
  /^(remote\.|share\.|streams|group\.(share|consumer|streams|coordinator)|sasl\.|ssl\.|transaction|quota\.|delegation\.|metadata\.log\.)/;

async function described(type: number, name: string): Promise<Map<string, string>> {
  const image = imageOf({ topics: [topic('settings', 'AAAAAAAAAAAAAAAAAAAAAQ', [{ leader: 1 }])], brokers: [registration(1)] });
  const request = {
    resources: [{ resourceType: type, resourceName: name, configurationKeys: null }],
    includeSynonyms: true,
    includeDocumentation: true,
  };
  const answer = await handleDescribeConfigs(request, requestContext(4), fakeBroker({ image }));
  const rows = new Map<string, string>();
  for (const one of answer?.results[0]?.configs ?? []) {
    const { configType, readOnly, isSensitive, value, synonyms, documentation } = one;
    expect(documentation, one.name).toMatch(/^.{10,}\.$/);
    const cells = [one.name, configType, readOnly ? 'ro' : 'dynamic', isSensitive ? 'secret' : 'shown', JSON.stringify(value)];
    rows.set(one.name, [...cells, ...synonyms.map((synonym) => `${synonym.name}@${synonym.source}`)].join(' '));
  }
  return rows;
}

test.each([
  ['topic', 2, 'settings'],
  ['broker', 4, '1'],
] as const)('DescribeConfigs: a %s is described as by Apache Kafka, but for listed differences', async (kind, type, name) => {
  const here = await described(type, name);
  const nameOf = (row: string): string => row.slice(0, row.indexOf(' '));
  const missing = KAFKA[kind].map(nameOf).filter((setting) => !here.has(setting) && !UNBUILT.test(setting));
  expect(missing).toEqual([]);
  const differ = KAFKA[kind].filter((row) => {
    const own = here.get(nameOf(row));
    return own !== undefined && own !== row && !Object.hasOwn(REASONS, nameOf(row));
  });
  expect(differ.map((row) => ({ kafka: row, here: here.get(nameOf(row)) }))).toEqual([]);
});
