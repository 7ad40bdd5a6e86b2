/** The start of all nodes of a cluster: one whose files cannot be read stays down alone while the voters that are left are a majority. */
import { ClusterError } from './cluster-errors.ts';

interface Startable {
  readonly id: number;
}

/**
 * Resolves when every node serves clients or has failed, with the failures. Rejects with the first error that keeps the cluster from serving: so
 * many voters failed that the others wait for a majority for ever, or a node was stopped, or a port is taken, for which the caller has a cure.
 */
export function startTogether<N extends Startable>(
  nodes: readonly N[],
  voters: readonly number[],
  start: (node: N) => Promise<void>,
): Promise<ClusterError[]> {
  return new Promise((resolve, reject) => {
    const failures = new Map<number, ClusterError>();
    let pending = nodes.length;
    const done = (): void => {
      if (--pending === 0) resolve([...failures.values()]);
    };
    for (const node of nodes) {
      start(node).then(done, (error: unknown) => {
        if (!(error instanceof ClusterError) || error.code !== 'NODE_FAILED' || isPortTaken(error)) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        failures.set(node.id, error);
        const failedVoters = voters.filter((id) => failures.has(id)).length;
        if (failedVoters * 2 >= voters.length) reject(error);
        done();
      });
    }
  });
}

export function isPortTaken(error: unknown): boolean {
  return error instanceof ClusterError && error.code === 'NODE_FAILED' && error.message.includes('EADDRINUSE');
}
