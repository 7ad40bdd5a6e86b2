import { bytes, defineApi, int16, int32, int64 } from '../schema.ts';

/** Sets the expiry of a delegation token (KIP-48). */
export const expireDelegationToken = defineApi({
  key: 40,
  name: 'ExpireDelegationToken',
  versions: [1, 2],
  flexible: 2,
  request: {
    hmac: bytes('0+'),
    expiryTimePeriodMs: int64('0+'),
  },
  response: {
    errorCode: int16('0+'),
    expiryTimestampMs: int64('0+'),
    throttleTimeMs: int32('0+', { default: 0 }),
  },
});
