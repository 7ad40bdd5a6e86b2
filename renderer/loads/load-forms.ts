/** The form of a new load: presets, validation, and the resulting load. */
import { formatExactDuration, parseTypedDuration } from '#shared/durations';
import { formatExactSize, parseTypedSize } from '#shared/sizes';
import type { GroupLoad, LoadSpec, ProducerLoad } from '#shared/models/load';

export interface LoadForm {
  kind: 'producer' | 'group';
  name: string;
  /** Empty, of a producer: a topic of its own, which is created. */
  topic: string;
  rate: string;
  clients: string;
  /** With its unit, as are the durations below. */
  valueSize: string;
  acks: ProducerLoad['acks'];
  idempotent: boolean;
  keys: ProducerLoad['keys']['kind'];
  distinct: string;
  share: string;
  members: string;
  perRecord: string;
  from: GroupLoad['from'];
  session: string;
  /** Empty: never. */
  crashEvery: string;
}

export type LoadPreset = 'steady' | 'firehose' | 'hot' | 'careless' | 'readers' | 'slow' | 'crashes';

const PRODUCER: LoadForm = {
  kind: 'producer',
  name: '',
  topic: '',
  rate: '100',
  clients: '1',
  valueSize: '100 B',
  acks: 'all',
  idempotent: true,
  keys: 'even',
  distinct: '100',
  share: '80',
  members: '2',
  perRecord: '0 ms',
  from: 'oldest',
  session: '10 s',
  crashEvery: '',
};
const GROUP: LoadForm = { ...PRODUCER, kind: 'group' };

export const PRESETS: Record<LoadPreset, { label: string; note: string; form: LoadForm }> = {
  steady: { label: 'Steady producer', note: '100 records a second, acks=all', form: { ...PRODUCER, name: 'steady' } },
  firehose: {
    label: 'Firehose',
    note: '10,000 a second by four clients',
    form: { ...PRODUCER, name: 'firehose', rate: '10000', clients: '4' },
  },
  hot: {
    label: 'Hot key',
    note: '80 % of the records have one key, so one partition gets them',
    form: { ...PRODUCER, name: 'hot-key', rate: '1000', keys: 'hot', distinct: '50' },
  },
  careless: {
    label: 'acks=1 producer',
    note: 'acks=1: acknowledged before a second replica has the record',
    form: { ...PRODUCER, name: 'careless', rate: '500', acks: 'one', idempotent: false },
  },
  readers: { label: 'Two consumers', note: 'a group of two members that keep up', form: { ...GROUP, name: 'readers' } },
  slow: {
    label: 'Slow consumers',
    note: 'three members that take 20 ms for a record, so that a lag grows',
    form: { ...GROUP, name: 'slow-readers', members: '3', perRecord: '20 ms' },
  },
  crashes: {
    label: 'Crash loop',
    note: 'a member ends without leaving every 20 s, and another takes its place',
    form: { ...GROUP, name: 'crash-loop', members: '3', crashEvery: '20 s', session: '6 s' },
  },
};

type NumberKey = 'rate' | 'clients' | 'distinct' | 'share' | 'members';
type UnitKey = 'valueSize' | 'perRecord' | 'session' | 'crashEvery';
interface Limits {
  min: number;
  max: number;
  whole: boolean;
}
/** As `shared/load-schema.ts` has them. */
export const LIMITS: Record<NumberKey, Limits> = {
  rate: { min: 0.1, max: 50_000, whole: false },
  clients: { min: 1, max: 16, whole: true },
  distinct: { min: 1, max: 1_000_000, whole: true },
  share: { min: 0, max: 100, whole: false },
  members: { min: 1, max: 12, whole: true },
};

interface UnitLimits {
  kind: 'duration' | 'size';
  /** Milliseconds or bytes. */
  min: bigint;
  max: bigint;
}
const UNIT_LIMITS: Record<UnitKey, UnitLimits> = {
  valueSize: { kind: 'size', min: 32n, max: 1_000_000n },
  perRecord: { kind: 'duration', min: 0n, max: 60_000n },
  session: { kind: 'duration', min: 6_000n, max: 300_000n },
  crashEvery: { kind: 'duration', min: 500n, max: 3_600_000n },
};

export type LoadErrors = Partial<Record<NumberKey | UnitKey | 'name' | 'topic' | 'idempotent', string>>;

/** Null when the text is no number within the limits. */
export function parseLimited(text: string, limits: Limits): number | null {
  const value = text.trim().replace(/,/g, '');
  if (!/^\d+(\.\d+)?$/.test(value)) return null;
  const number = Number(value);
  return number < limits.min || number > limits.max || (limits.whole && !Number.isInteger(number)) ? null : number;
}

