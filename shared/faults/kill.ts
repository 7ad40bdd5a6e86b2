import { defineFault } from './definition.ts';
import { NODE } from './fields.ts';

/** The node ends at any instruction; what it wrote stays. */
export const kill = defineFault({
  type: 'kill',
  fields: { node: NODE },
  disturbs: 'process',
  isCertain: true,
  endsProcess: true,
  mark: 'down',
  tone: 'bad',
  describe: ({ node }) => `broker ${node} killed`,
  describeAction: ({ node }, format) => `kill ${format(node)}`,
  healLabel: 'Start',
  action: {
    label: 'Kill',
    help: ({ timeout, loss }) =>
      `Crashes immediately (SIGKILL). Data already written to disk is kept. Leadership moves after ${timeout}. ${loss}`,
  },
});
