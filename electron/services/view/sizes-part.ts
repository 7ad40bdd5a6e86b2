/** Bytes on disk, by DescribeLogDirs at each broker. */
import { BrokerLanes } from './broker-lanes.ts';
import type { Reach } from './reach.ts';
import { keepKnown } from './sameness.ts';
import type { ClusterState } from './state.ts';

type Target = Pick<ClusterState, 'sizes' | 'brokerBytes'>;

export interface SizeSource {
  brokers(): readonly number[];
  /** By topic and partition. Rejects with an `AdminError`. */
  sizes(broker: number): Promise<ReadonlyMap<string, ReadonlyMap<number, bigint>>>;
}

export class SizesPart {
  private readonly state: Target;
  private readonly source: SizeSource;
  private readonly reach: Reach;
  private readonly onChange: () => void;
  private readonly lanes: BrokerLanes;

  constructor(options: { state: Target; source: SizeSource; reach: Reach; onChange: () => void; lanes?: BrokerLanes }) {
    this.state = options.state;
    this.source = options.source;
    this.reach = options.reach;
    this.onChange = options.onChange;
    this.lanes = options.lanes ?? new BrokerLanes();
  }

  async round(): Promise<void> {
    const brokers = this.source.brokers();
    for (const broker of this.state.brokerBytes.keys()) if (!brokers.includes(broker)) this.merge(broker, null);
    await this.lanes.round(
      brokers,
      (broker) => this.source.sizes(broker),
      (broker, answer) => {
        this.reach.note(broker, 'error' in answer ? answer.error : null);
        this.merge(broker, 'error' in answer ? null : answer.value);
        this.onChange();
      },
    );
  }

  /** Null: unknown. */
  private merge(broker: number, fresh: ReadonlyMap<string, ReadonlyMap<number, bigint>> | null): void {
    const { sizes, brokerBytes } = this.state;
    for (const topic of new Set([...sizes.keys(), ...(fresh?.keys() ?? [])])) {
      const known = sizes.get(topic);
      const next = fresh?.get(topic);
      const before = known?.get(broker);
      const kept = next === undefined ? undefined : keepKnown(before, next);
      if (kept === before) continue;
      const changed = new Map(known);
      if (kept === undefined) changed.delete(broker);
      else changed.set(broker, kept);
      if (changed.size === 0) sizes.delete(topic);
      else sizes.set(topic, changed);
    }
    if (fresh === null) {
      brokerBytes.delete(broker);
      return;
    }
    let total = 0n;
    for (const partitions of fresh.values()) for (const bytes of partitions.values()) total += bytes;
    brokerBytes.set(broker, total);
  }
}
