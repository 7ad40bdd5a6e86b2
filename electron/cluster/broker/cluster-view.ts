/** Brokers and partitions as clients see them: the same for Metadata, DescribeTopicPartitions, DescribeCluster, FindCoordinator. */
import { ErrorCode } from '../protocol/error-codes.ts';
import type { BrokerRegistration, MetadataImage, PartitionImage } from '../quorum/image.ts';
import type { BrokerContext } from './context.ts';

export interface BrokerEndpoint {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** The endpoint of a broker for clients of `listener`; undefined when it has no such listener. */
export function endpointOf(broker: BrokerRegistration, listener: string): BrokerEndpoint | undefined {
  const found = broker.listeners.find(({ name }) => name === listener);
  return found && { nodeId: broker.id, host: found.host, port: found.port, rack: broker.rack };
}

/** The broker's address if it is alive, that is, registered and not fenced. */
export function aliveEndpoint(image: MetadataImage, brokerId: number, listener: string): BrokerEndpoint | undefined {
  const broker = image.brokers.get(brokerId);
  return broker === undefined || broker.fenced ? undefined : endpointOf(broker, listener);
}

/** All brokers that are alive, by id. */
export function aliveBrokers(image: MetadataImage, listener: string): BrokerEndpoint[] {
  const alive: BrokerEndpoint[] = [];
  for (const broker of image.brokers.values()) {
    const endpoint = broker.fenced ? undefined : endpointOf(broker, listener);
    if (endpoint !== undefined) alive.push(endpoint);
  }
  return alive.sort((a, b) => a.nodeId - b.nodeId);
}

export interface PartitionView {
  readonly errorCode: number;
  readonly leaderId: number;
  readonly offlineReplicas: number[];
}

/** The state of a partition for clients: a leader on a fenced broker counts as none, a replica on a fenced broker as offline. */
export function viewPartition(image: MetadataImage, partition: PartitionImage, listener: string): PartitionView {
  const offlineReplicas = partition.replicas.filter((id) => aliveEndpoint(image, id, listener) === undefined);
  const led = partition.leader >= 0 && aliveEndpoint(image, partition.leader, listener) !== undefined;
  return led
    ? { errorCode: ErrorCode.NONE, leaderId: partition.leader, offlineReplicas }
    : { errorCode: ErrorCode.LEADER_NOT_AVAILABLE, leaderId: -1, offlineReplicas };
}

/**
 * The node that clients see as the controller: the active one where it is live as a broker too, else any live broker, since all of
 * them forward such requests. −1 when no broker is live.
 */
export function shownController(broker: BrokerContext, image: MetadataImage, listener: string): number {
  const { leaderId } = broker.quorum;
  if (aliveEndpoint(image, leaderId, listener) !== undefined) return leaderId;
  if (aliveEndpoint(image, broker.nodeId, listener) !== undefined) return broker.nodeId;
  return aliveBrokers(image, listener)[0]?.nodeId ?? -1;
}
