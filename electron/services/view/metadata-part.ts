/** Brokers, topics and partitions, by Metadata. An unchanged topic keeps its object from one answer to the next. */
import type { ClusterMetadata } from '../../admin/cluster-client.ts';
import { keepKnown } from './sameness.ts';
import type { ClusterState, SeenBroker } from './state.ts';

type Target = Pick<
  ClusterState,
  | 'metadata'
  | 'topics'
  | 'seenBrokers'
  | 'clusterId'
  | 'asOf'
  | 'offsets'
  | 'offsetTimes'
  | 'sizes'
  | 'topicSettings'
  | 'unreachable'
  | 'otherClusters'
>;

export class MetadataPart {
  private readonly state: Target;
  private readonly read: () => Promise<ClusterMetadata>;
  private readonly now: () => number;

  constructor(options: { state: Target; read: () => Promise<ClusterMetadata>; now?: () => number }) {
    this.state = options.state;
    this.read = options.read;
    this.now = options.now ?? Date.now;
  }

  async round(): Promise<void> {
    this.take(await this.read());
  }

  private take(answer: ClusterMetadata): void {
    const { state } = this;
    const now = this.now();
    if (answer !== state.metadata) this.takeTopics(answer);
    state.metadata = answer;
    state.asOf = now;
    if (answer.clusterId !== null) state.clusterId = answer.clusterId;
    this.noteBrokers(answer, now);
  }

  private takeTopics(answer: ClusterMetadata): void {
    const { topics } = this.state;
    const listed = new Set<string>();
    let [isAdded, isChanged] = [false, false];
    for (const topic of answer.topics) {
      if (topic.name === null || topic.errorCode !== 0) continue;
      listed.add(topic.name);
      const known = topics.get(topic.name);
      const kept = keepKnown(known, topic);
      if (kept === known) continue;
      topics.set(topic.name, kept);
      isChanged = true;
      if (known === undefined) isAdded = true;
    }
    for (const name of topics.keys()) if (!listed.has(name)) isChanged = topics.delete(name);
    if (isAdded) topics.sort((a, b) => a < b);
    if (isChanged) this.forgetDeleted();
  }

  private noteBrokers(answer: ClusterMetadata, now: number): void {
    const { state } = this;
    const seen = new Map<number, SeenBroker>(state.seenBrokers);
    for (const { nodeId, host, port, rack } of answer.brokers) seen.set(nodeId, { host, port, rack, goneSince: null });
    const listed = new Set(answer.brokers.map(({ nodeId }) => nodeId));
    for (const [id, broker] of seen) {
      if (listed.has(id)) continue;
      if (broker.goneSince === null) seen.set(id, { ...broker, goneSince: now });
      state.unreachable.delete(id);
      state.otherClusters.delete(id);
    }
    state.seenBrokers = keepKnown(state.seenBrokers, seen);
  }

  /** A topic of the same name with another id is another topic: nothing that was read of the former one counts for it. */
  private forgetDeleted(): void {
    const { topics, offsets, offsetTimes, sizes, topicSettings } = this.state;
    for (const [name, { topicId }] of offsets) if (topics.get(name)?.topicId !== topicId) offsets.delete(name);
    for (const byName of [sizes, topicSettings]) for (const name of byName.keys()) if (!topics.has(name)) byName.delete(name);
    offsetTimes.keepOnly((name) => offsets.has(name));
  }
}
