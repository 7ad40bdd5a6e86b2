/** What needs attention, most urgent first: the state of the cluster, with the open incident that it belongs to. Empty when all is well. */
import { answers, assessQuorum, isUnknown, leaderStateOf, type BrokerFacts } from '#shared/health';
import { isOpen, type Incident } from '#shared/incidents/incident';
import type { BrokerRow, GroupRow, PartitionRow, QuorumView, TopicRow } from '#shared/models/cluster';
import { fullDisks } from './broker-disk.ts';
import { describeGroupError } from '../groups/groups.ts';
import { describeIncident, formatTimeOfDay, phasesOf, startSentence } from '../incidents/incidents.ts';
import { formatList, formatRanges, plural } from '../format/numbers.ts';
import { BROKER_STATE, isOnline, isOffline, refusesWrites, type TopicHealth } from '../topics/replicas.ts';
import { assignedCounts, topicFacts } from '../topics/topic-facts.ts';
import { groupPath, topicPath } from '../format/addresses.ts';

export interface AttentionItem {
  key: string;
  tone: 'bad' | 'warn';
  /** The state. */
  what: string;
  /** Its cause, or what follows from it. */
  why: string;
  /** The page that shows it. */
  to: string | null;
}

export interface AttentionSource {
  brokers: readonly BrokerRow[];
  /** Assessed (`shared/health.ts`). */
  topics: readonly TopicRow[];
  groups: readonly GroupRow[];
  quorum: QuorumView | null;
  unreachable: readonly { broker: number; error: string }[];
  facts: BrokerFacts;
  incidents: readonly Incident[];
  /** Wall-clock ms of what is shown. */
  now: number;
}

export function listAttention(source: AttentionSource): AttentionItem[] {
  const shown = new Set<Incident>();
  const items = [...quorumItems(source), ...partitionItems(source.topics), ...brokerItems(source, shown), ...diskItems(source)];
  return [...items, ...incidentItems(source, shown), ...groupItems(source)];
}

function quorumItems({ quorum, facts }: AttentionSource): AttentionItem[] {
  const health = assessQuorum(quorum, facts);
  if (quorum === null || health === null || !facts.reachable) return [];
  if (!health.lost)
    return quorum.leaderId !== null
      ? []
      : [
          {
            key: 'quorum',
            tone: 'warn',
            what: 'No controller is known',
            // Voters that are no brokers are not known to this client, and those that answer it may not reach each other.
            why: 'One is being elected, or too few voters reach each other. Until then leaders cannot be elected and metadata cannot change.',
            to: '/brokers/quorum',
          },
        ];
  return [
    {
      key: 'quorum',
      tone: 'bad',
      what: `No controller: ${health.left} of ${health.voters} voters are left`,
      why: `${health.needed} are needed. Until then leaders cannot be elected and metadata cannot change.`,
      to: '/brokers/quorum',
    },
  ];
}

function partitionItems(topics: readonly TopicRow[]): AttentionItem[] {
  return [
    ...partitionItem(
      topics,
      'offline',
      (partition) => leaderStateOf(partition) === 'none',
      ({ offline }) => offline > 0,
      {
        what: (count) => `${plural(count, 'partition')} ${count === 1 ? 'has' : 'have'} no leader`,
        why: (_count, where) => `${where}: reads and writes fail.`,
      },
    ),
    ...partitionItem(
      topics,
      'silent',
      (partition) => isOffline(partition) && partition.leader !== null,
      ({ silent }) => silent > 0,
      {
        what: (count) => `${plural(count, 'partition')} ${count === 1 ? 'has' : 'have'} a leader that does not answer`,
        why: (_count, where) => `${where}: reads and writes fail until another replica leads.`,
      },
    ),
    ...partitionItem(
      topics,
      'refusing',
      (partition, topic) => refusesWrites(partition, topic.minInsyncReplicas),
      ({ refusing }) => refusing > 0,
      {
        what: (count) => `${plural(count, 'partition')} ${count === 1 ? 'refuses' : 'refuse'} acks=all writes`,
        why: (_count, where) => `${where}: fewer in-sync replicas than min.insync.replicas.`,
      },
    ),
  ];
}

function partitionItem(
  topics: readonly TopicRow[],
  key: string,
  fits: (partition: PartitionRow, topic: TopicRow) => boolean,
  /** Of a topic's counts: whether a partition may fit. In a large cluster few topics do. */
  mayFit: (health: TopicHealth) => boolean,
  text: { what: (count: number) => string; why: (count: number, where: string) => string },
): AttentionItem[] {
  const hits: { topic: TopicRow; partitions: number[] }[] = [];
  let count = 0;
  for (const topic of topics) {
    if (!mayFit(topicFacts(topic).health)) continue;
    const partitions = topic.partitions.filter((partition) => fits(partition, topic)).map(({ partition }) => partition);
    if (partitions.length > 0) hits.push({ topic, partitions });
    count += partitions.length;
  }
  const [first] = hits;
  if (first === undefined) return [];
  const to = hits.length === 1 ? topicPath(first.topic.name, 'partitions') : '/topics?show=attention';
  return [{ key, tone: 'bad', what: text.what(count), why: text.why(count, describePlaces(hits)), to }];
}