/** Null when the text has no unit, or is not within the limits. */
function parseUnit(text: string, { kind, min, max }: UnitLimits): number | null {
  // A record may take a fraction of a millisecond.
  const fraction = kind === 'duration' ? /^\s*(\d{1,5}\.\d{1,3})\s*ms\s*$/.exec(text)?.[1] : undefined;
  const whole = kind === 'duration' ? parseTypedDuration(text) : parseTypedSize(text);
  const amount = fraction === undefined ? (whole === null ? null : Number(whole)) : Number(fraction);
  return amount === null || amount < min || amount > max ? null : amount;
}

function describeUnitLimits({ kind, min, max }: UnitLimits): string {
  const format = kind === 'duration' ? formatExactDuration : formatExactSize;
  return `From ${format(min)} to ${format(max)}, with a unit.`;
}

/** The topic of a producer that has one of its own: `load-` and its name, in characters that Kafka allows. */
export function ownTopic(name: string): string {
  return `load-${name.trim().replace(/[^A-Za-z0-9._-]/g, '-')}`.slice(0, 249);
}

function describeLimits({ min, max, whole }: Limits): string {
  return `${whole ? 'A whole number from' : 'From'} ${min} to ${max.toLocaleString('en')}.`;
}

/** `taken` are names of loads of that kind that run. */
export function checkLoad(form: LoadForm, taken: readonly string[]): LoadErrors {
  const errors: LoadErrors = {};
  const name = form.name.trim();
  if (name === '') errors.name = 'A name is needed.';
  else if (taken.includes(name)) errors.name = `A ${form.kind} ${name} is running. Choose another name.`;
  else if (name.length > (form.kind === 'group' ? 249 : 100)) errors.name = 'That name is too long.';
  if (form.topic === '' && form.kind === 'group') errors.topic = 'Choose a topic.';
  const needed: NumberKey[] =
    form.kind === 'producer'
      ? ['rate', 'clients', ...(form.keys === 'none' ? [] : (['distinct'] as const)), ...(form.keys === 'hot' ? (['share'] as const) : [])]
      : ['members'];
  const typed: UnitKey[] =
    form.kind === 'producer'
      ? ['valueSize']
      : ['perRecord', 'session', ...(form.crashEvery.trim() === '' ? [] : (['crashEvery'] as const))];
  for (const key of typed) if (parseUnit(form[key], UNIT_LIMITS[key]) === null) errors[key] = describeUnitLimits(UNIT_LIMITS[key]);
  for (const key of needed) if (parseLimited(form[key], LIMITS[key]) === null) errors[key] = describeLimits(LIMITS[key]);
  if (form.kind === 'producer' && form.idempotent && form.acks !== 'all') errors.idempotent = 'An idempotent producer needs acks=all.';
  return errors;
}

/** Of a form without errors. */
export function loadOf(form: LoadForm): LoadSpec {
  const figure = (key: NumberKey): number => parseLimited(form[key], LIMITS[key]) ?? LIMITS[key].min;
  const amount = (key: UnitKey): number => parseUnit(form[key], UNIT_LIMITS[key]) ?? Number(UNIT_LIMITS[key].min);
  if (form.kind === 'group') {
    return {
      kind: 'group',
      name: form.name.trim(),
      topics: [form.topic],
      members: figure('members'),
      perRecordMs: amount('perRecord'),
      from: form.from,
      sessionTimeoutMs: Math.round(amount('session')),
      crashEveryMs: form.crashEvery.trim() === '' ? null : Math.round(amount('crashEvery')),
    };
  }
  const distinct = form.keys === 'none' ? 0 : figure('distinct');
  return {
    kind: 'producer',
    name: form.name.trim(),
    topic: form.topic === '' ? ownTopic(form.name) : form.topic,
    clients: figure('clients'),
    recordsPerSecond: figure('rate'),
    valueBytes: amount('valueSize'),
    acks: form.acks,
    idempotent: form.idempotent,
    keys:
      form.keys === 'none'
        ? { kind: 'none' }
        : form.keys === 'even'
          ? { kind: 'even', distinct }
          : { kind: 'hot', distinct, share: figure('share') / 100 },
    records: null,
  };
}

/** `readers`, or the first of `readers-2`, `readers-3` … that is free. */
export function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let i = 2; ; i += 1) if (!taken.includes(`${wanted}-${i}`)) return `${wanted}-${i}`;
}
