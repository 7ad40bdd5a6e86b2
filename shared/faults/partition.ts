import { defineFault } from './definition.ts';
import { formatLink, formatWay } from './fault-text.ts';
import { BETWEEN, DIRECTION } from './fields.ts';

/** No data passes between the two ends. */
export const partition = defineFault({
  type: 'partition',
  fields: { between: BETWEEN, direction: DIRECTION },
  disturbs: 'link',
  isCertain: true,
  mark: 'cut',
  tone: 'bad',
  describe: ({ between, direction }) => `link ${formatLink(between, direction)} cut`,
  describeAction: (fault, format) => `cut the link ${formatWay(fault, format)}`,
  healLabel: 'Heal',
  action: { label: 'Cut links…', help: () => 'Blocks traffic to the selected peers, in one or both directions.' },
  form: { title: 'Cut links', submit: 'Cut' },
});
