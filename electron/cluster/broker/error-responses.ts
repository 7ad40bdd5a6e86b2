/**
 * The response to a request that failed as a whole, in the form of each API: a top-level error code where the version has one, else the code
 * on every requested item.
 */
import { ZERO_UUID } from '../protocol/uuid.ts';
import type { alterPartitionReassignments } from '../protocol/apis/alter-partition-reassignments.ts';
import type { listPartitionReassignments } from '../protocol/apis/list-partition-reassignments.ts';
import type { alterConfigs } from '../protocol/apis/alter-configs.ts';
import type { apiVersions } from '../protocol/apis/api-versions.ts';
import type { createPartitions } from '../protocol/apis/create-partitions.ts';
import type { createTopics } from '../protocol/apis/create-topics.ts';
import type { deleteGroups } from '../protocol/apis/delete-groups.ts';
import type { deleteTopics } from '../protocol/apis/delete-topics.ts';
import type { describeCluster } from '../protocol/apis/describe-cluster.ts';
import type { describeConfigs } from '../protocol/apis/describe-configs.ts';
import type { describeGroups } from '../protocol/apis/describe-groups.ts';
import type { describeQuorum } from '../protocol/apis/describe-quorum.ts';
import type { describeTopicPartitions } from '../protocol/apis/describe-topic-partitions.ts';
import type { electLeaders } from '../protocol/apis/elect-leaders.ts';
import type { findCoordinator } from '../protocol/apis/find-coordinator.ts';
import type { heartbeat } from '../protocol/apis/heartbeat.ts';
import type { incrementalAlterConfigs } from '../protocol/apis/incremental-alter-configs.ts';
import type { joinGroup } from '../protocol/apis/join-group.ts';
import type { leaveGroup } from '../protocol/apis/leave-group.ts';
import type { listConfigResources } from '../protocol/apis/list-config-resources.ts';
import type { listGroups } from '../protocol/apis/list-groups.ts';
import type { metadata } from '../protocol/apis/metadata.ts';
import type { offsetCommit } from '../protocol/apis/offset-commit.ts';
import type { offsetDelete } from '../protocol/apis/offset-delete.ts';
import type { offsetFetch } from '../protocol/apis/offset-fetch.ts';
import type { syncGroup } from '../protocol/apis/sync-group.ts';
import type { unregisterBroker } from '../protocol/apis/unregister-broker.ts';
import type { RequestOf, ResponseIn } from '../protocol/schema.ts';
import type { OnError } from './api-dispatch.ts';

type ErrorFor<A> = OnError<RequestOf<A>, ResponseIn<A>>;

const NOTHING = new Uint8Array(0);

export const onApiVersionsError: ErrorFor<typeof apiVersions> = (_request, errorCode) => ({ errorCode, apiKeys: [] });

/** Before v13 there is no field for the code except on the requested topics. */
export const onMetadataError: ErrorFor<typeof metadata> = (request, errorCode) => ({
  brokers: [],
  topics: (request.topics ?? []).map(({ name, topicId }) => ({ errorCode, name: name ?? '', topicId, partitions: [] })),
  errorCode,
});

export const onDescribeClusterError: ErrorFor<typeof describeCluster> = (request, errorCode, errorMessage) => ({
  errorCode,
  errorMessage,
  endpointType: request.endpointType,
  clusterId: '',
  brokers: [],
});

export const onDescribeTopicPartitionsError: ErrorFor<typeof describeTopicPartitions> = (request, errorCode) => ({
  topics: request.topics.map(({ name }) => ({ errorCode, name, topicId: ZERO_UUID, partitions: [] })),
});

export const onCreateTopicsError: ErrorFor<typeof createTopics> = (request, errorCode, errorMessage) => ({
  topics: request.topics.map(({ name }) => ({ name, topicId: ZERO_UUID, errorCode, errorMessage, configs: null })),
});

export const onDeleteTopicsError: ErrorFor<typeof deleteTopics> = (request, errorCode, errorMessage, version) => ({
  responses:
    version >= 6
      ? request.topics.map(({ name, topicId }) => ({ name, topicId, errorCode, errorMessage }))
      : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID, errorCode, errorMessage })),
});

export const onCreatePartitionsError: ErrorFor<typeof createPartitions> = (request, errorCode, errorMessage) => ({
  results: request.topics.map(({ name }) => ({ name, errorCode, errorMessage })),
});

