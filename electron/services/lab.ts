/** What can be done to the embedded cluster's nodes, and what has happened to them. The app and the control API share it. */
import type { ZooKeeperAddress } from '../admin/zookeeper-wire.ts';
import type { Fault, FaultSpec, Znode } from '#shared/models/lab';
import type { TimelineEvent } from '#shared/models/timeline';

export interface LabNode {
  id: number;
  state: 'starting' | 'running' | 'frozen' | 'stopping' | 'stopped' | 'killed' | 'failed';
  /** Why it is `failed`. */
  reason: string | null;
  role: 'leader' | 'follower' | 'candidate' | null;
  /** Wall-clock ms since when it leads the quorum; null or absent where it does not. */
  leadsSince?: number | null;
  /** Where this machine reaches it, whatever it advertises. */
  host: string;
  port: number;
  controllerPort: number;
  zookeeperPort: number;
  /** Wall-clock ms since when it is in that state. */
  since: number;
  /** Milliseconds since the active controller heard its last heartbeat; null while nobody knows. */
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
  /** The worker ends mid-instruction. */
  kill(node: number): Promise<void>;
  /** Resolves when the node serves clients again. */
  start(node: number): Promise<void>;
  /** Lets a frozen node get on. */
  thaw(node: number): Promise<void>;
  /** Resolves when the fault is in force. Faults combine. */
  inject(fault: FaultSpec): Promise<Fault>;
  /** Ends one fault; of a node that is down that means that it is started. */
  heal(id: number): Promise<void>;
  /** Ends them all; says which could not be ended, and why. */
  healAll(): Promise<{ id: number; error: string }[]>;
  /** In force now, oldest first. */
  faults(): readonly Fault[];
  /** Called with all faults in force when one begins or ends; returns the function that unsubscribes. */
  onFaults(listener: (faults: readonly Fault[]) => void): () => void;
  /** Starts a broker more and resolves to its id when it serves clients. */
  addNode(): Promise<number>;
  /** Moves its partitions away, stops it and unregisters it. */
  removeNode(node: number): Promise<void>;
  /** One node of the coordination service's tree. */
  znode(path: string): Promise<Znode>;
  /** Events with an id above `sinceId`, oldest first. */
  timeline(sinceId: number): readonly TimelineEvent[];
  /** Returns the function that unsubscribes. */
  onEvent(listener: (event: TimelineEvent) => void): () => void;
}

/** Where ZooKeeper's clients connect: running nodes only. One that is frozen does not say so, and is found out by its silence. */
export async function zookeeperServers(lab: Pick<Lab, 'nodes'>): Promise<ZooKeeperAddress[]> {
  const silent = (node: LabNode): number => (node.role === null ? 1 : 0);
  return (await lab.nodes())
    .filter((node) => node.state === 'running')
    .sort((a, b) => silent(a) - silent(b))
    .map(({ id, host, zookeeperPort }) => ({ id, host, port: zookeeperPort }));
}
