import { defineFault } from './definition.ts';
import { findNoSlowness, formatLink, formatSlowness, formatWay } from './fault-text.ts';
import { BANDWIDTH, BETWEEN, DIRECTION, JITTER, LATENCY } from './fields.ts';

/** Data between the two ends is delayed or limited, in each direction concerned. */
export const slowLink = defineFault({
  type: 'slowLink',
  fields: { between: BETWEEN, direction: DIRECTION, latencyMs: LATENCY, jitterMs: JITTER, bytesPerSecond: BANDWIDTH },
  disturbs: 'link',
  isCertain: false,
  mark: 'slow',
  tone: 'warn',
  describe: (fault) => `link ${formatLink(fault.between, fault.direction)} slow: ${formatSlowness(fault)}`,
  describeAction: (fault, format) => `slow down the link ${formatWay(fault, format)}: ${formatSlowness(fault)}`,
  findProblem: findNoSlowness,
  healLabel: 'Heal',
  action: { label: 'Slow links…', help: () => 'Delays or limits traffic to the selected peers.' },
  form: { title: 'Slow links', submit: 'Slow' },
});
