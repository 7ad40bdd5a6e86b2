/** The shape of a stored incident: files can be edited, and were written by other versions. */
import * as z from 'zod';
import type { TimelineEvent } from '../models/timeline.ts';
import type { IncidentRecord } from './record.ts';

const time = z.number().nullable();
const count = z.number().int().min(0);
const linkEnd = z.union([z.number(), z.literal('clients')]);
export const incidentRecordSchema = z.object({
  run: z.string(),
  eventId: z.number(),
  cause: z.enum(['fault', 'observed']),
  subject: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('broker'), broker: z.number() }),
    z.object({ kind: z.literal('link'), between: z.array(linkEnd) }),
    z.object({ kind: z.literal('partitions') }),
    z.object({ kind: z.literal('group'), group: z.string() }),
    z.object({ kind: z.literal('cluster') }),
  ]),
  root: z.custom<TimelineEvent>(isEvent),
  startedAt: z.number(),
  detectedAt: time,
  failedOverAt: time,
  recoveredAt: time,
  closedAt: time,
  unobservedAfter: time,
  observedAt: z.number(),
  lasts: z.boolean(),
  leaderless: count,
  underReplicated: count,
  brokers: z.array(z.number()),
  ledPartitions: z.array(z.string()),
  groups: z.array(z.tuple([z.string(), time])),
  complete: z.boolean(),
}) satisfies z.ZodType<IncidentRecord>;

function isEvent(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { id, type, at } = value as { id?: unknown; type?: unknown; at?: unknown };
  return typeof id === 'number' && typeof at === 'number' && typeof type === 'string';
}
