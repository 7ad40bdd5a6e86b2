import { defineFault } from './definition.ts';
import { findNoSlowness, formatSlowness } from './fault-text.ts';
import { BANDWIDTH, LATENCY, NODE } from './fields.ts';

/** Every write waits that long, and no more bytes per second are written than the limit. */
export const slowDisk = defineFault({
  type: 'slowDisk',
  fields: { node: NODE, latencyMs: { ...LATENCY, label: 'Each write waits' }, bytesPerSecond: BANDWIDTH },
  disturbs: 'disk',
  isCertain: false,
  mark: 'disk',
  tone: 'warn',
  describe: (fault) => `disk of broker ${fault.node} slow: ${formatSlowness(fault)}`,
  badge: () => 'disk slow',
  describeAction: (fault, format) => `slow down the disk of ${format(fault.node)}: ${formatSlowness(fault)}`,
  findProblem: findNoSlowness,
  healLabel: 'Heal',
  action: {
    label: 'Slow disk…',
    help: () => 'Each write to its disk waits. Followers fall behind; acks=all waits for the slowest in-sync replica.',
  },
  undo: { label: 'Disk at full speed' },
  form: { title: 'Slow the disk', submit: 'Slow it' },
});
