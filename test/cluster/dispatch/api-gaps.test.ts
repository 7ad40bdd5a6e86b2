import { describe, expect, it } from 'vitest';
import { brokerApis } from '../../../electron/cluster/broker/api-registry.ts';
import { apiGaps } from '../../../electron/cluster/dispatch/api-gaps.ts';
import { ApiRegistry } from '../../../electron/cluster/dispatch/api-registry.ts';
import { ApiKey, FIRST_PRIVATE_KEY } from '../../../electron/cluster/protocol/api-keys.ts';
import { apiByKey } from '../../../electron/cluster/protocol/apis/index.ts';
import { controllerApis } from '../../../electron/cluster/quorum/api-registry.ts';

const served = [...brokerApis.apis, ...controllerApis.apis];

describe('the API registries', () => {
  it.each(Object.entries(ApiKey))('%s (key %i) is either served or a gap with a reason', (name, key) => {
    const isServed = served.some((api) => api.key === key);
    expect({ name, served: isServed, gap: apiGaps.has(key) }).toEqual({ name, served: isServed, gap: !isServed });
    if (!isServed) expect(apiGaps.get(key)?.reason.length).toBeGreaterThan(10);
  });

  it('serve no API of Apache Kafka under another name or key', () => {
    for (const { key, name } of served) {
      if (key < FIRST_PRIVATE_KEY) expect([name, key]).toEqual([name, ApiKey[name as keyof typeof ApiKey]]);
      else expect(brokerApis.find(key)).toBeUndefined();
    }
  });

  it('use the schemas that are compared with those of Apache Kafka', () => {
    for (const { key, descriptor } of served) if (key < FIRST_PRIVATE_KEY) expect(descriptor.api).toBe(apiByKey.get(key));
  });

  it('serve an API on the listeners that its descriptor names', () => {
    for (const { name, descriptor } of served) {
      const found = [brokerApis.apis, controllerApis.apis].map((apis) => apis.some((api) => api.name === name));
      if (descriptor.listeners.includes('broker')) expect([name, found[0]]).toEqual([name, true]);
      if (descriptor.listeners.includes('controller')) expect([name, found[1]]).toEqual([name, true]);
    }
  });

  it('let only producers pipeline requests, and advertise no private API', () => {
    expect([...brokerApis.pipelined]).toEqual([ApiKey.Produce]);
    expect([...controllerApis.pipelined]).toEqual([]);
    expect(controllerApis.advertised.every(({ apiKey }) => apiKey < FIRST_PRIVATE_KEY)).toBe(true);
  });

  it('refuse a second descriptor of an API, and one of another listener', () => {
    const [first, ...others] = controllerApis.apis.filter(({ descriptor }) => !descriptor.listeners.includes('broker'));
    if (first === undefined) throw new Error('no API of the controller alone');
    expect(() => new ApiRegistry('controller', [first, ...others, first])).toThrow(`${first.name} is described twice`);
    expect(() => new ApiRegistry('broker', [first])).toThrow(`${first.name} is not described for the broker listener`);
  });
});
