/**
 * Who leads a partition. The ISR first, then the eligible leader replicas (KIP-966: they hold everything below the high
 * watermark, since that stands still while the ISR is smaller than min.insync.replicas), and one that is out of sync only where
 * the topic allows to lose records. The last member of an ISR stays in it: it alone is known to have everything.
 */
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import { applyPartitionChange, LEADER_UNCHANGED } from '../image-apply.ts';
import type { MetadataImage, PartitionImage } from '../image.ts';
import { isActive, settingsCache, type ControllerEvent } from './decision.ts';
import type { Properties } from '../config-definitions.ts';

export interface ElectionRules {
  /** Whether a broker may lead. */
  readonly acceptable: (broker: number) => boolean;
  readonly unclean: boolean;
  readonly minInsyncReplicas: number;
}

/** What is to become of a partition beside its leader; absent: as it is. */
export interface Wanted {
  readonly isr?: readonly number[];
  /** A broker that may have lost what it had not flushed: it is not eligible any more. */
  readonly distrust?: number;
  /** Take the first replica where it can lead, even if another leads well. */
  readonly preferred?: boolean;
  readonly leaderRecoveryState?: number;
}

export interface PartitionMove {
  readonly before: PartitionImage;
  readonly after: PartitionImage;
  readonly record: MetadataRecordIn;
  /** The new leader may lack records that were acknowledged. */
  readonly unclean: boolean;
}

/** The partition after its ISR changed and a leader was looked for; undefined when nothing changes. */
export function movePartition(partition: PartitionImage, wanted: Wanted, rules: ElectionRules): PartitionMove | undefined {
  const wantedIsr = wanted.isr ?? partition.isr;
  const wantedElr = partition.elr.filter((broker) => broker !== wanted.distrust);
  const elected = elect(partition, wantedIsr, wantedElr, wanted.preferred === true, rules);
  const { isr, leader } = elected;
  const { elr, lastKnownElr } = eligible(partition, isr, wanted.distrust, elected.unclean, rules.minInsyncReplicas);

  const change = {
    isr: same(isr, partition.isr) ? null : [...isr],
    leader: leader === partition.leader ? LEADER_UNCHANGED : leader,
    replicas: null,
    removingReplicas: null,
    addingReplicas: null,
    leaderRecoveryState: recoveryChange(partition, elected.unclean ? 1 : wanted.leaderRecoveryState),
    eligibleLeaderReplicas: same(elr, partition.elr) ? null : elr,
    lastKnownElr: same(lastKnownElr, partition.lastKnownElr) ? null : lastKnownElr,
  };
  const unchanged =
    change.isr === null &&
    change.leader === LEADER_UNCHANGED &&
    change.leaderRecoveryState === -1 &&
    change.eligibleLeaderReplicas === null &&
    change.lastKnownElr === null;
  if (unchanged) return undefined;
  return {
    before: partition,
    after: applyPartitionChange(partition, change),
    record: { type: 'PartitionChangeRecord', value: { partitionId: partition.partition, topicId: partition.topicId, ...change } },
    unclean: elected.unclean,
  };
}

function elect(
  partition: PartitionImage,
  isr: readonly number[],
  elr: readonly number[],
  preferred: boolean,
  rules: ElectionRules,
): { leader: number; isr: readonly number[]; unclean: boolean } {
  const mayLead = (broker: number): boolean => isr.includes(broker) && rules.acceptable(broker);
  const [first] = partition.replicas;
  if (preferred && first !== undefined && mayLead(first)) return { leader: first, isr, unclean: false };
  if (mayLead(partition.leader)) return { leader: partition.leader, isr, unclean: false };
  const inSync = partition.replicas.find(mayLead);
  if (inSync !== undefined) return { leader: inSync, isr, unclean: false };
  const fromElr = partition.replicas.find((broker) => elr.includes(broker) && rules.acceptable(broker));
  if (fromElr !== undefined) return { leader: fromElr, isr: [fromElr], unclean: false };
  if (rules.unclean) {
    const any = partition.replicas.find(rules.acceptable);
    if (any !== undefined) return { leader: any, isr: [any], unclean: true };
  }
  return { leader: -1, isr, unclean: false };
}

