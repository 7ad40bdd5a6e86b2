/**
 * The state of a cluster as a client reads it that shares nothing with the app: each broker is asked over a socket of its own, and the
 * metadata with the latest leader epochs counts. What no broker can be asked for is null.
 */
import { systemClock } from '../../../electron/cluster/lib/system-clock.ts';
import { systemRandom } from '../../../electron/cluster/lib/system-random.ts';
import { PeerClient } from '../../../electron/cluster/network/client.ts';
import { tcpNetwork } from '../../../electron/cluster/network/tcp.ts';
import { describeGroups } from '../../../electron/cluster/protocol/apis/describe-groups.ts';
import { describeQuorum } from '../../../electron/cluster/protocol/apis/describe-quorum.ts';
import { findCoordinator } from '../../../electron/cluster/protocol/apis/find-coordinator.ts';
import { listOffsets } from '../../../electron/cluster/protocol/apis/list-offsets.ts';
import { metadata } from '../../../electron/cluster/protocol/apis/metadata.ts';
import { offsetFetch } from '../../../electron/cluster/protocol/apis/offset-fetch.ts';
import type { Api, ResponseOf } from '../../../electron/cluster/protocol/schema.ts';

export interface PartitionState {
  /** Null: metadata names no leader. */
  leader: number | null;
  epoch: number;
  isr: readonly number[];
  /** The preferred leader first. */
  replicas: readonly number[];
  offline: readonly number[];
  /** Null: the leader does not answer. */
  start: bigint | null;
  end: bigint | null;
}

export interface GroupState {
  coordinator: number;
  state: string;
  members: number;
  /** By `topic-partition`. */
  committed: ReadonlyMap<string, bigint>;
}

export interface ClusterReading {
  /** Brokers that answer this client. */
  answering: ReadonlySet<number>;
  /** Brokers that the metadata lists. */
  listed: ReadonlySet<number>;
  controller: number | null;
  topics: ReadonlyMap<string, ReadonlyMap<number, PartitionState>>;
  /** Null: its coordinator cannot be asked. */
  groups: ReadonlyMap<string, GroupState | null>;
}

const TIMEOUT_MS = 2_000;
const [EARLIEST, LATEST] = [-2n, -1n];
type Metadata = ResponseOf<typeof metadata>;

export class ClusterReader {
  private readonly clients: ReadonlyMap<number, PeerClient>;
  private readonly groups: readonly string[];

  constructor(brokers: ReadonlyMap<number, { host: string; port: number }>, groups: readonly string[]) {
    this.groups = groups;
    const network = tcpNetwork();
    this.clients = new Map(
      [...brokers].map(([id, address]) => [
        id,
        new PeerClient({ network, clock: systemClock, random: systemRandom(), address, clientId: 'truth' }),
      ]),
    );
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }

  async read(): Promise<ClusterReading> {
    const ids = [...this.clients.keys()];
    const answers = await Promise.all(
      ids.map(async (id) => {
        const [described, quorum] = await Promise.all([
          this.ask(id, metadata, 9, { topics: null, allowAutoTopicCreation: false }),
          this.ask(id, describeQuorum, 1, { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }),
        ]);
        return { id, metadata: described, quorum };
      }),
    );
    const answered = answers.flatMap((one) => (one.metadata === null ? [] : [{ ...one, metadata: one.metadata }]));
    const answering = new Set(answered.map(({ id }) => id));
    const newest = newestOf(answered);
    const [topics, groups] = await Promise.all([this.readTopics(newest, answering), this.readGroups(newest, answering)]);
    const leaders = answers
      .flatMap(({ quorum }) => (quorum?.errorCode === 0 ? (quorum.topics[0]?.partitions ?? []) : []))
      .filter(({ errorCode, leaderId }) => errorCode === 0 && leaderId >= 0)
      .sort((a, b) => b.leaderEpoch - a.leaderEpoch);
    return {
      answering,
      listed: new Set((newest?.brokers ?? []).map(({ nodeId }) => nodeId)),
      controller: leaders[0]?.leaderId ?? null,
      topics,
      groups,
    };
  }

