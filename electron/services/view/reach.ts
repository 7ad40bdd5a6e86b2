/** Which brokers did not answer their last request of any kind. A broker that answers with an error is reachable. */
import { type AdminError, UnreachableError } from '../../admin/errors.ts';

export class Reach {
  private readonly unreachable: Map<number, string>;

  constructor(unreachable: Map<number, string>) {
    this.unreachable = unreachable;
  }

  note(broker: number, error: AdminError | null): void {
    if (error instanceof UnreachableError) this.unreachable.set(broker, error.app.message);
    else this.unreachable.delete(broker);
  }
}
