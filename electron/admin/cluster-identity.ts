/**
 * Which cluster a connection is to. A broker of another cluster, in the bootstrap list or at an address that a broker advertises, is refused:
 * both clusters use the same broker ids, so what it answers would be mixed with the rest. Shared by all clients of the connection.
 */
import { OtherClusterError } from './errors.ts';

export class ClusterIdentity {
  /** Null before the first broker has reported one. */
  private clusterId: string | null = null;
  /** Addresses that have answered for the cluster. */
  private readonly members = new Set<string>();

  /**
   * Takes what the broker at `address` reports of itself; null: it reports no id (before Apache Kafka 0.10.1). Throws OtherClusterError where
   * it is that of another cluster than the first one's.
   */
  check(address: string, clusterId: string | null): void {
    if (clusterId === null) return;
    this.clusterId ??= clusterId;
    if (clusterId !== this.clusterId) throw new OtherClusterError(address, clusterId, this.clusterId);
    this.members.add(address);
  }

  /**
   * After no broker has answered for the cluster: whether it was re-created at its former addresses, so that one of them has another id now.
   * From then on that is the id.
   */
  replaceAfter(failures: readonly Error[]): boolean {
    const replaced = failures.find((one): one is OtherClusterError => one instanceof OtherClusterError && this.members.has(one.address));
    if (replaced === undefined) return false;
    this.members.clear();
    this.clusterId = replaced.clusterId;
    return true;
  }
}
