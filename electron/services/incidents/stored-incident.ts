/** Incidents as rows of the history of figures: JSON within a bound of size, checked when it is read. */
import { isTimelineType } from '../../cluster/timeline-entry.ts';
import { endOf, type IncidentRecord } from '#shared/incidents/record';
import { incidentRecordSchema } from '#shared/incidents/record-schema';
import type { TimelineEvent } from '#shared/models/timeline';
import type { StoredIncident } from '../figure-history/point-table.ts';

/** Characters of a row's body. */
const MAX_BODY = 200_000;

export const incidentKey = ({ run, eventId }: Pick<IncidentRecord, 'run' | 'eventId'>): string => `${run}/${eventId}`;

/** The times always fit; of an incident with very many partitions or groups their names are left out. */
export function storeIncident(record: IncidentRecord): StoredIncident {
  let body = JSON.stringify(record);
  if (body.length > MAX_BODY) body = JSON.stringify(withoutNames(record));
  return { id: incidentKey(record), startedAt: record.startedAt, endedAt: endOf(record), body };
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
  return record !== undefined && isTimelineType(record.root.type) ? record : null;
}
