/** Records written per second, measured for each partition between two readings of its end offset, and only then added up. */
import { innerMap, type PartitionKey } from '../../admin/topics.ts';
import { elapsedSeconds, smooth, type Instant } from './elapsed.ts';

interface Mark {
  readonly topicId: string;
  readonly end: bigint;
  readonly at: Instant;
  /** Null after the first reading, and after one that cannot be compared with the one before. */
  readonly perSecond: number | null;
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
    const seconds = before === undefined || before.topicId !== topicId || end < before.end ? null : elapsedSeconds(before.at, at);
    const perSecond = seconds === null || before === undefined ? null : Number(end - before.end) / seconds;
    ofTopic.set(partition, { topicId, end, at, perSecond });
  }

  /** Over these partitions together, smoothed from call to call while they are the same; null while one of them is unknown. */
  sum(keys: readonly PartitionKey[]): number | null {
    let total: number | null = keys.length === 0 ? null : 0;
    for (const { topic, partition } of keys) {
      const perSecond = this.marks.get(topic)?.get(partition)?.perSecond ?? null;
      if (perSecond === null) {
        total = null;
        break;
      }
      total = (total ?? 0) + perSecond;
    }
    const names = [...new Set(keys.map(({ topic }) => topic))].join('/');
    this.last = smooth(this.keysOfLast === `${keys.length} ${names}` ? this.last : null, total);
    this.keysOfLast = `${keys.length} ${names}`;
    return this.last;
  }

  keepOnly(isKept: (topic: string) => boolean): void {
    for (const topic of this.marks.keys()) if (!isKept(topic)) this.marks.delete(topic);
  }
}
