/** The APIs of Apache Kafka 4.3 that no listener of the embedded cluster serves, each with its reason. A test compares it with the registries. */
import { ApiKey, type ApiName } from '../protocol/api-keys.ts';

const REMOVED = 'removed in Apache Kafka 4.0 with ZooKeeper mode';
const SASL = 'listeners do not authenticate clients';
const TRANSACTIONS = 'transactions are not supported; InitProducerId refuses transactional ids';
const ACLS = 'there is no authorizer with ACLs';
const TOKENS = 'delegation tokens need an authenticated client';
const QUOTAS = 'client quotas are not enforced';
const ONE_DIRECTORY = 'a broker has one log directory';
const FIXED_QUORUM = 'the voters of the quorum are fixed when a cluster is created';
const TELEMETRY = 'brokers collect no client metrics (KIP-714)';
const SHARE_GROUPS = 'share groups (KIP-932) are not supported';
const STREAMS_GROUPS = 'streams groups (KIP-1071) are not supported';

const REASONS: readonly (readonly [name: ApiName, reason: string])[] = [
  ['LeaderAndIsr', REMOVED],
  ['StopReplica', REMOVED],
  ['UpdateMetadata', REMOVED],
  ['ControlledShutdown', REMOVED],
  ['SaslHandshake', SASL],
  ['AddPartitionsToTxn', TRANSACTIONS],
  ['AddOffsetsToTxn', TRANSACTIONS],
  ['EndTxn', TRANSACTIONS],
  ['WriteTxnMarkers', TRANSACTIONS],
  ['TxnOffsetCommit', TRANSACTIONS],
  ['DescribeAcls', ACLS],
  ['CreateAcls', ACLS],
  ['DeleteAcls', ACLS],
  ['AlterReplicaLogDirs', ONE_DIRECTORY],
  ['SaslAuthenticate', SASL],
  ['CreateDelegationToken', TOKENS],
  ['RenewDelegationToken', TOKENS],
  ['ExpireDelegationToken', TOKENS],
  ['DescribeDelegationToken', TOKENS],
  ['DescribeClientQuotas', QUOTAS],
  ['AlterClientQuotas', QUOTAS],
  ['DescribeUserScramCredentials', SASL],
  ['AlterUserScramCredentials', SASL],
  ['UpdateFeatures', 'a cluster keeps the feature levels of its creation'],
  ['DescribeProducers', 'the state of producers is internal to the log'],
  ['DescribeTransactions', TRANSACTIONS],
  ['ListTransactions', TRANSACTIONS],
  ['ControllerRegistration', 'every node of the quorum runs the same version, so controllers do not register their features'],
  ['GetTelemetrySubscriptions', TELEMETRY],
  ['PushTelemetry', TELEMETRY],
  ['AssignReplicasToDirs', ONE_DIRECTORY],
  ['ShareGroupHeartbeat', SHARE_GROUPS],
  ['ShareGroupDescribe', SHARE_GROUPS],
  ['ShareFetch', SHARE_GROUPS],
  ['ShareAcknowledge', SHARE_GROUPS],
  ['RemoveRaftVoter', FIXED_QUORUM],
  ['UpdateRaftVoter', FIXED_QUORUM],
  ['InitializeShareGroupState', SHARE_GROUPS],
  ['ReadShareGroupState', SHARE_GROUPS],
  ['WriteShareGroupState', SHARE_GROUPS],
  ['DeleteShareGroupState', SHARE_GROUPS],
  ['ReadShareGroupStateSummary', SHARE_GROUPS],
  ['StreamsGroupHeartbeat', STREAMS_GROUPS],
  ['StreamsGroupDescribe', STREAMS_GROUPS],
  ['DescribeShareGroupOffsets', SHARE_GROUPS],
  ['AlterShareGroupOffsets', SHARE_GROUPS],
  ['DeleteShareGroupOffsets', SHARE_GROUPS],
];

export interface ApiGap {
  readonly name: ApiName;
  readonly reason: string;
}

/** By API key. */
export const apiGaps: ReadonlyMap<number, ApiGap> = new Map(REASONS.map(([name, reason]) => [ApiKey[name], { name, reason }]));
