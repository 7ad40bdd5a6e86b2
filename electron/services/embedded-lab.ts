/** The lab of the cluster that this process hosts: the supervisor's words in those of the app. */
import { ZooKeeperReader, type ZooKeeperAddress } from '../admin/zookeeper-reader.ts';
import { ClusterError, type Cluster, type NodeView } from '../cluster/cluster.ts';
import { ServiceError } from './errors.ts';
import type { Lab, LabNode } from './lab.ts';

export function createEmbeddedLab(cluster: Cluster): Lab {
  const tree = new ZooKeeperReader(() => zookeeperServers(cluster));
  return {
    async nodes(): Promise<LabNode[]> {
      const nodes = await cluster.nodes();
      return nodes.map(({ brokerPort, ...node }) => ({ ...node, port: brokerPort }));
    },
    stop: (node) => translated(node, () => cluster.stop(node)),
    kill: (node) => translated(node, () => cluster.kill(node)),
    start: (node) => translated(node, () => cluster.startNode(node)),
    inject: () => missing(),
    heal: () => missing(),
    healAll: () => missing(),
    faults: () => [],
    onFaults: () => () => undefined,
    addNode: () => missing(),
    removeNode: () => missing(),
    znode: (path) => tree.read(path),
    timeline: (sinceId) => cluster.timeline(sinceId),
    onEvent: (listener) => cluster.onEvent(listener),
  };
}

/** Running ones only: one that is frozen does not say so, and is found out by its silence. */
async function zookeeperServers(cluster: Cluster): Promise<ZooKeeperAddress[]> {
  const nodes = await cluster.nodes();
  const answering = (node: NodeView): number => (node.role === null ? 1 : 0);
  return nodes
    .filter((node) => node.state === 'running')
    .sort((a, b) => answering(a) - answering(b))
    .map(({ id, host, zookeeperPort }) => ({ id, host, port: zookeeperPort }));
}

async function translated(node: number, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (cause) {
    if (!(cause instanceof ClusterError)) throw cause;
    const code = cause.code === 'NO_SUCH_NODE' ? 'NOT_FOUND' : cause.code;
    throw new ServiceError({ code, message: `${sentence(cause.message)}.`, subject: `broker ${node}` }, { cause });
  }
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

function missing(): Promise<never> {
  return Promise.reject(new ServiceError({ code: 'INTERNAL', message: 'This is being built.' }));
}
