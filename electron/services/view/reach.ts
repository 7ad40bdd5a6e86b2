/**
 * Which brokers did not answer their last request of any kind. A broker that answers with an error is reachable. At the address of one that
 * does not answer another cluster may: its id is kept beside.
 */
import { type AdminError, OtherClusterError, UnreachableError } from '../../admin/errors.ts';

export class Reach {
  private readonly unreachable: Map<number, string>;
  private readonly otherClusters: Map<number, string>;

  constructor(unreachable: Map<number, string>, otherClusters = new Map<number, string>()) {
    this.unreachable = unreachable;
    this.otherClusters = otherClusters;
  }

  note(broker: number, error: AdminError | null): void {
    if (error instanceof UnreachableError) this.unreachable.set(broker, error.app.message);
    else this.unreachable.delete(broker);
    if (error instanceof OtherClusterError) this.otherClusters.set(broker, error.clusterId);
    else this.otherClusters.delete(broker);
  }
}
