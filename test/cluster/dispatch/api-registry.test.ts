import { describe, expect, it, vi } from 'vitest';
import { brokerApis } from '../../../electron/cluster/broker/api-registry.ts';
import { heartbeatApi } from '../../../electron/cluster/broker/handlers/heartbeat.ts';
import { metadataApi } from '../../../electron/cluster/broker/handlers/metadata.ts';
import type { BrokerContext } from '../../../electron/cluster/broker/context.ts';
import { ApiRegistry, createDispatch } from '../../../electron/cluster/dispatch/api-registry.ts';
import type { ApiDescriptor } from '../../../electron/cluster/dispatch/api-descriptor.ts';
import { servedApi } from '../../../electron/cluster/dispatch/served-api.ts';
import { must } from '../../../electron/cluster/lib/assert.ts';
import { createLogger } from '../../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { consumerGroupDescribe } from '../../../electron/cluster/protocol/apis/consumer-group-describe.ts';
import { consumerGroupHeartbeat } from '../../../electron/cluster/protocol/apis/consumer-group-heartbeat.ts';
import { apiVersions } from '../../../electron/cluster/protocol/apis/api-versions.ts';
import { heartbeat } from '../../../electron/cluster/protocol/apis/heartbeat.ts';
import { apiByKey } from '../../../electron/cluster/protocol/apis/index.ts';
import { metadata } from '../../../electron/cluster/protocol/apis/metadata.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { decodeResponse, encodeRequest, readRequestHeader } from '../../../electron/cluster/protocol/frame.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import type { Api } from '../../../electron/cluster/protocol/schema.ts';
import { Writer } from '../../../electron/cluster/protocol/writer.ts';
import type { IncomingRequest } from '../../../electron/cluster/dispatch/request.ts';
import { controllerApis } from '../../../electron/cluster/quorum/api-registry.ts';
import { connection, fakeBroker } from '../../helpers/fake-broker.ts';
import { makeMessage } from '../../helpers/messages.ts';

function incoming(chunks: readonly Uint8Array[]): IncomingRequest {
  const reader = new Reader(Buffer.concat(chunks).subarray(4));
  return { header: readRequestHeader(reader), reader, connection, receivedAt: 0 };
}

/** A request header without a body, for APIs and versions without a schema. */
function headerOnlyRequest(apiKey: number, apiVersion: number): IncomingRequest {
  const writer = new Writer();
  writer.int32(0);
  writer.int16(apiKey);
  writer.int16(apiVersion);
  writer.int32(77);
  writer.nullableString('test');
  return incoming([writer.finishBuffer()]);
}

function decode<S>(api: Api<unknown, never, S, never>, version: number, chunks: Uint8Array[] | null): { correlationId: number; body: S } {
  if (chunks === null) throw new Error('no answer');
  const frame = Buffer.concat(chunks);
  expect(frame.readInt32BE(0)).toBe(frame.length - 4);
  return decodeResponse(api, version, frame.subarray(4));
}

function registryOf<Q, S>(descriptor: ApiDescriptor<Q, S, BrokerContext>): ApiRegistry<BrokerContext> {
  return new ApiRegistry('broker', [servedApi(descriptor)]);
}

const beat = { groupId: 'g', generationId: 1, memberId: 'm' };

