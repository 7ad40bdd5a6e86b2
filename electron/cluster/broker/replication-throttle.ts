/**
 * Replication throttles (KIP-73): rate limits for replicas that catch up. `kafka-reassign-partitions --throttle` sets the rates on brokers
 * (`leader.` and `follower.replication.throttled.rate`), and on topics the throttled replicas
 * (`leader.` and `follower.replication.throttled.replicas`: pairs of partition and broker, or `*`).
 *
 * A follower in the ISR is never throttled: acknowledgements wait for it.
 */
import type { Clock } from '../lib/clock.ts';

/** The throttled replicas of a topic. */
export interface ThrottledReplicas {
  readonly leader: readonly string[];
  readonly follower: readonly string[];
}

export interface ThrottleOptions {
  readonly clock: Clock;
  readonly brokerId: number;
  /** Bytes per second; Infinity: unlimited. Read after every change of configuration. */
  rates(): { readonly leader: number; readonly follower: number };
  /** The lists of a topic. Read when first needed after a change of its configuration. */
  replicas(topic: string): ThrottledReplicas;
}

export interface ThrottledPartition {
  readonly topic: string;
  readonly index: number;
  readonly isr: readonly number[];
}

export class ReplicationThrottle {
  private readonly options: ThrottleOptions;
  private readonly lists = new Map<string, ThrottledReplicas>();
  private readonly sending: Allowance;
  private readonly fetching: Allowance;

  constructor(options: ThrottleOptions) {
    this.options = options;
    this.sending = new Allowance(options.clock);
    this.fetching = new Allowance(options.clock);
    this.settingsChanged();
  }

  /** To be called after the configuration of these topics, or (undefined) of a broker, changed. */
  settingsChanged(topics?: Iterable<string>): void {
    if (topics === undefined) this.lists.clear();
    else for (const topic of topics) this.lists.delete(topic);
    const { leader, follower } = this.options.rates();
    this.sending.setRate(leader);
    this.fetching.setRate(follower);
  }

  /** Whether this leader may not send records to that follower for now. */
  holdsBack(partition: ThrottledPartition, follower: number): boolean {
    return this.sending.waitMs > BURST_MS && this.limitsSending(partition, follower);
  }

  /** This leader has sent so many bytes to a follower. */
  sent(partition: ThrottledPartition, follower: number, bytes: number): void {
    if (this.limitsSending(partition, follower)) this.sending.take(bytes);
  }

  /** Whether any partition may have to wait before it is fetched. */
  get limitsFetching(): boolean {
    return this.fetching.limited;
  }

  /** How long this follower has to wait before it fetches, in ms. */
  waitMs(partition: ThrottledPartition): number {
    return this.limitsFetchingOf(partition) ? this.fetching.waitMs : 0;
  }

  /** This follower has fetched so many bytes. */
  fetched(partition: ThrottledPartition, bytes: number): void {
    if (this.limitsFetchingOf(partition)) this.fetching.take(bytes);
  }

  private limitsSending(partition: ThrottledPartition, follower: number): boolean {
    return this.sending.limited && !partition.isr.includes(follower) && this.appliesTo(partition).leader;
  }

  private limitsFetchingOf(partition: ThrottledPartition): boolean {
    return this.fetching.limited && !partition.isr.includes(this.options.brokerId) && this.appliesTo(partition).follower;
  }

  private appliesTo({ topic, index }: ThrottledPartition): { leader: boolean; follower: boolean } {
    let lists = this.lists.get(topic);
    if (lists === undefined) this.lists.set(topic, (lists = this.options.replicas(topic)));
    const own = `${index}:${this.options.brokerId}`;
    const names = (list: readonly string[]): boolean => list.includes('*') || list.includes(own);
    return { leader: names(lists.leader), follower: names(lists.follower) };
  }
}

/** Maximum delay, in ms, of the next fetch of a throttled follower; the leader may send earlier. */
const BURST_MS = 1000;

/** Limits the average rate: after a larger transfer the next one waits until the average is met. */
class Allowance {
  private readonly clock: Clock;
  private bytesPerMs = Infinity;
  /** Monotonic ms at which the average is met. */
  private freeAt = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get limited(): boolean {
    return this.bytesPerMs !== Infinity;
  }

  get waitMs(): number {
    return Math.max(0, this.freeAt - this.clock.monotonic());
  }

  setRate(bytesPerSecond: number): void {
    const before = this.bytesPerMs;
    // A rate of 0 blocks; the debt is recomputed with the next rate.
    this.bytesPerMs = bytesPerSecond / 1000;
    const now = this.clock.monotonic();
    const owed = this.freeAt > now && before !== Infinity ? (this.freeAt - now) * before : 0;
    this.freeAt = this.bytesPerMs === 0 ? Infinity : now + (Number.isFinite(owed) ? owed / this.bytesPerMs : 0);
  }

  take(bytes: number): void {
    this.freeAt = Math.max(this.freeAt, this.clock.monotonic()) + bytes / this.bytesPerMs;
  }
}
