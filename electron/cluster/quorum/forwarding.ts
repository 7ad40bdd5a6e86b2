/** The broker's side of Envelope (KIP-590): a request of a client, with the client's principal and address, for the active controller. */
import { encodeAddress } from '../lib/addresses.ts';
import type { envelope } from '../protocol/apis/envelope.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { decodeResponse, encodeRequest } from '../protocol/frame.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Api, RequestIn, ResponseOf } from '../protocol/schema.ts';
import type { Session } from '../security/session.ts';
import { encodePrincipal } from './principal-data.ts';

/** The client that sent a forwarded request. */
export interface ForwardedClient {
  readonly session: Session;
  readonly clientId: string;
}

const LENGTH_BYTES = 4;
/** The envelope's own correlation id identifies the response. */
const CORRELATION_ID = 0;

export function wrapRequest<Q>(
  api: Api<unknown, Q, unknown, never>,
  version: number,
  body: Q,
  { session, clientId }: ForwardedClient,
): RequestIn<typeof envelope> {
  const frame = Buffer.concat(encodeRequest(api, version, { correlationId: CORRELATION_ID, clientId }, body));
  return {
    requestData: frame.subarray(LENGTH_BYTES),
    requestPrincipal: encodePrincipal(session.principal),
    clientHostAddress: encodeAddress(session.clientHost.replace(/^\//, '')),
  };
}

/**
 * The response to the client's request. Throws `KafkaError` NOT_CONTROLLER where the node is not the active controller, and
 * UNKNOWN_SERVER_ERROR where it refused the envelope itself, which is no error of the client.
 */
export function unwrapResponse<S>(api: Api<unknown, never, S, never>, version: number, answer: ResponseOf<typeof envelope>): S {
  const { errorCode, responseData } = answer;
  if (errorCode === ErrorCode.NOT_CONTROLLER) throw new KafkaError(ErrorCode.NOT_CONTROLLER);
  if (errorCode !== ErrorCode.NONE || responseData === null) {
    const message = `The controller refused to process the forwarded ${api.name} request: ${errorName(errorCode)}.`;
    throw new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, message);
  }
  return decodeResponse(api, version, Buffer.from(responseData.buffer, responseData.byteOffset, responseData.byteLength)).body;
}
