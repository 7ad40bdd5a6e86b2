/**
 * The newest leader epochs that were heard of, by which an answer is told from one of a broker that is behind. Only what has an order is
 * compared: epochs of one partition, and the number of partitions of one topic, never go down. Which topics and brokers there are, who is
 * in sync, has none; a rule that guesses could believe one broker that is wrong for as long as it is.
 */
import { ZERO_UUID } from '../cluster/protocol/uuid.ts';

/** What is looked at in a Metadata answer. */
export interface TopicEpochs {
  errorCode: number;
  name: string | null;
  topicId: string;
  partitions: readonly { partitionIndex: number; leaderEpoch: number }[];
}

/** Where a broker names no epoch. */
const UNKNOWN = -1;

export class LeaderEpochs {
  /** By topic id, or by name where topics have none (below 2.8): each partition's epoch. */
  private readonly epochs = new Map<string, number[]>();
  /** What was taken last: the same list again is not behind, and brings nothing. */
  private last: { topics: readonly TopicEpochs[]; isComplete: boolean } | undefined;

  /** By how many leader epochs and partitions the answer is older than what is known, over all; 0 for one that is not behind. */
  behind(topics: readonly TopicEpochs[]): number {
    if (topics === this.last?.topics) return 0;
    let total = 0;
    for (const topic of topics) {
      const known = this.epochs.get(keyOf(topic));
      // A topic that cannot be told about is listed without its partitions.
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

  /** From now on this is the newest. `isComplete`: it lists all topics, so that others are gone, and one made anew is a new one. */
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
