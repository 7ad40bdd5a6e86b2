import {
  array,
  bool,
  bytes,
  defineMessage,
  float64,
  int16,
  int32,
  int64,
  int8,
  string,
  struct,
  uint16,
  uuid,
  type Fields,
  type InOf,
  type Message,
  type OutOf,
} from '../schema.ts';

function record<const F extends Fields>(
  type: number,
  name: string,
  versions: readonly [min: number, max: number],
  fields: F,
): { readonly type: number; readonly message: Message<OutOf<F>, InOf<F>> } {
  return { type, message: defineMessage({ name, versions, flexible: 0, fields }) };
}

/** Tags from here on are not used by any specification of Apache Kafka. */
export const OWN_TAG = 10_000;

/** The records of the cluster's metadata log (KIP-631) by name: their type on the wire and their schema. All versions are flexible. */
export const metadataSchemas = {
  RegisterBrokerRecord: record(0, 'RegisterBrokerRecord', [0, 4], {
    brokerId: int32('0+'),
    isMigratingZkBroker: bool('2+', { default: false }),
    incarnationId: uuid('0+'),
    brokerEpoch: int64('0+'),
    endPoints: array('0+', {
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
    fenced: bool('0+', { default: true }),
    inControlledShutdown: bool('1+', { default: false }),
    logDirs: array('3+', uuid('3+'), { tag: 0 }),
    cordonedLogDirs: array('4+', uuid('4+'), { nullable: '4+', default: null, tag: 1 }),
  }),
  UnregisterBrokerRecord: record(1, 'UnregisterBrokerRecord', [0, 0], {
    brokerId: int32('0+'),
    brokerEpoch: int64('0+'),
  }),
  TopicRecord: record(2, 'TopicRecord', [0, 0], {
    name: string('0+'),
    topicId: uuid('0+'),
  }),
  PartitionRecord: record(3, 'PartitionRecord', [0, 2], {
    partitionId: int32('0+', { default: -1 }),
    topicId: uuid('0+'),
    replicas: array('0+', int32('0+')),
    isr: array('0+', int32('0+')),
    removingReplicas: array('0+', int32('0+')),
    addingReplicas: array('0+', int32('0+')),
    leader: int32('0+', { default: -1 }),
    leaderRecoveryState: int8('0+', { default: 0, tag: 0 }),
    leaderEpoch: int32('0+', { default: -1 }),
    partitionEpoch: int32('0+', { default: -1 }),
    directories: array('1+', uuid('1+'), { default: [] }),
    eligibleLeaderReplicas: array('2+', int32('2+'), { nullable: '2+', default: null, tag: 1 }),
    lastKnownElr: array('2+', int32('2+'), { nullable: '2+', default: null, tag: 2 }),
  }),
  ConfigRecord: record(4, 'ConfigRecord', [0, 0], {
    resourceType: int8('0+'),
    resourceName: string('0+'),
    name: string('0+'),
    value: string('0+', { nullable: '0+' }),
  }),
  PartitionChangeRecord: record(5, 'PartitionChangeRecord', [0, 2], {
    partitionId: int32('0+', { default: -1 }),
    topicId: uuid('0+'),
    isr: array('0+', int32('0+'), { nullable: '0+', default: null, tag: 0 }),
    leader: int32('0+', { default: -2, tag: 1 }),
    replicas: array('0+', int32('0+'), { nullable: '0+', default: null, tag: 2 }),
    removingReplicas: array('0+', int32('0+'), { nullable: '0+', default: null, tag: 3 }),
    addingReplicas: array('0+', int32('0+'), { nullable: '0+', default: null, tag: 4 }),
    leaderRecoveryState: int8('0+', { default: -1, tag: 5 }),
    directories: array('1+', uuid('1+'), { nullable: '1+', default: null, tag: 8 }),
    eligibleLeaderReplicas: array('2+', int32('2+'), { nullable: '2+', default: null, tag: 6 }),
    lastKnownElr: array('2+', int32('2+'), { nullable: '2+', default: null, tag: 7 }),
  }),
  FenceBrokerRecord: record(7, 'FenceBrokerRecord', [0, 0], {
    id: int32('0+'),
    epoch: int64('0+'),
  }),
  UnfenceBrokerRecord: record(8, 'UnfenceBrokerRecord', [0, 0], {
    id: int32('0+'),
    epoch: int64('0+'),
  }),
  RemoveTopicRecord: record(9, 'RemoveTopicRecord', [0, 0], {
    topicId: uuid('0+'),
  }),
  DelegationTokenRecord: record(10, 'DelegationTokenRecord', [0, 0], {
    owner: string('0+'),
    requester: string('0+'),
    renewers: array('0+', string('0+')),
    issueTimestamp: int64('0+'),
    maxTimestamp: int64('0+'),
    expirationTimestamp: int64('0+'),
    tokenId: string('0+'),
  }),
  UserScramCredentialRecord: record(11, 'UserScramCredentialRecord', [0, 0], {
    name: string('0+'),
    mechanism: int8('0+'),
    salt: bytes('0+'),
    storedKey: bytes('0+'),
    serverKey: bytes('0+'),
    iterations: int32('0+'),
  }),
  FeatureLevelRecord: record(12, 'FeatureLevelRecord', [0, 0], {
    name: string('0+'),
    featureLevel: int16('0+'),
  }),
  ClientQuotaRecord: record(14, 'ClientQuotaRecord', [0, 0], {
    entity: array('0+', {
      entityType: string('0+'),
      entityName: string('0+', { nullable: '0+' }),
    }),
    key: string('0+'),
    value: float64('0+'),
    remove: bool('0+'),
  }),
  ProducerIdsRecord: record(15, 'ProducerIdsRecord', [0, 0], {
    brokerId: int32('0+'),
    brokerEpoch: int64('0+', { default: -1n }),
    nextProducerId: int64('0+'),
  }),
  BrokerRegistrationChangeRecord: record(17, 'BrokerRegistrationChangeRecord', [0, 3], {
    brokerId: int32('0+'),
    brokerEpoch: int64('0+'),
    fenced: int8('0+', { tag: 0 }),
    inControlledShutdown: int8('1+', { tag: 1 }),
    logDirs: array('2+', uuid('2+'), { tag: 2 }),
    cordonedLogDirs: array('3+', uuid('3+'), { nullable: '3+', default: null, tag: 3 }),
  }),
  AccessControlEntryRecord: record(18, 'AccessControlEntryRecord', [0, 0], {
    id: uuid('0+'),
    resourceType: int8('0+'),
    resourceName: string('0+'),
    patternType: int8('0+'),
    principal: string('0+'),
    host: string('0+'),
    operation: int8('0+'),
    permissionType: int8('0+'),
  }),
  RemoveAccessControlEntryRecord: record(19, 'RemoveAccessControlEntryRecord', [0, 0], {
    id: uuid('0+'),
  }),
  NoOpRecord: record(20, 'NoOpRecord', [0, 0], {
    // Ours, under a tag that Kafka's own numbers will not reach; Kafka's decoder passes over what it does not know. What a client of
    // the ZooKeeper endpoint changed, all of it at one zxid.
    coordination: struct(
      '0+',
      {
        zxid: int64('0+'),
        /** Wall-clock milliseconds. */
        time: int64('0+'),
        /** Who did it, and the number of the request: nothing is done twice. */
        sessionId: int64('0+', { tag: 0 }),
        request: int64('0+', { tag: 1 }),
        changes: array('0+', {
          /** `ChangeKind` of `quorum/zookeeper-state/state.ts`. */
          kind: int8('0+'),
          path: string('0+', { tag: 0 }),
          data: bytes('0+', { nullable: '0+', default: null, tag: 1 }),
          /** A session, or of what another kind is about. */
          id: int64('0+', { tag: 2 }),
          number: int32('0+', { tag: 3 }),
          holder: int64('0+', { tag: 4 }),
          stat: struct(
            '0+',
            {
              czxid: int64('0+'),
              mzxid: int64('0+'),
              pzxid: int64('0+'),
              ctime: int64('0+'),
              mtime: int64('0+'),
              version: int32('0+'),
              created: int32('0+'),
              aversion: int32('0+'),
            },
            { nullable: '0+', default: null, tag: 5 },
          ),
        }),
      },
      { nullable: '0+', default: null, tag: OWN_TAG },
    ),
  }),
  ZkMigrationStateRecord: record(21, 'ZkMigrationStateRecord', [0, 0], {
    zkMigrationState: int8('0+'),
  }),
  RemoveUserScramCredentialRecord: record(22, 'RemoveUserScramCredentialRecord', [0, 0], {
    name: string('0+'),
    mechanism: int8('0+'),
  }),
  BeginTransactionRecord: record(23, 'BeginTransactionRecord', [0, 0], {
    name: string('0+', { nullable: '0+', default: null, tag: 0 }),
  }),
  EndTransactionRecord: record(24, 'EndTransactionRecord', [0, 0], {}),
  AbortTransactionRecord: record(25, 'AbortTransactionRecord', [0, 0], {
    reason: string('0+', { nullable: '0+', default: null, tag: 0 }),
  }),
  RemoveDelegationTokenRecord: record(26, 'RemoveDelegationTokenRecord', [0, 0], {
    tokenId: string('0+'),
  }),
  RegisterControllerRecord: record(27, 'RegisterControllerRecord', [0, 0], {
    controllerId: int32('0+'),
    incarnationId: uuid('0+'),
    zkMigrationReady: bool('0+'),
    endPoints: array('0+', {
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
  }),
  ClearElrRecord: record(28, 'ClearElrRecord', [0, 0], {
    topicName: string('0+'),
  }),
};
