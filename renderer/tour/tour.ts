/**
 * The tour of the first start: its completed steps and the next one. It depends on the cluster's state alone; what was seen once (lag that
 * grew, a broker that was down) is remembered afterwards.
 */
import type { BrokerRow, GroupRow, TopicRow } from '#shared/models/cluster';
import type { GroupLoad, LoadAudit, LoadRow, ProducerLoad } from '#shared/models/load';
import { inSyncOf as inSyncReplicas } from '../topics/replicas.ts';

export const TOUR_STEPS = ['topic', 'clients', 'lag', 'catchUp', 'outage', 'start'] as const;
export type TourStep = (typeof TOUR_STEPS)[number] | 'end';

/** Records per second. One slow member reads half of what is written; four read twice as much. */
export const WRITE_RATE = 40;
const READ_MS = 50;
export const READ_RATE = 1_000 / READ_MS;
const MEMBERS = 4;
/** Lag that can be called lag, and lag that is none to speak of. */
export const LAG_SEEN = 100;
export const LAG_LOW = 50;
/** Records acknowledged after the leaders moved: writes continue. */
export const WRITES_SEEN = 50;

export interface TourOutage {
  broker: number;
  /** The producer load that was writing; another one counts from nothing. */
  producer: number;
  /** Acknowledged when the broker was first seen down, when its leaders had moved, and when it ran again. */
  before: number;
  moved: number | null;
  writesContinue: boolean;
  after: number | null;
}

export interface TourMemory {
  /** Topics that were there when it began. */
  known: string[];
  topic: string | null;
  peakLag: number;
  lagSeen: boolean;
  caughtUp: boolean;
  outage: TourOutage | null;
  healed: boolean;
  audit: Pick<LoadAudit, 'acknowledged' | 'found' | 'lost' | 'removed' | 'unread' | 'duplicated'> | null;
}

export interface TourFacts {
  /** Some broker has answered. */
  ready: boolean;
  topics: ReadonlyMap<string, TopicRow>;
  brokers: readonly BrokerRow[];
  /** The tour's own load; null: there is none. */
  producer: LoadRow | null;
  readers: LoadRow | null;
  group: GroupRow | null;
  /** The page of the group is in front. */
  watching: boolean;
}

export function freshMemory(known: readonly string[]): TourMemory {
  return { known: [...known], topic: null, peakLag: 0, lagSeen: false, caughtUp: false, outage: null, healed: false, audit: null };
}

/** Why the loss of one broker would stop writes, as text; null: writes continue with one broker less. */
export function whyNotSafe(topic: TopicRow): string | null {
  if (topic.replicationFactor < 2)
    return `${topic.name} has replication factor 1: its data is lost with its broker. Create one with three replicas.`;
  if (topic.minInsyncReplicas !== null && topic.minInsyncReplicas >= topic.replicationFactor)
    return `${topic.name} takes writes only while all ${topic.replicationFactor} replicas are in sync. Create one that needs fewer (min.insync.replicas).`;
  return null;
}

const users = (facts: TourFacts): TopicRow[] => [...facts.topics.values()].filter((topic) => !topic.internal);

/** A topic that was created since, or an empty one. Other topics are used only with the user's consent. */
function ownTopic(memory: TourMemory, facts: TourFacts): string | null {
  const fit = users(facts).filter((topic) => whyNotSafe(topic) === null);
  return (fit.find((topic) => !memory.known.includes(topic.name)) ?? fit.find((topic) => topic.records === '0'))?.name ?? null;
}

/** Topics with records that the tour may be given. */
export function topicsToTake(facts: TourFacts): string[] {
  return users(facts)
    .filter((topic) => whyNotSafe(topic) === null && topic.records !== '0')
    .map((topic) => topic.name)
    .sort();
}

/** What is wrong with the topic that was made just now; null: nothing, or there is none. */
export function unfitTopic(memory: TourMemory, facts: TourFacts): string | null {
  const made = users(facts).filter((topic) => !memory.known.includes(topic.name));
  return made.map(whyNotSafe).find((why) => why !== null) ?? null;
}

export const isDown = (broker: BrokerRow): boolean => broker.lab?.running === false || broker.state === 'down';

/** Leads the topic's first partition that has a leader: the one to kill. */
export function leaderOf(topic: TopicRow | undefined): number | null {
  return topic?.partitions.find((partition) => partition.leader !== null)?.leader ?? null;
}

const acknowledged = (facts: TourFacts): number => facts.producer?.written?.acknowledged ?? 0;
export const isWriting = (facts: TourFacts): boolean => facts.producer?.state === 'running' && acknowledged(facts) > 0;
export const isReading = (facts: TourFacts): boolean => facts.readers?.state === 'running' && facts.group !== null;
function lagOf(facts: TourFacts): number | null {
  const lag = facts.group?.lag ?? null;
  return lag === null ? null : Number(lag);
}

