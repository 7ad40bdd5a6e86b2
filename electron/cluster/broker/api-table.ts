/**
 * Every API of this broker: its schema, its handler and its error response. ApiVersions lists exactly this table, so clients rely on every
 * line.
 */
import { alterConfigs } from '../protocol/apis/alter-configs.ts';
import { alterPartitionReassignments } from '../protocol/apis/alter-partition-reassignments.ts';
import { apiVersions } from '../protocol/apis/api-versions.ts';
import { createPartitions } from '../protocol/apis/create-partitions.ts';
import { createTopics } from '../protocol/apis/create-topics.ts';
import { deleteGroups } from '../protocol/apis/delete-groups.ts';
import { deleteRecords } from '../protocol/apis/delete-records.ts';
import { deleteTopics } from '../protocol/apis/delete-topics.ts';
import { describeCluster } from '../protocol/apis/describe-cluster.ts';
import { describeConfigs } from '../protocol/apis/describe-configs.ts';
import { describeGroups } from '../protocol/apis/describe-groups.ts';
import { describeQuorum } from '../protocol/apis/describe-quorum.ts';
import { describeTopicPartitions } from '../protocol/apis/describe-topic-partitions.ts';
import { electLeaders } from '../protocol/apis/elect-leaders.ts';
import { findCoordinator } from '../protocol/apis/find-coordinator.ts';
import { consumerGroupDescribe } from '../protocol/apis/consumer-group-describe.ts';
import { consumerGroupHeartbeat } from '../protocol/apis/consumer-group-heartbeat.ts';
import { heartbeat } from '../protocol/apis/heartbeat.ts';
import { incrementalAlterConfigs } from '../protocol/apis/incremental-alter-configs.ts';
import { joinGroup } from '../protocol/apis/join-group.ts';
import { leaveGroup } from '../protocol/apis/leave-group.ts';
import { listConfigResources } from '../protocol/apis/list-config-resources.ts';
import { listGroups } from '../protocol/apis/list-groups.ts';
import { listPartitionReassignments } from '../protocol/apis/list-partition-reassignments.ts';
import { metadata } from '../protocol/apis/metadata.ts';
import { offsetCommit } from '../protocol/apis/offset-commit.ts';
import { offsetFetch } from '../protocol/apis/offset-fetch.ts';
import { syncGroup } from '../protocol/apis/sync-group.ts';
import { unregisterBroker } from '../protocol/apis/unregister-broker.ts';
import { describeLogDirs } from '../protocol/apis/describe-log-dirs.ts';
import { fetch } from '../protocol/apis/fetch.ts';
import { initProducerId } from '../protocol/apis/init-producer-id.ts';
import { listOffsets } from '../protocol/apis/list-offsets.ts';
import { offsetDelete } from '../protocol/apis/offset-delete.ts';
import { offsetForLeaderEpoch } from '../protocol/apis/offset-for-leader-epoch.ts';
import { produce } from '../protocol/apis/produce.ts';
import { entry, type ApiEntry } from './api-dispatch.ts';
import * as failed from './error-responses.ts';
import { handleAlterConfigs } from './handlers/alter-configs.ts';
import { handleAlterPartitionReassignments } from './handlers/alter-partition-reassignments.ts';
import { handleApiVersions } from './handlers/api-versions.ts';
import { handleCreatePartitions } from './handlers/create-partitions.ts';
import { handleCreateTopics } from './handlers/create-topics.ts';
import { handleDeleteGroups } from './handlers/delete-groups.ts';
import { handleDeleteRecords, onDeleteRecordsError } from './handlers/delete-records.ts';
import { handleDeleteTopics } from './handlers/delete-topics.ts';
import { handleDescribeCluster } from './handlers/describe-cluster.ts';
import { handleDescribeConfigs } from './handlers/describe-configs.ts';
import { handleDescribeGroups } from './handlers/describe-groups.ts';
import { handleDescribeQuorum } from './handlers/describe-quorum.ts';
import { handleDescribeTopicPartitions } from './handlers/describe-topic-partitions.ts';
import { handleElectLeaders } from './handlers/elect-leaders.ts';
import { handleFindCoordinator } from './handlers/find-coordinator.ts';
import { handleHeartbeat } from './handlers/heartbeat.ts';
import { handleIncrementalAlterConfigs } from './handlers/incremental-alter-configs.ts';
import {
  handleConsumerGroupDescribe,
  handleConsumerGroupHeartbeat,
  onConsumerGroupDescribeError,
  onConsumerGroupHeartbeatError,
} from './handlers/consumer-groups.ts';
import { handleJoinGroup } from './handlers/join-group.ts';
import { handleLeaveGroup } from './handlers/leave-group.ts';
import { handleListConfigResources } from './handlers/list-config-resources.ts';
import { handleListGroups } from './handlers/list-groups.ts';
import { handleListPartitionReassignments } from './handlers/list-partition-reassignments.ts';
import { handleMetadata } from './handlers/metadata.ts';
import { handleOffsetCommit } from './handlers/offset-commit.ts';
import { handleOffsetFetch } from './handlers/offset-fetch.ts';
import { handleSyncGroup } from './handlers/sync-group.ts';
import { handleUnregisterBroker } from './handlers/unregister-broker.ts';
import { handleDescribeLogDirs, onDescribeLogDirsError } from './handlers/describe-log-dirs.ts';
import { handleFetch, onFetchError } from './handlers/fetch.ts';
import { handleInitProducerId, onInitProducerIdError } from './handlers/init-producer-id.ts';
import { handleListOffsets, onListOffsetsError } from './handlers/list-offsets.ts';
import { handleOffsetDelete } from './handlers/offset-delete.ts';
import { handleOffsetForLeaderEpoch, onOffsetForLeaderEpochError } from './handlers/offset-for-leader-epoch.ts';
import { handleProduce, onProduceError } from './handlers/produce.ts';

