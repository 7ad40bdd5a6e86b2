/** The form of a fault, made of its fields: problems of what was typed, and the faults that the form injects. */
import { definitionOf } from '#shared/faults/definitions';
import type { ChoiceField, LinkDirection, LinkEnd, NumberField } from '#shared/faults/fields';
import { parseTypedDuration } from '#shared/durations';
import { parseTypedSize } from '#shared/sizes';
import type { FaultSpec, FaultType } from '#shared/models/lab';

type Named<Field> = Field & { key: string };

/** Controls of the form, in the order of the fields. */
export interface FormParts {
  title: string;
  submit: string;
  numbers: Named<NumberField>[];
  choices: Named<ChoiceField>[];
  isLink: boolean;
  hasReplica: boolean;
}

export function partsOf(type: FaultType): FormParts {
  const { fields, form, action } = definitionOf({ type });
  const all = Object.entries(fields).map(([key, field]) => ({ key, ...field }));
  return {
    title: form?.title ?? action.label,
    submit: form?.submit ?? action.label,
    numbers: all.filter((field) => field.kind === 'number'),
    choices: all.filter((field) => field.kind === 'choice'),
    isLink: all.some(({ kind }) => kind === 'between'),
    hasReplica: all.some(({ kind }) => kind === 'topic'),
  };
}

export interface FormValues {
  /** Typed text by field. */
  numbers: Map<string, string>;
  choices: Map<string, string>;
  ends: readonly LinkEnd[];
  /** `topic-partition`. */
  replica: string;
}

export interface FormContext {
  /** The broker, or the first end of the link. */
  from: LinkEnd;
  replicas: readonly { topic: string; partition: number }[];
}

/** By field; `ends` and `replica` are those of links and logs. */
export type FormErrors = ReadonlyMap<string, string>;

/** In the unit of the field; empty text is its default. Null: no number. */
function parseNumber(text: string, field: NumberField): number | null {
  const trimmed = text.trim().replace(',', '.').replace('−', '-');
  if (trimmed === '') return field.default ?? null;
  if (/^-?\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * field.perUnit;
  return parseAmount(text.trim().replace('−', '-'), field.unit);
}

/** A number that was typed with its unit; null for anything else. */
function parseAmount(text: string, unit: NumberField['unit']): number | null {
  const isNegative = text.startsWith('-');
  const typed = isNegative ? text.slice(1) : text;
  const amount = unit === 'kB/s' ? parseTypedSize(typed.replace(/\/s$/, '')) : parseTypedDuration(typed);
  return amount === null ? null : (isNegative ? -1 : 1) * Number(amount);
}

export function checkForm(type: FaultType, values: FormValues, context: FormContext): FormErrors {
  const { numbers, isLink, hasReplica } = partsOf(type);
  const errors = new Map<string, string>();
  for (const field of numbers) {
    const text = (values.numbers.get(field.key) ?? '').trim();
    const value = parseNumber(text, field);
    if (value === null) errors.set(field.key, text === '' ? 'A number is needed.' : `“${text}” is not a number.`);
    else if (value < field.min || value > field.max)
      errors.set(field.key, `From ${inUnits(field.min, field)} to ${inUnits(field.max, field)} ${field.unit}.`);
  }
  if (isLink && values.ends.length === 0) errors.set('ends', 'Choose at least one.');
  if (hasReplica && findReplica(values.replica, context) === undefined) errors.set('replica', 'Choose a partition.');
  const [first] = numbers;
  if (first === undefined || errors.size > 0) return errors;
  const [fault] = faultsOf(type, values, context);
  const problem = fault === undefined ? null : (definitionOf(fault).findProblem?.(fault) ?? null);
  return problem === null ? errors : new Map([[first.key, `${problem.charAt(0).toUpperCase()}${problem.slice(1)}.`]]);
}

const inUnits = (value: number, { perUnit }: NumberField): string => (value / perUnit).toLocaleString('en');

const findReplica = (name: string, { replicas }: FormContext): { topic: string; partition: number } | undefined =>
  replicas.find(({ topic, partition }) => `${topic}-${partition}` === name);

/** The faults of a form without errors: one for each end of links. */
export function faultsOf(type: FaultType, values: FormValues, context: FormContext): FaultSpec[] {
  const { numbers, choices, isLink, hasReplica } = partsOf(type);
  const common = new Map<string, unknown>([['type', type]]);
  for (const field of numbers) {
    const value = parseNumber(values.numbers.get(field.key) ?? '', field) ?? 0;
    common.set(field.key, field.whole ? Math.round(value) : value);
  }
  for (const field of choices) common.set(field.key, values.choices.get(field.key) ?? field.default);
  const replica = hasReplica ? findReplica(values.replica, context) : {};
  if (replica === undefined || (!isLink && context.from === 'clients')) return [];
  const subjects = isLink ? values.ends.map((end) => ({ between: [context.from, end] })) : [{ node: context.from }];
  // The definition states the fields; main checks them against the schema that is derived from it.
  return subjects.map((subject) => ({ ...Object.fromEntries(common), ...subject, ...replica }) as unknown as FaultSpec);
}

/** Labels of the directions of one link, with its ends. */
export function directionsOf(from: string, to: string): Readonly<Record<LinkDirection, string>> {
  return { both: 'both ways', out: `${from} → ${to}`, in: `${to} → ${from}` };
}