/** In how many of its partitions the broker is in sync, of how many. */
export function inSyncOf(topic: TopicRow | undefined, broker: number): { inSync: number; all: number } {
  const mine = topic?.partitions.filter((partition) => partition.replicas.some((replica) => replica.broker === broker)) ?? [];
  return { inSync: mine.filter((partition) => inSyncReplicas(partition).includes(broker)).length, all: mine.length };
}

/** What is remembered after a look at the cluster; the same object when nothing is new. */
export function remember(memory: TourMemory, facts: TourFacts): TourMemory {
  if (!facts.ready || memory.healed) return memory;
  let next = memory;
  const note = (news: Partial<TourMemory>): void => {
    next = { ...next, ...news };
  };
  // Deleted meanwhile: restart with the topics that exist now.
  if (next.topic !== null && !facts.topics.has(next.topic)) note(freshMemory([...facts.topics.keys()]));
  if (next.topic === null) {
    const topic = ownTopic(next, facts);
    if (topic !== null) note({ topic });
    return next;
  }
  const lag = lagOf(facts);
  if (facts.watching && lag !== null) {
    if (lag > next.peakLag) note({ peakLag: lag });
    if (!next.lagSeen && lag >= LAG_SEEN) note({ lagSeen: true });
    if (next.lagSeen && !next.caughtUp && lag <= LAG_LOW) note({ caughtUp: true });
  }
  if (next.caughtUp) {
    const outage = rememberOutage(next.outage, next.topic, facts);
    if (outage !== next.outage) note({ outage });
    if (outage !== null && outage.after !== null) {
      const { inSync, all } = inSyncOf(facts.topics.get(next.topic), outage.broker);
      if (inSync === all) note({ healed: true });
    }
  }
  return next;
}

function rememberOutage(before: TourOutage | null, name: string, facts: TourFacts): TourOutage | null {
  const topic = facts.topics.get(name);
  const { producer } = facts;
  if (topic === undefined || producer === null || !isWriting(facts)) return before;
  let outage = before?.producer === producer.id ? before : null;
  if (outage === null) {
    const down = facts.brokers.find((broker) => isDown(broker) && inSyncOf(topic, broker.id).all > 0);
    if (down === undefined) return null;
    outage = { broker: down.id, producer: producer.id, before: acknowledged(facts), moved: null, writesContinue: false, after: null };
  }
  const broker = facts.brokers.find(({ id }) => id === outage.broker);
  if (outage.after !== null || broker === undefined) return outage;
  if (!isDown(broker)) return outage.writesContinue ? { ...outage, after: acknowledged(facts) } : null;
  if (outage.moved === null) {
    const moved = topic.partitions.every(({ leader }) => leader !== null && leader !== outage.broker);
    return moved ? { ...outage, moved: acknowledged(facts) } : outage;
  }
  return !outage.writesContinue && acknowledged(facts) >= outage.moved + WRITES_SEEN ? { ...outage, writesContinue: true } : outage;
}

export function stepOf(memory: TourMemory, facts: TourFacts): TourStep {
  if (memory.healed) return 'end';
  if (memory.topic === null) return 'topic';
  if (!isWriting(facts) || (!memory.caughtUp && !isReading(facts))) return 'clients';
  if (!memory.lagSeen) return 'lag';
  if (!memory.caughtUp) return 'catchUp';
  return memory.outage?.writesContinue === true ? 'start' : 'outage';
}

export const writerName = (topic: string): string => `${topic}-writer`.slice(-100);
export const readersName = (topic: string): string => `${topic}-readers`.slice(-249);

export function writerOf(topic: string): ProducerLoad {
  return {
    kind: 'producer',
    name: writerName(topic),
    topic,
    clients: 1,
    recordsPerSecond: WRITE_RATE,
    valueBytes: 100,
    acks: 'all',
    idempotent: true,
    keys: { kind: 'even', distinct: 100 },
    records: null,
  };
}

export function readersOf(topic: TopicRow): GroupLoad {
  return {
    kind: 'group',
    name: readersName(topic.name),
    topics: [topic.name],
    members: 1,
    perRecordMs: READ_MS,
    // Older records of other clients would count as lag.
    from: topic.records === '0' ? 'oldest' : 'newest',
    sessionTimeoutMs: 10_000,
    crashEveryMs: null,
  };
}

/** More members, as many as have a partition to read; with too few partitions for that, less to read as well. */
export function reliefFor(partitions: number): { members: number; recordsPerSecond: number } {
  const members = Math.max(1, Math.min(MEMBERS, partitions));
  const reads = members * READ_RATE;
  return { members, recordsPerSecond: reads >= WRITE_RATE * 1.5 ? WRITE_RATE : reads / 4 };
}
