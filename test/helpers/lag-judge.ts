/**
 * Reads offsets from the brokers with requests of its own, and decides whether a lag that the app showed can have been true. It asks every
 * broker for every partition and believes those that answer without an error.
 */
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemRandom } from '../../electron/cluster/lib/system-random.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { listOffsets } from '../../electron/cluster/protocol/apis/list-offsets.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { offsetFetch } from '../../electron/cluster/protocol/apis/offset-fetch.ts';
import { later } from './fault-bench.ts';
import { Readings } from './offset-readings.ts';

export interface JudgedTopic {
  name: string;
  partitions: number;
  /** Deleted and created again meanwhile: its committed offsets may be deleted, and start from 0. */
  isRecreated?: boolean;
}

/** What the app showed for one partition: true at some time between. */
export interface ShownLag {
  group: string;
  topic: string;
  /** As the app showed it at the same time. */
  topicId: string | null;
  partition: number;
  lag: bigint;
  /** Offsets up to the end that the app says hold no record that can be read; the lag is 0 then. */
  emptyOffsets: bigint | null;
  from: number;
  until: number;
}

/** `least` and `most`: bounds of the offsets between the position and the end, by what was read around. */
export interface Verdict {
  holds: boolean;
  least: bigint;
  most: bigint;
}

interface KnownTopic {
  readonly id: string;
  /** By partition. */
  readonly leaderEpochs: ReadonlyMap<number, number>;
}

const LIST_OFFSETS_VERSION = 7;
const OFFSET_FETCH_VERSION = 8;
const METADATA_VERSION = 12;
const TIMEOUT_MS = 800;
const PAUSE_MS = 50;
const EARLIEST = -2n;
const LATEST = -1n;
/** Committed by kafkajs when its position was deleted: to every client that is no committed offset. */
const LOG_START_OF_KAFKAJS = -2n;
const NONE = -1n;

export class LagJudge {
  private readonly clients: PeerClient[];
  private readonly topics: readonly JudgedTopic[];
  private readonly groups: readonly string[];
  private readonly readings = new Map<string, Readings>();
  private readonly loops: Promise<void>[];
  /** Partitions whose committed offset was returned before, and then was not, or was lower. */
  readonly lostCommits: string[] = [];
  private stopped = false;

