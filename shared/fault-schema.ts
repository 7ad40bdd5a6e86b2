/** The schema of a fault, derived from its definition: for IPC, the control API and scenario files. */
import * as z from 'zod';
import { FAULTS, type FaultInputOf, type FaultSpec, type FaultSpecOf } from './faults/definitions.ts';
import type { FaultField, FaultFields } from './faults/fields.ts';

const nodeId = z.number().int().min(1).max(2_147_483_647);

function fieldSchema(field: FaultField, node: z.ZodType): z.ZodType {
  switch (field.kind) {
    case 'node':
      return node;
    case 'between': {
      const end = z.union([node, z.literal('clients')]);
      return z.tuple([end, end]).refine(([a, b]) => a !== b, { error: 'must have two different ends' });
    }
    case 'number': {
      const number = (field.whole ? z.number().int() : z.number()).min(field.min).max(field.max);
      return field.default === undefined ? number : number.default(field.default);
    }
    case 'choice':
      return z.enum(field.values).default(field.default);
    case 'topic':
      return z.string().min(1).max(249);
    case 'partition':
      return z.number().int().min(0);
  }
}

/** One object schema for each fault. Brokers are named as `node` has it: by ids, or (in a scenario) by a description. */
function faultObjects(node: z.ZodType): z.ZodObject[] {
  return FAULTS.map(({ type, fields }) => {
    const schemas = Object.entries(fields as FaultFields).map(([name, field]) => [name, fieldSchema(field, node)] as const);
    return z.object({ type: z.literal(type), ...Object.fromEntries(schemas) });
  });
}

function union(objects: z.ZodObject[]): z.ZodType {
  const [first, ...rest] = objects;
  if (first === undefined) throw new Error('there is no fault');
  return z.discriminatedUnion('type', [first, ...rest]);
}

// The compiler cannot derive the type of the union from a list: the definitions state it.
export const faultSchema = union(faultObjects(nodeId)) as z.ZodType<FaultSpec, FaultInputOf<number>>;

/** Faults of a scenario: `target` describes a broker, and no other keys are accepted, so that a mistyped one is reported. */
export function scenarioFaultSchema(
  target: z.ZodType<string | number>,
): z.ZodType<FaultSpecOf<string | number>, FaultInputOf<string | number>> {
  return union(faultObjects(target).map((object) => object.strict())) as z.ZodType<
    FaultSpecOf<string | number>,
    FaultInputOf<string | number>
  >;
}

/** The fault that a value describes, with defaults filled in; or the problem, which names the field. */
export function parseFault(value: unknown): { fault: FaultSpec } | { problem: string } {
  const parsed = faultSchema.safeParse(value);
  if (parsed.success) return { fault: parsed.data };
  const issue = parsed.error.issues[0];
  if (issue === undefined) return { problem: parsed.error.message };
  return { problem: issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}` };
}

/** JSON Schema (2020-12, as in OpenAPI 3.1) of a fault as it is written. */
export function faultJsonSchema(): Record<string, unknown> {
  const schema: Record<string, unknown> = { ...z.toJSONSchema(faultSchema, { io: 'input' }) };
  delete schema['$schema'];
  return schema;
}
