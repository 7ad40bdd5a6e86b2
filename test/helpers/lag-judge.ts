/**
 * Reads offsets from the brokers with requests of its own, and decides whether a lag that the app showed can have been true. It asks every
 * broker for every partition, and takes those that answer without an error and surely led then.
 */
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemRandom } from '../../electron/cluster/lib/system-random.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { listOffsets } from '../../electron/cluster/protocol/apis/list-offsets.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { offsetFetch } from '../../electron/cluster/protocol/apis/offset-fetch.ts';
import { partitionForKey } from '../../electron/cluster/coordinator/java-hash.ts';
import { later } from './fault-bench.ts';
import { LeadershipProofs } from './leadership-proofs.ts';
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
  /** Offsets and brokers of which the app made it, for people. */
  offsets: string;
}

/** `least` and `most`: bounds of the offsets between the position and the end, by what was read around. */
export interface Verdict {
  holds: boolean;
  least: bigint;
  most: bigint;
}

/** A topic as one broker has it. */
interface KnownTopic {
  readonly id: string;
  readonly partitions: number;
  /** By partition: leader epochs of those that the broker itself leads. */
  readonly ledEpochs: ReadonlyMap<number, number>;
}

interface Answered {
  readonly from: number;
  readonly until: number;
}

interface Bound extends Answered {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

interface CommittedAnswer extends Answered {
  readonly group: string;
  /** By topic and partition; partitions without a committed offset are left out. */
  readonly offsets: ReadonlyMap<string, ReadonlyMap<number, bigint>>;
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
const OFFSETS_TOPIC = '__consumer_offsets';
/** Of readings around a wrong lag. */
const EVIDENCE_MS = 3_000;

export class LagJudge {
  private readonly clients: PeerClient[];
  private readonly topics: readonly JudgedTopic[];
  private readonly groups: readonly string[];
  private readonly readings = new Map<string, Readings>();
  /** By topic id and partition. */
  private readonly proofs = new Map<string, LeadershipProofs>();
  /** By group, of its partition of the offsets topic. */
  private readonly coordinatorProofs = new Map<string, LeadershipProofs>();
  private readonly loops: Promise<void>[];
  /** Partitions whose committed offset was returned before, and then was not, or was lower. Filled by `stop`. */
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
    this.settle();
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

  /** What was read around a lag, by which decides who of the two is wrong; times in ms since the start of its sampling. */
  evidence({ group, topic, topicId, partition, from, until }: ShownLag): string {
    const parts = [
      ['end', this.of('end', topicId, partition)],
      ['start', this.of('start', topicId, partition)],
      ['committed', this.committedOf(group, topic, partition)],
    ] as const;
    return parts.map(([name, readings]) => `${name}: ${readings.describe(from - EVIDENCE_MS, until + EVIDENCE_MS, from)}`).join('\n  ');
  }

