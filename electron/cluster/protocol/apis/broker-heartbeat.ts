import { array, bool, defineApi, int16, int32, int64, uuid } from '../schema.ts';

/**
 * A broker's session with the controller: its state, the metadata it has read, what it wants (KIP-631). v1: offline
 * directories (KIP-858); v2: cordoned directories (KIP-1066).
 */
export const brokerHeartbeat = defineApi({
  key: 63,
  name: 'BrokerHeartbeat',
  versions: [0, 2],
  flexible: 0,
  request: {
    brokerId: int32('0+'),
    brokerEpoch: int64('0+', { default: -1n }),
    currentMetadataOffset: int64('0+'),
    wantFence: bool('0+'),
    wantShutDown: bool('0+'),
    offlineLogDirs: array('1+', uuid('1+'), { tag: 0 }),
    cordonedLogDirs: array('2+', uuid('2+'), { nullable: '2+', default: null, tag: 1 }),
  },
  response: {
    throttleTimeMs: int32('0+', { default: 0 }),
    errorCode: int16('0+'),
    isCaughtUp: bool('0+', { default: false }),
    isFenced: bool('0+', { default: true }),
    shouldShutDown: bool('0+'),
  },
});
