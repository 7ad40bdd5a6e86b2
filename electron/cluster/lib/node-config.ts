/** Configuration of one node at its start. Plain data: it is sent to the node's worker. */
export interface NodeConfig {
  nodeId: number;
  /** Kafka's cluster id, a UUID in text form; the same on every node. */
  clusterId: string;
  /** This node's own directory: logs, `meta.properties`, `quorum-state`. */
  dataDirectory: string;
  /** Host of the quorum's listener, and of the client listener and ZooKeeper's port where the next two are absent. */
  host: string;
  /** IP address that the client listener and ZooKeeper's port bind to. The brokers, which share one machine, reach each other there. */
  bindHost?: string;
  /** Host that the broker registers for clients, as in Kafka's `advertised.listeners`. Default: `bindHost`. */
  advertisedHost?: string;
  /** Port of the client listener. */
  brokerPort: number;
  /** Port of the controller listener. */
  controllerPort: number;
  /** Port of the ZooKeeper endpoint; absent: none. */
  zookeeperPort?: number;
  rack: string | null;
  /** Every node of the quorum. A node that is not among them is an observer: it follows the metadata without a vote. */
  voters: readonly { id: number; host: string; port: number }[];
  /** Broker settings by Kafka's names (`min.insync.replicas`); absent ones have their default. */
  properties: Readonly<Record<string, string>>;
  /**
   * This node has never run before, whatever its directory holds: such a voter has not voted in any epoch, and may vote at once. Set once in
   * the existence of a node; without it an empty directory may be that of a voter that has lost its disk (`quorum/raft-rejoining.ts`).
   */
  firstStart?: boolean;
}
