/**
 * Effects of an event on all partitions: a broker leaves or returns, or a setting changes. Each function returns the moves, unordered, and
 * `moveEvents` their timeline events.
 */
import type { Properties } from '../config-definitions.ts';
import type { MetadataImage, PartitionImage } from '../image.ts';
import { isActive, type ControllerEvent } from './decision.ts';
import { electionRules, movePartition, without, type PartitionMove } from './election.ts';

/** A broker leaves: it is removed from every ISR, and other brokers take over its leaderships. */
export function moveAwayFrom(image: MetadataImage, properties: Properties, broker: number): PartitionMove[] {
  const rules = electionRules(image, properties, (id) => id !== broker && isActive(image.brokers.get(id)));
  const moves: PartitionMove[] = [];
  for (const topic of image.topics.values()) {
    for (const partition of topic.partitions) {
      if (partition.leader !== broker && !partition.isr.includes(broker)) continue;
      const move = movePartition(partition, { isr: without(partition.isr, broker) }, rules(topic.name));
      if (move !== undefined) moves.push(move);
    }
  }
  return moves;
}

/**
 * A broker returns with all of its records. It leaves the ISRs that have other live members, to rejoin them under its new epoch, and leads
 * no partition until it is unfenced. `isAlive`: whether this controller has received a heartbeat of a broker.
 */
export function restarted(
  image: MetadataImage,
  properties: Properties,
  broker: number,
  isAlive: (broker: number) => boolean,
): PartitionMove[] {
  const acceptable = (id: number): boolean => id !== broker && isActive(image.brokers.get(id)) && isAlive(id);
  const rules = electionRules(image, properties, acceptable);
  const moves: PartitionMove[] = [];
  for (const topic of image.topics.values()) {
    for (const partition of topic.partitions) {
      if (partition.leader !== broker && !partition.isr.includes(broker)) continue;
      const wanted = partition.isr.some(acceptable) ? { isr: without(partition.isr, broker) } : {};
      // Another leader stays, in contact with this controller or not: its own session decides.
      const leads = (id: number): boolean => id === partition.leader && id !== broker && isActive(image.brokers.get(id));
      const { minInsyncReplicas } = rules(topic.name);
      // Never unclean: the broker with the records is about to be unfenced.
      const move = movePartition(partition, wanted, { unclean: false, minInsyncReplicas, acceptable: (id) => leads(id) || acceptable(id) });
      if (move !== undefined) moves.push(move);
    }
  }
  return moves;
}

/**
 * A broker returns without a clean-shutdown proof: it may have lost unflushed records. Where other replicas are known to have all records, it
 * must not lead before it has caught up with them. Where it still is the leader, it is deposed: it may lead only under a new epoch, or
 * followers could not distinguish the records that it lost from those that it writes in their place.
 */
export function distrust(image: MetadataImage, properties: Properties, broker: number): PartitionMove[] {
  const rules = electionRules(image, properties, (id) => id !== broker && isActive(image.brokers.get(id)));
  const moves: PartitionMove[] = [];
  for (const topic of image.topics.values()) {
    for (const partition of topic.partitions) {
      const isr = partition.isr.filter((member) => member !== broker);
      const others = isr.length > 0 || partition.elr.some((member) => member !== broker);
      const named = isr.length < partition.isr.length || partition.elr.includes(broker);
      if (partition.leader !== broker && !(named && others)) continue;
      const wanted = others ? { isr, distrust: broker } : {};
      const move = movePartition(partition, wanted, rules(topic.name));
      if (move !== undefined) moves.push(move);
    }
  }
  return moves;
}

/** Elects leaders of partitions without one, after a broker returned or a setting changed. */
export function electForLeaderless(
  image: MetadataImage,
  properties: Properties,
  acceptable?: (broker: number) => boolean,
): PartitionMove[] {
  const rules = electionRules(image, properties, acceptable);
  const moves: PartitionMove[] = [];
  for (const topic of image.topics.values()) {
    for (const partition of topic.partitions) {
      if (partition.leader >= 0) continue;
      const move = movePartition(partition, {}, rules(topic.name));
      if (move !== undefined) moves.push(move);
    }
  }
  return moves;
}

/** What made the controller move leaders or change ISRs; the timeline links events to causes by it. */
export type MoveTrigger =
  'fencing' | 'shutdown' | 'unfencing' | 'registration' | 'removal' | 'request' | 'setting' | 'reassignment' | 'repair' | 'lag' | 'sweep';

/** Timeline events: one of each kind, regardless of the number of partitions. `broker`: the broker of the trigger. */
export function moveEvents(moves: readonly PartitionMove[], trigger: MoveTrigger, reason: string, broker?: number): ControllerEvent[] {
  const events: ControllerEvent[] = [];
  const about = broker === undefined ? {} : { broker };
  const place = ({ before }: PartitionMove): { topic: string; partition: number } => ({ topic: before.topic, partition: before.partition });
  const led = moves.filter((move) => move.after.leader !== move.before.leader && move.after.leader >= 0);
  const elected = led.filter((move) => !move.unclean);
  const uncleanly = led.filter((move) => move.unclean);
  const lost = moves.filter((move) => move.after.leader < 0 && move.before.leader >= 0);
  const shrunk = moves.filter(({ before, after, reassigned }) => !reassigned && leavers(before, after).length > 0);
  if (elected.length > 0) {
    const list = elected.map((move) => ({ ...place(move), from: move.before.leader, to: move.after.leader }));
    events.push({ type: 'partition/leadersElected', ...about, reason, details: { trigger, moves: list } });
  }
  if (uncleanly.length > 0) {
    const list = uncleanly.map((move) => ({ ...place(move), from: move.before.leader, to: move.after.leader, isr: move.before.isr }));
    events.push({ type: 'partition/uncleanlyElected', ...about, reason, details: { trigger, moves: list } });
  }
  if (lost.length > 0) {
    const list = lost.map((move) => ({ ...place(move), from: move.before.leader, isr: move.after.isr }));
    events.push({ type: 'partition/leadersLost', ...about, reason, details: { trigger, partitions: list } });
  }
  if (shrunk.length > 0) {
    const list = shrunk.map((move) => ({ ...place(move), from: move.before.isr, to: move.after.isr }));
    events.push({ type: 'partition/isrShrunk', ...about, reason, details: { trigger, changes: list } });
  }
  return [...events, ...reassignedEvents(moves)];
}

/** Members that left the ISR but remain replicas. */
function leavers(before: PartitionImage, after: PartitionImage): number[] {
  return before.isr.filter((member) => !after.isr.includes(member) && after.replicas.includes(member));
}

/** The moves that complete reassignments. */
function reassignedEvents(moves: readonly PartitionMove[]): ControllerEvent[] {
  const list = moves
    .filter(({ reassigned }) => reassigned)
    .map(({ before, after }) => ({ topic: before.topic, partition: before.partition, from: before.replicas, to: after.replicas }));
  if (list.length === 0) return [];
  const reason = 'all added replicas are in sync';
  return [{ type: 'partition/reassigned', reason, details: { changes: list } }];
}
