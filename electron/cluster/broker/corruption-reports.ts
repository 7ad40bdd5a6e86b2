/** Reports corruption that was found in the logs to the timeline, with its consequence. */
import type { Clock } from '../lib/clock.ts';
import type { EventSink, NodeEvent } from '../lib/events.ts';
import type { LogCorruption } from '../log/corruption.ts';
import type { MetadataImage } from '../quorum/image.ts';

export interface CorruptionReportsOptions {
  brokerId: number;
  clock: Clock;
  events: EventSink;
  image(): MetadataImage;
}

interface Found {
  topic: string;
  partition: number;
  corruption: LogCorruption;
}

/** After a power cut every log may have a torn end: so many are reported one by one, the others as one number. */
const MAX_SINGLE_REPORTS = 20;

export class CorruptionReports {
  private readonly options: CorruptionReportsOptions;
  /** Found before the metadata was known that names the other replicas. */
  private waiting: Found[] | undefined = [];

  constructor(options: CorruptionReportsOptions) {
    this.options = options;
  }

  report(topic: string, partition: number, corruption: LogCorruption): void {
    const found = { topic, partition, corruption };
    if (this.waiting === undefined) this.options.events(this.eventOf(found));
    else this.waiting.push(found);
  }

  /** Reports everything found so far; called once the image is up to date. */
  startReporting(): void {
    const { waiting = [] } = this;
    this.waiting = undefined;
    for (const found of waiting.slice(0, MAX_SINGLE_REPORTS)) this.options.events(this.eventOf(found));
    const rest = waiting.slice(MAX_SINGLE_REPORTS);
    if (rest.length === 0) return;
    const { brokerId, clock, events } = this.options;
    let bytes = 0;
    for (const { corruption } of rest) bytes += corruption.bytes;
    events({
      type: 'node/corruptionFound',
      at: clock.now(),
      broker: brokerId,
      reason: `the same in ${rest.length} other logs, ${bytes} bytes in total`,
      details: { foundBy: 'recovery', logs: rest.length, bytes },
    });
  }

  private eventOf({ topic, partition, corruption }: Found): NodeEvent {
    const { brokerId, clock } = this.options;
    const { foundBy, offset, endOffset, segment, position, bytes, reason } = corruption;
    const { follows, text } = this.findConsequence(topic, partition, corruption);
    if (foundBy === 'decode') {
      const records = corruption.records ?? 0;
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
    const what = describeCorruption(corruption);
    return {
      type: 'node/corruptionFound',
      at: clock.now(),
      broker: brokerId,
      topic,
      partitions: [partition],
      reason: `${what} (${reason}): ${text}`,
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

  private findConsequence(topic: string, partition: number, { foundBy }: LogCorruption): { follows: string; text: string } {
    const { brokerId } = this.options;
    const state = this.options.image().topics.get(topic)?.partitions[partition];
    if (foundBy !== 'recovery') {
      const others = state === undefined ? [] : state.replicas.filter((id) => id !== brokerId);
      if (others.length === 0) return { follows: 'refused', text: 'reads are refused there; no other replica exists' };
      return { follows: 'repair', text: `reads are refused there until it is repaired from ${plural(others)} ${others.join(' or ')}` };
    }
    if (state === undefined || !state.replicas.includes(brokerId))
      return { follows: 'dropped', text: 'this broker holds no replica of the partition any more' };
    if (state.replicas.length === 1) return { follows: 'lost', text: 'no other replica exists, so its records are lost' };
    const from = state.leader >= 0 && state.leader !== brokerId ? `broker ${state.leader}, the leader` : 'the next leader';
    return { follows: 'fetchedAgain', text: `fetched again from ${from}` };
  }
}

function describeCorruption({ foundBy, offset, endOffset, segment, bytes }: LogCorruption): string {
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
