/** A described API behind erased types. Runs once per request, so it allocates only the request, its context and the response. */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeRequest, encodeResponse } from '../protocol/frame.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { authorizationError } from '../security/authorizer.ts';
import type { ApiDescriptor, ApiServer } from './api-descriptor.ts';
import type { IncomingRequest, RequestContext } from './request.ts';

type Chunks = Uint8Array[] | null;

export interface ServedApi<Server> {
  readonly key: number;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** Lowest version that ApiVersions lists; a request of a version below `minVersion` still closes its connection. */
  readonly advertiseFrom: number;
  readonly descriptor: ApiDescriptor<unknown, unknown, Server>;
  /** From a request frame to a response frame. Throws where the request cannot be decoded. */
  serve(incoming: IncomingRequest, server: Server): Chunks | Promise<Chunks>;
  /**
   * Answers a request that was decoded by the codec of this API. Rejects with NOT_CONTROLLER, after which the sender retries at another node;
   * every other failure is a response.
   */
  answer(request: unknown, context: RequestContext, server: Server): Promise<unknown>;
}

export function servedApi<Request, Response, Server extends ApiServer>(
  descriptor: ApiDescriptor<Request, Response, Server>,
): ServedApi<Server> {
  const { api, advertiseFrom = api.minVersion } = descriptor;
  const rule = descriptor.authorization.request;

  const run = (request: Request, context: RequestContext, server: Server): Response | null | Promise<Response | null> => {
    if (rule !== undefined && !server.authorizer.authorize(context.session, rule.operation, rule.resource, rule.name(request))) {
      throw authorizationError(rule.resource);
    }
    return descriptor.handle(request, context, server);
  };

  const fail = (error: unknown, request: Request, { version, clientId }: RequestContext, { logger }: Server): Response => {
    if (error instanceof KafkaError) {
      logger.debug('request refused', { api: api.name, version, code: error.codeName, reason: error.message });
      return descriptor.failed(request, { errorCode: error.code, errorMessage: error.message }, version);
    }
    const stack = error instanceof Error ? error.stack : String(error);
    logger.error('request failed', { api: api.name, version, clientId, stack });
    const errorMessage = `The node failed on this ${api.name} request; its log has the reason.`;
    return descriptor.failed(request, { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, errorMessage }, version);
  };

  const encode = (body: Response | null, { header }: IncomingRequest): Chunks =>
    body === null ? null : encodeResponse(api, header.apiVersion, header.correlationId, body);

  return {
    key: api.key,
    name: api.name,
    minVersion: api.minVersion,
    maxVersion: api.maxVersion,
    advertiseFrom,
    descriptor,
    serve(incoming, server) {
      const { header, connection, receivedAt } = incoming;
      const request = decodeRequest(api, header.apiVersion, incoming.reader);
      const context: RequestContext = {
        version: header.apiVersion,
        clientId: header.clientId ?? '',
        connection,
        session: connection.session,
        listener: connection.listener,
        receivedAt,
      };
      try {
        const answer = run(request, context, server);
        if (!(answer instanceof Promise)) return encode(answer, incoming);
        return answer
          .then((body) => encode(body, incoming))
          .catch((error: unknown) => encode(fail(error, request, context, server), incoming));
      } catch (error) {
        return encode(fail(error, request, context, server), incoming);
      }
    },
    async answer(decoded, context, server) {
      const request = decoded as Request;
      try {
        return await run(request, context, server);
      } catch (error) {
        if (error instanceof KafkaError && error.code === ErrorCode.NOT_CONTROLLER) throw error;
        return fail(error, request, context, server);
      }
    },
  };
}
