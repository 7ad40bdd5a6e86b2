/** The consumer groups of the topic of these pages, with their loads, members and positions. */
import type { GroupMember, GroupPartition, GroupRow } from '#shared/models/cluster';
import type { GroupLoad, LoadMember, LoadRow, ProducerLoad } from '#shared/models/load';
import { LEARN_GROUP, LEARN_TOPIC, type LearnState } from './concept.ts';

/** The group of the Consumer page, and a second group beside `learn-readers`. */
export const CONSUMER_GROUP = 'learn-consumer';
export const SECOND_GROUP = 'learn-audit';
export const FLOW = 'learn-flow';

export const FLOW_LOAD: ProducerLoad = {
  kind: 'producer',
  name: FLOW,
  topic: LEARN_TOPIC,
  clients: 1,
  recordsPerSecond: 5,
  valueBytes: 100,
  acks: 'all',
  idempotent: true,
  keys: { kind: 'even', distinct: 100 },
  records: null,
};

export const CONSUMER_LOAD: GroupLoad = {
  kind: 'group',
  name: CONSUMER_GROUP,
  topics: [LEARN_TOPIC],
  members: 1,
  perRecordMs: 100,
  from: 'oldest',
  sessionTimeoutMs: 6_000,
  crashEveryMs: null,
};
export const READERS_LOAD: GroupLoad = { ...CONSUMER_LOAD, name: LEARN_GROUP, perRecordMs: 20 };
export const SECOND_LOAD: GroupLoad = { ...READERS_LOAD, name: SECOND_GROUP };

export const groupOf = (state: LearnState, id: string): GroupRow | null => state.groups.find((group) => group.id === id) ?? null;

const alive = (load: LoadRow): boolean => load.state !== 'ended' && load.state !== 'failed';

/** The newest load of that name; a running one is preferred. */
export function loadOf(loads: readonly LoadRow[], kind: 'group' | 'producer', name: string): LoadRow | null {
  const own = loads.filter(({ spec }) => spec.kind === kind && spec.name === name);
  return own.findLast(alive) ?? own.at(-1) ?? null;
}

export const runningLoad = (loads: readonly LoadRow[], kind: 'group' | 'producer', name: string): LoadRow | null => {
  const load = loadOf(loads, kind, name);
  return load !== null && alive(load) ? load : null;
};

export interface Reading {
  partition: number;
  /** Null when the group has not committed, or its coordinator has not answered. */
  committed: bigint | null;
  /** The offset after the last record that a consumer of the app consumed; null without one. */
  read: bigint | null;
  end: bigint | null;
  /** Lag as in Kafka: end offset minus committed offset. */
  lag: bigint | null;
  /** Consumed but not committed records, which are redelivered after a crash. */
  again: bigint;
  memberId: string | null;
}

/** Positions of a group by partition of the shown topic. Positions of the load may be newer than the last poll of the cluster. */
export function readingsOf(state: LearnState, id: string): Reading[] {
  const group = groupOf(state, id);
  const load = loadOf(state.loads, 'group', id);
  const topic = state.topic;
  if (topic === null) return [];
  return topic.partitions.map(({ partition, endOffset }): Reading => {
    const row = group?.partitions.find((one) => one.topic === topic.name && one.partition === partition) ?? null;
    const committed = big(row?.committed ?? null);
    const position = load?.consumed?.positions.find((one) => one.topic === topic.name && one.partition === partition);
    const read = big(position?.next ?? null);
    const end = most(big(endOffset), most(read, committed));
    return {
      partition,
      committed,
      read,
      end,
      lag: big(row?.lag ?? null),
      again: read !== null && read > (committed ?? 0n) ? read - (committed ?? 0n) : 0n,
      memberId: ownerOf(group, topic.name, partition, row),
    };
  });
}

/** The member to which the partition is assigned; null when unknown. */
function ownerOf(group: GroupRow | null, topic: string, partition: number, row: GroupPartition | null): string | null {
  const owner = group?.members.find(({ assignment }) =>
    assignment.some((one) => one.topic === topic && one.partitions.includes(partition)),
  );
  return owner?.memberId ?? row?.memberId ?? null;
}

const big = (text: string | null): bigint | null => (text === null || BigInt(text) < 0n ? null : BigInt(text));
const most = (a: bigint | null, b: bigint | null): bigint | null => (a === null ? b : b === null ? a : a > b ? a : b);

export interface ReaderMember {
  /** Stable id of the member. */
  id: string;
  name: string;
  state: 'consuming' | 'idle' | 'joining' | 'paused' | 'gone';
  partitions: number[];
  /** The number of the member in its load; null for clients outside the app. */
  number: number | null;
}

/** Members that the coordinator lists, and members of the load that have not joined yet. */
export function membersOfGroup(state: LearnState, id: string): ReaderMember[] {
  const group = groupOf(state, id);
  const own = loadOf(state.loads, 'group', id)?.consumed?.members ?? [];
  const topic = state.topic?.name ?? '';
  const known = (group?.members ?? []).map((member): ReaderMember => {
    const mine = own.find(({ memberId }) => memberId === member.memberId);
    const partitions = partitionsOf(member, topic);
    return {
      id: mine === undefined ? member.memberId : `${id}-${mine.number}`,
      name: mine === undefined ? member.clientId : `member ${mine.number}`,
      state: stateOf(mine, partitions),
      partitions,
      number: mine?.number ?? null,
    };
  });
  const coming = own
    .filter((mine) => mine.state !== 'ended' && !(group?.members ?? []).some(({ memberId }) => memberId === mine.memberId))
    .map((mine): ReaderMember => ({
      id: `${id}-${mine.number}`,
      name: `member ${mine.number}`,
      state: mine.state === 'paused' ? 'paused' : 'joining',
      partitions: [],
      number: mine.number,
    }));
  return [...known, ...coming].sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity) || (a.id < b.id ? -1 : 1));
}

function partitionsOf(member: GroupMember, topic: string): number[] {
  return member.assignment
    .filter((one) => one.topic === topic)
    .flatMap(({ partitions }) => partitions)
    .sort((a, b) => a - b);
}

function stateOf(mine: LoadMember | undefined, partitions: readonly number[]): ReaderMember['state'] {
  if (mine?.state === 'ended') return 'gone';
  if (mine?.state === 'paused') return 'paused';
  return partitions.length === 0 ? 'idle' : 'consuming';
}

/** The generation of the last rebalance on the timeline; null without one. */
export function generationOf(state: LearnState, id: string): number | null {
  const event = state.history.findLast(({ type, group }) => type === 'group/rebalanced' && group === id);
  const generation = event?.details?.['generation'];
  return typeof generation === 'number' ? generation : null;
}
