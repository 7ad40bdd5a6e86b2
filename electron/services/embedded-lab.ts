/** The lab of the cluster that this process hosts: the supervisor's words in those of the app. */
import { ClusterError, type Cluster } from '../cluster/cluster.ts';
import { ServiceError } from './errors.ts';
import type { Lab, LabNode } from './lab.ts';

export function createEmbeddedLab(cluster: Cluster): Lab {
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
    znode: () => missing(),
    timeline: (sinceId) => cluster.timeline(sinceId),
    onEvent: (listener) => cluster.onEvent(listener),
  };
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
