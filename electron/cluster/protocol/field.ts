/** The fields of a message, as `schema.ts` declares them and `compile.ts` reads them. */
import type { Range } from './range.ts';

export type FieldType =
  | { kind: 'bool' | 'int8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'float64' | 'uuid' | 'string' | 'bytes' | 'records' }
  | { kind: 'array'; of: FieldType }
  | { kind: 'struct'; fields: Fields };

/**
 * One field. The three type parameters live at compile time only: what decoding yields, what encoding accepts, and
 * whether the encoder may be given nothing (the field then has its default).
 */
export interface Field<Out, In, Optional extends boolean> {
  readonly type: FieldType;
  readonly versions: Range;
  readonly nullable?: Range;
  readonly tag?: number;
  readonly taggedVersions?: Range;
  /** Value where the field is absent. Undefined means the kind's own zero: 0, 0n, '', false, empty. */
  readonly default?: unknown;
  readonly phantom?: { out: Out; in: In; optional: Optional };
}

export type AnyField = Field<unknown, unknown, boolean>;
export type Fields = Readonly<Record<string, AnyField>>;
