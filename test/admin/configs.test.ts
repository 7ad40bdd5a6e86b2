import { expect, test } from 'vitest';
import type { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { topicConfigs } from '../../electron/admin/configs.ts';

/** Sources of a setting: 1 topic, 3 all brokers, 5 default. */
const entryOf = async (configSource: number, synonyms: { name: string; value: string | null; source: number }[]) => {
  const config = {
    name: 'retention.ms',
    value: '1',
    readOnly: false,
    configSource,
    isSensitive: false,
    configType: 5,
    documentation: null,
  };
  const results = [{ errorCode: 0, errorMessage: null, resourceName: 't', configs: [{ ...config, synonyms }] }];
  const client = { anyBroker: () => Promise.resolve({ results }) } as unknown as ClusterClient;
  return (await topicConfigs(client, 't'))[0];
};

test.each<[string, number, [string | null, number][], string | null | undefined]>([
  ['the value of all brokers before the default', 1, [['1', 1], ['2', 3], ['3', 5]], '2'], // prettier-ignore
  ['the default where nothing else is set', 1, [['1', 1], ['3', 5]], '3'], // prettier-ignore
  ['unknown of a broker that reports no synonyms', 1, [], undefined],
  ['nothing for a value that is the default already', 5, [['1', 5]], undefined],
])('the inherited value of a setting is %s', async (_what, source, synonyms, inherited) => {
  const entry = await entryOf(
    source,
    synonyms.map(([value, one]) => ({ name: 'n', value, source: one })),
  );
  expect(entry?.inherited).toBe(inherited);
});
