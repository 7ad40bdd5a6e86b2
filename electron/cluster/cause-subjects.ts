/** What an entry of the timeline is about, compared between a possible cause and its effect. A cut list never proves that something is absent. */
import type { TimelineEntry } from './timeline-entry.ts';

/** `possible`: the subjects fit, but the record does not prove that the cause led to the effect. */
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

/** The entry's partitions: `moves` of leaders, `changes` of ISRs or replicas, `partitions` without a leader. */
export function itemsOf({ details, topic, partitions }: TimelineEntry): PartitionItem[] {
  for (const list of [details?.['moves'], details?.['changes'], details?.['partitions']]) {
    if (Array.isArray(list)) return list.filter((item): item is object => typeof item === 'object' && item !== null);
  }
  return topic === undefined ? [] : (partitions ?? []).map((partition) => ({ topic, partition }));
}

/** Whether the entry concerns more partitions than its list names. */
const isCut = (entry: TimelineEntry, listed: number): boolean => (entry.count ?? 0) > listed;

/** The same for the same entry; entries do not change. */
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
/** Is the cause's broker the one that reported the effect, or the one that the effect is about? */
export const sameReporter: Fits = (cause, effect) => cause.broker !== undefined && cause.broker === (effect.broker ?? effect.node);

/** The same member of the same group; a member that has not joined yet has no id to compare. */
export const sameMember: Fits = (cause, effect) =>
  sameGroup(cause, effect) === true && cause.details?.['memberId'] === effect.details?.['memberId'];

export const possibly =
  (fits: Fits): Fits =>
  (cause, effect) =>
    fits(cause, effect) === false ? false : 'possible';

/** Do both concern the same partition? Where a list was cut, the partition may be among those that were left out. */
export const sharePartition: Fits = (cause, effect) => {
  const [ofCause, ofEffect] = [keysOf(cause), keysOf(effect)];
  const [few, many] = ofCause.size < ofEffect.size ? [ofCause, ofEffect] : [ofEffect, ofCause];
  for (const key of few) if (many.has(key)) return true;
  return isCut(cause, ofCause.size) || isCut(effect, ofEffect.size) ? 'possible' : false;
};

/** An effect with 50,000 partitions is compared with many entries. */
const keysOf = remember((entry) => new Set(itemsOf(entry).map(keyOf)));
const keyOf = ({ topic, partition }: PartitionItem): string => JSON.stringify([topic, partition]);

/** How the effect's brokers follow from its details. */
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

/** A disk fault of one of those brokers. A slow disk may be harmless, so that it is a possible cause only. */
export const diskFault =
  (brokers: BrokersOf): Fits =>
  (cause, effect) => {
    const { type, node } = faultOf(cause);
    if (type !== 'slowDisk' && type !== 'fullDisk') return false;
    if (!numbers(node).some((id) => brokers(effect).includes(id))) return false;
    return type === 'fullDisk' ? true : 'possible';
  };

/**
 * A fault of a link between one of those brokers and the node at its other end; with no known other end any node will do, and the cause is
 * possible only. Links to clients carry nothing between nodes. A slow link may be harmless, so that it is a possible cause only.
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

/** Leaders of the partitions whose ISR changed, as far as the entry names them. */
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
