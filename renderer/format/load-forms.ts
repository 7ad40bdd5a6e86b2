/** The form of a new load: what it may begin from, what is wrong with what was typed, and the load that comes of it. */
import type { GroupLoad, LoadSpec, ProducerLoad } from '#shared/models/load';

export interface LoadForm {
  kind: 'producer' | 'group';
  name: string;
  topic: string;
  rate: string;
  clients: string;
  valueBytes: string;
  acks: ProducerLoad['acks'];
  idempotent: boolean;
  keys: ProducerLoad['keys']['kind'];
  distinct: string;
  share: string;
  members: string;
  perRecordMs: string;
  from: GroupLoad['from'];
  sessionSeconds: string;
  /** Empty: never. */
  crashSeconds: string;
}

export type LoadPreset = 'steady' | 'firehose' | 'hot' | 'careless' | 'readers' | 'slow' | 'crashes';

const PRODUCER: LoadForm = {
  kind: 'producer',
  name: '',
  topic: '',
  rate: '100',
  clients: '1',
  valueBytes: '100',
  acks: 'all',
  idempotent: true,
  keys: 'even',
  distinct: '100',
  share: '80',
  members: '2',
  perRecordMs: '0',
  from: 'oldest',
  sessionSeconds: '10',
  crashSeconds: '',
};
const GROUP: LoadForm = { ...PRODUCER, kind: 'group' };

export const PRESETS: Record<LoadPreset, { label: string; note: string; form: LoadForm }> = {
  steady: { label: 'Steady writer', note: '100 records a second, acks=all', form: { ...PRODUCER, name: 'steady' } },
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
    label: 'Careless writer',
    note: 'acks=1: told that it is stored before a second copy is',
    form: { ...PRODUCER, name: 'careless', rate: '500', acks: 'one', idempotent: false },
  },
  readers: { label: 'Two readers', note: 'a group of two members that keep up', form: { ...GROUP, name: 'readers' } },
  slow: {
    label: 'Slow readers',
    note: 'three members that take 20 ms for a record, so that a lag grows',
    form: { ...GROUP, name: 'slow-readers', members: '3', perRecordMs: '20' },
  },
  crashes: {
    label: 'Crash loop',
    note: 'a member ends without leaving every 20 s, and another takes its place',
    form: { ...GROUP, name: 'crash-loop', members: '3', crashSeconds: '20', sessionSeconds: '6' },
  },
};

type NumberKey = 'rate' | 'clients' | 'valueBytes' | 'distinct' | 'share' | 'members' | 'perRecordMs' | 'sessionSeconds' | 'crashSeconds';
interface Limits {
  min: number;
  max: number;
  whole: boolean;
}
/** As `shared/load-schema.ts` has them. */
export const LIMITS: Record<NumberKey, Limits> = {
  rate: { min: 0.1, max: 50_000, whole: false },
  clients: { min: 1, max: 16, whole: true },
  valueBytes: { min: 32, max: 1_000_000, whole: true },
  distinct: { min: 1, max: 1_000_000, whole: true },
  share: { min: 0, max: 100, whole: false },
  members: { min: 1, max: 12, whole: true },
  perRecordMs: { min: 0, max: 60_000, whole: false },
  sessionSeconds: { min: 6, max: 300, whole: false },
  crashSeconds: { min: 0.5, max: 3_600, whole: false },
};

export type LoadErrors = Partial<Record<NumberKey | 'name' | 'topic' | 'idempotent', string>>;

/** Null when the text is no number within the limits. */
export function parseLimited(text: string, limits: Limits): number | null {
  const value = text.trim().replace(/,/g, '');
  if (!/^\d+(\.\d+)?$/.test(value)) return null;
  const number = Number(value);
  return number < limits.min || number > limits.max || (limits.whole && !Number.isInteger(number)) ? null : number;
}

function limitWords({ min, max, whole }: Limits): string {
  return `${whole ? 'A whole number from' : 'From'} ${min} to ${max.toLocaleString('en')}.`;
}

/** `taken` are names of loads of that kind that run. */
export function checkLoad(form: LoadForm, taken: readonly string[]): LoadErrors {
  const errors: LoadErrors = {};
  const name = form.name.trim();
  if (name === '') errors.name = 'A name is needed.';
  else if (taken.includes(name)) errors.name = `A ${form.kind} ${name} is running. Choose another name.`;
  else if (name.length > (form.kind === 'group' ? 249 : 100)) errors.name = 'That name is too long.';
  if (form.topic === '') errors.topic = 'Choose a topic.';
  const needed: NumberKey[] =
    form.kind === 'producer'
      ? [
          'rate',
          'clients',
          'valueBytes',
          ...(form.keys === 'none' ? [] : (['distinct'] as const)),
          ...(form.keys === 'hot' ? (['share'] as const) : []),
        ]
      : ['members', 'perRecordMs', 'sessionSeconds', ...(form.crashSeconds.trim() === '' ? [] : (['crashSeconds'] as const))];
  for (const key of needed) if (parseLimited(form[key], LIMITS[key]) === null) errors[key] = limitWords(LIMITS[key]);
  if (form.kind === 'producer' && form.idempotent && form.acks !== 'all') errors.idempotent = 'An idempotent producer needs acks=all.';
  return errors;
}

/** Of a form without errors. */
export function loadOf(form: LoadForm): LoadSpec {
  const figure = (key: NumberKey): number => parseLimited(form[key], LIMITS[key]) ?? LIMITS[key].min;
  if (form.kind === 'group') {
    return {
      kind: 'group',
      name: form.name.trim(),
      topics: [form.topic],
      members: figure('members'),
      perRecordMs: figure('perRecordMs'),
      from: form.from,
      sessionTimeoutMs: Math.round(figure('sessionSeconds') * 1_000),
      crashEveryMs: form.crashSeconds.trim() === '' ? null : Math.round(figure('crashSeconds') * 1_000),
    };
  }
  const distinct = form.keys === 'none' ? 0 : figure('distinct');
  return {
    kind: 'producer',
    name: form.name.trim(),
    topic: form.topic,
    clients: figure('clients'),
    recordsPerSecond: figure('rate'),
    valueBytes: figure('valueBytes'),
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
