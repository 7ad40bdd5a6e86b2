/**
 * From a request frame to a response frame: finds the API, decodes, calls its handler, encodes. Runs once per request, so it allocates only
 * the request, its context and the response.
 */
import type { Logger } from '../lib/logger.ts';
import type { Dispatch, IncomingRequest } from '../network/dispatch.ts';
import { apiVersions } from '../protocol/apis/api-versions.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { decodeRequest, encodeResponse } from '../protocol/frame.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Api } from '../protocol/schema.ts';
import type { AdvertisedApi, BrokerContext, RequestContext } from './context.ts';

type Chunks = Uint8Array[] | null;

/** One entry of the table: an API and its handler. */
export interface ApiEntry {
  readonly key: number;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** Lowest version that ApiVersions lists; a request of a version below `minVersion` still closes its connection. */
  readonly advertiseFrom: number;
  serve(incoming: IncomingRequest, broker: BrokerContext): Chunks | Promise<Chunks>;
}

/** Builds the response when the handler failed; it may throw to close the connection instead. */
export type OnError<Request, Response> = (request: Request, code: number, message: string, version: number) => Response;

export function entry<Request, Response>(
  api: Api<Request, never, unknown, Response>,
  handler: (request: Request, context: RequestContext, broker: BrokerContext) => Response | null | Promise<Response | null>,
  onError: OnError<Request, Response>,
  advertiseFrom = api.minVersion,
): ApiEntry {
  const encode = (body: Response | null, { header }: IncomingRequest): Chunks =>
    body === null ? null : encodeResponse(api, header.apiVersion, header.correlationId, body);

  const fail = (error: unknown, request: Request, incoming: IncomingRequest, logger: Logger): Chunks => {
    const version = incoming.header.apiVersion;
    if (error instanceof KafkaError) {
      logger.debug('request refused', { api: api.name, version, code: error.codeName, reason: error.message });
      return encode(onError(request, error.code, error.message, version), incoming);
    }
    const stack = error instanceof Error ? error.stack : String(error);
    logger.error('request failed', { api: api.name, version, clientId: incoming.header.clientId, stack });
    return encode(
      onError(request, ErrorCode.UNKNOWN_SERVER_ERROR, 'The broker failed at this request; its log says more.', version),
      incoming,
    );
  };

  return {
    key: api.key,
    name: api.name,
    minVersion: api.minVersion,
    maxVersion: api.maxVersion,
    advertiseFrom,
    serve(incoming, broker) {
      const { header, connection } = incoming;
      const request = decodeRequest(api, header.apiVersion, incoming.reader);
      const context: RequestContext = {
        version: header.apiVersion,
        clientId: header.clientId ?? '',
        connection,
        header,
        listener: connection.listener,
        receivedAt: incoming.receivedAt,
      };
      try {
        const answer = handler(request, context, broker);
        if (!(answer instanceof Promise)) return encode(answer, incoming);
        return answer.then((body) => encode(body, incoming)).catch((error: unknown) => fail(error, request, incoming, broker.logger));
      } catch (error) {
        return fail(error, request, incoming, broker.logger);
      }
    },
  };
}

/** The versions that ApiVersions lists: exactly the table, by key. */
export function advertisedApis(entries: readonly ApiEntry[]): AdvertisedApi[] {
  return entries
    .map(({ key, advertiseFrom, maxVersion }) => ({ apiKey: key, minVersion: advertiseFrom, maxVersion }))
    .sort((a, b) => a.apiKey - b.apiKey);
}

/**
 * Dispatches requests to the entries. A request for an unknown API, or in an unsupported version, throws, which closes the
 * connection as Apache Kafka does; only ApiVersions itself is answered, so that a newer client can use a lower version (KIP-511).
 */
export function createDispatch(entries: readonly ApiEntry[], broker: BrokerContext): Dispatch {
  const byKey: (ApiEntry | undefined)[] = [];
  for (const one of entries) byKey[one.key] = one;
  return (incoming) => {
    const { apiKey, apiVersion, correlationId } = incoming.header;
    const found = byKey[apiKey];
    if (found !== undefined && apiVersion >= found.minVersion && apiVersion <= found.maxVersion) return found.serve(incoming, broker);
    if (found !== undefined && apiKey === apiVersions.key) {
      const { key, advertiseFrom, maxVersion } = found;
      return encodeResponse(apiVersions, 0, correlationId, {
        errorCode: ErrorCode.UNSUPPORTED_VERSION,
        apiKeys: [{ apiKey: key, minVersion: advertiseFrom, maxVersion }],
      });
    }
    throw new ProtocolError(
      found === undefined
        ? `no API with key ${apiKey} here`
        : `${found.name} version ${apiVersion}; ${found.minVersion} to ${found.maxVersion} are spoken here`,
    );
  };
}
