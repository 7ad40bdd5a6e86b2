/** What a person should look at first, most urgent first. Empty when all is well. */
import type { BrokerRow, GroupRow, QuorumView, TopicRow } from '#shared/models/cluster';
import { formatList, plural } from './numbers.ts';
import { BROKER_STATE, isAlive, isOffline, refusesWrites } from './replicas.ts';
import { groupPath, topicPath } from './addresses.ts';

export interface AttentionItem {
  key: string;
  tone: 'bad' | 'warn';
  /** What is the case. */
  what: string;
  /** Why, or what follows from it. */
  why: string;
  /** Where to look. */
  to: string | null;
}

export interface AttentionSource {
  brokers: readonly BrokerRow[];
  topics: readonly TopicRow[];
  groups: readonly GroupRow[];
  quorum: QuorumView | null;
  unreachable: readonly { broker: number; error: string }[];
}

export function whatNeedsAttention(source: AttentionSource): AttentionItem[] {
  return [...quorumItems(source), ...partitionItems(source.topics), ...brokerItems(source), ...groupItems(source.groups)];
}

function quorumItems({ brokers, quorum }: AttentionSource): AttentionItem[] {
  if (quorum === null || quorum.voters.length === 0) return [];
  const gone = quorum.voters.filter((voter) => brokers.some((broker) => broker.id === voter.id && broker.lab?.running === false));
  const majority = Math.floor(quorum.voters.length / 2) + 1;
  if (quorum.voters.length - gone.length >= majority) return [];
  return [
    {
      key: 'quorum',
      tone: 'bad',
      what: `No controller: ${quorum.voters.length - gone.length} of ${quorum.voters.length} voters are left`,
      why: `${majority} are needed. Until then no leader can be elected and no topic changed.`,
      to: '/coordination',
    },
  ];
}

function partitionItems(topics: readonly TopicRow[]): AttentionItem[] {
  const items: AttentionItem[] = [];
  const offline = tally(topics, (partition) => isOffline(partition));
  if (offline.partitions > 0) {
    items.push({
      key: 'offline',
      tone: 'bad',
      what: `${plural(offline.partitions, 'partition')} ${offline.partitions === 1 ? 'has' : 'have'} no leader`,
      why: `${someOf(offline.names)}: nothing can be written to or read from ${offline.partitions === 1 ? 'it' : 'them'}.`,
      to: offline.names.length === 1 ? topicPath(offline.names[0] ?? '', 'partitions') : '/topics?show=attention',
    });
  }
  const refusing = tally(topics, (partition, topic) => refusesWrites(partition, topic.minInsyncReplicas));
  if (refusing.partitions > 0) {
    items.push({
      key: 'refusing',
      tone: 'bad',
      what: `${plural(refusing.partitions, 'partition')} ${refusing.partitions === 1 ? 'refuses' : 'refuse'} acks=all writes`,
      why: `${someOf(refusing.names)}: fewer replicas in sync than min.insync.replicas asks for.`,
      to: refusing.names.length === 1 ? topicPath(refusing.names[0] ?? '', 'partitions') : '/topics?show=attention',
    });
  }
  return items;
}

function tally(topics: readonly TopicRow[], hit: (partition: TopicRow['partitions'][number], topic: TopicRow) => boolean) {
  let partitions = 0;
  const names: string[] = [];
  for (const topic of topics) {
    const count = topic.partitions.filter((partition) => hit(partition, topic)).length;
    if (count === 0) continue;
    partitions += count;
    names.push(topic.name);
  }
  return { partitions, names };
}

function someOf(names: readonly string[]): string {
  if (names.length <= 3) return formatList(names);
  return `${names.slice(0, 2).join(', ')} and ${names.length - 2} more topics`;
}

function brokerItems({ brokers, topics, unreachable }: AttentionSource): AttentionItem[] {
  return brokers
    .filter((broker) => !isAlive(broker))
    .map((broker) => {
      let behind = 0;
      for (const topic of topics) {
        for (const partition of topic.partitions) {
          if (partition.replicas.some((replica) => replica.broker === broker.id && !partition.isr.includes(broker.id))) behind += 1;
        }
      }
      const error = unreachable.find((entry) => entry.broker === broker.id)?.error;
      const follows =
        behind > 0 ? `${plural(behind, 'partition')} ${behind === 1 ? 'is' : 'are'} a copy short.` : 'It holds no replica that is missed.';
      return {
        key: `broker-${broker.id}`,
        tone: broker.state === 'starting' || broker.state === 'shuttingDown' ? 'warn' : 'bad',
        what: `Broker ${broker.id} is ${BROKER_STATE[broker.state].word}`,
        why: broker.state === 'unreachable' && error !== undefined ? `${error}. ${follows}` : follows,
        to: `/brokers/${broker.id}`,
      } satisfies AttentionItem;
    });
}

function groupItems(groups: readonly GroupRow[]): AttentionItem[] {
  return groups
    .filter((group) => group.error !== null)
    .map((group) => ({
      key: `group-${group.id}`,
      tone: 'warn',
      what: `Group ${group.id} cannot be read`,
      why:
        group.coordinator === null ? 'Its coordinator is moving to another broker; its lag is not known until then.' : (group.error ?? ''),
      to: groupPath(group.id),
    }));
}
