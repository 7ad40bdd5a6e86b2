/**
 * Key 58, Envelope 0 (KIP-590): a request of a client that a broker forwards. The broker needs the authorization to act on the cluster, the
 * request inside that of the client.
 */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import type { RequestContext } from '../../dispatch/request.ts';
import type { ServedApi } from '../../dispatch/served-api.ts';
import { decodeAddress } from '../../lib/addresses.ts';
import { envelope } from '../../protocol/apis/envelope.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { decodeRequest, encodeResponse, readRequestHeader, type RequestHeader } from '../../protocol/frame.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import { Reader } from '../../protocol/reader.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { Operation } from '../../security/authorizer.ts';
import { ANONYMOUS, type Session } from '../../security/session.ts';
import type { ControllerServer, QuorumApi } from '../controller-api.ts';
import { decodePrincipal } from '../principal-data.ts';

type Request = RequestOf<typeof envelope>;

const LENGTH_BYTES = 4;

export const envelopeApi: QuorumApi<typeof envelope> = {
  api: envelope,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  handle: answerForwarded,
  failed: (_request, { errorCode }) => ({ errorCode }),
};

async function answerForwarded(request: Request, context: RequestContext, server: ControllerServer): Promise<ResponseIn<typeof envelope>> {
  const { found, header, body, session } = open(request, context, server);
  const { apiVersion: version, correlationId, clientId } = header;
  // Not the active controller: a failure of the envelope, after which the broker sends it to another node.
  const answer = await found.answer(body, { ...context, version, clientId: clientId ?? '', session }, server);
  const frame = Buffer.concat(encodeResponse(found.descriptor.api, version, correlationId, answer));
  return { errorCode: ErrorCode.NONE, responseData: frame.subarray(LENGTH_BYTES) };
}

interface Opened {
  readonly found: ServedApi<ControllerServer>;
  readonly header: RequestHeader;
  readonly body: unknown;
  readonly session: Session;
}

/** Throws `KafkaError` INVALID_REQUEST, UNSUPPORTED_VERSION. */
function open({ requestData, requestPrincipal, clientHostAddress }: Request, context: RequestContext, server: ControllerServer): Opened {
  const reader = new Reader(Buffer.from(requestData.buffer, requestData.byteOffset, requestData.byteLength));
  const header = readOrRefuse(() => readRequestHeader(reader));
  const found = server.registry.find(header.apiKey);
  if (found?.descriptor.listeners.includes('broker') !== true) {
    throw new KafkaError(ErrorCode.INVALID_REQUEST, `Requests of API ${header.apiKey} are not forwarded.`);
  }
  if (header.apiVersion < found.minVersion || header.apiVersion > found.maxVersion) {
    throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `Version ${header.apiVersion} of ${found.name} is not served.`);
  }
  return readOrRefuse(() => {
    const principal = requestPrincipal === null ? context.session.principal : decodePrincipal(requestPrincipal);
    const authenticated = principal.type !== ANONYMOUS.type || principal.name !== ANONYMOUS.name;
    const session = { principal, clientHost: `/${decodeAddress(clientHostAddress)}`, listener: context.listener, authenticated };
    return { found, header, body: decodeRequest(found.descriptor.api, header.apiVersion, reader), session };
  });
}

function readOrRefuse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new KafkaError(ErrorCode.INVALID_REQUEST, 'The forwarded request cannot be decoded.', { cause: error });
  }
}
