/** What one node is told at its start. Plain data: it crosses to the node's worker. */
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
  /** Where clients connect. */
  brokerPort: number;
  /** Where other nodes reach its controller half. */
  controllerPort: number;
  /** Where ZooKeeper's clients connect; absent: nowhere. */
  zookeeperPort?: number;
  rack: string | null;
  /** Every node of the quorum. A node that is not among them observes: it follows the metadata, and has no vote. */
  voters: readonly { id: number; host: string; port: number }[];
  /** Broker settings by Kafka's names (`min.insync.replicas`); what is absent has its default. */
  properties: Readonly<Record<string, string>>;
  /**
   * This node has never run before, whatever its directory holds: a voter that is told so has promised nothing, and votes at once. Said once in
   * a node's life; without it an empty directory may be that of a voter that has lost its disk (`quorum/raft-rejoining.ts`).
   */
  firstStart?: boolean;
}
