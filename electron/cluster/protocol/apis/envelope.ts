import { bytes, defineApi, int16 } from '../schema.ts';

/** Forwards a client's request to the active controller, with the client's principal and address (KIP-590). */
export const envelope = defineApi({
  key: 58,
  name: 'Envelope',
  versions: [0, 0],
  flexible: 0,
  request: {
    /** Header and body of the client's request. */
    requestData: bytes('0+'),
    /** Serialized principal of the client; null where the request is the broker's own. */
    requestPrincipal: bytes('0+', { nullable: '0+' }),
    /** The client's IP address, in network byte order. */
    clientHostAddress: bytes('0+'),
  },
  response: {
    /** Header and body of the response; null where the request was not processed. */
    responseData: bytes('0+', { nullable: '0+', default: null }),
    errorCode: int16('0+'),
  },
});
