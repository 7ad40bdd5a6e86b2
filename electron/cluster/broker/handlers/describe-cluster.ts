/**
 * Key 60, DescribeCluster 0–2. v1: brokers or controllers (KIP-919); a broker's listener answers for brokers alone. v2: fenced brokers are
 * shown where asked for (KIP-1073).
 */
import { describeCluster } from '../../protocol/apis/describe-cluster.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import { OPERATIONS_NOT_ASKED } from '../../security/authorizer.ts';
import { clusterOperations, DESCRIBE_CLUSTER } from '../authorized-operations.ts';
import { endpointOf, shownController } from '../cluster-view.ts';
import type { BrokerApi, Handler } from '../context.ts';

const BROKERS = 1;
const CONTROLLERS = 2;

export const handleDescribeCluster: Handler<typeof describeCluster> = (request, { listener, session }, broker) => {
  if (request.endpointType === CONTROLLERS) {
    throw new KafkaError(
      ErrorCode.MISMATCHED_ENDPOINT_TYPE,
      'This is the listener of a broker; send the request to the listener of a controller.',
    );
  }
  if (request.endpointType !== BROKERS) {
    throw new KafkaError(ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, `Endpoint type ${request.endpointType} is unknown.`);
  }
  const image = broker.image();
  const brokers = [...image.brokers.values()]
    .filter(({ fenced }) => !fenced || request.includeFencedBrokers)
    .flatMap((registration) => {
      const endpoint = endpointOf(registration, listener);
      if (endpoint === undefined) return [];
      return [{ brokerId: endpoint.nodeId, host: endpoint.host, port: endpoint.port, rack: endpoint.rack, isFenced: registration.fenced }];
    })
    .sort((a, b) => a.brokerId - b.brokerId);
  return {
    errorCode: ErrorCode.NONE,
    endpointType: BROKERS,
    clusterId: broker.clusterId,
    controllerId: shownController(broker, image, listener),
    brokers,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations(broker.authorizer, session)
      : OPERATIONS_NOT_ASKED,
  };
};

export const describeClusterApi: BrokerApi<typeof describeCluster> = {
  api: describeCluster,
  listeners: ['broker'],
  // Every client may learn the addresses of the brokers; operations are shown to one that may describe the cluster.
  authorization: { items: [DESCRIBE_CLUSTER] },
  handle: handleDescribeCluster,
  failed: (request, failure) => ({ ...failure, endpointType: request.endpointType, clusterId: '', brokers: [] }),
};
