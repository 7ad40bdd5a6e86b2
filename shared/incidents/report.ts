/** Incidents as plain figures, for reports of scenarios. */
import type { TimelineEvent } from '../models/timeline.ts';
import { since, type Incident } from './incident.ts';
import { deriveIncidents } from './reducer.ts';

export interface IncidentReport {
  /** Id of its first event. */
  id: number;
  cause: Incident['cause'];
  /** What happened first. */
  what: string;
  /** Wall-clock ms. */
  startedAt: number;
  /** Ms from its start, as below; null: it was not detected. */
  detectedMs: number | null;
  /** Until every affected partition had a leader again; null: no leader was affected, or there was none at the end. */
  failedOverMs: number | null;
  /** Until the ISRs that it shortened were full again; null: it shortened none, or they were not at the end. */
  recoveredMs: number | null;
  /** Null: open at the end. */
  closedMs: number | null;
  brokers: number[];
  groups: string[];
}

export function reportIncidents(events: readonly TimelineEvent[]): IncidentReport[] {
  return deriveIncidents(events).map((incident) => ({
    id: incident.id,
    cause: incident.cause,
    what: incident.root.reason ?? incident.root.type,
    startedAt: incident.startedAt,
    detectedMs: since(incident, incident.detectedAt),
    failedOverMs: since(incident, incident.failedOverAt),
    recoveredMs: since(incident, incident.recoveredAt),
    closedMs: since(incident, incident.closedAt),
    brokers: [...incident.brokers].sort((a, b) => a - b),
    groups: [...incident.groups.keys()],
  }));
}
