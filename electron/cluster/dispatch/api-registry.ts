/** The APIs of one listener, and the dispatcher that calls them. ApiVersions lists exactly its registry, so clients rely on every entry. */
import { FIRST_PRIVATE_KEY } from '../protocol/api-keys.ts';
import { apiVersions } from '../protocol/apis/api-versions.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { encodeResponse } from '../protocol/frame.ts';
import { apiGaps } from './api-gaps.ts';
import type { ListenerKind } from './api-descriptor.ts';
import type { Dispatch } from './request.ts';
import type { ServedApi } from './served-api.ts';

/** A line of ApiVersions. */
export interface AdvertisedApi {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

export class ApiRegistry<Server> {
  readonly apis: readonly ServedApi<Server>[];
  /** The versions that ApiVersions lists, by key. */
  readonly advertised: readonly AdvertisedApi[];
  /** Keys of the APIs whose requests may begin while responses to earlier ones are outstanding. */
  readonly pipelined: ReadonlySet<number>;
  private readonly byKey: (ServedApi<Server> | undefined)[] = [];

  /** Throws where an API is described twice, or for another listener. */
  constructor(listener: ListenerKind, apis: readonly ServedApi<Server>[]) {
    this.apis = apis;
    for (const one of apis) {
      if (this.byKey[one.key] !== undefined) throw new Error(`${one.name} is described twice for the ${listener} listener`);
      if (!one.descriptor.listeners.includes(listener)) throw new Error(`${one.name} is not described for the ${listener} listener`);
      this.byKey[one.key] = one;
    }
    this.advertised = apis
      .filter(({ key }) => key < FIRST_PRIVATE_KEY)
      .map(({ key, advertiseFrom, maxVersion }) => ({ apiKey: key, minVersion: advertiseFrom, maxVersion }))
      .sort((a, b) => a.apiKey - b.apiKey);
    this.pipelined = new Set(apis.filter(({ descriptor }) => descriptor.pipelined === true).map(({ key }) => key));
  }

  find(apiKey: number): ServedApi<Server> | undefined {
    return this.byKey[apiKey];
  }
}

/**
 * Dispatches requests to the APIs. A request for an unknown API, or in an unsupported version, throws, which closes the
 * connection as Apache Kafka does; only ApiVersions itself is answered, so that a newer client can use a lower version (KIP-511).
 */
export function createDispatch<Server>(registry: ApiRegistry<Server>, server: Server): Dispatch {
  return (incoming) => {
    const { apiKey, apiVersion, correlationId } = incoming.header;
    const found = registry.find(apiKey);
    if (found !== undefined && apiVersion >= found.minVersion && apiVersion <= found.maxVersion) return found.serve(incoming, server);
    if (found !== undefined && apiKey === apiVersions.key) {
      const { key, advertiseFrom, maxVersion } = found;
      return encodeResponse(apiVersions, 0, correlationId, {
        errorCode: ErrorCode.UNSUPPORTED_VERSION,
        apiKeys: [{ apiKey: key, minVersion: advertiseFrom, maxVersion }],
      });
    }
    throw new ProtocolError(
      found === undefined
        ? `no API with key ${apiKey} is served here${gapReason(apiKey)}`
        : `${found.name} version ${apiVersion} is not served; versions ${found.minVersion} to ${found.maxVersion} are`,
    );
  };
}

function gapReason(apiKey: number): string {
  const gap = apiGaps.get(apiKey);
  return gap === undefined ? '' : ` (${gap.name}: ${gap.reason})`;
}
