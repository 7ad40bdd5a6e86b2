/** Rows of brokers: what metadata lists, what the supervisor knows of the embedded cluster's nodes, and what they hold. Pure. */
import type { LogVolume } from '../../admin/log-directories.ts';
import type { BrokerRow, BrokerState } from '#shared/models/cluster';
import type { LabNode } from '../lab.ts';
import type { ReplicaCounts } from './replica-counts.ts';
import type { ClusterState } from './state.ts';

/** Nodes of the embedded cluster that serve nothing, whatever metadata still lists. */
export function downNodes(nodes: readonly LabNode[] | null): ReadonlySet<number> {
  return new Set((nodes ?? []).filter(({ state }) => state === 'stopped' || state === 'killed' || state === 'failed').map(({ id }) => id));
}

/** The controller; null when its node is down and no other has been reported. */
export function livingController(state: ClusterState, down: ReadonlySet<number>): number | null {
  return state.controllerId === null || down.has(state.controllerId) ? null : state.controllerId;
}

export function brokerRows(state: ClusterState, counts: ReplicaCounts, down: ReadonlySet<number>): BrokerRow[] {
  const listed = new Map((state.metadata?.brokers ?? []).map((broker) => [broker.nodeId, broker]));
  const nodes = new Map((state.nodes ?? []).map((node) => [node.id, node]));
  // The supervisor knows all nodes of the embedded cluster: others were removed. A remote broker that is gone may be restarted; one that was
  // gone before the first answer is named by its replicas only.
  const remembered = state.nodes === null ? [...state.seenBrokers.keys(), ...counts.brokers()] : [];
  const ids = [...new Set([...listed.keys(), ...nodes.keys(), ...remembered])].sort((a, b) => a - b);
  return ids.map((id) => {
    const node = nodes.get(id);
    const seen = state.seenBrokers.get(id);
    const broker = listed.get(id);
    const count = counts.of(id);
    const known = state.metadata !== null;
    return {
      id,
      host: broker?.host ?? seen?.host ?? node?.host ?? null,
      port: broker?.port ?? node?.port ?? seen?.port ?? null,
      rack: broker?.rack ?? seen?.rack ?? null,
      state: brokerState(broker !== undefined, node, state.unreachable.has(id)),
      since:
        node !== undefined && node.state !== 'running'
          ? node.since
          : broker === undefined
            ? (seen?.goneSince ?? node?.since ?? null)
            : (node?.since ?? null),
      isController: livingController(state, down) === id,
      quorumRole: quorumRole(id, state, node),
      leaders: known ? (count?.leaders ?? 0) : null,
      replicas: known ? (count?.replicas ?? 0) : null,
      inSync: known ? (count?.inSync ?? 0) : null,
      sessionAgeMs: node?.sessionAgeMs ?? null,
      sessionTimeoutMs: node?.sessionTimeoutMs ?? null,
      logBytes: state.brokerBytes.get(id)?.toString() ?? null,
      disk: diskOf(state.brokerVolumes.get(id)),
      lab:
        node === undefined
          ? null
          : {
              port: node.port,
              controllerPort: node.controllerPort,
              running: node.state === 'running' || node.state === 'starting' || node.state === 'frozen',
              memoryBytes: node.memoryBytes,
            },
    };
  });
}

function diskOf(volume: LogVolume | undefined): BrokerRow['disk'] {
  if (volume === undefined) return null;
  const { directory, directories, totalBytes, usableBytes } = volume;
  return { directory, directories, totalBytes: totalBytes.toString(), usableBytes: usableBytes.toString() };
}

function brokerState(listed: boolean, node: LabNode | undefined, unreachable: boolean): BrokerState {
  if (node !== undefined) {
    if (node.state === 'starting') return 'starting';
    if (node.state === 'stopping') return 'shuttingDown';
    if (node.state === 'frozen') return 'frozen';
    if (node.state !== 'running') return 'down';
    return listed ? (unreachable ? 'unreachable' : 'online') : 'fenced';
  }
  if (!listed) return 'down';
  return unreachable ? 'unreachable' : 'online';
}

function quorumRole(id: number, state: ClusterState, node: LabNode | undefined): BrokerRow['quorumRole'] {
  if (state.quorum?.leaderId === id) return 'leader';
  if (node !== undefined && node.role !== null) return node.role;
  if (state.quorum?.voters.some((voter) => voter.id === id)) return 'follower';
  if (state.quorum?.observers.some((observer) => observer.id === id)) return 'observer';
  return null;
}
