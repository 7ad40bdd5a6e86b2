/**
 * Elects the leader of a partition: from the ISR first, then from the eligible leader replicas (KIP-966: they hold everything below the high
 * watermark, which does not advance while the ISR is smaller than min.insync.replicas), and from replicas out of sync only where the topic
 * allows unclean election. The last member of an ISR stays in it: only this replica is known to have all records.
 */
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import { applyPartitionChange, LEADER_UNCHANGED } from '../image-apply.ts';
import type { MetadataImage, PartitionImage } from '../image.ts';
import { isActive, settingsCache } from './decision.ts';
import { completed, type Assignment } from './reassignment-state.ts';
import type { Properties } from '../config-definitions.ts';

export interface ElectionRules {
  /** Whether a broker may lead. */
  readonly acceptable: (broker: number) => boolean;
  readonly unclean: boolean;
  readonly minInsyncReplicas: number;
}

/** Requested state of a partition beside its leader; absent: unchanged. */
export interface Wanted {
  readonly isr?: readonly number[];
  /** Becomes leader if it is acceptable and in the ISR or eligible. */
  readonly successor?: number | undefined;
  /** A broker that may have lost unflushed records: it is no longer eligible. */
  readonly distrust?: number;
  /** Elect the first replica where it can lead, even if the leader is live. */
  readonly preferred?: boolean;
  readonly leaderRecoveryState?: number;
  /** The new replicas, with those that are being added and removed. */
  readonly assignment?: Assignment;
}

export interface PartitionMove {
  readonly before: PartitionImage;
  readonly after: PartitionImage;
  readonly record: MetadataRecordIn;
  /** The new leader may lack acknowledged records. */
  readonly unclean: boolean;
  /** The change completes a reassignment. */
  readonly reassigned: boolean;
}

/** The partition after a change of its ISR or replicas and an election; undefined when nothing changes. */
export function movePartition(partition: PartitionImage, wanted: Wanted, rules: ElectionRules): PartitionMove | undefined {
  const minInsyncReplicas = (replicas: readonly number[]): number => Math.min(rules.minInsyncReplicas, replicas.length);
  const asked = wanted.assignment ?? partition;
  const done = completed(asked, wanted.isr ?? partition.isr, rules.acceptable, minInsyncReplicas);
  const { replicas, addingReplicas, removingReplicas } = done?.assignment ?? asked;
  const wantedIsr = done?.isr ?? wanted.isr ?? partition.isr;
  const wantedElr = partition.elr.filter((broker) => broker !== wanted.distrust && replicas.includes(broker));

  const candidates = { ...partition, replicas };
  const elected = elect(candidates, wantedIsr, wantedElr, wanted, rules);
  const { isr, leader } = elected;
  const moving = elected.unclean || (leader >= 0 && isr.length >= minInsyncReplicas(replicas));
  const { elr, lastKnownElr } = moving ? NO_ELIGIBLE : eligible(candidates, isr, wanted.distrust);

  // A removed replica may not know of it for a while, and keep fetching. If it were added again before, its fetches would count, and then it
  // would delete its log by the earlier removal. In the new epoch its fetches are refused until it has the change (as in Apache Kafka).
  const replicaLeaves = partition.replicas.some((broker) => !replicas.includes(broker));
  const change = {
    isr: unlessSame(isr, partition.isr),
    leader: leader === partition.leader && !replicaLeaves ? LEADER_UNCHANGED : leader,
    replicas: unlessSame(replicas, partition.replicas),
    removingReplicas: unlessSame(removingReplicas, partition.removingReplicas),
    addingReplicas: unlessSame(addingReplicas, partition.addingReplicas),
    leaderRecoveryState: recoveryChange(partition, elected.unclean ? 1 : wanted.leaderRecoveryState),
    eligibleLeaderReplicas: unlessSame(elr, partition.elr),
    lastKnownElr: unlessSame(lastKnownElr, partition.lastKnownElr),
  };
  const { leader: newLeader, leaderRecoveryState, ...lists } = change;
  if (newLeader === LEADER_UNCHANGED && leaderRecoveryState === -1 && Object.values(lists).every((list) => list === null)) return undefined;
  return {
    before: partition,
    after: applyPartitionChange(partition, change),
    record: {
      type: 'PartitionChangeRecord',
      value: {
        partitionId: partition.partition,
        topicId: partition.topicId,
        ...change,
        // Each broker has one directory, so directory ids are not reported.
        directories: change.replicas?.map(() => ZERO_UUID) ?? null,
      },
    },
    unclean: elected.unclean,
    reassigned: done !== undefined,
  };
}

function elect(
  partition: PartitionImage,
  isr: readonly number[],
  elr: readonly number[],
  { preferred, successor }: Pick<Wanted, 'preferred' | 'successor'>,
  rules: ElectionRules,
): { leader: number; isr: readonly number[]; unclean: boolean } {
  const mayLead = (broker: number): boolean => isr.includes(broker) && rules.acceptable(broker);
  const [first] = partition.replicas;
  if (successor !== undefined && mayLead(successor)) return { leader: successor, isr, unclean: false };
  if (preferred === true && first !== undefined && mayLead(first)) return { leader: first, isr, unclean: false };
  if (mayLead(partition.leader)) return { leader: partition.leader, isr, unclean: false };
  const inSync = partition.replicas.find(mayLead);
  if (inSync !== undefined) return { leader: inSync, isr, unclean: false };
  const fromElr = partition.replicas.find((broker) => elr.includes(broker) && rules.acceptable(broker));
  if (fromElr !== undefined) return { leader: fromElr, isr: [fromElr], unclean: false };
  if (rules.unclean) {
    // The last eligible replica lacks the fewest records.
    const { lastKnownElr } = partition;
    const last = partition.replicas.find((broker) => lastKnownElr.includes(broker) && rules.acceptable(broker));
    const any = last ?? partition.replicas.find(rules.acceptable);
    if (any !== undefined) return { leader: any, isr: [any], unclean: true };
  }
  return { leader: -1, isr, unclean: false };
}

/**
 * The eligible replicas beside the ISR while the high watermark does not advance, because the ISR is too small or there is no leader: every
 * replica that has left the ISR since then.
 */
function eligible(
  partition: PartitionImage,
  isr: readonly number[],
  distrust: number | undefined,
): { elr: readonly number[]; lastKnownElr: readonly number[] } {
  const left = (broker: number): boolean => !isr.includes(broker) && partition.replicas.includes(broker);
  const candidates = [...new Set([...partition.elr, ...partition.isr])].filter(left);
  const elr = candidates.filter((broker) => broker !== distrust);
  const lastKnownElr = [...new Set([...partition.lastKnownElr, ...candidates])].filter((broker) => left(broker) && !elr.includes(broker));
  return { elr, lastKnownElr };
}

const NO_ELIGIBLE = { elr: [], lastKnownElr: [] };

function recoveryChange(partition: PartitionImage, state: number | undefined): number {
  return state === undefined || state === partition.leaderRecoveryState ? -1 : state;
}

/** For a field of a PartitionChangeRecord: null means unchanged. */
function unlessSame(after: readonly number[], before: readonly number[]): number[] | null {
  return after.length === before.length && after.every((value, index) => value === before[index]) ? null : [...after];
}

/** The ISR without a broker; the last member stays. */
export function without(isr: readonly number[], broker: number): readonly number[] {
  const rest = isr.filter((member) => member !== broker);
  return rest.length === 0 ? isr : rest;
}

/** Rules for every topic of an image; `acceptable` while brokers are about to change. */
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
