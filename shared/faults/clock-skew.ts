import { formatDuration } from '../numbers.ts';
import { defineFault } from './definition.ts';
import { formatClockStep, formatSkew } from './fault-text.ts';
import { NODE, type NumberField } from './fields.ts';

const YEAR_MS = 31_536_000_000;
const OFFSET = {
  kind: 'number',
  min: -YEAR_MS,
  max: YEAR_MS,
  whole: true,
  label: 'Ahead by',
  unit: 's',
  perUnit: 1_000,
  hint: 'For example 5 min. Negative values set the clock back.',
  initial: '60',
} as const satisfies NumberField;

/** The wall clock of the node runs that far ahead (negative: behind). */
export const clockSkew = defineFault({
  type: 'clockSkew',
  fields: { node: NODE, offsetMs: OFFSET },
  disturbs: 'clock',
  isCertain: false,
  mark: 'clock',
  tone: 'warn',
  describe: ({ node, offsetMs }) => `clock of broker ${node}: ${formatSkew(offsetMs)}`,
  badge: ({ offsetMs }) => `clock ${offsetMs < 0 ? '−' : '+'}${formatDuration(Math.abs(offsetMs))}`,
  describeAction: ({ node, offsetMs }, format) => `set the clock of ${format(node)} ${formatClockStep(offsetMs)}`,
  findProblem: ({ offsetMs }) => (offsetMs === 0 ? 'an offset of 0 ms has no effect' : null),
  healLabel: 'Heal',
  action: { label: 'Skew clock…', help: () => 'Its clock drifts. Order does not depend on it; timestamps and retention do.' },
  undo: { label: 'Set clock right' },
  form: { title: 'Skew the clock', submit: 'Skew it' },
});
