import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { allApis, apiByKey } from '../../../electron/cluster/protocol/apis/index.ts';
import { apiName } from '../../../electron/cluster/protocol/api-keys.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader,
} from '../../../electron/cluster/protocol/frame.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import type { Api } from '../../../electron/cluster/protocol/schema.ts';
import { makeMessage } from '../../helpers/messages.ts';

const MESSAGES_PER_VERSION = 4;

/** The frame in one buffer, its length checked and taken off. */
function frameOf(chunks: readonly Uint8Array[]): Buffer {
  const all = Buffer.concat(chunks);
  expect(all.readInt32BE(0)).toBe(all.length - 4);
  return all.subarray(4);
}

describe.each(allApis.map((api: Api) => [api.name, api] as const))('%s', (name, api) => {
  const versions = Array.from({ length: api.maxVersion - api.minVersion + 1 }, (_, i) => api.minVersion + i);

  test('has its key and name', () => {
    expect(apiByKey.get(api.key)).toBe(api);
    expect(apiName(api.key)).toBe(name);
  });

  test.each(versions)('request v%i survives a round trip', (version) => {
    const random = seededRandom(api.key * 100 + version);
    for (let i = 0; i < MESSAGES_PER_VERSION; i++) {
      const body = makeMessage(api.request, version, random);
      const clientId = i === 0 ? null : 'client-é';
      const reader = new Reader(frameOf(encodeRequest(api, version, { correlationId: i - 1, clientId }, body)));
      expect(readRequestHeader(reader)).toEqual({ apiKey: api.key, apiVersion: version, correlationId: i - 1, clientId });
      expect(decodeRequest(api, version, reader)).toEqual(body);
      expect(reader.remaining).toBe(0);
    }
  });

  test.each(versions)('response v%i survives a round trip', (version) => {
    const random = seededRandom(api.key * 100 + version + 50);
    for (let i = 0; i < MESSAGES_PER_VERSION; i++) {
      const body = makeMessage(api.response, version, random);
      expect(decodeResponse(api, version, frameOf(encodeResponse(api, version, 7, body)))).toEqual({ correlationId: 7, body });
    }
  });

  test('refuses versions it does not have', () => {
    expect(() => api.request.codec(api.maxVersion + 1)).toThrow('has no version');
    expect(() => api.response.codec(api.minVersion - 1)).toThrow('has no version');
  });
});