/** Who is eligible beside the ISR: nobody while it is large enough, else everybody who left it since it was. */
function eligible(
  partition: PartitionImage,
  isr: readonly number[],
  distrust: number | undefined,
  unclean: boolean,
  minInsyncReplicas: number,
): { elr: number[]; lastKnownElr: number[] } {
  if (unclean || isr.length >= Math.min(minInsyncReplicas, partition.replicas.length)) return { elr: [], lastKnownElr: [] };
  const candidates = [...new Set([...partition.elr, ...partition.isr])].filter((broker) => !isr.includes(broker));
  const elr = candidates.filter((broker) => broker !== distrust);
  const lastKnownElr = [...new Set([...partition.lastKnownElr, ...candidates])].filter(
    (broker) => !isr.includes(broker) && !elr.includes(broker),
  );
  return { elr, lastKnownElr };
}

function recoveryChange(partition: PartitionImage, state: number | undefined): number {
  return state === undefined || state === partition.leaderRecoveryState ? -1 : state;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** The ISR without a broker; the last member stays. */
export function without(isr: readonly number[], broker: number): readonly number[] {
  const rest = isr.filter((member) => member !== broker);
  return rest.length === 0 ? isr : rest;
}

/** Rules for every topic of an image; `acceptable` where brokers are about to change. */
export function electionRules(
  image: MetadataImage,
  properties: Properties,
  acceptable: (broker: number) => boolean = (broker) => isActive(image.brokers.get(broker)),
): (topic: string) => ElectionRules {
  const settings = settingsCache(image, properties);
  return (topic) => ({
    acceptable,
    get unclean() {
      return settings(topic).uncleanLeaderElectionEnable;
    },
    get minInsyncReplicas() {
      return settings(topic).minInsyncReplicas;
    },
  });
}

/** What becomes of all partitions that a broker has a part in, when it leaves: out of every ISR, its leaderships to others. */
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
 * A broker comes back with all that it had. It leaves the ISRs in which others are known to live, to join them again under its new epoch,
 * and leads nothing until it is unfenced. `isAlive`: whether this controller has heard of a broker.
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
      // Where another leads, it goes on to, be it heard of or not: its own session decides about it.
      const leads = (id: number): boolean => id === partition.leader && id !== broker && isActive(image.brokers.get(id));
      const { minInsyncReplicas } = rules(topic.name);
      // Never unclean: what it holds is there in a moment.
      const move = movePartition(partition, wanted, { unclean: false, minInsyncReplicas, acceptable: (id) => leads(id) || acceptable(id) });
      if (move !== undefined) moves.push(move);
    }
  }
  return moves;
}

/**
 * A broker comes back and cannot say that it stopped cleanly: what it had not flushed may be gone. Where others are known to have
 * everything, it must not lead before it has caught up with them. Where it still counts as leader, it leads no longer: it is only to lead
 * under a new epoch, or followers could not tell what it lost from what it writes in its place.
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

/** Leaders for partitions without one, after a broker came back or a setting changed. */
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

/** What the timeline says of moves: one event of each kind, however many partitions. */
export function moveEvents(moves: readonly PartitionMove[], reason: string, broker?: number): ControllerEvent[] {
  const events: ControllerEvent[] = [];
  const about = broker === undefined ? {} : { broker };
  const place = ({ before }: PartitionMove): { topic: string; partition: number } => ({ topic: before.topic, partition: before.partition });
  const elected = moves.filter((move) => move.after.leader !== move.before.leader && move.after.leader >= 0);
  const lost = moves.filter((move) => move.after.leader < 0 && move.before.leader >= 0);
  const shrunk = moves.filter((move) => move.before.isr.some((member) => !move.after.isr.includes(member)));
  if (elected.length > 0) {
    const list = elected.map((move) => ({
      ...place(move),
      from: move.before.leader,
      to: move.after.leader,
      ...(move.unclean ? { unclean: true } : {}),
    }));
    events.push({ type: 'partition/leadersElected', ...about, reason, details: { moves: list } });
  }
  if (lost.length > 0) {
    const list = lost.map((move) => ({ ...place(move), from: move.before.leader, isr: move.after.isr }));
    events.push({ type: 'partition/leadersLost', ...about, reason, details: { partitions: list } });
  }
  if (shrunk.length > 0) {
    const list = shrunk.map((move) => ({ ...place(move), from: move.before.isr, to: move.after.isr }));
    events.push({ type: 'partition/isrShrunk', ...about, reason, details: { changes: list } });
  }
  return events;
}
