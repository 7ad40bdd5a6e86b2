/** Incidents as rows of the history of figures: JSON within a bound of size, checked when it is read. */
import { endOf, type IncidentRecord } from '#shared/incidents/record';
import { incidentRecordSchema } from '#shared/incidents/record-schema';
import { isTimelineEventType, type TimelineEvent } from '#shared/models/timeline';
import type { StoredIncident } from '../figure-history/point-table.ts';

/** Characters of a row's body. */
const MAX_BODY = 200_000;

export const incidentKey = ({ run, eventId }: Pick<IncidentRecord, 'run' | 'eventId'>): string => `${run}/${eventId}`;

/**
 * The times always fit. Of very many partitions the names that fit are kept; where the groups or the first event are too long, those are
 * left out as well.
 */
export function storeIncident(record: IncidentRecord): StoredIncident {
  let body = JSON.stringify(record);
  if (body.length > MAX_BODY) body = JSON.stringify(withFewerPartitions(record));
  if (body.length > MAX_BODY) body = JSON.stringify(withoutNames(record));
  return { id: incidentKey(record), startedAt: record.startedAt, endedAt: endOf(record), body };
}

function withFewerPartitions(record: IncidentRecord): IncidentRecord {
  const rest: IncidentRecord = { ...record, ledPartitions: [], complete: false };
  let room = MAX_BODY - JSON.stringify(rest).length;
  const kept = record.ledPartitions.findIndex((key) => (room -= JSON.stringify(key).length + 1) < 0);
  return { ...rest, ledPartitions: kept < 0 ? record.ledPartitions : record.ledPartitions.slice(0, kept) };
}

function withoutNames(record: IncidentRecord): IncidentRecord {
  const { id, type, at, node, broker, count: of } = record.root;
  const root: TimelineEvent = {
    id,
    type,
    at,
    node,
    ...(broker === undefined ? {} : { broker }),
    ...(of === undefined ? {} : { count: of }),
  };
  return { ...record, root, ledPartitions: [], groups: [], complete: false };
}

/** Null for what is no incident of this version. */
export function parseIncident({ body }: StoredIncident): IncidentRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  const record = incidentRecordSchema.safeParse(value).data;
  return record !== undefined && isTimelineEventType(record.root.type) ? record : null;
}
