import { defineFault } from './definition.ts';
import { NODE } from './fields.ts';

/** Controlled shutdown: leadership moves first. */
export const stop = defineFault({
  type: 'stop',
  fields: { node: NODE },
  disturbs: 'process',
  isCertain: true,
  endsProcess: true,
  mark: 'down',
  tone: 'bad',
  describe: ({ node }) => `broker ${node} stopped`,
  describeAction: ({ node }, format) => `shut down ${format(node)} gracefully`,
  healLabel: 'Start',
  action: { label: 'Stop', help: ({ loss }) => `Controlled shutdown: leadership moves first, then the broker leaves. ${loss}` },
});