  private async readTopics(newest: Metadata | null, answering: ReadonlySet<number>): Promise<ClusterReading['topics']> {
    const led = new Map<number, Map<string, number[]>>();
    for (const { name, partitions } of newest?.topics ?? [])
      for (const { partitionIndex, leaderId } of partitions) {
        if (!answering.has(leaderId)) continue;
        const ofLeader = led.get(leaderId) ?? new Map<string, number[]>();
        led.set(leaderId, ofLeader.set(name ?? '', [...(ofLeader.get(name ?? '') ?? []), partitionIndex]));
      }
    const bounds = new Map<string, bigint>();
    await Promise.all(
      [...led].map(async ([leader, ofLeader]) => {
        for (const timestamp of [EARLIEST, LATEST]) {
          const topics = [...ofLeader].map(([name, partitions]) => ({
            name,
            partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp })),
          }));
          const answer = await this.ask(leader, listOffsets, 7, { replicaId: -1, isolationLevel: 0, topics });
          for (const { name, partitions } of answer?.topics ?? [])
            for (const { partitionIndex, errorCode, offset } of partitions)
              if (errorCode === 0 && offset >= 0n) bounds.set(`${name}-${partitionIndex}/${timestamp}`, offset);
        }
      }),
    );
    return new Map(
      (newest?.topics ?? []).map(({ name, partitions }) => [
        name ?? '',
        new Map(
          partitions.map((one): [number, PartitionState] => [
            one.partitionIndex,
            {
              leader: one.leaderId < 0 ? null : one.leaderId,
              epoch: one.leaderEpoch,
              isr: one.isrNodes.toSorted(),
              replicas: one.replicaNodes,
              offline: one.offlineReplicas.toSorted(),
              start: bounds.get(`${name}-${one.partitionIndex}/${EARLIEST}`) ?? null,
              end: bounds.get(`${name}-${one.partitionIndex}/${LATEST}`) ?? null,
            },
          ]),
        ),
      ]),
    );
  }

  private async readGroups(newest: Metadata | null, answering: ReadonlySet<number>): Promise<ClusterReading['groups']> {
    const listed = newest?.brokers.map(({ nodeId }) => nodeId) ?? [];
    const asked = listed.find((id) => answering.has(id)) ?? [...answering][0];
    const found = asked === undefined ? null : await this.ask(asked, findCoordinator, 4, { keyType: 0, coordinatorKeys: [...this.groups] });
    const readings = await Promise.all(
      this.groups.map(async (group): Promise<[string, GroupState | null]> => {
        const coordinator = found?.coordinators.find(({ key, errorCode }) => key === group && errorCode === 0)?.nodeId;
        return [group, coordinator === undefined || !answering.has(coordinator) ? null : await this.readGroup(coordinator, group)];
      }),
    );
    return new Map(readings);
  }

  private async readGroup(coordinator: number, group: string): Promise<GroupState | null> {
    const [descriptions, offsets] = await Promise.all([
      this.ask(coordinator, describeGroups, 5, { groups: [group] }),
      this.ask(coordinator, offsetFetch, 8, { groups: [{ groupId: group, topics: null }] }),
    ]);
    const [description, fetched] = [descriptions?.groups[0], offsets?.groups[0]];
    if (description?.errorCode !== 0 || fetched?.errorCode !== 0) return null;
    const committed = fetched.topics.flatMap(({ name, partitions }) =>
      partitions
        .filter(({ errorCode, committedOffset }) => errorCode === 0 && committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset }): [string, bigint] => [`${name}-${partitionIndex}`, committedOffset]),
    );
    return { coordinator, state: description.groupState, members: description.members.length, committed: new Map(committed) };
  }

  private async ask<Q, S>(id: number, api: Api<unknown, Q, S, never>, version: number, body: Q): Promise<S | null> {
    try {
      return (await this.clients.get(id)?.send(api, version, body, { timeoutMs: TIMEOUT_MS })) ?? null;
    } catch (error) {
      if (error instanceof Error && error.name === 'NetworkError') return null;
      throw error;
    }
  }
}

/** A broker that is cut off from the others has older leader epochs, or is missing in what they list. */
function newestOf(answered: readonly { id: number; metadata: Metadata }[]): Metadata | null {
  const epochs = (answer: Metadata): number =>
    answer.topics.reduce((sum, { partitions }) => partitions.reduce((epoch, { leaderEpoch }) => epoch + leaderEpoch, sum), 0);
  const listedBy = (id: number): number =>
    answered.filter(({ metadata: { brokers } }) => brokers.some(({ nodeId }) => nodeId === id)).length;
  return (
    answered.toSorted(
      (a, b) =>
        b.metadata.topics.length - a.metadata.topics.length || epochs(b.metadata) - epochs(a.metadata) || listedBy(b.id) - listedBy(a.id),
    )[0]?.metadata ?? null
  );
}

/** Equal for equal states, so that a steady state can be waited for. */
export const keyOf = (reading: ClusterReading): string =>
  JSON.stringify(reading, (_name, value: unknown) =>
    value instanceof Map
      ? [...value.entries()]
      : value instanceof Set
        ? [...value.values()].sort()
        : typeof value === 'bigint'
          ? `${value}`
          : value,
  );

/** Led by a broker that answers. */
export const isServed = ({ leader }: PartitionState, { answering }: ClusterReading): boolean => leader !== null && answering.has(leader);

export const isUnderReplicated = ({ isr, replicas }: PartitionState): boolean => isr.length < replicas.length;

/** Records that a member can still read; null where it cannot be read from the brokers. */
export function lagOf(reading: ClusterReading, group: GroupState | null, topic: string, partition: number): bigint | 'none' | null {
  const committed = group?.committed.get(`${topic}-${partition}`);
  const { start, end } = reading.topics.get(topic)?.get(partition) ?? { start: null, end: null };
  if (group === null || start === null || end === null) return null;
  if (committed === undefined) return start === end ? 0n : 'none';
  const next = committed > start ? committed : start;
  return end > next ? end - next : 0n;
}
