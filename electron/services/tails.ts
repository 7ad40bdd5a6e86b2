/** Live tails: records as they arrive, for pages that show them. */
import { randomUUID } from 'node:crypto';
import type { ClusterClient } from '../admin/cluster-client.ts';
import { appDecoder, type Decoder } from '../admin/decoding/decoder.ts';
import { addCutBatch } from '../admin/decoding/record-window.ts';
import { AdminError, toAppError } from '../admin/errors.ts';
import { fetchRecords, type PartitionRecords } from '../admin/messages.ts';
import { EARLIEST, LATEST, pushTo, readOffsets } from '../admin/topics.ts';
import { describeReadError } from '#shared/read-errors';
import type { BrowseResult, Events, Payload, Results } from '#shared/ipc';
import type { CutBatch, RecordRow } from '#shared/models/cluster';
import type { EventBus } from './event-bus.ts';
import { partitionLeaders } from './messages.ts';
import type { OpenConnection } from './open-connections.ts';
import { pause } from '#shared/waiting';
import { partitionKey } from '#shared/keys';

/** Of one client. */
const MOST_TAILS = 8;
/** Records in one event; a burst beyond that is counted, not shown. */
const RECORDS_AN_EVENT = 200;
const EVENT_GAP_MS = 200;
const WAIT_MS = 500;
const RETRY_MS = 1_000;

export class TailsService {
  private readonly events: EventBus;
  private readonly decoder: Decoder;
  /** By id, the oldest first. */
  private readonly tails = new Map<string, { clientId: string; stop: () => void }>();

  constructor(events: EventBus, decoder: Decoder = appDecoder()) {
    this.events = events;
    this.decoder = decoder;
  }

  /** Its records are delivered to that client only. */
  start(
    clientId: string,
    { foreground }: Pick<OpenConnection, 'foreground'>,
    input: Omit<Payload<'message/tail'>, 'connectionId'>,
  ): Results['message/tail'] {
    this.makeRoom(clientId);
    const tailId = randomUUID();
    const tail = new Tail(foreground, this.decoder, input, (part) =>
      this.events.publish('message/tailed', { tailId, ...part }, { clientId }),
    );
    this.tails.set(tailId, { clientId, stop: () => tail.stop() });
    tail.start();
    return { tailId };
  }

  /** A tail of another client stays. */
  stop(clientId: string, tailId: string): void {
    const tail = this.tails.get(tailId);
    if (tail?.clientId !== clientId) return;
    tail.stop();
    this.tails.delete(tailId);
  }

  /** The client has left its connection. */
  stopAllOf(clientId: string): void {
    for (const tailId of this.idsOf(clientId)) this.stop(clientId, tailId);
  }

  close(): void {
    for (const tail of this.tails.values()) tail.stop();
    this.tails.clear();
  }

  private idsOf(clientId: string): string[] {
    return [...this.tails].filter(([, tail]) => tail.clientId === clientId).map(([tailId]) => tailId);
  }

  private makeRoom(clientId: string): void {
    const own = this.idsOf(clientId);
    const [oldest] = own;
    if (oldest === undefined || own.length < MOST_TAILS) return;
    this.stop(clientId, oldest);
    const error = 'Newer live tails took its place.';
    const nothing = { begins: [], records: [], dropped: 0, cutBatches: [], recreated: false };
    this.events.publish('message/tailed', { tailId: oldest, ...nothing, error }, { clientId });
  }
}

type TailPart = Omit<Events['message/tailed'], 'tailId'>;

