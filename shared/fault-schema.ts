/** The one schema of a fault, for whatever brings it: IPC, the control API, a scenario's file. */
import * as z from 'zod';
import type { FaultSpec } from './models/lab.ts';

const nodeId = z.number().int().min(1).max(2_147_483_647);
const delayMs = z.number().min(0).max(600_000);
const bytesPerSecond = z.number().int().min(0).max(1e12).default(0);

/** All faults, with nodes named as `node` has it: by their ids, or (in a scenario) by what they are to be at that time. */
export function faultsOf<N extends z.ZodType<number | string>>(node: N) {
  const end = z.union([node, z.literal('clients')]);
  const between = z.tuple([end, end]).refine(([a, b]) => a !== b, { error: 'must have two different ends' });
  const direction = z.enum(['both', 'out', 'in']).default('both');
  return [
    z.object({ type: z.literal('stop'), node }),
    z.object({ type: z.literal('kill'), node }),
    z.object({ type: z.literal('powerCut'), node }),
    z.object({ type: z.literal('freeze'), node }),
    z.object({ type: z.literal('partition'), between, direction }),
    z.object({
      type: z.literal('slowLink'),
      between,
      direction,
      latencyMs: delayMs.default(0),
      jitterMs: delayMs.default(0),
      bytesPerSecond,
    }),
    z.object({ type: z.literal('slowDisk'), node, latencyMs: delayMs.default(0), bytesPerSecond }),
    z.object({ type: z.literal('fullDisk'), node }),
    z.object({
      type: z.literal('corrupt'),
      node,
      topic: z.string().min(1).max(249),
      partition: z.number().int().min(0),
      where: z.enum(['closedSegment', 'tail']).default('tail'),
    }),
    z.object({ type: z.literal('clockSkew'), node, offsetMs: z.number().int().min(-31_536_000_000).max(31_536_000_000) }),
  ] as const;
}

export const faultSchema = z.discriminatedUnion('type', faultsOf(nodeId)) satisfies z.ZodType<FaultSpec>;

/** The fault that a value tells of, with what is absent filled in; or what is wrong with it, naming the field. */
export function parseFault(value: unknown): { fault: FaultSpec } | { problem: string } {
  const parsed = faultSchema.safeParse(value);
  if (parsed.success) return { fault: parsed.data };
  const issue = parsed.error.issues[0];
  if (issue === undefined) return { problem: parsed.error.message };
  return { problem: issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}` };
}

/** What may be sent, as JSON Schema (2020-12, as OpenAPI 3.1 has it). */
export function faultJsonSchema(): Record<string, unknown> {
  const schema: Record<string, unknown> = { ...z.toJSONSchema(faultSchema, { io: 'input' }) };
  delete schema['$schema'];
  return schema;
}
