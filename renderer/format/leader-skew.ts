/** Leaders that are not on the preferred broker although it is in sync: after an outage one broker may lead next to nothing. */
import type { BrokerRow, TopicRow } from '#shared/models/cluster';
import { leaderStateOf } from '#shared/health';
import { displacedLeaders } from './leaders.ts';
import { formatCount, plural } from './numbers.ts';

export interface LeaderSkew {
  text: string;
  /** Topics with partitions that an election moves. */
  topics: string[];
  /** Partitions that an election moves. */
  partitions: number;
}

/** In one sentence, where an election would move nothing. Null: a partition has no leader that answers, so there is nothing to say of balance. */
export function describeBalance(topics: readonly TopicRow[]): string | null {
  if (topics.some(({ partitions }) => partitions.some((partition) => leaderStateOf(partition) !== 'serving'))) return null;
  const displaced = topics.reduce((sum, { partitions }) => sum + displacedLeaders(partitions).length, 0);
  if (displaced === 0) return 'Every partition is led by its preferred broker.';
  return `${plural(displaced, 'partition')} ${displaced === 1 ? 'is' : 'are'} led by another broker until the preferred one is in sync.`;
}

/** Null: an election of preferred leaders would move nothing. */
export function leaderSkew(brokers: readonly BrokerRow[], topics: readonly TopicRow[]): LeaderSkew | null {
  const online = new Set(brokers.filter(({ state }) => state === 'online').map(({ id }) => id));
  const missing = new Map<number, number>();
  const concerned: string[] = [];
  let total = 0;
  for (const topic of topics) {
    total += topic.partitions.length;
    const movable = displacedLeaders(topic.partitions).filter(({ preferred, state }) => state === 'inSync' && online.has(preferred));
    if (movable.length > 0) concerned.push(topic.name);
    for (const { preferred } of movable) missing.set(preferred, (missing.get(preferred) ?? 0) + 1);
  }
  const [most] = [...missing].sort(([a, one], [b, other]) => other - one || a - b);
  if (most === undefined) return null;
  const [broker, count] = most;
  let leads = 0;
  for (const topic of topics) for (const { leader } of topic.partitions) if (leader === broker) leads += 1;
  return {
    text: `Broker ${broker} leads ${formatCount(leads)} of ${plural(total, 'partition')}, and is the preferred leader of ${formatCount(count)} more.`,
    topics: concerned,
    partitions: [...missing.values()].reduce((sum, one) => sum + one, 0),
  };
}
