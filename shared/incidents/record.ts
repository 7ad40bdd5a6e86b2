/** An incident as it is stored and sent: plain JSON. */
import type { TimelineEvent } from '../models/timeline.ts';
import type { Incident, IncidentSubject } from './incident.ts';

export interface IncidentRecord {
  /** Of the run of the app that observed it. `eventId` is unique within a run. */
  run: string;
  eventId: number;
  cause: Incident['cause'];
  subject: IncidentSubject;
  root: TimelineEvent;
  /** Wall-clock ms, as all times here; their meaning is that of `Incident`. */
  startedAt: number;
  detectedAt: number | null;
  failedOverAt: number | null;
  recoveredAt: number | null;
  closedAt: number | null;
  unobservedAfter: number | null;
  /** The cluster was last observed at this time. */
  observedAt: number;
  lasts: boolean;
  leaderless: number;
  underReplicated: number;
  brokers: number[];
  ledPartitions: string[];
  groups: [string, number | null][];
  complete: boolean;
}

export function recordOf(incident: Incident, run: string, observedAt: number): IncidentRecord {
  const { id, cause, subject, root, startedAt, detectedAt, failedOverAt, recoveredAt, closedAt, unobservedAfter } = incident;
  const { lasts, leaderless, underReplicated, complete } = incident;
  return {
    run,
    eventId: id,
    cause,
    subject,
    root,
    startedAt,
    detectedAt,
    failedOverAt,
    recoveredAt,
    closedAt,
    unobservedAfter,
    observedAt,
    lasts,
    leaderless,
    underReplicated,
    brokers: [...incident.brokers],
    ledPartitions: [...incident.ledPartitions],
    groups: [...incident.groups],
    complete,
  };
}

export function incidentFromRecord({ eventId, brokers, ledPartitions, groups, ...rest }: IncidentRecord): Incident {
  return {
    ...rest,
    id: eventId,
    brokers: new Set(brokers),
    ledPartitions: new Set(ledPartitions),
    groups: new Map(groups),
    // Events are kept for one run.
    eventIds: [eventId],
  };
}

/** Of an incident that no run observes any more: open ones end, as far as is known, where the last observation did. */
export function endObservation(record: IncidentRecord): IncidentRecord {
  if (record.closedAt !== null || record.unobservedAfter !== null) return record;
  return { ...record, unobservedAfter: Math.max(record.startedAt, record.observedAt) };
}

/** Wall-clock ms; null: open. */
export const endOf = ({ closedAt, unobservedAfter }: Pick<IncidentRecord, 'closedAt' | 'unobservedAfter'>): number | null =>
  closedAt ?? unobservedAfter;
