import { defineFault } from './definition.ts';
import { NODE } from './fields.ts';

/** Writes fail with ENOSPC; the log directory goes offline. */
export const fullDisk = defineFault({
  type: 'fullDisk',
  fields: { node: NODE },
  disturbs: 'disk',
  isCertain: true,
  mark: 'disk',
  tone: 'bad',
  describe: ({ node }) => `disk of broker ${node} full`,
  badge: () => 'disk full',
  describeAction: ({ node }, format) => `fill the disk of ${format(node)}`,
  healLabel: 'Heal',
  action: {
    label: 'Fill disk',
    help: () => 'Writes fail with ENOSPC and its log directory goes offline: its leaders move to other brokers.',
  },
  undo: { label: 'Free disk' },
});
