import { array, defineApi, int16, string } from '../schema.ts';

/** Agrees on a SASL mechanism. v1: the exchange that follows travels in SaslAuthenticate (KIP-152). */
export const saslHandshake = defineApi({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexible: Infinity,
  request: {
    mechanism: string('0+'),
  },
  response: {
    errorCode: int16('0+'),
    mechanisms: array('0+', string('0+')),
  },
});
