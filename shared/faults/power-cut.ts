import { defineFault } from './definition.ts';
import { NODE } from './fields.ts';

/** Kill, and writes that were not flushed are lost. */
export const powerCut = defineFault({
  type: 'powerCut',
  fields: { node: NODE },
  disturbs: 'process',
  isCertain: true,
  endsProcess: true,
  mark: 'down',
  tone: 'bad',
  describe: ({ node }) => `power of broker ${node} cut`,
  describeAction: ({ node }, format) => `cut the power of ${format(node)}`,
  healLabel: 'Start',
  action: {
    label: 'Power cut',
    help: ({ timeout, loss }) => `Crash plus loss of data not yet flushed to its disk. Leadership moves after ${timeout}. ${loss}`,
  },
});
