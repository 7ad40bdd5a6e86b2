/**
 * The newest leader epochs that brokers have reported, to recognize stale metadata. Only ordered values are compared: the leader epoch of a
 * partition and the number of partitions of a topic never decrease. The sets of topics, brokers and in-sync replicas have no order; a rule
 * that guessed could accept one wrong broker indefinitely.
 */
import { ZERO_UUID } from '../cluster/protocol/uuid.ts';

/** The fields of a Metadata response that are compared. */
export interface TopicEpochs {
  errorCode: number;
  name: string | null;
  topicId: string;
  partitions: readonly { partitionIndex: number; leaderEpoch: number }[];
}

/** The broker does not report an epoch. */
const UNKNOWN = -1;

export class LeaderEpochs {
  /** Epochs by partition; by topic id, or by name where topics have no id (before Apache Kafka 2.8). */
  private readonly epochs = new Map<string, number[]>();
  /** The last accepted response: the same list is not stale and changes nothing. */
  private last: { topics: readonly TopicEpochs[]; isComplete: boolean } | undefined;

  /** The sum of leader epochs and partitions by which the response is older than what is known; 0 if it is not stale. */
  behind(topics: readonly TopicEpochs[]): number {
    if (topics === this.last?.topics) return 0;
    let total = 0;
    for (const topic of topics) {
      const known = this.epochs.get(keyOf(topic));
      // A topic with an error is listed without its partitions.
      if (known === undefined || topic.errorCode !== 0) continue;
      let length = 0;
      for (const { partitionIndex, leaderEpoch } of topic.partitions) {
        length = Math.max(length, partitionIndex + 1);
        const epoch = known[partitionIndex] ?? UNKNOWN;
        if (leaderEpoch !== UNKNOWN && leaderEpoch < epoch) total += epoch - leaderEpoch;
      }
      total += Math.max(0, known.length - length);
    }
    return total;
  }

  /** Accepts the response as the newest. `isComplete`: it lists all topics, so that the others are deleted. */
  take(topics: readonly TopicEpochs[], isComplete: boolean): void {
    if (topics === this.last?.topics && isComplete === this.last.isComplete) return;
    this.last = { topics, isComplete };
    let listed = 0;
    for (const topic of topics) {
      const key = keyOf(topic);
      const known = this.epochs.get(key);
      if (known !== undefined || topic.errorCode === 0) listed++;
      if (topic.errorCode !== 0) continue;
      const epochs = known ?? [];
      let length = 0;
      for (const { partitionIndex, leaderEpoch } of topic.partitions) {
        length = Math.max(length, partitionIndex + 1);
        if (leaderEpoch !== UNKNOWN) epochs[partitionIndex] = leaderEpoch;
      }
      epochs.length = length;
      if (known === undefined) this.epochs.set(key, epochs);
    }
    if (isComplete && this.epochs.size > listed) this.keepOnly(new Set(topics.map(keyOf)));
  }

  private keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.epochs.keys()) if (!keys.has(key)) this.epochs.delete(key);
  }
}

function keyOf({ topicId, name }: TopicEpochs): string {
  return topicId === ZERO_UUID ? `${name}` : topicId;
}
