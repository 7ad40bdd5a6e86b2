import { bytes, defineApi, int16, int64, string } from '../schema.ts';

/** One step of a SASL exchange (KIP-152). v1: lifetime of the session (KIP-368). */
export const saslAuthenticate = defineApi({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexible: 2,
  request: {
    authBytes: bytes('0+'),
  },
  response: {
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+', default: null }),
    authBytes: bytes('0+'),
    sessionLifetimeMs: int64('1+', { default: 0n }),
  },
});
