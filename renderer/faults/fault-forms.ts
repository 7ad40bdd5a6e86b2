/** The small forms of faults that take figures: their fields, what is wrong with what was typed, and the faults that come of it. */
import { parseTypedDuration } from '#shared/durations';
import { parseTypedSize } from '#shared/sizes';
import type { FaultSpec, LinkDirection, LinkEnd } from '#shared/models/lab';

export type FormKind = 'slowDisk' | 'clockSkew' | 'corrupt' | 'cutLinks' | 'slowLinks';

export interface NumberField {
  key: 'latencyMs' | 'jitterMs' | 'kilobytes' | 'seconds';
  label: string;
  /** Of a number without one. */
  unit: 'ms' | 's' | 'kB/s';
  hint?: string;
  initial: string;
  min: number;
  max: number;
  whole: boolean;
  /** Empty is allowed and stands for 0. */
  optional?: boolean;
}

const LATENCY: NumberField = {
  key: 'latencyMs',
  label: 'Latency',
  unit: 'ms',
  initial: '200',
  min: 0,
  max: 600_000,
  whole: false,
  optional: true,
};
const JITTER: NumberField = {
  key: 'jitterMs',
  label: 'Jitter',
  unit: 'ms',
  initial: '0',
  min: 0,
  max: 600_000,
  whole: false,
  optional: true,
};
const BANDWIDTH: NumberField = {
  key: 'kilobytes',
  label: 'At most',
  unit: 'kB/s',
  hint: 'For example 1 MB/s. Leave empty for no limit.',
  initial: '',
  min: 0.001,
  max: 1e9,
  whole: false,
  optional: true,
};

export const NUMBER_FIELDS: Record<FormKind, readonly NumberField[]> = {
  slowDisk: [{ ...LATENCY, label: 'Each write waits' }, BANDWIDTH],
  clockSkew: [
    {
      key: 'seconds',
      label: 'Ahead by',
      unit: 's',
      hint: 'For example 5 min. Negative values set the clock back.',
      initial: '60',
      min: -31_536_000,
      max: 31_536_000,
      whole: false,
    },
  ],
  corrupt: [],
  cutLinks: [],
  slowLinks: [LATENCY, JITTER, BANDWIDTH],
};

export const FORM_TITLES: Record<FormKind, { title: string; submit: string }> = {
  slowDisk: { title: 'Slow the disk', submit: 'Slow it' },
  clockSkew: { title: 'Skew the clock', submit: 'Skew it' },
  corrupt: { title: 'Damage a replica', submit: 'Flip bits' },
  cutLinks: { title: 'Cut links', submit: 'Cut' },
  slowLinks: { title: 'Slow links', submit: 'Slow' },
};

/** As seen from the broker, or from the link's first end. */
export const DIRECTIONS: { value: LinkDirection; label: string }[] = [
  { value: 'both', label: 'both ways' },
  { value: 'out', label: 'outbound only' },
  { value: 'in', label: 'inbound only' },
];

export interface FormValues {
  numbers: Partial<Record<NumberField['key'], string>>;
  direction: LinkDirection;
  ends: readonly LinkEnd[];
  /** `topic-partition`. */
  replica: string;
  where: 'tail' | 'closedSegment';
}

export interface FormContext {
  /** The broker, or the first end of the link. */
  from: LinkEnd;
  replicas: readonly { topic: string; partition: number }[];
}

export type FormField = NumberField['key'] | 'ends' | 'replica';
export type FormErrors = Partial<Record<FormField, string>>;

/** Empty text is 0 where that is allowed; null is no number. */
function numberOf(text: string, field: NumberField): number | null {
  const trimmed = text.trim().replace(',', '.').replace('−', '-');
  if (trimmed === '') return field.optional === true ? 0 : null;
  return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : amountOf(text.trim().replace('−', '-'), field.unit);
}

/** What was typed with a unit, in the unit of the field; null for anything else. */
function amountOf(text: string, unit: NumberField['unit']): number | null {
  const isNegative = text.startsWith('-');
  const amount = isNegative ? text.slice(1) : text;
  const sign = isNegative ? -1 : 1;
  if (unit === 'kB/s') {
    const bytes = parseTypedSize(amount.replace(/\/s$/, ''));
    return bytes === null ? null : (sign * Number(bytes)) / 1_000;
  }
  const ms = parseTypedDuration(amount);
  return ms === null ? null : (sign * Number(ms)) / (unit === 's' ? 1_000 : 1);
}

export function checkForm(kind: FormKind, values: FormValues, context: FormContext): FormErrors {
  const errors: FormErrors = {};
  const amounts: number[] = [];
  for (const field of NUMBER_FIELDS[kind]) {
    const text = values.numbers[field.key] ?? '';
    const amount = numberOf(text, field);
    if (amount === null) errors[field.key] = text.trim() === '' ? 'A number is needed.' : `“${text.trim()}” is not a number.`;
    else if (field.optional === true && text.trim() === '') amounts.push(0);
    else if (amount < field.min || amount > field.max)
      errors[field.key] = `From ${field.min} to ${field.max.toLocaleString('en')} ${field.unit}.`;
    else amounts.push(amount);
  }
  const fields = NUMBER_FIELDS[kind];
  if (Object.keys(errors).length === 0 && fields.length > 0 && amounts.every((amount) => amount === 0)) {
    const [first] = fields;
    if (first !== undefined) errors[first.key] = kind === 'clockSkew' ? '0 changes nothing.' : 'Enter a latency or a bandwidth limit.';
  }
  if ((kind === 'cutLinks' || kind === 'slowLinks') && values.ends.length === 0) errors.ends = 'Choose at least one.';
  if (kind === 'corrupt' && findReplica(values.replica, context) === undefined) errors.replica = 'Choose a partition.';
  return errors;
}

const findReplica = (name: string, { replicas }: FormContext): { topic: string; partition: number } | undefined =>
  replicas.find(({ topic, partition }) => `${topic}-${partition}` === name);

/** The faults of a form without errors. */
export function faultsOf(kind: FormKind, values: FormValues, context: FormContext): FaultSpec[] {
  const figure = (key: NumberField['key']): number => {
    const field = NUMBER_FIELDS[kind].find((one) => one.key === key);
    return field === undefined ? 0 : (numberOf(values.numbers[key] ?? '', field) ?? 0);
  };
  const bytesPerSecond = Math.round(figure('kilobytes') * 1_000);
  const { from } = context;
  const between = (end: LinkEnd): [LinkEnd, LinkEnd] => [from, end];
  if (kind === 'cutLinks') return values.ends.map((end) => ({ type: 'partition', between: between(end), direction: values.direction }));
  if (kind === 'slowLinks') {
    return values.ends.map((end) => ({
      type: 'slowLink',
      between: between(end),
      direction: values.direction,
      latencyMs: figure('latencyMs'),
      jitterMs: figure('jitterMs'),
      bytesPerSecond,
    }));
  }
  if (from === 'clients') return [];
  if (kind === 'slowDisk') return [{ type: 'slowDisk', node: from, latencyMs: figure('latencyMs'), bytesPerSecond }];
  if (kind === 'clockSkew') return [{ type: 'clockSkew', node: from, offsetMs: Math.round(figure('seconds') * 1_000) }];
  const replica = findReplica(values.replica, context);
  return replica === undefined ? [] : [{ type: 'corrupt', node: from, ...replica, where: values.where }];
}
