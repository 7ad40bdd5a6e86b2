/** The APIs of the client listener: those of the broker, and those of the controller that it forwards. */
import { ApiRegistry } from '../dispatch/api-registry.ts';
import { servedApi, type ServedApi } from '../dispatch/served-api.ts';
import { controllerApis } from '../quorum/api-registry.ts';
import type { ControllerServer } from '../quorum/controller-api.ts';
import type { BrokerContext } from './context.ts';
import { forward } from './forward.ts';
import { apiVersionsApi } from './handlers/api-versions.ts';
import { consumerGroupDescribeApi } from './handlers/consumer-group-describe.ts';
import { consumerGroupHeartbeatApi } from './handlers/consumer-group-heartbeat.ts';
import { deleteGroupsApi } from './handlers/delete-groups.ts';
import { deleteRecordsApi } from './handlers/delete-records.ts';
import { forwardedDeleteTopicsApi } from './handlers/delete-topics.ts';
import { describeClusterApi } from './handlers/describe-cluster.ts';
import { describeConfigsApi } from './handlers/describe-configs.ts';
import { describeGroupsApi } from './handlers/describe-groups.ts';
import { describeLogDirsApi } from './handlers/describe-log-dirs.ts';
import { describeTopicPartitionsApi } from './handlers/describe-topic-partitions.ts';
import { fetchApi } from './handlers/fetch.ts';
import { findCoordinatorApi } from './handlers/find-coordinator.ts';
import { heartbeatApi } from './handlers/heartbeat.ts';
import { forwardedIncrementalAlterConfigsApi } from './handlers/incremental-alter-configs.ts';
import { initProducerIdApi } from './handlers/init-producer-id.ts';
import { joinGroupApi } from './handlers/join-group.ts';
import { leaveGroupApi } from './handlers/leave-group.ts';
import { listConfigResourcesApi } from './handlers/list-config-resources.ts';
import { listGroupsApi } from './handlers/list-groups.ts';
import { listOffsetsApi } from './handlers/list-offsets.ts';
import { metadataApi } from './handlers/metadata.ts';
import { offsetCommitApi } from './handlers/offset-commit.ts';
import { offsetDeleteApi } from './handlers/offset-delete.ts';
import { offsetFetchApi } from './handlers/offset-fetch.ts';
import { offsetForLeaderEpochApi } from './handlers/offset-for-leader-epoch.ts';
import { produceApi } from './handlers/produce.ts';
import { syncGroupApi } from './handlers/sync-group.ts';

const own: readonly ServedApi<BrokerContext>[] = [
  servedApi(apiVersionsApi),
  servedApi(metadataApi),
  servedApi(describeClusterApi),
  servedApi(describeTopicPartitionsApi),
  servedApi(produceApi),
  servedApi(fetchApi),
  servedApi(listOffsetsApi),
  servedApi(offsetForLeaderEpochApi),
  servedApi(deleteRecordsApi),
  servedApi(describeLogDirsApi),
  servedApi(initProducerIdApi),
  servedApi(findCoordinatorApi),
  servedApi(joinGroupApi),
  servedApi(syncGroupApi),
  servedApi(heartbeatApi),
  servedApi(leaveGroupApi),
  servedApi(offsetCommitApi),
  servedApi(offsetFetchApi),
  servedApi(offsetDeleteApi),
  servedApi(listGroupsApi),
  servedApi(describeGroupsApi),
  servedApi(deleteGroupsApi),
  servedApi(consumerGroupHeartbeatApi),
  servedApi(consumerGroupDescribeApi),
  servedApi(describeConfigsApi),
  servedApi(listConfigResourcesApi),
  servedApi(forwardedIncrementalAlterConfigsApi),
  servedApi(forwardedDeleteTopicsApi),
];

const forwarded = controllerApis.apis.filter(
  ({ key, descriptor }) => descriptor.listeners.includes('broker') && !own.some((one) => one.key === key),
);

export const brokerApis = new ApiRegistry<BrokerContext>('broker', [...own, ...forwarded.map(forwardedApi)]);

/** The controller authorizes a forwarded request, with the principal of the client. */
function forwardedApi({ descriptor }: ServedApi<ControllerServer>): ServedApi<BrokerContext> {
  return servedApi({
    ...descriptor,
    authorization: {},
    handle: (request, context, broker: BrokerContext) => forward(broker, descriptor, request, context),
  });
}