describe('dispatch', () => {
  it('answers an unsupported ApiVersions version in version 0 with key 18 alone', async () => {
    const dispatch = createDispatch(brokerApis, fakeBroker());
    const { correlationId, body } = decode(apiVersions, 0, await dispatch(headerOnlyRequest(18, 99)));
    expect(correlationId).toBe(77);
    expect(body.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
    expect(body.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }]);
  });

  it('answers an unsupported ApiVersions version at the CONTROLLER listener too', async () => {
    const dispatch = createDispatch(controllerApis, undefined as never);
    const { correlationId, body } = decode(apiVersions, 0, await dispatch(headerOnlyRequest(18, 99)));
    expect(correlationId).toBe(77);
    expect(body).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] });
    expect(() => dispatch(headerOnlyRequest(0, 9))).toThrow('no API with key 0 is served here');
  });

  it('names the reason why an API of Apache Kafka is not served', () => {
    const dispatch = createDispatch(brokerApis, fakeBroker());
    expect(() => dispatch(headerOnlyRequest(26, 0))).toThrow('no API with key 26 is served here (EndTxn: transactions are not supported');
  });

  it('closes the connection on any other unsupported API or version', () => {
    const dispatch = createDispatch(brokerApis, fakeBroker());
    expect(() => dispatch(headerOnlyRequest(3, 14))).toThrow('Metadata version 14 is not served; versions 0 to 13 are');
    expect(() => dispatch(headerOnlyRequest(3, -1))).toThrow('Metadata version -1');
    expect(() => dispatch(headerOnlyRequest(18_000, 0))).toThrow('no API with key 18000');
    expect(() => dispatch(headerOnlyRequest(4, 0))).toThrow('no API with key 4');
    expect(() => dispatch(headerOnlyRequest(-1, 0))).toThrow('no API with key -1');
  });

  it('lists the APIs of the new group protocol, and refuses their requests', async () => {
    const dispatch = createDispatch(brokerApis, fakeBroker());
    const joining = { groupId: 'g', memberId: 'm', memberEpoch: 0 };
    for (const version of [0, 1]) {
      const header = { correlationId: 5, clientId: 'c' };
      const beaten = decode(
        consumerGroupHeartbeat,
        version,
        await dispatch(incoming(encodeRequest(consumerGroupHeartbeat, version, header, joining))),
      );
      expect(beaten.body).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION, assignment: null });
      const asked = encodeRequest(consumerGroupDescribe, version, header, { groupIds: ['a', 'b'], includeAuthorizedOperations: false });
      const described = decode(consumerGroupDescribe, version, await dispatch(incoming(asked)));
      expect(described.body.groups.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
        ['a', ErrorCode.UNSUPPORTED_VERSION],
        ['b', ErrorCode.UNSUPPORTED_VERSION],
      ]);
    }
  });

  it.each([0, 1, 2, 3, 4])('lists exactly the table in ApiVersions v%i, with a header that is never flexible', async (version) => {
    const dispatch = createDispatch(brokerApis, fakeBroker());
    const request = encodeRequest(
      apiVersions,
      version,
      { correlationId: 5, clientId: 'c' },
      { clientSoftwareName: 'kcat', clientSoftwareVersion: '1.7' },
    );
    const { correlationId, body } = decode(apiVersions, version, await dispatch(incoming(request)));
    expect(correlationId).toBe(5);
    expect(body.errorCode).toBe(0);
    expect(body.apiKeys).toEqual(brokerApis.advertised);
    expect(body.apiKeys.map(({ apiKey }) => apiKey)).toEqual([...new Set(brokerApis.apis.map(({ key }) => key))].sort((a, b) => a - b));
  });

  it('refuses a malformed name of client software', async () => {
    const dispatch = createDispatch(brokerApis, fakeBroker());
    const request = encodeRequest(
      apiVersions,
      3,
      { correlationId: 5, clientId: 'c' },
      { clientSoftwareName: '-bad-', clientSoftwareVersion: '1' },
    );
    const { body } = decode(apiVersions, 3, await dispatch(incoming(request)));
    expect(body.errorCode).toBe(ErrorCode.INVALID_REQUEST);
  });

  it('lists the versions that librdkafka requires for the features of newer brokers', () => {
    const byKey = new Map(brokerApis.advertised.map((one) => [one.apiKey, one]));
    expect(byKey.get(10)?.minVersion).toBe(0);
    expect(byKey.get(11)?.minVersion).toBe(0);
  });

  it('answers a flexible request with a flexible header', async () => {
    const dispatch = createDispatch(brokerApis, fakeBroker());
    const request = encodeRequest(metadata, 12, { correlationId: 9, clientId: null }, { topics: [] });
    const { correlationId, body } = decode(metadata, 12, await dispatch(incoming(request)));
    expect(correlationId).toBe(9);
    expect(body.brokers.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3]);
  });

  it('turns an exception of a handler into the error response of its API, and logs unexpected ones', async () => {
    const log = vi.fn();
    const broker = { ...fakeBroker(), logger: createLogger(log) };
    const answer = async (error: Error, late: boolean): Promise<number> => {
      const handler = (): Promise<never> => {
        if (late) return Promise.reject(error);
        throw error;
      };
      const dispatch = createDispatch(registryOf({ ...heartbeatApi, handle: handler }), broker);
      const chunks = await dispatch(incoming(encodeRequest(heartbeat, 4, { correlationId: 1, clientId: null }, beat)));
      return decode(heartbeat, 4, chunks).body.errorCode;
    };
    for (const late of [false, true]) {
      expect(await answer(new KafkaError(ErrorCode.NOT_COORDINATOR), late)).toBe(ErrorCode.NOT_COORDINATOR);
      expect(log).not.toHaveBeenCalled();
      expect(await answer(new Error('bug'), late)).toBe(ErrorCode.UNKNOWN_SERVER_ERROR);
      expect(log).toHaveBeenCalledExactlyOnceWith('error', 'request failed', expect.objectContaining({ api: 'Heartbeat' }));
      log.mockClear();
    }
  });

  it('sends an error response when the response of a handler cannot be encoded', async () => {
    const bad = registryOf({ ...metadataApi, handle: () => ({ brokers: null as never, topics: [], errorCode: 0 }) });
    const request = encodeRequest(metadata, 13, { correlationId: 1, clientId: null }, { topics: [] });
    const chunks = await createDispatch(bad, fakeBroker())(incoming(request));
    expect(decode(metadata, 13, chunks).body.errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR);
  });

  it('sends nothing where the handler returns null', async () => {
    const dispatch = createDispatch(registryOf({ ...heartbeatApi, handle: () => null }), fakeBroker());
    expect(await dispatch(incoming(encodeRequest(heartbeat, 0, { correlationId: 1, clientId: null }, beat)))).toBeNull();
  });

  it('lists a lower version than it serves, where the entry has one', () => {
    const raised = registryOf({ ...heartbeatApi, api: { ...heartbeat, minVersion: 3 }, advertiseFrom: 0 });
    expect(raised.advertised).toEqual([{ apiKey: 12, minVersion: 0, maxVersion: 4 }]);
    expect(() => createDispatch(raised, fakeBroker())(headerOnlyRequest(12, 2))).toThrow(
      'Heartbeat version 2 is not served; versions 3 to 4',
    );
  });

  it('closes the connection on a malformed request body', () => {
    const dispatch = createDispatch(brokerApis, fakeBroker());
    expect(() => dispatch(headerOnlyRequest(3, 1))).toThrow('bytes wanted');
  });
});

describe('error responses', () => {
  const cases = brokerApis.apis.flatMap(({ key, name, minVersion, maxVersion }) =>
    Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => ({ key, name, version: minVersion + index })),
  );

  it.each(cases)('$name v$version returns an error in a form that its clients can decode', async ({ key, version }) => {
    const api = must(apiByKey.get(key), 'no schema');
    const failure = new KafkaError(ErrorCode.POLICY_VIOLATION);
    const fail = (): never => {
      throw failure;
    };
    const whole = fakeBroker();
    const broker = { ...whole, image: fail, autoTopics: { create: fail }, controller: { send: fail } };
    const dispatch = createDispatch(brokerApis, broker);
    const random = seededRandom(key * 100 + version);
    for (let round = 0; round < 5; round++) {
      const body = makeMessage(api.request, version, random);
      const request = encodeRequest(api as Api<unknown, unknown, unknown, never>, version, { correlationId: 3, clientId: 'c' }, body);
      const answer = decode(api, version, await dispatch(incoming(request)));
      expect(answer.correlationId).toBe(3);
    }
  });
});