/** `audit 1, orders 0–2`: of a topic that is affected in part, which partitions. */
function describePlaces(hits: readonly { topic: TopicRow; partitions: number[] }[]): string {
  const names = hits
    .slice(0, 3)
    .map(({ topic, partitions }) =>
      partitions.length === topic.partitions.length
        ? topic.name
        : `${topic.name} ${formatRanges(partitions)} of ${topic.partitions.length}`,
    );
  return hits.length <= 3 ? formatList(names) : `${names.slice(0, 2).join(', ')} and ${hits.length - 2} more topics`;
}

function brokerItems({ brokers, topics, unreachable, facts, incidents, now }: AttentionSource, shown: Set<Incident>): AttentionItem[] {
  const isOld = isUnknown(facts);
  // That the whole cluster does not answer is one statement, in the banner; which nodes it has stopped, the lab knows all the same.
  const silent = brokers.filter((broker) => !isOnline(broker) && (!isOld || (broker.lab !== null && facts.stopped.has(broker.id))));
  return silent.map((broker) => {
    const incident = incidents.findLast((one) => isOpen(one) && one.subject.kind === 'broker' && one.subject.broker === broker.id);
    if (incident !== undefined) shown.add(incident);
    const error = unreachable.find((entry) => entry.broker === broker.id)?.error;
    const replicas = isOld ? null : describeReplicas(broker, topics, facts);
    const countsMissing = replicas?.includes(' under-replicated') ?? false;
    const why = [
      ...(incident === undefined
        ? []
        : [
            phasesOf(incident, now)
              .map(({ text }) => text)
              // One count: that of the incident and that of the replicas are read at different times.
              .filter((text) => !countsMissing || !text.endsWith(' under-replicated'))
              .join(' · '),
          ]),
      ...(broker.state === 'unreachable' && error !== undefined ? [error] : []),
      ...(replicas === null ? [] : [replicas]),
    ];
    return {
      key: `broker-${broker.id}`,
      tone: broker.state === 'starting' || broker.state === 'shuttingDown' ? 'warn' : 'bad',
      what: `Broker ${broker.id} is ${BROKER_STATE[broker.state].word}`,
      why: why.map((text) => (text.endsWith('.') ? text : `${text}.`)).join(' '),
      to: `/brokers/${broker.id}`,
    };
  });
}

function diskItems({ brokers, facts }: AttentionSource): AttentionItem[] {
  return fullDisks(brokers.filter((broker) => answers(facts, broker.id))).map(({ brokers: ids, what, left }) => ({
    key: `disk-${ids[0] ?? ''}`,
    tone: 'warn',
    what,
    why: `${left} A log directory without space fails, and the broker loses its replicas there.`,
    to: ids.length === 1 ? `/brokers/${ids[0] ?? ''}` : '/brokers',
  }));
}

/** What of the topics depends on a broker that does not serve. */
function describeReplicas({ id }: BrokerRow, topics: readonly TopicRow[], facts: BrokerFacts): string {
  let leads = 0;
  let inSync = 0;
  let missing = 0;
  for (const topic of topics) {
    const counts = assignedCounts(topic, id);
    leads += counts.leads;
    inSync += counts.follows;
    missing += counts.missing;
  }
  const isSilent = !answers(facts, id);
  const places = plural(inSync, leads > 0 ? 'other partition' : 'partition');
  const parts = [
    ...(leads > 0
      ? [isSilent ? `It leads ${plural(leads, 'partition')} and answers for none.` : `It leads ${plural(leads, 'partition')}.`]
      : []),
    // Pages count a stopped broker in sync in none; metadata has it in the ISR until the leader may remove it.
    ...(inSync > 0 ? [facts.stopped.has(id) ? `The ISR of ${places} still lists it.` : `It is in the ISR of ${places}.`] : []),
    ...(missing > 0 ? [`${plural(missing, 'partition')} ${missing === 1 ? 'is' : 'are'} under-replicated without it.`] : []),
  ];
  return parts.length === 0 ? 'It has no replicas.' : parts.join(' ');
}

const isSuperseded = ({ id, subject }: Incident, incidents: readonly Incident[]): boolean =>
  subject.kind === 'broker' &&
  incidents.some((one) => one.id > id && isOpen(one) && one.subject.kind === 'broker' && one.subject.broker === subject.broker);

/** Open incidents that no row above is about: links, disks, clocks, members. */
function incidentItems({ incidents, now }: AttentionSource, shown: ReadonlySet<Incident>): AttentionItem[] {
  return incidents
    .filter((incident) => isOpen(incident) && !shown.has(incident))
    .map((incident) => {
      // Its broker is out of service for a later reason, which has a row of its own.
      const time = isSuperseded(incident, incidents) ? ` at ${formatTimeOfDay(incident.startedAt, now)}` : '';
      const text = `${describeIncident(incident)}${time}`;
      return {
        key: `incident-${incident.id}`,
        tone: incident.leaderless > 0 ? 'bad' : 'warn',
        what: startSentence(incident, text),
        why: phasesOf(incident, now)
          .map((phase) => phase.text)
          .join(' · '),
        to: incident.subject.kind === 'group' ? groupPath(incident.subject.group) : '/lab',
      };
    });
}

function groupItems({ groups, facts }: AttentionSource): AttentionItem[] {
  if (!facts.reachable) return [];
  return groups
    .filter((group) => group.error !== null)
    .map((group) => ({
      key: `group-${group.id}`,
      tone: 'warn',
      what: `Group ${group.id} cannot be read`,
      why:
        group.coordinator === null
          ? 'Its coordinator does not answer or is moving to another broker. Its lag is unknown until then.'
          : group.error === null
            ? ''
            : describeGroupError(group.error),
      to: groupPath(group.id),
    }));
}
