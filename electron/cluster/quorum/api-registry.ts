/** The APIs of the CONTROLLER listener. The broker of the same node and of others forwards those that name its listener too. */
import { ApiRegistry } from '../dispatch/api-registry.ts';
import { servedApi } from '../dispatch/served-api.ts';
import { addRaftVoterApi } from './apis/add-raft-voter.ts';
import { allocateProducerIdsApi } from './apis/allocate-producer-ids.ts';
import { alterConfigsApi } from './apis/alter-configs.ts';
import { alterPartitionApi } from './apis/alter-partition.ts';
import { alterPartitionReassignmentsApi } from './apis/alter-partition-reassignments.ts';
import { controllerVersionsApi } from './apis/api-versions.ts';
import { beginQuorumEpochApi } from './apis/begin-quorum-epoch.ts';
import { brokerHeartbeatApi } from './apis/broker-heartbeat.ts';
import { brokerRegistrationApi } from './apis/broker-registration.ts';
import { coordinationSessionApi } from './apis/coordination-session.ts';
import { coordinationTouchApi } from './apis/coordination-touch.ts';
import { coordinationWriteApi } from './apis/coordination-write.ts';
import { createPartitionsApi } from './apis/create-partitions.ts';
import { createTopicsApi } from './apis/create-topics.ts';
import { deleteTopicsApi } from './apis/delete-topics.ts';
import { describeQuorumApi } from './apis/describe-quorum.ts';
import { electLeadersApi } from './apis/elect-leaders.ts';
import { endQuorumEpochApi } from './apis/end-quorum-epoch.ts';
import { metadataFetchApi } from './apis/fetch.ts';
import { envelopeApi } from './apis/envelope.ts';
import { fetchSnapshotApi } from './apis/fetch-snapshot.ts';
import { incrementalAlterConfigsApi } from './apis/incremental-alter-configs.ts';
import { listPartitionReassignmentsApi } from './apis/list-partition-reassignments.ts';
import { unregisterBrokerApi } from './apis/unregister-broker.ts';
import { voteApi } from './apis/vote.ts';
import type { ControllerServer } from './controller-api.ts';

export const controllerApis = new ApiRegistry<ControllerServer>('controller', [
  servedApi(voteApi),
  servedApi(beginQuorumEpochApi),
  servedApi(endQuorumEpochApi),
  servedApi(metadataFetchApi),
  servedApi(fetchSnapshotApi),
  servedApi(addRaftVoterApi),
  servedApi(describeQuorumApi),
  servedApi(envelopeApi),
  servedApi(controllerVersionsApi),
  servedApi(brokerRegistrationApi),
  servedApi(brokerHeartbeatApi),
  servedApi(alterPartitionApi),
  servedApi(allocateProducerIdsApi),
  servedApi(createTopicsApi),
  servedApi(deleteTopicsApi),
  servedApi(createPartitionsApi),
  servedApi(alterConfigsApi),
  servedApi(incrementalAlterConfigsApi),
  servedApi(electLeadersApi),
  servedApi(alterPartitionReassignmentsApi),
  servedApi(listPartitionReassignmentsApi),
  servedApi(unregisterBrokerApi),
  servedApi(coordinationWriteApi),
  servedApi(coordinationSessionApi),
  servedApi(coordinationTouchApi),
]);
