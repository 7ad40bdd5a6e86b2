/** Determines the cluster before any node runs: its id, its nodes, its voters and their ports. */
import type { ClusterFile, NodePorts } from './cluster-directory.ts';
import { ClusterError } from './cluster-errors.ts';
import { freePort, type FindPort } from './cluster-ports.ts';
import type { Random } from './lib/random.ts';
import { randomUuid } from './protocol/uuid.ts';

export const MAX_BROKERS = 9;
const DEFAULT_FIRST_PORT = 9092;
const ZOOKEEPER_FIRST_PORT = 2181;

/** Hosts on which ports have to be free: the quorum's on `host`, those of clients on `clientHost`. */
export interface PortHosts {
  host: string;
  clientHost: string;
}

export interface PlanOptions extends PortHosts {
  random: Random;
  /** Of the data directory, for messages. */
  path: string;
  /** The file of the last run. */
  known: ClusterFile | undefined;
  brokers?: number;
  firstPort?: number;
  controllerFirstPort?: number;
  zookeeperFirstPort?: number;
  findPort?: FindPort;
}

interface Firsts {
  broker: number;
  controller: number;
  zookeeper: number;
}

/** Rejects with `ClusterError` DIRECTORY_UNUSABLE when the directory holds another number of nodes, NO_FREE_PORT. */
export async function planCluster(options: PlanOptions): Promise<{ file: ClusterFile; notices: string[] }> {
  const { random, path, known, brokers, firstPort, controllerFirstPort, zookeeperFirstPort } = options;
  const count = brokers ?? known?.nodes.length ?? 3;
  if (known !== undefined && known.nodes.length !== count) {
    throw new ClusterError(
      'DIRECTORY_UNUSABLE',
      `${path} holds a cluster of ${known.nodes.length} ${known.nodes.length === 1 ? 'broker' : 'brokers'}; ` +
        `it cannot be started with ${count}, since the voters of its metadata are fixed. Choose another directory, or that number.`,
    );
  }
  const firsts = firstPorts(options);
  const keepsBroker = firstPort === undefined && known !== undefined;
  const keepsController = controllerFirstPort === undefined && known !== undefined;
  const keepsZooKeeper = firstPort === undefined && zookeeperFirstPort === undefined && known !== undefined;
  // A node whose port was taken meanwhile must not take that of the next one.
  const taken = new Set<number>();
  if (keepsBroker) for (const node of known.nodes) taken.add(node.brokerPort);
  if (keepsController) for (const node of known.nodes) taken.add(node.controllerPort);
  if (keepsZooKeeper) for (const node of known.nodes) taken.add(node.zookeeperPort);
  const notices: string[] = [];
  const nodes: NodePorts[] = [];
  for (let index = 0; index < count; index++) {
    const before = known?.nodes[index];
    const id = before?.id ?? index + 1;
    const previous = nodes[index - 1];
    const wanted = {
      broker: keepsBroker && before !== undefined ? before.brokerPort : next(firsts.broker, previous?.brokerPort),
      controller: keepsController && before !== undefined ? before.controllerPort : next(firsts.controller, previous?.controllerPort),
      zookeeper:
        keepsZooKeeper && before !== undefined && before.zookeeperPort !== 0
          ? before.zookeeperPort
          : next(firsts.zookeeper, previous?.zookeeperPort),
    };
    if (keepsBroker) taken.delete(wanted.broker);
    if (keepsController) taken.delete(wanted.controller);
    if (keepsZooKeeper) taken.delete(wanted.zookeeper);
    nodes.push(await takePorts(options, id, wanted, taken, notices, options.findPort));
  }
  const clusterId = known?.clusterId ?? randomUuid(random);
  return { file: { clusterId, nodes, voters: known?.voters ?? nodes.map(({ id }) => id) }, notices };
}

/** Adds a node with the lowest free id and ports after the others'. Rejects with `ClusterError` WRONG_STATE, NO_FREE_PORT. */
export async function planNode(hosts: PortHosts, file: ClusterFile, findPort?: FindPort): Promise<{ node: NodePorts; notices: string[] }> {
  if (file.nodes.length >= MAX_BROKERS) throw new ClusterError('WRONG_STATE', `a cluster has at most ${MAX_BROKERS} brokers`);
  const ids = new Set([...file.nodes.map(({ id }) => id), ...file.voters]);
  let id = 1;
  while (ids.has(id)) id++;
  const taken = new Set(file.nodes.flatMap(({ brokerPort, controllerPort, zookeeperPort }) => [brokerPort, controllerPort, zookeeperPort]));
  const above = (port: (node: NodePorts) => number): number =>
    Math.min(file.nodes.reduce((highest, node) => Math.max(highest, port(node)), 0) + 1, 65_535);
  const wanted = {
    broker: above(({ brokerPort }) => brokerPort),
    controller: above(({ controllerPort }) => controllerPort),
    zookeeper: above(({ zookeeperPort }) => zookeeperPort),
  };
  const notices: string[] = [];
  return { node: await takePorts(hosts, id, wanted, taken, notices, findPort), notices };
}

export function checkBrokers(brokers: number | undefined): void {
  if (brokers === undefined || (Number.isInteger(brokers) && brokers >= 1 && brokers <= MAX_BROKERS)) return;
  throw new ClusterError('BAD_OPTION', `a cluster has 1 to ${MAX_BROKERS} brokers, not ${brokers}`);
}

function firstPorts({ firstPort, controllerFirstPort, zookeeperFirstPort }: PlanOptions): Firsts {
  const broker = firstPort ?? DEFAULT_FIRST_PORT;
  return {
    broker,
    controller: controllerFirstPort ?? portBeside(broker, 100),
    zookeeper: zookeeperFirstPort ?? (broker === DEFAULT_FIRST_PORT ? ZOOKEEPER_FIRST_PORT : portBeside(broker, 200)),
  };
}

async function takePorts(
  { host, clientHost }: PortHosts,
  id: number,
  wanted: Firsts,
  taken: Set<number>,
  notices: string[],
  findPort: FindPort = freePort,
): Promise<NodePorts> {
  const take = async (on: string, what: string, first: number): Promise<number> => {
    const port = await findPort(on, first, taken);
    if (first !== 0 && port !== first) notices.push(`Port ${first} is in use; broker ${id} has ${port} ${what} instead.`);
    return port;
  };
  const brokerPort = await take(clientHost, 'for clients', wanted.broker);
  const controllerPort = await take(host, 'for the quorum', wanted.controller);
  const zookeeperPort = await take(clientHost, "for ZooKeeper's clients", wanted.zookeeper);
  return { id, brokerPort, controllerPort, zookeeperPort };
}

/** First port for the other listeners, so that clusters with ports of their own do not collide on 9192. 0, any, where it would not be a port. */
function portBeside(firstPort: number, distance: number): number {
  const port = firstPort + distance;
  return firstPort === 0 || port + MAX_BROKERS > 65_535 ? 0 : port;
}

/** The port to try for a node: the one after the previous node's; 0 stays 0. */
function next(first: number, previous: number | undefined): number {
  return first === 0 || previous === undefined ? first : previous + 1;
}
