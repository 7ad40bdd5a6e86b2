/** What can be told of each node at this moment. */
import type { NodePorts } from './cluster-directory.ts';
import type { NodeStatus, QuorumRole } from './cluster-messages.ts';
import type { ClusterNode, NodeState } from './cluster-node.ts';

export interface NodeView {
  id: number;
  state: NodeState;
  /** Its part in the metadata quorum; null while it does not say. */
  role: QuorumRole | null;
  /** Wall-clock milliseconds since when it leads the quorum; null where it does not. */
  leadsSince: number | null;
  /** Where this machine reaches it, whatever it advertises. */
  host: string;
  brokerPort: number;
  controllerPort: number;
  zookeeperPort: number;
  /** Milliseconds since the active controller last heard of it; null while no controller says. */
  sessionAgeMs: number | null;
  /** After which silence the controller fences it. */
  sessionTimeoutMs: number;
  /** Wall-clock milliseconds since when it is in its state. */
  since: number;
  memoryBytes: number | null;
  /** Through its client listener since it started, replication included; 0 while it does not say. */
  inBytes: number;
  outBytes: number;
  /** Why it failed. */
  reason: string | null;
}

const STATUS_TIMEOUT_MS = 500;

export async function viewNodes(
  members: readonly ClusterNode[],
  { host, sessionTimeoutMs, ports }: { host: string; sessionTimeoutMs: number; ports: readonly NodePorts[] },
): Promise<NodeView[]> {
  const statuses = await Promise.all(members.map((node) => node.status(STATUS_TIMEOUT_MS)));
  const controller = activeController(statuses);
  return members.map((node, index) => {
    const status = statuses[index];
    const { brokerPort, controllerPort, zookeeperPort } = ports.find(({ id }) => id === node.id) as NodePorts;
    const session = controller?.sessions.find((one) => one.broker === node.id);
    return {
      id: node.id,
      state: node.state,
      role: status?.role ?? null,
      leadsSince: status?.leadsSince ?? null,
      host,
      brokerPort,
      controllerPort,
      zookeeperPort,
      sessionAgeMs: session?.ageMs ?? null,
      since: node.since,
      sessionTimeoutMs,
      memoryBytes: status?.memoryBytes ?? null,
      inBytes: status?.inBytes ?? 0,
      outBytes: status?.outBytes ?? 0,
      reason: node.reason,
    };
  });
}

/** Of the nodes that say they lead the quorum, the one of the newest epoch: an older one has not heard of it yet. */
function activeController(statuses: readonly (NodeStatus | undefined)[]): NodeStatus | undefined {
  let active: NodeStatus | undefined;
  for (const status of statuses) {
    if (status?.role === 'leader' && (active === undefined || status.leaderEpoch > active.leaderEpoch)) active = status;
  }
  return active;
}
