/** Reads from the closest replica (KIP-392): which replica a leader returns to a consumer. */
import type { MetadataImage } from '../quorum/image.ts';
import type { Partition } from './partition.ts';

/** The only selector of Apache Kafka, by its class name. */
export const RACK_AWARE_SELECTOR = 'org.apache.kafka.common.replica.RackAwareReplicaSelector';

/**
 * The in-sync, live follower in the consumer's rack that holds the offset and has the highest log end. Undefined where there is none, where
 * the leader itself is in that rack, or the consumer names no rack.
 */
export function closestReplica(partition: Partition, image: MetadataImage, rack: string, fetchOffset: bigint): number | undefined {
  const { brokers } = image;
  if (rack === '' || brokers.get(partition.leader)?.rack === rack) return undefined;
  let closest: number | undefined;
  let furthest = -1n;
  for (const id of partition.isr) {
    const broker = brokers.get(id);
    const follower = partition.follower(id);
    if (follower === undefined || broker === undefined || broker.fenced || broker.rack !== rack) continue;
    if (follower.logEndOffset < fetchOffset || follower.logStartOffset > fetchOffset || follower.logEndOffset <= furthest) continue;
    closest = id;
    furthest = follower.logEndOffset;
  }
  return closest;
}
