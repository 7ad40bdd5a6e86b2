/** Live tails: records as they arrive, for pages that show them. */
import { randomUUID } from 'node:crypto';
import type { ClusterClient } from '../admin/cluster-client.ts';
import { AdminError, toAppError } from '../admin/errors.ts';
import { fetchRecords } from '../admin/messages.ts';
import { LATEST, partitionKey, readOffsets } from '../admin/topics.ts';
import type { Payload, Results } from '#shared/ipc';
import type { RecordRow } from '#shared/models/cluster';
import type { ConnectionsService } from './connections.ts';
import type { EventBus } from './event-bus.ts';
import { partitionLeaders } from './messages.ts';

const MOST_TAILS = 8;
/** Records in one event; a burst beyond that is counted, not shown. */
const RECORDS_AN_EVENT = 200;
const EVENT_GAP_MS = 200;
const WAIT_MS = 500;
const RETRY_MS = 1_000;

export class TailsService {
  private readonly connections: ConnectionsService;
  private readonly events: EventBus;
  private readonly tails = new Map<string, { stop: () => void }>();

  constructor(connections: ConnectionsService, events: EventBus) {
    this.connections = connections;
    this.events = events;
  }

  start(input: Payload<'message/tail'>): Results['message/tail'] {
    // A tab that was closed or loaded anew never said that it is done with its tail: the oldest makes room.
    const [oldest] = this.tails.size >= MOST_TAILS ? this.tails.keys() : [];
    if (oldest !== undefined) {
      this.stop({ tailId: oldest });
      this.events.publish('message/tailed', { tailId: oldest, records: [], dropped: 0, error: 'Newer live tails took its place.' });
    }
    const tailId = randomUUID();
    const tail = new Tail(this.connections.active.foreground, input, (records, dropped, error) =>
      this.events.publish('message/tailed', { tailId, records, dropped, error }),
    );
    this.tails.set(tailId, tail);
    tail.start();
    return { tailId };
  }

  stop({ tailId }: Payload<'message/untail'>): null {
    this.tails.get(tailId)?.stop();
    this.tails.delete(tailId);
    return null;
  }

  close(): void {
    for (const tail of this.tails.values()) tail.stop();
    this.tails.clear();
  }
}

type Deliver = (records: RecordRow[], dropped: number, error: string | null) => void;

class Tail {
  private readonly client: ClusterClient;
  private readonly input: Payload<'message/tail'>;
  private readonly deliver: Deliver;
  private readonly positions = new Map<number, bigint>();
  private stopped = false;
  private pending: RecordRow[] = [];
  private dropped = 0;
  private error: string | null = null;
  private reportedError: string | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(client: ClusterClient, input: Payload<'message/tail'>, deliver: Deliver) {
    this.client = client;
    this.input = input;
    this.deliver = deliver;
  }

  start(): void {
    this.timer = setInterval(() => this.flush(), EVENT_GAP_MS);
    void this.run();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  /** Leaders move, so every failure starts over with fresh metadata; positions are kept. */
  private async run(): Promise<void> {
    while (!this.stopped) {
      try {
        await this.follow();
      } catch (error) {
        this.error = toAppError(error).message;
        // Its connection was closed: another cluster is in front now.
        if (error instanceof AdminError && error.app.code === 'NOT_CONNECTED') {
          this.flush();
          this.stop();
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private async follow(): Promise<void> {
    const { topic, partitions } = this.input;
    const { leaders, failed } = await partitionLeaders(this.client, topic, partitions);
    await this.startAtEnd(leaders);
    this.error = failed.length === 0 ? null : `${failed.length} partitions have no leader.`;
    const byLeader = new Map<number, number[]>();
    for (const [partition, leader] of leaders) byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
    // One loop a leader; the first that fails ends this round for all, and fresh metadata sorts them anew.
    const round = { over: failed.length > 0 && leaders.size === 0 };
    if (round.over) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    await Promise.all([...byLeader].map(([leader, own]) => this.followLeader(leader, own, round)));
  }

  private async startAtEnd(leaders: ReadonlyMap<number, number>): Promise<void> {
    const fresh = [...leaders.keys()].filter((partition) => !this.positions.has(partition));
    const byKey = new Map([...leaders].map(([partition, leader]) => [partitionKey(this.input.topic, partition), leader]));
    const keys = fresh.map((partition) => ({ topic: this.input.topic, partition }));
    for (const [key, answer] of await readOffsets(this.client, byKey, keys, LATEST)) {
      if ('offset' in answer) this.positions.set(Number(key.slice(key.lastIndexOf('/') + 1)), answer.offset);
    }
  }

  private async followLeader(leader: number, partitions: readonly number[], round: { over: boolean }): Promise<void> {
    try {
      while (!this.stopped && !round.over) {
        const positions = partitions.flatMap((partition) => {
          const offset = this.positions.get(partition);
          return offset === undefined ? [] : [{ partition, offset }];
        });
        if (positions.length === 0) throw new AdminError({ code: 'LEADER_NOT_AVAILABLE', message: 'No partition can be read now.' });
        for (const part of await fetchRecords(this.client, leader, this.input.topic, positions, WAIT_MS)) {
          const position = this.positions.get(part.partition) ?? 0n;
          // A loop of the round before may still bring what this one has had.
          this.take(part.records.filter(({ offset }) => BigInt(offset) >= position));
          if (part.nextOffset > position) this.positions.set(part.partition, part.nextOffset);
          // The log ends before the position (it was truncated, or the topic is a new one): from its end again.
          else if (part.error === 'OFFSET_OUT_OF_RANGE') this.positions.delete(part.partition);
          if (part.error !== null && (part.error !== 'OFFSET_OUT_OF_RANGE' || part.nextOffset <= position)) {
            throw new AdminError({ code: part.error, message: `Partition ${part.partition}: ${part.error}.` });
          }
        }
      }
    } finally {
      round.over = true;
    }
  }

  private take(records: readonly RecordRow[]): void {
    this.pending.push(...records);
    const excess = this.pending.length - RECORDS_AN_EVENT;
    if (excess > 0) {
      this.pending.splice(0, excess);
      this.dropped += excess;
    }
  }

  private flush(): void {
    if (this.pending.length === 0 && this.error === this.reportedError) return;
    this.deliver(this.pending, this.dropped, this.error);
    this.reportedError = this.error;
    this.pending = [];
    this.dropped = 0;
  }
}
