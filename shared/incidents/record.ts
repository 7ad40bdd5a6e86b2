/** An incident as it is stored and sent: plain JSON. */
import type { Incident } from './incident.ts';

type Collections = 'brokers' | 'ledPartitions' | 'groups';

export interface IncidentRecord extends Omit<Incident, 'id' | 'eventIds' | Collections> {
  /** Of the run of the app that observed it. `eventId` is unique within a run. */
  run: string;
  /** The id of the incident in its run. */
  eventId: number;
  /** The cluster was last observed at this time, wall-clock ms. */
  observedAt: number;
  brokers: number[];
  ledPartitions: string[];
  groups: [string, number | null][];
}

export function recordOf({ id, ...incident }: Incident, run: string, observedAt: number): IncidentRecord {
  const record = {
    ...incident,
    run,
    eventId: id,
    observedAt,
    brokers: [...incident.brokers],
    ledPartitions: [...incident.ledPartitions],
    groups: [...incident.groups],
  };
  // Events are kept for one run.
  Reflect.deleteProperty(record, 'eventIds');
  return record;
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
