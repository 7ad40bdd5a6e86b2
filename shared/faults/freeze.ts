import { defineFault } from './definition.ts';
import { NODE } from './fields.ts';

/** The event loop of the node blocks; the kernel still accepts connections. */
export const freeze = defineFault({
  type: 'freeze',
  fields: { node: NODE },
  disturbs: 'process',
  isCertain: true,
  mark: 'frozen',
  tone: 'flow',
  describe: ({ node }) => `broker ${node} frozen`,
  describeAction: ({ node }, format) => `freeze ${format(node)}`,
  healLabel: 'Thaw',
  action: {
    label: 'Freeze',
    help: ({ timeout, loss }) =>
      `Pauses the broker (SIGSTOP); its sockets stay open. Fenced after ${timeout}; after thawing it discovers that it was fenced. ${loss}`,
  },
  undo: { label: 'Thaw', help: 'Resumes the broker, which catches up with the metadata and its leaders.' },
});
