/** Bytes on disk and volumes, by DescribeLogDirs at each broker. */
import type { LogDirectories } from '../../admin/log-directories.ts';
import { BrokerLanes } from './broker-lanes.ts';
import type { Reach } from './reach.ts';
import { keepKnown } from './sameness.ts';
import type { ClusterState } from './state.ts';

type Target = Pick<ClusterState, 'sizes' | 'brokerBytes' | 'brokerVolumes'>;

export interface SizeSource {
  brokers(): readonly number[];
  /** Rejects with an `AdminError`. */
  read(broker: number): Promise<LogDirectories>;
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
    for (const broker of this.brokersOf()) if (!brokers.includes(broker)) this.merge(broker, null);
    await this.lanes.round(
      brokers,
      (broker) => this.source.read(broker),
      (broker, answer) => {
        this.reach.note(broker, 'error' in answer ? answer.error : null);
        this.merge(broker, 'error' in answer ? null : answer.value);
        this.onChange();
      },
    );
  }

  /** Brokers of which something is known. */
  private brokersOf(): Set<number> {
    const brokers = new Set([...this.state.brokerBytes.keys(), ...this.state.brokerVolumes.keys()]);
    for (const ofTopic of this.state.sizes.values()) for (const broker of ofTopic.keys()) brokers.add(broker);
    return brokers;
  }

  /** Null: unknown. */
  private merge(broker: number, fresh: LogDirectories | null): void {
    const { sizes, brokerBytes, brokerVolumes } = this.state;
    for (const topic of new Set([...sizes.keys(), ...(fresh?.sizes.keys() ?? [])])) {
      const known = sizes.get(topic);
      const next = fresh?.sizes.get(topic);
      const before = known?.get(broker);
      const kept = next === undefined ? undefined : keepKnown(before, next);
      if (kept === before) continue;
      const changed = new Map(known);
      if (kept === undefined) changed.delete(broker);
      else changed.set(broker, kept);
      if (changed.size === 0) sizes.delete(topic);
      else sizes.set(topic, changed);
    }
    if (fresh === null || fresh.totalBytes === null) brokerBytes.delete(broker);
    else brokerBytes.set(broker, fresh.totalBytes);
    if (fresh === null || fresh.fullest === null) brokerVolumes.delete(broker);
    else brokerVolumes.set(broker, fresh.fullest);
  }
}
