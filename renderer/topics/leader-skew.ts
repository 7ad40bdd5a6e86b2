/** Leaders that are not on the preferred broker although it is in sync: after an outage one broker may lead almost no partition. */
import type { BrokerRow, TopicRow } from '#shared/models/cluster';
import { formatCount, plural } from '../format/numbers.ts';
import { topicFacts, type ClusterLoad } from './topic-facts.ts';

export interface LeaderSkew {
  text: string;
  /** Partitions that an election moves. */
  partitions: number;
}

/** In one sentence, where an election would move nothing. Null: a partition has no leader that answers, so the balance is unknown. */
export function describeBalance({ unserved, displaced }: ClusterLoad): string | null {
  if (unserved > 0) return null;
  if (displaced === 0) return 'Every partition is led by its preferred broker.';
  return `${plural(displaced, 'partition')} ${displaced === 1 ? 'is' : 'are'} led by another broker until the preferred one is in sync.`;
}

const onlineOf = (brokers: readonly BrokerRow[]): Set<number> =>
  new Set(brokers.filter(({ state }) => state === 'online').map(({ id }) => id));

/** Null: an election of preferred leaders would move nothing. */
export function leaderSkew(brokers: readonly BrokerRow[], load: ClusterLoad): LeaderSkew | null {
  const online = onlineOf(brokers);
  const missing = [...load.brokers].filter(([id, { movable }]) => online.has(id) && movable > 0);
  const [most] = missing.sort(([a, one], [b, other]) => other.movable - one.movable || a - b);
  if (most === undefined) return null;
  const [broker, { counts, movable }] = most;
  return {
    text: `Broker ${broker} leads ${formatCount(counts.leader)} of ${plural(load.partitions, 'partition')}, and is the preferred leader of ${formatCount(movable)} more.`,
    partitions: missing.reduce((sum, [, one]) => sum + one.movable, 0),
  };
}

/** Topics with partitions that an election moves. */
export function skewedTopics(brokers: readonly BrokerRow[], topics: readonly TopicRow[]): string[] {
  const online = onlineOf(brokers);
  return topics.filter((topic) => [...topicFacts(topic).movable.keys()].some((id) => online.has(id))).map(({ name }) => name);
}