  private async readOn(client: PeerClient): Promise<void> {
    while (!this.stopped) {
      await this.tryRead(async () => {
        const before = await this.readTopics(client);
        const ends = await this.readBounds(client, LATEST);
        const starts = await this.readBounds(client, EARLIEST);
        const committed: CommittedAnswer[] = [];
        for (const group of this.groups) committed.push(...(await this.readCommitted(client, group)));
        // An answer counts for the incarnation of the topic, and for the leader epoch, that the broker had before it and after it.
        const known = sameInBoth(before, await this.readTopics(client));
        for (const bound of ends) this.noteBound('end', bound, known, client.address.port);
        for (const bound of starts) this.noteBound('start', bound, known, client.address.port);
        for (const answer of committed) this.noteCommitted(answer, known, client.address.port);
      });
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
    const names = [...this.topics.map(({ name }) => name), OFFSETS_TOPIC];
    const body = { topics: names.map((name) => ({ name })), allowAutoTopicCreation: false };
    const answer = await client.send(metadata, METADATA_VERSION, body, { timeoutMs: TIMEOUT_MS });
    const own = answer.brokers.find(({ port }) => port === client.address.port)?.nodeId;
    const known = new Map<string, KnownTopic>();
    for (const { name, topicId: id, errorCode, partitions } of answer.topics) {
      if (name === null || errorCode !== 0) continue;
      const led = partitions.filter(({ leaderId }) => leaderId === own);
      const ledEpochs = new Map(led.map(({ partitionIndex, leaderEpoch }) => [partitionIndex, leaderEpoch]));
      known.set(name, { id, partitions: partitions.length, ledEpochs });
      for (const { partitionIndex, leaderEpoch } of partitions) this.proofsOf(id, partitionIndex).noteEpoch(leaderEpoch);
    }
    return known;
  }

  private async readBounds(client: PeerClient, timestamp: bigint): Promise<Bound[]> {
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

  /** None where the broker refused. */
  private async readCommitted(client: PeerClient, group: string): Promise<CommittedAnswer[]> {
    const from = Date.now();
    const answer = await client.send(
      offsetFetch,
      OFFSET_FETCH_VERSION,
      { groups: [{ groupId: group, topics: null }] },
      { timeoutMs: TIMEOUT_MS },
    );
    const until = Date.now();
    const [own] = answer.groups;
    if (own === undefined || own.errorCode !== 0) return [];
    const offsets = new Map(
      own.topics.map(({ name, partitions }) => [
        name,
        new Map(
          partitions.flatMap(({ partitionIndex, committedOffset, errorCode }) =>
            errorCode === 0 ? [[partitionIndex, committedOffset] as const] : [],
          ),
        ),
      ]),
    );
    return [{ group, offsets, from, until }];
  }

  private noteBound(kind: 'start' | 'end', bound: Bound, known: ReadonlyMap<string, KnownTopic>, port: number): void {
    const { topic, partition, offset, from, until } = bound;
    const own = known.get(topic);
    const leaderEpoch = own?.ledEpochs.get(partition);
    if (own === undefined || leaderEpoch === undefined) return;
    this.of(kind, own.id, partition).note({ from, until, value: offset, port, leaderEpoch });
    if (kind === 'end') this.proofsOf(own.id, partition).noteAnswer(leaderEpoch, 'end', from, [offset]);
  }

  private noteCommitted({ group, offsets, from, until }: CommittedAnswer, known: ReadonlyMap<string, KnownTopic>, port: number): void {
    const own = known.get(OFFSETS_TOPIC);
    if (own === undefined) return;
    const coordinated = partitionForKey(group, own.partitions);
    const leaderEpoch = own.ledEpochs.get(coordinated);
    if (leaderEpoch === undefined) return;
    const noted: bigint[] = [];
    for (const { name, partitions } of this.topics)
      for (let partition = 0; partition < partitions; partition++) {
        const offset = offsets.get(name)?.get(partition) ?? NONE;
        noted.push(offset);
        const value = offset < 0n ? NONE : offset;
        if (offset !== LOG_START_OF_KAFKAJS) this.committedOf(group, name, partition).note({ from, until, value, port, leaderEpoch });
      }
    this.coordinatorProofs.set(group, this.proofsOf(own.id, coordinated));
    this.proofsOf(own.id, coordinated).noteAnswer(leaderEpoch, group, from, noted);
  }

  private settle(): void {
    for (const [key, readings] of this.readings) {
      const [kind, owner, topic, partition] = JSON.parse(key) as [string, string, string, number];
      if (kind !== 'committed') {
        readings.settle(this.proofsOf(owner, partition), false);
        continue;
      }
      const mayFall = this.topics.find(({ name }) => name === topic)?.isRecreated === true;
      const fallen = readings.settle(this.coordinatorProofs.get(owner) ?? new LeadershipProofs(), mayFall);
      for (const { value, from, port } of fallen.slice(0, 1))
        this.lostCommits.push(`${owner} on ${topic}-${partition}: ${value} at ${from} from ${port}, and more before`);
    }
  }

  private proofsOf(topicId: string, partition: number): LeadershipProofs {
    return getOrAdd(this.proofs, JSON.stringify([topicId, partition]), () => new LeadershipProofs());
  }

  private of(kind: 'start' | 'end', topicId: string | null, partition: number): Readings {
    return this.readingsAt([kind, topicId ?? '', '', partition]);
  }

  private committedOf(group: string, topic: string, partition: number): Readings {
    return this.readingsAt(['committed', group, topic, partition]);
  }

  private readingsAt(key: readonly [string, string, string, number]): Readings {
    return getOrAdd(this.readings, JSON.stringify(key), () => new Readings());
  }
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Topics of the same id in both, with the epochs that are the same in both. */
function sameInBoth(before: ReadonlyMap<string, KnownTopic>, after: ReadonlyMap<string, KnownTopic>): Map<string, KnownTopic> {
  const same = new Map<string, KnownTopic>();
  for (const [name, topic] of before) {
    const later = after.get(name);
    if (later?.id !== topic.id) continue;
    same.set(name, { ...topic, ledEpochs: new Map([...topic.ledEpochs].filter(([index, epoch]) => later.ledEpochs.get(index) === epoch)) });
  }
  return same;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
