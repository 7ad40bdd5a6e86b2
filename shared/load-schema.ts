/** The one schema of a load, for whatever brings it: IPC, the control API, a scenario's file. */
import * as z from 'zod';
import type { LoadSpec } from './models/load.ts';

const topic = z.string().min(1).max(249);
const distinct = z.number().int().min(1).max(1_000_000).default(100);

export const loadKeysSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('even'), distinct }),
  z.object({ kind: z.literal('hot'), distinct, share: z.number().min(0).max(1).default(0.8) }),
]);

export const producerLoadSchema = z.object({
  kind: z.literal('producer'),
  name: z.string().min(1).max(100),
  topic,
  clients: z.number().int().min(1).max(16).default(1),
  recordsPerSecond: z.number().min(0.1).max(50_000).default(100),
  valueBytes: z.number().int().min(32).max(1_000_000).default(100),
  acks: z.enum(['all', 'one', 'none']).default('all'),
  idempotent: z.boolean().default(true),
  keys: loadKeysSchema.default({ kind: 'even', distinct: 100 }),
  records: z.number().int().min(1).max(100_000_000).nullable().default(null),
});

export const groupLoadSchema = z.object({
  kind: z.literal('group'),
  name: z.string().min(1).max(249),
  topics: z.array(topic).min(1).max(20),
  members: z.number().int().min(1).max(12).default(2),
  perRecordMs: z.number().min(0).max(60_000).default(0),
  from: z.enum(['oldest', 'newest']).default('oldest'),
  sessionTimeoutMs: z.number().int().min(6_000).max(300_000).default(10_000),
  crashEveryMs: z.number().int().min(500).max(3_600_000).nullable().default(null),
});

export const loadSchema = z
  .discriminatedUnion('kind', [producerLoadSchema, groupLoadSchema])
  .refine((load) => load.kind === 'group' || !load.idempotent || load.acks === 'all', {
    error: 'needs acks=all',
    path: ['idempotent'],
  }) satisfies z.ZodType<LoadSpec>;
