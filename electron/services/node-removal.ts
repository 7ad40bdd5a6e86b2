/** Removes a broker from the embedded cluster: its partitions are reassigned to other brokers first, so that no record is lost. */
import { ClusterClient, type ClusterMetadata } from '../admin/cluster-client.ts';
import { listReassignmentTargets, moveReplicas, unregister, type ReplicaMove } from '../admin/reassignments.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ServiceError } from './errors.ts';
import { partitionKey } from '#shared/keys';

const LOOK_EVERY_MS = 250;
/** After so long without progress the removal fails; partitions that have moved stay at their new brokers. */
const STUCK_MS = 60_000;

/** Resolves when the broker is unregistered. If it rejects with `ServiceError` or `ClusterError`, the broker is still registered. */
export async function removeNode(cluster: Cluster, node: number): Promise<void> {
  cluster.checkRemovable(node);
  const client = new ClusterClient({ bootstrap: cluster.bootstrap, clientId: 'brokerdesk-lab', connectHost: cluster.connectHost });
  try {
    await moveEverything(client, node);
    await cluster.removeNode(node, () => unregister(client, node));
  } finally {
    client.close();
  }
}

/** Repeats until no partition has a replica on the broker, since topics can be created meanwhile. */
async function moveEverything(client: ClusterClient, node: number): Promise<void> {
  let left = Infinity;
  let movedAt = Date.now();
  for (;;) {
    // Read before the metadata: a reassignment that ends in between counts as running, and is not started twice.
    const targets = await listReassignmentTargets(client);
    const metadata = await client.metadata(null);
    const moves = planMoves(metadata, node, targets);
    const underWay = listReplicas(metadata, node).filter((key) => targets.get(key)?.includes(node) === false);
    const held = moves.length + underWay.length;
    if (held === 0) return;
    if (held < left) movedAt = Date.now();
    if (Date.now() - movedAt > STUCK_MS) {
      const some = underWay.slice(0, 3);
      throw new ServiceError({
        code: 'REQUEST_TIMED_OUT',
        message: `Broker ${node} was not removed: the reassignment of ${held} of its partitions made no progress for a minute, ${some.join(', ')} among them.`,
        advice: 'Heal the faults in force, then try again.',
        subject: `broker ${node}`,
      });
    }
    await moveReplicas(client, moves);
    left = held;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Keys of the partitions with a replica on that broker. */
function listReplicas({ topics }: Pick<ClusterMetadata, 'topics'>, node: number): string[] {
  return topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ replicaNodes }) => replicaNodes.includes(node))
      .map(({ partitionIndex }) => partitionKey(name ?? '', partitionIndex)),
  );
}

/**
 * In place of `node`, each partition gets the live broker that holds the fewest replicas. `targets`: as `listReassignmentTargets`; a
 * reassignment that moves a replica off `node` is left alone, one that moves a replica onto it is replaced.
 * Throws `ServiceError` when there is no such broker.
 */
export function planMoves(
  metadata: Pick<ClusterMetadata, 'brokers' | 'topics'>,
  node: number,
  targets: ReadonlyMap<string, readonly number[]> = new Map(),
): ReplicaMove[] {
  const load = new Map(metadata.brokers.filter(({ nodeId }) => nodeId !== node).map(({ nodeId }) => [nodeId, 0]));
  for (const { partitions } of metadata.topics) {
    for (const { replicaNodes } of partitions) for (const id of replicaNodes) if (load.has(id)) load.set(id, (load.get(id) ?? 0) + 1);
  }
  const moves: ReplicaMove[] = [];
  for (const { name, partitions } of metadata.topics) {
    for (const { partitionIndex, replicaNodes } of partitions) {
      const replicas = targets.get(partitionKey(name ?? '', partitionIndex)) ?? replicaNodes;
      if (!replicas.includes(node)) continue;
      const [target] = [...load].filter(([id]) => !replicas.includes(id)).sort(([a, held], [b, more]) => held - more || a - b);
      if (target === undefined) {
        throw new ServiceError({
          code: 'WRONG_STATE',
          message: `${name ?? ''}-${partitionIndex} has a replica on every broker; without broker ${node} it would have one too few.`,
          advice: 'Delete the topic, or add a broker first.',
          subject: `broker ${node}`,
        });
      }
      load.set(target[0], target[1] + 1);
      moves.push({
        topic: name ?? '',
        partition: partitionIndex,
        replicas: replicas.map((id) => (id === node ? target[0] : id)),
      });
    }
  }
  return moves;
}
