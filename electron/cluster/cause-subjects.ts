/** Compares the subjects of two timeline entries, a possible cause and its effect. A truncated list never proves absence. */
import type { TimelineEntry } from './timeline-entry.ts';

/** `possible`: the subjects match, but the record does not prove the cause. */
export type Fit = boolean | 'possible';
export type Fits = (cause: TimelineEntry, effect: TimelineEntry) => Fit;

export const GROUPS_TOPIC = '__consumer_offsets';
export const METADATA_TOPIC = '__cluster_metadata';

export interface PartitionItem {
  topic?: unknown;
  partition?: unknown;
  from?: unknown;
  to?: unknown;
  leader?: unknown;
}

/** Partitions of the entry: `moves` of leaders, `changes` of ISRs or replicas, `partitions` without a leader. */
export function itemsOf({ details, topic, partitions }: TimelineEntry): PartitionItem[] {
  for (const list of [details?.['moves'], details?.['changes'], details?.['partitions']]) {
    if (Array.isArray(list)) return list.filter((item): item is object => typeof item === 'object' && item !== null);
  }
  return topic === undefined ? [] : (partitions ?? []).map((partition) => ({ topic, partition }));
}

/** Whether the entry concerns more partitions than its list contains. */
const isCut = (entry: TimelineEntry, listed: number): boolean => (entry.count ?? 0) > listed;

/** Cached by entry; entries do not change. */
function remember<T>(compute: (entry: TimelineEntry) => T): (entry: TimelineEntry) => T {
  const known = new WeakMap<TimelineEntry, T>();
  return (entry) => {
    let value = known.get(entry);
    if (value === undefined) known.set(entry, (value = compute(entry)));
    return value;
  };
}

const brokersIn = (list: (item: PartitionItem) => number[]): BrokersOf => remember((entry) => [...new Set(itemsOf(entry).flatMap(list))]);

export const sameBroker: Fits = (cause, effect) => cause.broker !== undefined && cause.broker === effect.broker;
export const sameGroup: Fits = (cause, effect) => cause.group !== undefined && cause.group === effect.group;
export const sameRun: Fits = (cause, effect) => cause.details?.['runId'] === effect.details?.['runId'];
/** Whether the cause's broker reported the effect or is its subject. */
export const sameReporter: Fits = (cause, effect) => cause.broker !== undefined && cause.broker === (effect.broker ?? effect.node);

/** Whether it is the same member of the same group; a member that has not joined yet has no id to compare. */
export const sameMember: Fits = (cause, effect) =>
  sameGroup(cause, effect) === true && cause.details?.['memberId'] === effect.details?.['memberId'];

export const possibly =
  (fits: Fits): Fits =>
  (cause, effect) =>
    fits(cause, effect) === false ? false : 'possible';

/** Whether both concern a common partition. With a truncated list the partition may be among the omitted ones. */
export const sharePartition: Fits = (cause, effect) => {
  const [ofCause, ofEffect] = [keysOf(cause), keysOf(effect)];
  const [few, many] = ofCause.size < ofEffect.size ? [ofCause, ofEffect] : [ofEffect, ofCause];
  for (const key of few) if (many.has(key)) return true;
  return isCut(cause, ofCause.size) || isCut(effect, ofEffect.size) ? 'possible' : false;
};

/** Cached: an effect with 50,000 partitions is compared with many entries. */
const keysOf = remember((entry) => new Set(itemsOf(entry).map(keyOf)));
const keyOf = ({ topic, partition }: PartitionItem): string => JSON.stringify([topic, partition]);

/** Derives the effect's brokers from its details. */
export type BrokersOf = (effect: TimelineEntry) => number[];

export const subjectBroker: BrokersOf = ({ broker }) => (broker === undefined ? [] : [broker]);
export const previousLeader: BrokersOf = ({ details }) => numbers(details?.['previousLeader']);
export const leavingIsr = brokersIn(({ from, to }) => without(numbers(from), numbers(to)));
export const joiningIsr = brokersIn(({ from, to }) => without(numbers(to), numbers(from)));
export const gainingLeadership = brokersIn(({ to }) => numbers(to));
export const reporter: BrokersOf = ({ broker, node }) => numbers(broker ?? node);

export const concerns =
  (brokers: BrokersOf): Fits =>
  (cause, effect) =>
    cause.broker !== undefined && brokers(effect).includes(cause.broker);

export interface FaultOfEntry {
  type?: unknown;
  node?: unknown;
  between?: unknown;
  topic?: unknown;
  partition?: unknown;
}

export function faultOf({ details }: TimelineEntry): FaultOfEntry {
  const fault = details?.['fault'];
  return typeof fault === 'object' && fault !== null ? fault : {};
}

/** A disk fault of one of those brokers. A slow disk may be harmless, so it is only a possible cause. */
export const diskFault =
  (brokers: BrokersOf): Fits =>
  (cause, effect) => {
    const { type, node } = faultOf(cause);
    if (type !== 'slowDisk' && type !== 'fullDisk') return false;
    if (!numbers(node).some((id) => brokers(effect).includes(id))) return false;
    return type === 'fullDisk' ? true : 'possible';
  };

/**
 * A link fault between one of those brokers and the node at the other end. If the other end is unknown, any node matches and the cause is only
 * possible. Links to clients carry no traffic between nodes. A slow link may be harmless, so it is only a possible cause.
 */
export const linkFault =
  (brokers: BrokersOf, otherEnds: BrokersOf = () => []): Fits =>
  (cause, effect) => {
    const { type, between } = faultOf(cause);
    if (type !== 'partition' && type !== 'slowLink') return false;
    const ends = numbers(between);
    if (ends.length !== 2) return false;
    const others = otherEnds(effect);
    const near = brokers(effect).filter((id) => ends.includes(id));
    if (near.length === 0) return false;
    if (others.length === 0) return 'possible';
    if (!near.some((id) => others.some((other) => other !== id && ends.includes(other)))) return false;
    return type === 'partition' ? true : 'possible';
  };

/** A fault of the link between clients and one of those brokers. */
export const clientLinkFault =
  (brokers: BrokersOf): Fits =>
  (cause, effect) => {
    const { between } = faultOf(cause);
    if (!Array.isArray(between) || !between.includes('clients')) return false;
    return numbers(between).some((id) => brokers(effect).includes(id)) ? 'possible' : false;
  };

/** Leaders of the partitions whose ISR changed, as far as the entry lists them. */
export const leaders = brokersIn(({ leader }) => numbers(leader));
/** The controller that reported the effect. */
export const controller: BrokersOf = ({ node }) => numbers(node);

export function numbers(value: unknown): number[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item) => typeof item === 'number');
}

function without(ids: readonly number[], others: readonly number[]): number[] {
  return ids.filter((id) => !others.includes(id));
}
