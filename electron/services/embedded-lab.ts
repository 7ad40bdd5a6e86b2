/** The lab of the embedded cluster: translates errors of the supervisor to those of the app. */
import { ZooKeeperReader } from '../admin/zookeeper-reader.ts';
import { ClusterError, type Cluster } from '../cluster/cluster.ts';
import { ServiceError } from './errors.ts';
import { zookeeperServers, type Lab, type LabNode } from './lab.ts';
import { removeNode } from './node-removal.ts';

export function createEmbeddedLab(cluster: Cluster): Lab {
  const nodes = async (): Promise<LabNode[]> => {
    const all = await cluster.nodes();
    return all.map(({ brokerPort, ...node }) => ({ ...node, port: brokerPort }));
  };
  const tree = new ZooKeeperReader(() => zookeeperServers({ nodes }));
  return {
    nodes,
    stop: (node) => translated(brokers(node), () => cluster.stop(node)),
    kill: (node) => translated(brokers(node), () => cluster.kill(node)),
    start: (node) => translated(brokers(node), () => cluster.startNode(node)),
    thaw: (node) => translated(brokers(node), () => cluster.thaw(node)),
    inject: (fault) => translated('node' in fault ? brokers(fault.node) : brokers(...fault.between), () => cluster.inject(fault)),
    heal: (id) => translated(`fault ${id}`, () => cluster.heal(id)),
    healAll: () => cluster.healAll(),
    faults: () => cluster.faults(),
    onFaults: (listener) => cluster.onFaults(listener),
    addNode: () => translated('', () => cluster.addNode()),
    removeNode: (node) => translated(brokers(node), () => removeNode(cluster, node)),
    znode: (path) => tree.read(path),
    timeline: (sinceId) => cluster.timeline(sinceId),
    onEvent: (listener) => cluster.onEvent(listener),
  };
}

async function translated<T>(subject: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (!(cause instanceof ClusterError)) throw cause;
    throw new ServiceError({ code: CODES[cause.code] ?? cause.code, message: `${sentence(cause.message)}.`, subject }, { cause });
  }
}

/** Codes of the app for codes of the supervisor; the others are the same. */
const CODES: Partial<Record<ClusterError['code'], string>> = {
  NO_SUCH_NODE: 'NOT_FOUND',
  NO_SUCH_REPLICA: 'NOT_FOUND',
  NO_SUCH_FAULT: 'NOT_FOUND',
  BAD_OPTION: 'INVALID_PAYLOAD',
};

function brokers(...ends: readonly (number | 'clients')[]): string {
  return ends
    .filter((end) => end !== 'clients')
    .map((id) => `broker ${id}`)
    .join(', ');
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