export const apiTable: readonly ApiEntry[] = [
  entry(metadata, handleMetadata, failed.onMetadataError),
  entry(offsetCommit, handleOffsetCommit, failed.onOffsetCommitError),
  entry(offsetFetch, handleOffsetFetch, failed.onOffsetFetchError),
  entry(findCoordinator, handleFindCoordinator, failed.onFindCoordinatorError),
  entry(joinGroup, handleJoinGroup, failed.onJoinGroupError),
  entry(consumerGroupHeartbeat, handleConsumerGroupHeartbeat, onConsumerGroupHeartbeatError),
  entry(consumerGroupDescribe, handleConsumerGroupDescribe, onConsumerGroupDescribeError),
  entry(heartbeat, handleHeartbeat, failed.onHeartbeatError),
  entry(leaveGroup, handleLeaveGroup, failed.onLeaveGroupError),
  entry(syncGroup, handleSyncGroup, failed.onSyncGroupError),
  entry(describeGroups, handleDescribeGroups, failed.onDescribeGroupsError),
  entry(listGroups, handleListGroups, failed.onListGroupsError),
  entry(apiVersions, handleApiVersions, failed.onApiVersionsError),
  entry(createTopics, handleCreateTopics, failed.onCreateTopicsError),
  entry(deleteTopics, handleDeleteTopics, failed.onDeleteTopicsError),
  entry(deleteRecords, handleDeleteRecords, onDeleteRecordsError),
  entry(describeConfigs, handleDescribeConfigs, failed.onDescribeConfigsError),
  entry(alterConfigs, handleAlterConfigs, failed.onAlterConfigsError),
  entry(createPartitions, handleCreatePartitions, failed.onCreatePartitionsError),
  entry(deleteGroups, handleDeleteGroups, failed.onDeleteGroupsError),
  entry(electLeaders, handleElectLeaders, failed.onElectLeadersError),
  entry(incrementalAlterConfigs, handleIncrementalAlterConfigs, failed.onIncrementalAlterConfigsError),
  entry(alterPartitionReassignments, handleAlterPartitionReassignments, failed.onAlterPartitionReassignmentsError),
  entry(listPartitionReassignments, handleListPartitionReassignments, failed.onListPartitionReassignmentsError),
  entry(describeQuorum, handleDescribeQuorum, failed.onDescribeQuorumError),
  entry(describeCluster, handleDescribeCluster, failed.onDescribeClusterError),
  entry(unregisterBroker, handleUnregisterBroker, failed.onUnregisterBrokerError),
  entry(listConfigResources, handleListConfigResources, failed.onListConfigResourcesError),
  entry(describeTopicPartitions, handleDescribeTopicPartitions, failed.onDescribeTopicPartitionsError),
  entry(describeLogDirs, handleDescribeLogDirs, onDescribeLogDirsError),
  entry(fetch, handleFetch, onFetchError),
  entry(initProducerId, handleInitProducerId, onInitProducerIdError),
  entry(listOffsets, handleListOffsets, onListOffsetsError),
  entry(offsetDelete, handleOffsetDelete, failed.onOffsetDeleteError),
  entry(offsetForLeaderEpoch, handleOffsetForLeaderEpoch, onOffsetForLeaderEpochError),
  // librdkafka 2.0.2 assumes that a broker without Produce 0 cannot decompress; such a request still closes its connection.
  entry(produce, handleProduce, onProduceError, 0),
];
