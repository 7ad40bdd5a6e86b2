import { array, bool, defineApi, int16, int32, int64, string, uint16, uuid } from '../schema.ts';

/**
 * A broker registers with the controller and gets its broker epoch (KIP-631). v1: migrating from ZooKeeper
 * (KIP-866); v2: log directories (KIP-858); v3: the epoch of a clean shutdown (KIP-966); v4: features whose lowest version
 * is 0.
 */
export const brokerRegistration = defineApi({
  key: 62,
  name: 'BrokerRegistration',
  versions: [0, 4],
  flexible: 0,
  request: {
    brokerId: int32('0+'),
    clusterId: string('0+'),
    incarnationId: uuid('0+'),
    listeners: array('0+', {
      name: string('0+'),
      host: string('0+'),
      port: uint16('0+'),
      securityProtocol: int16('0+'),
    }),
    features: array('0+', {
      name: string('0+'),
      minSupportedVersion: int16('0+'),
      maxSupportedVersion: int16('0+'),
    }),
    rack: string('0+', { nullable: '0+' }),
    isMigratingZkBroker: bool('1+', { default: false }),
    logDirs: array('2+', uuid('2+'), { default: [] }),
    previousBrokerEpoch: int64('3+', { default: -1n }),
  },
  response: {
    throttleTimeMs: int32('0+', { default: 0 }),
    errorCode: int16('0+'),
    brokerEpoch: int64('0+', { default: -1n }),
  },
});
