/** One outage, from its cause to its end. Every page renders this object; none of them derives an outage by itself. */
import type { TimelineEvent } from '../models/timeline.ts';
import { OUT_OF_SERVICE } from '../timeline/event-types.ts';
import { partitionKey } from '../keys.ts';

export type IncidentSubject =
  | { kind: 'broker'; broker: number }
  | { kind: 'link'; between: readonly (number | 'clients')[] }
  | { kind: 'partitions' }
  | { kind: 'group'; group: string }
  | { kind: 'cluster' };

export interface Incident {
  /** Id of its first event. */
  id: number;
  /** `fault`: injected in the lab. `observed`: a failure without a recorded cause. */
  cause: 'fault' | 'observed';
  subject: IncidentSubject;
  /** Its first event. */
  root: TimelineEvent;
  /** Wall-clock ms, as all times here. */
  startedAt: number;
  /** The cluster noticed it; null: not yet, or never. */
  detectedAt: number | null;
  /** Every affected partition has a leader again; null: not yet, or no leader was affected. */
  failedOverAt: number | null;
  /** Every ISR that it shortened is full again; null: not yet, or it shortened none. */
  recoveredAt: number | null;
  /** Its cause has ended, its partitions have recovered and its groups are stable; null: open, or its end was not observed. */
  closedAt: number | null;
  /** The run of the app that observed it ended first: nothing is known of it after this time. Null: it is, or was, observed to its end. */
  unobservedAfter: number | null;
  /** Whether its cause (the fault, the broker that is out of service) lasts. */
  lasts: boolean;
  /** Partitions that it left without a leader, and that have none now. */
  leaderless: number;
  /** Partitions whose ISR it shortened, and that are not full again. */
  underReplicated: number;
  brokers: ReadonlySet<number>;
  /** Keys (`partitionKey`) of partitions whose leader it moved or took, as far as the events list them. */
  ledPartitions: ReadonlySet<string>;
  /** Groups whose coordinator it moved or that it made rebalance, with the time at which each was stable again; null: not yet. */
  groups: ReadonlyMap<string, number | null>;
  /** False: a list of partitions was cut, so that the partitions named are not all. */
  complete: boolean;
  /** Ids of its events, in order. */
  eventIds: readonly number[];
}

export const isOpen = (incident: Incident): boolean => incident.closedAt === null && incident.unobservedAfter === null;

/** The open ones, newest first. */
export const openIncidents = (incidents: readonly Incident[]): Incident[] => incidents.filter(isOpen).reverse();

/** Ms from the start to that time; null while it has not been reached. */
export const since = (incident: Incident, at: number | null): number | null => (at === null ? null : Math.max(0, at - incident.startedAt));

/** As it was known at that time, wall-clock ms: what came later is left out. */
export function incidentAt(incident: Incident, at: number): Incident {
  const reached = (time: number | null): number | null => (time !== null && time <= at ? time : null);
  return {
    ...incident,
    detectedAt: reached(incident.detectedAt),
    failedOverAt: reached(incident.failedOverAt),
    recoveredAt: reached(incident.recoveredAt),
    closedAt: reached(incident.closedAt),
    unobservedAfter: reached(incident.unobservedAfter),
  };
}

export interface GroupReading {
  id: string;
  partitions: readonly { topic: string; partition: number }[];
  /**
   * Brokers that do not answer and hold a replica of what the group reads, or of its part of `__consumer_offsets`, where no leader answers
   * now. Without a majority of voters no event reports that.
   */
  missing?: ReadonlySet<number>;
}

/** Does its broker leave the group without a leader or coordinator that answers, while no event has reported any effect on partitions? */
function blocksGroup(incident: Incident, { missing }: GroupReading): boolean {
  const { subject, root, leaderless, underReplicated, ledPartitions, failedOverAt, recoveredAt } = incident;
  if (missing === undefined || subject.kind !== 'broker' || !missing.has(subject.broker)) return false;
  const isReported = leaderless + underReplicated + ledPartitions.size > 0 || failedOverAt !== null || recoveredAt !== null;
  return !isReported && incident.lasts && isOpen(incident) && OUT_OF_SERVICE.has(root.type);
}

const movedLeaders = (incident: Incident, { partitions }: GroupReading): boolean =>
  partitions.some(({ topic, partition }) => incident.ledPartitions.has(partitionKey(topic, partition)));

/** Did it move or take a leader of a partition that the group reads, or its coordinator? */
export const touchesGroup = (incident: Incident, group: GroupReading): boolean =>
  incident.groups.has(group.id) || movedLeaders(incident, group) || blocksGroup(incident, group);

/** When the group was served again: its leaders are elected and it is stable. Null: not yet. */
export function servedAgainAt(incident: Incident, group: GroupReading): number | null {
  if (blocksGroup(incident, group)) return null;
  if (incident.closedAt !== null && !incident.groups.has(group.id)) return incident.failedOverAt ?? incident.closedAt;
  const stable = incident.groups.get(group.id);
  const led = movedLeaders(incident, group);
  if (stable === null || (led && incident.failedOverAt === null)) return incident.closedAt;
  return Math.max(stable ?? incident.startedAt, led ? (incident.failedOverAt ?? 0) : 0);
}