class Tail {
  private readonly client: ClusterClient;
  private readonly decoder: Decoder;
  private readonly input: Omit<Payload<'message/tail'>, 'connectionId'>;
  private readonly deliver: (part: TailPart) => void;
  private readonly positions = new Map<number, bigint>();
  /** Of the topic that the positions belong to; null where the cluster has no ids. */
  private topicId: string | null | undefined;
  private recreated = false;
  /** Partitions of that topic that have had a position. */
  private readonly begun = new Set<number>();
  private stopped = false;
  private pending: RecordRow[] = [];
  private begins: TailPart['begins'] = [];
  private dropped = 0;
  private cutBatches: CutBatch[] = [];
  private error: string | null = null;
  private reportedError: string | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    client: ClusterClient,
    decoder: Decoder,
    input: Omit<Payload<'message/tail'>, 'connectionId'>,
    deliver: (part: TailPart) => void,
  ) {
    this.client = client;
    this.decoder = decoder;
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
        // Its connection was closed.
        if (error instanceof AdminError && error.app.code === 'NOT_CONNECTED') {
          this.flush();
          this.stop();
          return;
        }
        await pause(RETRY_MS);
      }
    }
  }

  /** One round: one loop per leader. The first failure ends all loops; the next round groups the partitions by fresh metadata. */
  private async follow(): Promise<void> {
    const { topic, partitions } = this.input;
    const { leaders, failed, topicId } = await partitionLeaders(this.client, topic, partitions);
    if (this.topicId !== undefined && topicId !== this.topicId) {
      this.recreated = true;
      this.positions.clear();
      this.begun.clear();
    }
    this.topicId = topicId;
    // The address may name a partition that does not exist. Without a loop to await, rounds would follow each other without a pause.
    if (leaders.size + failed.length === 0)
      throw new AdminError({ code: 'UNKNOWN_TOPIC_OR_PARTITION', message: `${topic} has no such partition.`, subject: topic });
    const missing = [...failed, ...(await this.findPositions(leaders))];
    this.error = missing.length === 0 ? null : notFollowed(missing);
    const byLeader = new Map<number, number[]>();
    for (const [partition, leader] of leaders) if (this.positions.has(partition)) pushTo(byLeader, leader, partition);
    const round = { over: false };
    const loops = [...byLeader].map(([leader, own]) => this.followLeader(leader, own, round));
    // Missing partitions are looked up again in the next round.
    if (missing.length > 0) loops.push(pause(RETRY_MS).then(() => void (round.over = true)));
    await Promise.all(loops);
  }

  /** The end of each log; at first the start, in a topic that was created again. Returns the partitions without an answer, and why. */
  private async findPositions(leaders: ReadonlyMap<number, number>): Promise<BrowseResult['failed']> {
    const { topic } = this.input;
    const fresh = [...leaders.keys()].filter((partition) => !this.positions.has(partition));
    if (fresh.length === 0) return [];
    const byKey = new Map([...leaders].map(([partition, leader]) => [partitionKey(topic, partition), leader]));
    const read = (partitions: readonly number[], place: bigint) =>
      readOffsets(
        this.client,
        byKey,
        partitions.map((partition) => ({ topic, partition })),
        place,
      );
    const isNew = (partition: number): boolean => this.recreated && !this.begun.has(partition);
    const [starts, ends] = await Promise.all([
      read(fresh.filter(isNew), EARLIEST),
      read(
        fresh.filter((partition) => !isNew(partition)),
        LATEST,
      ),
    ]);
    const offsets = new Map([...starts, ...ends]);
    return fresh.flatMap((partition) => {
      const found = offsets.get(partitionKey(topic, partition));
      if (found === undefined || 'error' in found) return [{ partition, error: found?.error ?? 'UNKNOWN_SERVER_ERROR' }];
      this.positions.set(partition, found.offset);
      this.begun.add(partition);
      this.begins.push({ partition, offset: found.offset.toString() });
      return [];
    });
  }

  private async followLeader(leader: number, partitions: readonly number[], round: { over: boolean }): Promise<void> {
    try {
      while (!this.stopped && !round.over) {
        const positions = partitions.map((partition) => ({
          partition,
          offset: this.positions.get(partition) ?? 0n,
          end: null,
          limit: RECORDS_AN_EVENT,
          keep: 'last' as const,
        }));
        const askedAt = performance.now();
        let moved = false;
        for (const part of await fetchRecords(this.client, leader, this.input.topic, positions, {
          maxWaitMs: WAIT_MS,
          decoder: this.decoder,
          topicId: this.topicId ?? null,
        })) {
          const position = this.positions.get(part.partition) ?? 0n;
          moved ||= part.nextOffset > position;
          if (part.nextOffset > position) this.take(part, position);
          if (part.nextOffset > position) this.positions.set(part.partition, part.nextOffset);
          // The log ends before the position (it was truncated, or the topic is a new one): from its end again, in the next round.
          else if (part.error === 'OFFSET_OUT_OF_RANGE') this.positions.delete(part.partition);
          if (part.error !== null && (part.error !== 'OFFSET_OUT_OF_RANGE' || part.nextOffset <= position)) {
            throw new AdminError({
              code: part.error,
              message: `Partition ${part.partition} is not read: ${describeReadError(part.error)}.`,
            });
          }
        }
        // An answer at once that brings nothing would be asked for in a loop.
        if (!moved && performance.now() - askedAt < WAIT_MS / 2) await pause(WAIT_MS);
      }
    } finally {
      round.over = true;
    }
  }

  /** A fetch of an earlier round may still bring records below `position`, which have been taken. */
  private take(part: PartitionRecords, position: bigint): void {
    for (const record of part.records) if (BigInt(record.offset) >= position) this.pending.push(record);
    for (const batch of part.cutBatches) addCutBatch(this.cutBatches, batch);
    const excess = Math.max(0, this.pending.length - RECORDS_AN_EVENT);
    this.pending.splice(0, excess);
    this.dropped += excess + part.passedOver;
  }

  private flush(): void {
    const isEmpty = this.pending.length + this.begins.length + this.dropped + this.cutBatches.length === 0;
    if (isEmpty && this.error === this.reportedError) return;
    const { pending: records, begins, dropped, cutBatches, error, recreated } = this;
    this.deliver({ records, begins, dropped, cutBatches, error, recreated });
    this.reportedError = error;
    this.pending = [];
    this.begins = [];
    this.cutBatches = [];
    this.dropped = 0;
  }
}

function notFollowed(missing: BrowseResult['failed']): string {
  const which = missing.map(({ partition, error }) => `${partition} (${describeReadError(error)})`).join(', ');
  return `Not followed now: ${missing.length === 1 ? 'partition' : 'partitions'} ${which}. They are looked for again.`;
}