export const onAlterConfigsError: ErrorFor<typeof alterConfigs> = (request, errorCode, errorMessage) => ({
  responses: request.resources.map(({ resourceType, resourceName }) => ({ errorCode, errorMessage, resourceType, resourceName })),
});

export const onIncrementalAlterConfigsError: ErrorFor<typeof incrementalAlterConfigs> = (request, errorCode, errorMessage) => ({
  responses: request.resources.map(({ resourceType, resourceName }) => ({ errorCode, errorMessage, resourceType, resourceName })),
});

export const onElectLeadersError: ErrorFor<typeof electLeaders> = (request, errorCode, errorMessage) => ({
  errorCode,
  replicaElectionResults: (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage })),
  })),
});

export const onUnregisterBrokerError: ErrorFor<typeof unregisterBroker> = (_request, errorCode, errorMessage) => ({
  errorCode,
  errorMessage,
});

export const onDescribeConfigsError: ErrorFor<typeof describeConfigs> = (request, errorCode, errorMessage) => ({
  results: request.resources.map(({ resourceType, resourceName }) => ({
    errorCode,
    errorMessage,
    resourceType,
    resourceName,
    configs: [],
  })),
});

export const onAlterPartitionReassignmentsError: ErrorFor<typeof alterPartitionReassignments> = (_request, errorCode, errorMessage) => ({
  errorCode,
  errorMessage,
  responses: [],
});

export const onListPartitionReassignmentsError: ErrorFor<typeof listPartitionReassignments> = (_request, errorCode, errorMessage) => ({
  errorCode,
  errorMessage,
  topics: [],
});

export const onListConfigResourcesError: ErrorFor<typeof listConfigResources> = (_request, errorCode) => ({
  errorCode,
  configResources: [],
});

export const onDescribeQuorumError: ErrorFor<typeof describeQuorum> = (_request, errorCode, errorMessage) => ({
  errorCode,
  errorMessage,
  topics: [],
  nodes: [],
});

export const onFindCoordinatorError: ErrorFor<typeof findCoordinator> = (request, errorCode, errorMessage, version) =>
  version >= 4
    ? { coordinators: request.coordinatorKeys.map((key) => ({ key, nodeId: -1, host: '', port: -1, errorCode, errorMessage })) }
    : { errorCode, errorMessage, nodeId: -1, host: '', port: -1 };

export const onJoinGroupError: ErrorFor<typeof joinGroup> = (request, errorCode, _message, version) => ({
  errorCode,
  generationId: -1,
  protocolName: version >= 7 ? null : '',
  leader: '',
  memberId: request.memberId,
  members: [],
});

export const onSyncGroupError: ErrorFor<typeof syncGroup> = (_request, errorCode) => ({ errorCode, assignment: NOTHING });

export const onHeartbeatError: ErrorFor<typeof heartbeat> = (_request, errorCode) => ({ errorCode });

export const onLeaveGroupError: ErrorFor<typeof leaveGroup> = (_request, errorCode) => ({ errorCode, members: [] });

export const onOffsetCommitError: ErrorFor<typeof offsetCommit> = (request, errorCode) => ({
  topics: request.topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  })),
});

/** v1 has no top-level code: there it stands on every partition. */
export const onOffsetFetchError: ErrorFor<typeof offsetFetch> = (request, errorCode, _message, version) => {
  if (version >= 8) return { groups: request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode })) };
  if (version >= 2) return { errorCode, topics: [] };
  return {
    topics: (request.topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, committedOffset: -1n, metadata: '', errorCode })),
    })),
  };
};

export const onListGroupsError: ErrorFor<typeof listGroups> = (_request, errorCode) => ({ errorCode, groups: [] });

export const onDescribeGroupsError: ErrorFor<typeof describeGroups> = (request, errorCode, errorMessage) => ({
  groups: request.groups.map((groupId) => ({
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    protocolType: '',
    protocolData: '',
    members: [],
  })),
});

export const onDeleteGroupsError: ErrorFor<typeof deleteGroups> = (request, errorCode) => ({
  results: request.groupsNames.map((groupId) => ({ groupId, errorCode })),
});

export const onOffsetDeleteError: ErrorFor<typeof offsetDelete> = (_request, errorCode) => ({ errorCode, topics: [] });
