import { array, defineApi, int16, int32, int64, string } from '../schema.ts';

/**
 * Transactions that this broker coordinates (KIP-664). v1: filter by duration (KIP-994); v2: by a pattern of the
 * transactional id (KIP-1152).
 */
export const listTransactions = defineApi({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 2],
  flexible: 0,
  request: {
    stateFilters: array('0+', string('0+')),
    producerIdFilters: array('0+', int64('0+')),
    durationFilter: int64('1+', { default: -1n }),
    transactionalIdPattern: string('2+', { nullable: '2+', default: null }),
  },
  response: {
    throttleTimeMs: int32('0+', { default: 0 }),
    errorCode: int16('0+'),
    unknownStateFilters: array('0+', string('0+')),
    transactionStates: array('0+', {
      transactionalId: string('0+'),
      producerId: int64('0+'),
      transactionState: string('0+'),
    }),
  },
});