  constructor(options: { bootstrap: readonly string[]; topics: readonly JudgedTopic[]; groups: readonly string[] }) {
    this.topics = options.topics;
    this.groups = options.groups;
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

  /** Null where the readings around it do not suffice. */
  judge({ group, topic, topicId, partition, lag, emptyOffsets, from, until }: ShownLag): Verdict | null {
    const start = this.of('start', topicId, partition).around(from, until);
    const end = this.of('end', topicId, partition).around(from, until);
    const committed = this.committedOf(group, topic, partition).around(from, until);
    if (start === null || end === null || committed === null || committed.before === NONE) return null;
    const least = larger(0n, end.before - larger(committed.after, start.after));
    const most = larger(0n, end.after - larger(committed.before, start.before));
    const claimed = emptyOffsets ?? lag;
    return { holds: least <= claimed && claimed <= most, least, most };
  }

  /** Where a group surely was, and the end that the log surely had: an offset between was there to be read all the time. */
  unread({ group, topic, topicId, partition, from, until }: ShownLag): { from: bigint; until: bigint } | null {
    const start = this.of('start', topicId, partition).around(from, until);
    const end = this.of('end', topicId, partition).around(from, until);
    const committed = this.committedOf(group, topic, partition).around(from, until);
    if (start === null || end === null || committed === null) return null;
    return { from: larger(committed.after, start.after), until: end.before };
  }

  private async readOn(client: PeerClient): Promise<void> {
    while (!this.stopped) {
      await this.tryRead(async () => {
        const before = await this.readTopics(client);
        const ends = await this.readBounds(client, LATEST);
        const starts = await this.readBounds(client, EARLIEST);
        const after = await this.readTopics(client);
        // An answer counts for the incarnation that existed before it and after it.
        for (const [kind, offsets] of [
          ['end', ends],
          ['start', starts],
        ] as const)
          // prettier-ignore
          for (const { topic, partition, offset, from, until } of offsets) {
            const known = before.get(topic);
            if (known === undefined || known.id !== after.get(topic)?.id) continue;
            this.of(kind, known.id, partition).note(from, until, offset, known.leaderEpochs.get(partition));
          }
      });
      for (const group of this.groups) await this.tryRead(() => this.readCommitted(client, group));
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

  /** Topics as one broker has them, by name. */
  private async readTopics(client: PeerClient): Promise<Map<string, KnownTopic>> {
    const body = { topics: this.topics.map(({ name }) => ({ name })), allowAutoTopicCreation: false };
    const answer = await client.send(metadata, METADATA_VERSION, body, { timeoutMs: TIMEOUT_MS });
    const known = new Map<string, KnownTopic>();
    for (const { name, topicId: id, errorCode, partitions } of answer.topics) {
      if (name === null || errorCode !== 0) continue;
      known.set(name, { id, leaderEpochs: new Map(partitions.map(({ partitionIndex, leaderEpoch }) => [partitionIndex, leaderEpoch])) });
      for (const { partitionIndex, leaderEpoch } of partitions)
        for (const kind of ['start', 'end'] as const) this.of(kind, id, partitionIndex).noteEpoch(Date.now(), leaderEpoch);
    }
    return known;
  }

  private async readBounds(client: PeerClient, timestamp: bigint) {
    const topics = this.topics.map(({ name, partitions }) => ({
      name,
      partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp })),
    }));
    const from = Date.now();
    const answer = await client.send(
      listOffsets,
      LIST_OFFSETS_VERSION,
      { replicaId: -1, isolationLevel: 0, topics },
      { timeoutMs: TIMEOUT_MS },
    );
    const until = Date.now();
    return answer.topics.flatMap(({ name, partitions }) =>
      partitions.flatMap(({ partitionIndex, errorCode, offset }) =>
        errorCode === 0 && offset >= 0n ? [{ topic: name, partition: partitionIndex, offset, from, until }] : [],
      ),
    );
  }

  private async readCommitted(client: PeerClient, group: string): Promise<void> {
    const from = Date.now();
    const answer = await client.send(
      offsetFetch,
      OFFSET_FETCH_VERSION,
      { groups: [{ groupId: group, topics: null }] },
      { timeoutMs: TIMEOUT_MS },
    );
    const until = Date.now();
    const [own] = answer.groups;
    if (own === undefined || own.errorCode !== 0) return;
    for (const { name, partitions, isRecreated } of this.topics) {
      const returned = new Map<number, bigint>();
      for (const { partitionIndex, committedOffset, errorCode } of own.topics.find((one) => one.name === name)?.partitions ?? [])
        if (errorCode === 0) returned.set(partitionIndex, committedOffset);
      for (let partition = 0; partition < partitions; partition++) {
        const offset = returned.get(partition) ?? NONE;
        const readings = this.committedOf(group, name, partition);
        if (isRecreated === true) {
          if (offset < readings.highestBefore(from)) readings.restart();
          readings.note(from, until, offset < 0n ? NONE : offset);
          continue;
        }
        const before = readings.highestBefore(from);
        if (offset < before && offset !== LOG_START_OF_KAFKAJS)
          this.lostCommits.push(`${group} on ${name}-${partition}: ${before}, then ${offset} at ${from} from ${client.address.port}`);
        if (offset >= 0n) readings.note(from, until, offset);
      }
    }
  }

  private of(kind: 'start' | 'end', topicId: string | null, partition: number): Readings {
    return this.readingsAt(JSON.stringify([kind, topicId, partition]));
  }

  private committedOf(group: string, topic: string, partition: number): Readings {
    return this.readingsAt(JSON.stringify(['committed', group, topic, partition]));
  }

  private readingsAt(key: string): Readings {
    let readings = this.readings.get(key);
    if (readings === undefined) this.readings.set(key, (readings = new Readings()));
    return readings;
  }
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
