/** Fields of faults. The schema, the type and the form of a fault are derived from them; this file has no schema library, so that pages can use it. */

export type LinkEnd = number | 'clients';
/** As seen from the first end of the link: `out` is what it sends. */
export type LinkDirection = 'both' | 'out' | 'in';

export interface NodeField {
  kind: 'node';
}

/** Two different ends of a link: brokers, or a broker and all clients. */
export interface BetweenField {
  kind: 'between';
}

export interface NumberField {
  kind: 'number';
  min: number;
  max: number;
  whole: boolean;
  /** The value where the field is absent; without it the field is required. */
  default?: number;
  label: string;
  /** Unit of a typed number without one. */
  unit: 'ms' | 's' | 'kB/s';
  /** Value of one such unit in the unit of the field. */
  perUnit: number;
  hint?: string;
  /** Text of the form at first. */
  initial: string;
}

export interface ChoiceField<Value extends string = string> {
  kind: 'choice';
  values: readonly Value[];
  default: Value;
  label: string;
  options: Readonly<Record<Value, string>>;
}

export interface TopicField {
  kind: 'topic';
}

export interface PartitionField {
  kind: 'partition';
}

export type FaultField = NodeField | BetweenField | NumberField | ChoiceField | TopicField | PartitionField;
export type FaultFields = Readonly<Record<string, FaultField>>;

/** Brokers are of the type `Node`: ids, or (in a scenario) descriptions such as `leader of orders-0`. */
export type FieldValue<Field extends FaultField, Node> = Field extends NodeField
  ? Node
  : Field extends BetweenField
    ? [Node | 'clients', Node | 'clients']
    : Field extends ChoiceField<infer Value>
      ? Value
      : Field extends TopicField
        ? string
        : number;

/** A fault with all of its fields. */
export type SpecOf<Type extends string, Fields extends FaultFields, Node> = {
  [Key in keyof Fields | 'type']: Key extends keyof Fields ? FieldValue<Fields[Key], Node> : Type;
};

type Omissible<Fields extends FaultFields> = {
  [Key in keyof Fields]: Fields[Key] extends { default: unknown } ? Key : never;
}[keyof Fields];

/** A fault as it is written: fields with a default may be absent. */
export type InputOf<Type extends string, Fields extends FaultFields, Node> = { type: Type } & {
  [Key in Exclude<keyof Fields, Omissible<Fields>>]: FieldValue<Fields[Key], Node>;
} & { [Key in Omissible<Fields>]?: FieldValue<Fields[Key], Node> };

export const NODE: NodeField = { kind: 'node' };
export const BETWEEN: BetweenField = { kind: 'between' };
export const TOPIC: TopicField = { kind: 'topic' };
export const PARTITION: PartitionField = { kind: 'partition' };

export const DIRECTION = {
  kind: 'choice',
  values: ['both', 'out', 'in'],
  default: 'both',
  label: 'Direction',
  options: { both: 'both ways', out: 'outbound only', in: 'inbound only' },
} as const satisfies ChoiceField<LinkDirection>;

export const LATENCY = {
  kind: 'number',
  min: 0,
  max: 600_000,
  whole: false,
  default: 0,
  label: 'Latency',
  unit: 'ms',
  perUnit: 1,
  initial: '200',
} as const satisfies NumberField;

/** Added to the latency, uniformly from 0 up to it. */
export const JITTER = { ...LATENCY, label: 'Jitter', initial: '0' } as const satisfies NumberField;

/** Bytes per second; 0: unlimited. */
export const BANDWIDTH = {
  kind: 'number',
  min: 0,
  max: 1e12,
  whole: true,
  default: 0,
  label: 'At most',
  unit: 'kB/s',
  perUnit: 1_000,
  hint: 'For example 1 MB/s. Leave empty for no limit.',
  initial: '',
} as const satisfies NumberField;
