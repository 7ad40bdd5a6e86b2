/** Records written per second, measured for each partition between two readings of its end offset, and only then added up. */
import { innerMap, type PartitionKey } from '../../admin/topics.ts';
import { elapsedSeconds, smooth, type Instant } from './elapsed.ts';

/** Changed in place: each round has a reading of every partition. */
interface Mark {
  topicId: string;
  end: bigint;
  at: Instant;
  /** Null after the first reading, and after one that cannot be compared with the one before. */
  perSecond: number | null;
}

export class RecordRate {
  private readonly marks = new Map<string, Map<number, Mark>>();
  private keysOfLast: string | undefined;
  private last: number | null = null;

  /** `reading` is null where it failed. A lower end or another topic id is another log: nothing is measured across it. */
  note(topic: string, topicId: string, partition: number, reading: { readonly end: bigint; readonly at: Instant } | null): void {
    const ofTopic = innerMap(this.marks, topic);
    if (reading === null) {
      ofTopic.delete(partition);
      return;
    }
    const { end, at } = reading;
    const before = ofTopic.get(partition);
    if (before === undefined) {
      ofTopic.set(partition, { topicId, end, at, perSecond: null });
      return;
    }
    const seconds = before.topicId !== topicId || end < before.end ? null : elapsedSeconds(before.at, at);
    before.perSecond = seconds === null ? null : Number(end - before.end) / seconds;
    [before.topicId, before.end, before.at] = [topicId, end, at];
  }

  /** Over these partitions together, smoothed from call to call while they are the same; null while one of them is unknown. */
  sum(keys: readonly PartitionKey[]): number | null {
    let total: number | null = keys.length === 0 ? null : 0;
    const names: string[] = [];
    let ofTopic: ReadonlyMap<number, Mark> | undefined;
    for (const { topic, partition } of keys) {
      // Partitions of a topic follow each other.
      if (topic !== names.at(-1)) {
        names.push(topic);
        ofTopic = this.marks.get(topic);
      }
      const perSecond = ofTopic?.get(partition)?.perSecond ?? null;
      total = total === null || perSecond === null ? null : total + perSecond;
    }
    const summed = `${keys.length} ${names.join('/')}`;
    this.last = smooth(this.keysOfLast === summed ? this.last : null, total);
    this.keysOfLast = summed;
    return this.last;
  }

  keepOnly(isKept: (topic: string) => boolean): void {
    for (const topic of this.marks.keys()) if (!isKept(topic)) this.marks.delete(topic);
  }
}
