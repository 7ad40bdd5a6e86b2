import { bool, defineApi, int16, int32, int64, string } from '../schema.ts';

/** Commits or aborts a transaction (KIP-98). v4: TRANSACTION_ABORTABLE; v5: returns the epoch for the next transaction (both KIP-890). */
export const endTxn = defineApi({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactionalId: string('0+'),
    producerId: int64('0+'),
    producerEpoch: int16('0+'),
    committed: bool('0+'),
  },
  response: {
    throttleTimeMs: int32('0+', { default: 0 }),
    errorCode: int16('0+'),
    producerId: int64('5+', { default: -1n }),
    producerEpoch: int16('5+', { default: -1 }),
  },
});
