/** Reading from the closest replica (KIP-392): to whom a leader sends a consumer. */
import type { MetadataImage } from '../quorum/image.ts';
import type { Partition } from './partition.ts';

/** The one selector of Apache Kafka, by its class. */
export const RACK_AWARE_SELECTOR = 'org.apache.kafka.common.replica.RackAwareReplicaSelector';

/**
 * The follower in the consumer's rack that is in sync, alive, holds the offset and is furthest on. Undefined where there is none, where the
 * leader itself stands in that rack, or the consumer names none.
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
