/** Compares the subjects of two timeline entries, a possible cause and its effect. A truncated list never proves absence. */

import { partitionKey } from '#shared/keys';
import { faultDefinition, type AnyFaultDefinition } from '#shared/faults/definitions';
import type { TimelineEvent } from '#shared/models/timeline';
import { faultFields, listedPartitions, numbersIn, numbersWithout, type ListedPartition } from '#shared/timeline/listed-partitions';

/** `possible`: the subjects match, but the record does not prove the cause. */
export type Fit = boolean | 'possible';
export type Fits = (cause: TimelineEvent, effect: TimelineEvent) => Fit;

export const GROUPS_TOPIC = '__consumer_offsets';
export const METADATA_TOPIC = '__cluster_metadata';

/** Whether the entry concerns more partitions than its list contains. */
const isCut = (entry: TimelineEvent, listed: number): boolean => (entry.count ?? 0) > listed;

/** Cached by entry; entries do not change. */
function remember<T>(compute: (entry: TimelineEvent) => T): (entry: TimelineEvent) => T {
  const known = new WeakMap<TimelineEvent, T>();
  return (entry) => {
    let value = known.get(entry);
    if (value === undefined) known.set(entry, (value = compute(entry)));
    return value;
  };
}

const brokersIn = (list: (item: ListedPartition) => number[]): BrokersOf =>
  remember((entry) => [...new Set(listedPartitions(entry).flatMap(list))]);

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
const keysOf = remember((entry) => new Set(listedPartitions(entry).map(({ topic, partition }) => partitionKey(topic, partition))));

/** Derives the effect's brokers from its details. */
export type BrokersOf = (effect: TimelineEvent) => number[];

export const subjectBroker: BrokersOf = ({ broker }) => (broker === undefined ? [] : [broker]);
export const previousLeader: BrokersOf = ({ details }) => numbersIn(details?.['previousLeader']);
export const leavingIsr = brokersIn(({ from, to }) => numbersWithout(from, to));
export const joiningIsr = brokersIn(({ from, to }) => numbersWithout(to, from));
export const gainingLeadership = brokersIn(({ to }) => numbersIn(to));
export const reporter: BrokersOf = ({ broker, node }) => numbersIn(broker ?? node);

export const concerns =
  (brokers: BrokersOf): Fits =>
  (cause, effect) =>
    cause.broker !== undefined && brokers(effect).includes(cause.broker);

/** Whether the entry is of a fault of links, disks, logs or clocks. */
export function disturbs(entry: TimelineEvent, what: AnyFaultDefinition['disturbs']): boolean {
  return faultDefinition(String(faultFields(entry)['type']))?.disturbs === what;
}

/** Whether the fault of the entry has an effect for certain; otherwise it is only a possible cause. */
function isCertain(entry: TimelineEvent): boolean {
  return faultDefinition(String(faultFields(entry)['type']))?.isCertain === true;
}

/** A disk fault of one of those brokers. */
export const diskFault =
  (brokers: BrokersOf): Fits =>
  (cause, effect) => {
    const { node } = faultFields(cause);
    if (!disturbs(cause, 'disk') || !numbersIn(node).some((id) => brokers(effect).includes(id))) return false;
    return isCertain(cause) ? true : 'possible';
  };

/**
 * A link fault between one of those brokers and the node at the other end. If the other end is unknown, any node matches and the cause is only
 * possible. Links to clients carry no traffic between nodes.
 */
export const linkFault =
  (brokers: BrokersOf, otherEnds: BrokersOf = () => []): Fits =>
  (cause, effect) => {
    if (!disturbs(cause, 'link')) return false;
    const ends = numbersIn(faultFields(cause)['between']);
    if (ends.length !== 2) return false;
    const others = otherEnds(effect);
    const near = brokers(effect).filter((id) => ends.includes(id));
    if (near.length === 0) return false;
    if (others.length === 0) return 'possible';
    if (!near.some((id) => others.some((other) => other !== id && ends.includes(other)))) return false;
    return isCertain(cause) ? true : 'possible';
  };

/** A fault of the link between clients and one of those brokers. */
export const clientLinkFault =
  (brokers: BrokersOf): Fits =>
  (cause, effect) => {
    const { between } = faultFields(cause);
    if (!Array.isArray(between) || !between.includes('clients')) return false;
    return numbersIn(between).some((id) => brokers(effect).includes(id)) ? 'possible' : false;
  };

/** Leaders of the partitions whose ISR changed, as far as the entry lists them. */
export const leaders = brokersIn(({ leader }) => numbersIn(leader));
/** The controller that reported the effect. */
export const controller: BrokersOf = ({ node }) => numbersIn(node);
