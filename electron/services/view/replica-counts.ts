/** Replicas by broker, summed over the rows of all topics; a row that is replaced changes the sums by its own replicas. */
import type { TopicRow } from '#shared/models/cluster';

interface ReplicaCount {
  readonly leaders: number;
  readonly replicas: number;
  readonly inSync: number;
}

export class ReplicaCounts {
  private readonly counts = new Map<number, { -readonly [Kind in keyof ReplicaCount]: number }>();

  /** Undefined: the topic has no row. */
  replace(before: TopicRow | undefined, after: TopicRow | undefined): void {
    if (before !== undefined) this.add(before, -1);
    if (after !== undefined) this.add(after, 1);
  }

  /** Brokers that have a replica. */
  brokers(): Iterable<number> {
    return this.counts.keys();
  }

  of(broker: number): ReplicaCount | undefined {
    return this.counts.get(broker);
  }

  private add({ partitions }: TopicRow, sign: 1 | -1): void {
    for (const { leader, replicas, isr } of partitions) {
      for (const { broker } of replicas) {
        let count = this.counts.get(broker);
        if (count === undefined) this.counts.set(broker, (count = { leaders: 0, replicas: 0, inSync: 0 }));
        count.replicas += sign;
        if (leader === broker) count.leaders += sign;
        if (isr.includes(broker)) count.inSync += sign;
        if (count.replicas === 0) this.counts.delete(broker);
      }
    }
  }
}
