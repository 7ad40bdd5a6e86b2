/** Who reads the topic of these pages: the groups, the loads behind them, and how far each has come. Shared by two pages. */
import type { GroupMember, GroupPartition, GroupRow } from '#shared/models/cluster';
import type { GroupLoad, LoadMember, LoadRow, ProducerLoad } from '#shared/models/load';
import { LEARN_GROUP, LEARN_TOPIC, type LearnState } from './concept.ts';

/** The group of the one consumer, and a second one beside `learn-readers`. */
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

/** The newest of that name; one that runs before one that has ended. */
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
  /** Null where the group has not committed, or its coordinator has not told. */
  committed: bigint | null;
  /** The offset after the furthest record that was read by a consumer of this desk; null where none is known to have. */
  read: bigint | null;
  end: bigint | null;
  /** Not committed yet: Kafka's lag. */
  lag: bigint | null;
  /** Read, and not committed: these come again after a crash. */
  again: bigint;
  memberId: string | null;
}

/** Of one group, by partition of the topic shown. Offsets of the load may be ahead of what the cluster was last heard to say. */
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

/** Who has it assigned, where the group says so. */
function ownerOf(group: GroupRow | null, topic: string, partition: number, row: GroupPartition | null): string | null {
  const owner = group?.members.find(({ assignment }) =>
    assignment.some((one) => one.topic === topic && one.partitions.includes(partition)),
  );
  return owner?.memberId ?? row?.memberId ?? null;
}

const big = (text: string | null): bigint | null => (text === null || BigInt(text) < 0n ? null : BigInt(text));
const most = (a: bigint | null, b: bigint | null): bigint | null => (a === null ? b : b === null ? a : a > b ? a : b);

export interface ReaderMember {
  /** Stable while it is the same one. */
  id: string;
  name: string;
  state: 'consuming' | 'idle' | 'joining' | 'paused' | 'gone';
  partitions: number[];
  /** The load's number for it; null for a client that is not ours. */
  number: number | null;
}

/** Those whom the coordinator counts, and those of our own that it does not count yet. */
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

/** The generation of the last rebalance that the coordinator told of; null where it has told of none. */
export function generationOf(state: LearnState, id: string): number | null {
  const event = state.history.findLast(({ type, group }) => type === 'group/rebalanced' && group === id);
  const generation = event?.details?.['generation'];
  return typeof generation === 'number' ? generation : null;
}
