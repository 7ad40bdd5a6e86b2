/** The start of all nodes of a cluster: a node whose files cannot be read stays down alone while the other voters are a majority. */
import { ClusterError } from './cluster-errors.ts';

interface Startable {
  readonly id: number;
}

/**
 * Resolves when every node serves clients or has failed, with the failures. Rejects with the first error that keeps the cluster from serving: too
 * many voters failed for a majority, a node was stopped, or a port is in use, on which the caller retries. `voteless`: voters that start without
 * a vote, and why; they cannot replace one that failed.
 */
export function startTogether<N extends Startable>(
  nodes: readonly N[],
  voters: readonly number[],
  voteless: ReadonlyMap<number, string>,
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
        // Of two voters, one without a vote may grant one to the other.
        const without = voters.filter((id) => failures.has(id) || (voters.length > 2 && voteless.has(id)));
        if (without.length * 2 >= voters.length) reject(describeFailure(error, failures, without, voteless));
        done();
      });
    }
  });
}

/** The last failure, with the others that prevent an election. */
function describeFailure(
  last: ClusterError,
  failures: ReadonlyMap<number, ClusterError>,
  without: readonly number[],
  voteless: ReadonlyMap<number, string>,
): ClusterError {
  const others = without.flatMap((id) => {
    const reason = failures.get(id)?.message ?? voteless.get(id);
    return reason === undefined || reason === last.message ? [] : [reason];
  });
  return others.length === 0
    ? last
    : new ClusterError(last.code, `${last.message}. No leader can be elected without it, for another cause too: ${others.join('; ')}`);
}

export function isPortTaken(error: unknown): boolean {
  return error instanceof ClusterError && error.code === 'NODE_FAILED' && error.message.includes('EADDRINUSE');
}
