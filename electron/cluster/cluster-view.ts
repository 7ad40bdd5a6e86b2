/** The status of each node, from the supervisor and from the node itself. */
import type { NodePorts } from './cluster-directory.ts';
import type { NodeStatus, QuorumRole } from './cluster-messages.ts';
import type { ClusterNode, NodeState } from './cluster-node.ts';

export interface NodeView {
  id: number;
  state: NodeState;
  /** Its role in the metadata quorum; null: unknown. */
  role: QuorumRole | null;
  /** Wall-clock milliseconds of its election as leader of the quorum; null on other nodes. */
  leadsSince: number | null;
  /** The host at which this machine reaches it, whatever it advertises. */
  host: string;
  brokerPort: number;
  controllerPort: number;
  zookeeperPort: number;
  /** Milliseconds since its last heartbeat to the active controller; null: unknown. */
  sessionAgeMs: number | null;
  /** Milliseconds without a heartbeat after which the controller fences it. */
  sessionTimeoutMs: number;
  /** Wall-clock milliseconds of its last change of state. */
  since: number;
  memoryBytes: number | null;
  /** Traffic of its client listener since it started, replication included; 0: unknown. */
  inBytes: number;
  outBytes: number;
  /** Why its state is `failed`. */
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

/** The active controller: of the nodes that report to lead the quorum, the one with the newest epoch. */
function activeController(statuses: readonly (NodeStatus | undefined)[]): NodeStatus | undefined {
  let active: NodeStatus | undefined;
  for (const status of statuses) {
    if (status?.role === 'leader' && (active === undefined || status.leaderEpoch > active.leaderEpoch)) active = status;
  }
  return active;
}
