import { defineFault } from './definition.ts';
import { NODE, PARTITION, TOPIC, type ChoiceField } from './fields.ts';

const WHERE = {
  kind: 'choice',
  values: ['closedSegment', 'tail'],
  default: 'tail',
  label: 'Where',
  options: { tail: 'last batch', closedSegment: 'closed segment' },
} as const satisfies ChoiceField;

/** Bits flip in the log of a replica. Healing restores them where the flipped ones still exist. */
export const corrupt = defineFault({
  type: 'corrupt',
  fields: { node: NODE, topic: TOPIC, partition: PARTITION, where: WHERE },
  disturbs: 'log',
  isCertain: true,
  mark: 'corruption',
  tone: 'bad',
  describe: ({ node, topic, partition, where }) => `${topic}-${partition} on broker ${node} corrupted, ${WHERE.options[where]}`,
  badge: () => 'log corrupted',
  describeAction: ({ node, topic, partition }, format) => `flip bits in the log of ${topic}-${partition} on ${format(node)}`,
  healLabel: 'Heal',
  action: {
    label: 'Corrupt log…',
    help: () => 'Bits flip in one replica. Detected when the batch is read or the log recovered; the other replicas are intact.',
  },
  form: { title: 'Corrupt a replica', submit: 'Flip bits' },
});
