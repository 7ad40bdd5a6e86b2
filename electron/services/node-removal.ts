/** Takes a broker out of the embedded cluster for good: its partitions move to the others first, so that nothing is lost with it. */
import { ClusterClient, type ClusterMetadata } from '../admin/cluster-client.ts';
import { leaving, moveReplicas, unregister, type ReplicaMove } from '../admin/reassignments.ts';
import { partitionKey } from '../admin/topics.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ServiceError } from './errors.ts';

const LOOK_EVERY_MS = 250;
/** Moves that get nowhere for so long are given up; what has moved stays where it is. */
const STUCK_MS = 60_000;

/** Resolves when the broker is gone. Rejects with `ServiceError`, or the cluster's `ClusterError`; then it is still a member. */
export async function removeNode(cluster: Cluster, node: number): Promise<void> {
  cluster.checkRemovable(node);
  const client = new ClusterClient({ bootstrap: cluster.bootstrap, clientId: 'brokerdesk-lab' });
  try {
    await moveEverything(client, node);
    const isAlive = (await cluster.nodes()).some(({ id, state }) => id === node && state === 'running');
    if (isAlive) await cluster.stop(node);
    await unregister(client, node);
  } finally {
    client.close();
  }
  await cluster.removeNode(node);
}

/** Again and again, since a topic can be created meanwhile, until no partition has a replica there. */
async function moveEverything(client: ClusterClient, node: number): Promise<void> {
  let left = Infinity;
  let movedAt = Date.now();
  for (;;) {
    // Before the metadata: a move that ends between the two is seen as one that goes on, not as one to be made again.
    const underWay = await leaving(client, node);
    const moves = planMoves(await client.metadata(null), node, underWay);
    const held = moves.length + underWay.size;
    if (held === 0) return;
    if (held < left) movedAt = Date.now();
    if (Date.now() - movedAt > STUCK_MS) {
      const some = [...underWay].slice(0, 3);
      throw new ServiceError({
        code: 'REQUEST_TIMED_OUT',
        message: `Partitions do not get away from broker ${node}: ${held} are left, ${some.join(', ')} among them.`,
        advice: 'Heal the faults in force, then try again.',
        subject: `broker ${node}`,
      });
    }
    await moveReplicas(client, moves);
    left = held;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** In place of `node`, each partition gets the live broker that holds the fewest replicas. Throws `ServiceError` when there is none. */
export function planMoves(
  metadata: Pick<ClusterMetadata, 'brokers' | 'topics'>,
  node: number,
  underWay: ReadonlySet<string> = new Set(),
): ReplicaMove[] {
  const load = new Map(metadata.brokers.filter(({ nodeId }) => nodeId !== node).map(({ nodeId }) => [nodeId, 0]));
  for (const { partitions } of metadata.topics) {
    for (const { replicaNodes } of partitions) for (const id of replicaNodes) if (load.has(id)) load.set(id, (load.get(id) ?? 0) + 1);
  }
  const moves: ReplicaMove[] = [];
  for (const { name, partitions } of metadata.topics) {
    for (const { partitionIndex, replicaNodes } of partitions) {
      if (!replicaNodes.includes(node) || underWay.has(partitionKey(name ?? '', partitionIndex))) continue;
      const [target] = [...load].filter(([id]) => !replicaNodes.includes(id)).sort(([a, held], [b, more]) => held - more || a - b);
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
        replicas: replicaNodes.map((id) => (id === node ? target[0] : id)),
      });
    }
  }
  return moves;
}
