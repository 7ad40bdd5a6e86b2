/** Which topics the cards of the Lab show first: those that a load writes to or reads, then those that an outage affects. */
import type { TopicRow } from '#shared/models/cluster';
import type { LoadRow } from '#shared/models/load';
import { isActive } from '../loads/loads.ts';
import { compareText } from '../format/numbers.ts';
import { topicFacts } from '../topics/topic-facts.ts';

export function topicsUnderLoad(loads: readonly LoadRow[]): ReadonlySet<string> {
  return new Set(loads.filter(isActive).flatMap(({ spec }) => (spec.kind === 'producer' ? [spec.topic] : spec.topics)));
}

function isAffected(topic: TopicRow): boolean {
  const { health, waiting } = topicFacts(topic);
  return health.offline + health.underReplicated + waiting > 0;
}

/** Under load, affected, others, internal ones; by name within each. While every topic is affected, the order is the one without an outage. */
export function orderForCards(topics: readonly TopicRow[], underLoad: ReadonlySet<string>): TopicRow[] {
  const rank = new Map(
    topics.map((topic) => [topic.name, underLoad.has(topic.name) ? 0 : (isAffected(topic) ? 1 : 2) + (topic.internal ? 2 : 0)]),
  );
  const rankOf = (topic: TopicRow): number => rank.get(topic.name) ?? 0;
  return [...topics].sort((a, b) => rankOf(a) - rankOf(b) || compareText(a.name, b.name));
}
