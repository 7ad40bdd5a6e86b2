/**
 * Reads offsets from the brokers with requests of its own, and decides whether a lag that the app showed can have been true. It asks every
 * broker for every partition and believes those that answer without an error, so that it needs no metadata.
 */
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemRandom } from '../../electron/cluster/lib/system-random.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { listOffsets } from '../../electron/cluster/protocol/apis/list-offsets.ts';
import { offsetFetch } from '../../electron/cluster/protocol/apis/offset-fetch.ts';
import { later } from './fault-bench.ts';

/** A value that was read between two times of the wall clock. */
interface Reading {
  from: number;
  until: number;
  value: bigint;
}

type Kind = 'start' | 'end' | 'committed';

/** What the app showed for one partition: true at some time between. */
export interface ShownLag {
  partition: number;
  lag: bigint;
  from: number;
  until: number;
}

const LIST_OFFSETS_VERSION = 7;
const OFFSET_FETCH_VERSION = 8;
const TIMEOUT_MS = 800;
const PAUSE_MS = 50;
const EARLIEST = -2n;
const LATEST = -1n;
/** Committed by kafkajs when its position was deleted: to every client that is no committed offset. */
const LOG_START_OF_KAFKAJS = -2n;

export class LagJudge {
  private readonly clients: PeerClient[];
  private readonly topic: string;
  private readonly partitions: number;
  private readonly group: string;
  private readonly readings = new Map<string, Reading[]>();
  private readonly loops: Promise<void>[];
  /** Partitions whose committed offset was returned before, and then was not, or was lower. */
  readonly lostCommits: string[] = [];
  private stopped = false;

  constructor(options: { bootstrap: readonly string[]; topic: string; partitions: number; group: string }) {
    this.topic = options.topic;
    this.partitions = options.partitions;
    this.group = options.group;
    this.clients = options.bootstrap.map((address) => {
      const [host = '', port] = address.split(':');
      return new PeerClient({
        network: tcpNetwork(),
        clock: systemClock,
        random: systemRandom(),
        address: { host, port: Number(port) },
        clientId: 'lag-judge',
      });
    });
    this.loops = this.clients.map((client) => this.readOn(client));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.loops);
    for (const client of this.clients) client.close();
  }

  /** Null where the readings around it do not suffice; else the bounds, and whether the lag lies between them. */
  judge({ partition, lag, from, until }: ShownLag): { holds: boolean; least: bigint; most: bigint } | null {
    const [start, end, committed] = (['start', 'end', 'committed'] as const).map((kind) => this.around(kind, partition, from, until));
    if (!start || !end || !committed) return null;
    const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
    const least = max(0n, end.before - max(committed.after, start.after));
    const most = max(0n, end.after - max(committed.before, start.before));
    return { holds: least <= lag && lag <= most, least, most };
  }

  /** None of the values ever falls, so that the largest from before and the smallest from after are its bounds. */
  private around(kind: Kind, partition: number, from: number, until: number): { before: bigint; after: bigint } | null {
    let before: bigint | null = null;
    let after: bigint | null = null;
    for (const reading of this.readings.get(`${kind}/${partition}`) ?? []) {
      if (reading.until <= from && (before === null || reading.value > before)) before = reading.value;
      // A broker that leads no longer, and does not know it yet, may return less than was read before.
      if (reading.from >= until && (before === null || reading.value >= before) && (after === null || reading.value < after))
        after = reading.value;
    }
    return before === null || after === null ? null : { before, after };
  }

  private async readOn(client: PeerClient): Promise<void> {
    while (!this.stopped) {
      await this.tryRead(() => this.readBounds(client, 'end', LATEST));
      await this.tryRead(() => this.readBounds(client, 'start', EARLIEST));
      await this.tryRead(() => this.readCommitted(client));
      await later(PAUSE_MS);
    }
  }

  /** A broker that is killed or frozen does not answer: that is what the judge is for. */
  private async tryRead(read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'NetworkError') throw error;
    }
  }

  private async readBounds(client: PeerClient, kind: Kind, timestamp: bigint): Promise<void> {
    const partitions = Array.from({ length: this.partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp }));
    const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: this.topic, partitions }] };
    const from = Date.now();
    const answer = await client.send(listOffsets, LIST_OFFSETS_VERSION, body, { timeoutMs: TIMEOUT_MS });
    for (const { partitionIndex, errorCode, offset } of answer.topics[0]?.partitions ?? [])
      if (errorCode === 0 && offset >= 0n) this.note(kind, partitionIndex, from, offset);
  }

  private async readCommitted(client: PeerClient): Promise<void> {
    const body = { groups: [{ groupId: this.group, topics: null }] };
    const from = Date.now();
    const answer = await client.send(offsetFetch, OFFSET_FETCH_VERSION, body, { timeoutMs: TIMEOUT_MS });
    const [own] = answer.groups;
    if (own === undefined || own.errorCode !== 0) return;
    const returned = new Map<number, bigint>();
    for (const { partitionIndex, committedOffset, errorCode } of own.topics.find(({ name }) => name === this.topic)?.partitions ?? [])
      if (errorCode === 0) returned.set(partitionIndex, committedOffset);
    for (let partition = 0; partition < this.partitions; partition++) {
      const offset = returned.get(partition) ?? -1n;
      const before = this.readings.get(`committed/${partition}`)?.findLast(({ until }) => until <= from)?.value ?? -1n;
      if (offset < before && offset !== LOG_START_OF_KAFKAJS)
        this.lostCommits.push(`partition ${partition}: ${before}, then ${offset} at ${from} from ${client.address.port}`);
      if (offset >= 0n) this.note('committed', partition, from, offset);
    }
  }

  private note(kind: Kind, partition: number, from: number, value: bigint): void {
    const key = `${kind}/${partition}`;
    const list = this.readings.get(key);
    const reading = { from, until: Date.now(), value };
    if (list === undefined) this.readings.set(key, [reading]);
    else list.push(reading);
  }
}
