/** Actions on the nodes of the embedded cluster, their faults and events. The app and the control API share it. */
import type { ZooKeeperAddress } from '../admin/zookeeper-wire.ts';
import type { Fault, FaultSpec, Znode } from '#shared/models/lab';
import type { TimelineEvent } from '#shared/models/timeline';

export interface LabNode {
  id: number;
  state: 'starting' | 'running' | 'frozen' | 'stopping' | 'stopped' | 'killed' | 'failed';
  /** Why it is `failed`. */
  reason: string | null;
  role: 'leader' | 'follower' | 'candidate' | null;
  /** Wall-clock ms at which it became quorum leader; null or absent if it is not. */
  leadsSince?: number | null;
  /** The address for this machine, which may differ from the advertised one. */
  host: string;
  port: number;
  controllerPort: number;
  zookeeperPort: number;
  /** Wall-clock ms at which it entered that state. */
  since: number;
  /** Milliseconds since its last heartbeat reached the active controller; null while unknown. */
  sessionAgeMs: number | null;
  sessionTimeoutMs: number;
  memoryBytes: number | null;
  /** Bytes of client and replication traffic since the node started. */
  inBytes: number;
  outBytes: number;
}

export interface Lab {
  nodes(): Promise<LabNode[]>;
  /** Controlled shutdown: leaderships move first. Resolves when the node has left. */
  stop(node: number): Promise<void>;
  /** Terminates the node's worker, as SIGKILL ends a process. */
  kill(node: number): Promise<void>;
  /** Resolves when the node serves clients. */
  start(node: number): Promise<void>;
  /** Resumes a frozen node. */
  thaw(node: number): Promise<void>;
  /** Resolves when the fault is in effect. Faults can be combined. */
  inject(fault: FaultSpec): Promise<Fault>;
  /** Ends one fault; a node that is down is started. */
  heal(id: number): Promise<void>;
  /** Ends all faults; returns those that could not be ended, with the reason. */
  healAll(): Promise<{ id: number; error: string }[]>;
  /** Active faults, oldest first. */
  faults(): readonly Fault[];
  /** `listener` receives all active faults when one begins or ends. Returns the function that unsubscribes. */
  onFaults(listener: (faults: readonly Fault[]) => void): () => void;
  /** Adds a broker, and resolves to its id when it serves clients. */
  addNode(): Promise<number>;
  /** Reassigns its partitions, stops it and unregisters it. */
  removeNode(node: number): Promise<void>;
  /** One node of the ZooKeeper tree. */
  znode(path: string): Promise<Znode>;
  /** Events with an id above `sinceId`, oldest first. */
  timeline(sinceId: number): readonly TimelineEvent[];
  /** Returns the function that unsubscribes. */
  onEvent(listener: (event: TimelineEvent) => void): () => void;
}

/** Where ZooKeeper clients connect: running nodes, those without a role last, since they may be frozen. */
export async function zookeeperServers(lab: Pick<Lab, 'nodes'>): Promise<ZooKeeperAddress[]> {
  const silent = (node: LabNode): number => (node.role === null ? 1 : 0);
  return (await lab.nodes())
    .filter((node) => node.state === 'running')
    .sort((a, b) => silent(a) - silent(b))
    .map(({ id, host, zookeeperPort }) => ({ id, host, port: zookeeperPort }));
}
