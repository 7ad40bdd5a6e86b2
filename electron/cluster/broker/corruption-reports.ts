/** Tells the timeline of damage that was found in the logs, and what comes of it. */
import type { Clock } from '../lib/clock.ts';
import type { EventSink, NodeEvent } from '../lib/events.ts';
import type { LogDamage } from '../log/damage.ts';
import type { MetadataImage } from '../quorum/image.ts';

export interface DamageReportsOptions {
  brokerId: number;
  clock: Clock;
  events: EventSink;
  image(): MetadataImage;
}

interface Found {
  topic: string;
  partition: number;
  damage: LogDamage;
}

/** After a power cut every log may have a torn end: so many are told one by one, the rest as a number. */
const TOLD_AT_ONCE = 20;

export class DamageReports {
  private readonly options: DamageReportsOptions;
  /** Found while there was no metadata yet that says who else has a copy. */
  private waiting: Found[] | undefined = [];

  constructor(options: DamageReportsOptions) {
    this.options = options;
  }

  found(topic: string, partition: number, damage: LogDamage): void {
    const found = { topic, partition, damage };
    if (this.waiting === undefined) this.options.events(this.eventOf(found));
    else this.waiting.push(found);
  }

  /** The image can be believed from now on. */
  tell(): void {
    const { waiting = [] } = this;
    this.waiting = undefined;
    for (const found of waiting.slice(0, TOLD_AT_ONCE)) this.options.events(this.eventOf(found));
    const rest = waiting.slice(TOLD_AT_ONCE);
    if (rest.length === 0) return;
    const { brokerId, clock, events } = this.options;
    let bytes = 0;
    for (const { damage } of rest) bytes += damage.bytes;
    events({
      type: 'node/corruptionFound',
      at: clock.now(),
      broker: brokerId,
      reason: `the same in ${rest.length} more logs, ${bytes} bytes in all`,
      details: { foundBy: 'recovery', logs: rest.length, bytes },
    });
  }

  private eventOf({ topic, partition, damage }: Found): NodeEvent {
    const { brokerId, clock } = this.options;
    const { foundBy, offset, endOffset, segment, position, bytes, reason } = damage;
    const { follows, words } = this.after(topic, partition, damage);
    if (foundBy === 'decode') {
      const records = damage.records ?? 0;
      return {
        type: 'node/corruptionFound',
        at: clock.now(),
        broker: brokerId,
        topic,
        partitions: [partition],
        reason: `${records === 1 ? '1 record' : `${records} records`} from offset ${offset} on cannot be decoded (${reason}): skipped`,
        details: { foundBy, offset: offset.toString(), segment, records, defect: reason, follows: 'skipped' },
      };
    }
    const what = describe(damage);
    return {
      type: 'node/corruptionFound',
      at: clock.now(),
      broker: brokerId,
      topic,
      partitions: [partition],
      reason: `${what} (${reason}): ${words}`,
      details: {
        foundBy,
        offset: offset.toString(),
        ...(endOffset === undefined ? {} : { endOffset: endOffset.toString() }),
        segment,
        position,
        bytes,
        defect: reason,
        follows,
      },
    };
  }

  private after(topic: string, partition: number, { foundBy }: LogDamage): { follows: string; words: string } {
    const { brokerId } = this.options;
    const state = this.options.image().topics.get(topic)?.partitions[partition];
    if (foundBy !== 'recovery') {
      const others = state === undefined ? [] : state.replicas.filter((id) => id !== brokerId);
      if (others.length === 0) return { follows: 'refused', words: 'reads are refused there; no other replica exists' };
      return { follows: 'repair', words: `reads are refused there until it is repaired from ${plural(others)} ${others.join(' or ')}` };
    }
    if (state === undefined || !state.replicas.includes(brokerId))
      return { follows: 'dropped', words: 'the partition is not kept here any more' };
    if (state.replicas.length === 1) return { follows: 'lost', words: 'there is no other copy, so what it held is lost' };
    const from = state.leader >= 0 && state.leader !== brokerId ? `broker ${state.leader}, the leader` : 'the leader that is elected';
    return { follows: 'fetchedAgain', words: `fetched again from ${from}` };
  }
}

function describe({ foundBy, offset, endOffset, segment, bytes }: LogDamage): string {
  switch (foundBy) {
    case 'recovery':
      return `${bytes} bytes from offset ${offset} on cut off`;
    case 'open':
      return `offsets ${offset} to ${(endOffset ?? offset + 1n) - 1n} are missing in ${segment}`;
    case 'read':
    case 'decode':
      return `the batch at offset ${offset} is not handed out`;
  }
}

function plural(brokers: readonly number[]): string {
  return brokers.length === 1 ? 'broker' : 'brokers';
}
