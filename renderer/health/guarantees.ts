/**
 * The guarantees that the cluster gives now, counted from its partitions and the faults in force, for acks=all writes without unclean
 * leader election (`docs/promises.md`). Unknown counts are stated as unknown.
 */
import { assessBrokers, assessQuorum, isUnknown, leaderStateOf, type QuorumHealth } from '#shared/health';
import type { BrokerRow, PartitionRow, QuorumView, TopicRow } from '#shared/models/cluster';
import type { Fault } from '#shared/models/lab';
import { openIncidents, type Incident } from '#shared/incidents/incident';
import { startSentence, summarizeIncident } from '../incidents/incidents.ts';
import { formatCount, formatList, plural } from '../format/numbers.ts';
import { inSyncOf, type Tone } from '../topics/replicas.ts';

/** As many lines as the panel has room for. */
const MAX_INCIDENTS = 2;

export interface GuaranteeSource {
  brokers: readonly BrokerRow[];
  /** Assessed (`shared/health.ts`). */
  topics: readonly TopicRow[];
  quorum: QuorumView | null;
  faults: readonly Fault[];
}

export interface GuaranteeCounts {
  partitions: number;
  /** Any one more broker may be lost and acks=all writes go on. */
  canLoseOne: number;
  /** Led, and too few in sync for an acks=all write. */
  refusing: number;
  /** Led, with a replica in the ISR that has stopped: an acks=all write waits until the ISR shrinks. */
  waiting: number;
  /** No leader that answers. */
  leaderless: number;
  /** Min.insync.replicas is not known, so nothing can be said of writes. */
  unknown: number;
  /** Replicated, but only one live in-sync replica is left, which holds all acknowledged records. */
  lastCopy: number;
  /** Replication factor 1. */
  single: number;
  /** None of those in sync lives: what was acknowledged is on brokers that are down. */
  outOfReach: number;
  /** A replica in sync is damaged, and no other one in sync lives. */
  damaged: number;
}

export interface Guarantees {
  counts: GuaranteeCounts;
  /** The one sentence that matters: is an acknowledged write at risk? */
  verdict: { tone: Tone; text: string };
  lines: { tone: Tone; text: string }[];
}

export function assessGuarantees({ brokers, topics, quorum, faults }: GuaranteeSource): Guarantees {
  const facts = assessBrokers(brokers);
  const damage = new Set(
    faults.flatMap(({ fault }) => (fault.type === 'corrupt' ? [`${fault.node}/${fault.topic}-${fault.partition}`] : [])),
  );
  const counts: GuaranteeCounts = {
    partitions: 0,
    canLoseOne: 0,
    refusing: 0,
    waiting: 0,
    leaderless: 0,
    unknown: 0,
    lastCopy: 0,
    single: 0,
    outOfReach: 0,
    damaged: 0,
  };
  // The leader may be the next broker to fail; then another is elected only by a majority that has lost it too.
  const voters = new Set(quorum?.voters.map(({ id }) => id));
  const majority = assessQuorum(quorum, facts);
  const electsWithout = (leader: number): boolean =>
    majority === null || !voters.has(leader) || majority.left + majority.unknown - 1 >= majority.needed;
  const holders = new Set<number>();
  for (const topic of topics) {
    for (const partition of topic.partitions) {
      counts.partitions += 1;
      // A broker that does not answer here may serve the others: what it stores counts, what it leads is not served.
      const live = inSyncOf(partition);
      const answered = leaderStateOf(partition) === 'serving';
      const whole = live.filter((id) => !damage.has(`${id}/${topic.name}-${partition.partition}`));
      if (!answered) counts.leaderless += 1;
      if (live.length === 0) {
        counts.outOfReach += 1;
        for (const id of lastHolders(partition)) holders.add(id);
      } else if (whole.length === 0) counts.damaged += 1;
      if (partition.replicas.length === 1) counts.single += 1;
      else if (live.length === 1) counts.lastCopy += 1;
      if (answered && live.length < partition.isr.length) counts.waiting += 1;
      if (topic.minInsyncReplicas === null) counts.unknown += 1;
      else if (answered && partition.isr.length < topic.minInsyncReplicas) counts.refusing += 1;
      else if (answered && live.length - 1 >= Math.max(1, topic.minInsyncReplicas) && electsWithout(partition.leader ?? -1))
        counts.canLoseOne += 1;
    }
  }
  return {
    counts,
    verdict: isUnknown(facts)
      ? { tone: 'none', text: 'No broker answers: which acknowledged writes are at risk is not known.' }
      : verdictOf(
          counts,
          [...holders].sort((a, b) => a - b),
        ),
    lines: isUnknown(facts) ? [] : linesOf(counts, { majority, faults, topics }),
  };
}

/** Who has what was acknowledged last, when none of those in sync lives. */
function lastHolders({ isr, stopped = [] }: PartitionRow): readonly number[] {
  // Without a known ISR any replica that has stopped may be the one.
  return isr.length > 0 ? isr : stopped;
}

function verdictOf(counts: GuaranteeCounts, holders: readonly number[]): Guarantees['verdict'] {
  const { partitions, damaged, outOfReach, lastCopy, single } = counts;
  if (partitions === 0) return { tone: 'none', text: 'No partitions.' };
  if (damaged > 0)
    return {
      tone: 'bad',
      text: `Acknowledged writes of ${plural(damaged, 'partition')} may be damaged: no intact in-sync replica is online.`,
    };
  if (outOfReach > 0) {
    const where =
      holders.length === 0 ? 'brokers that are down' : `${holders.length === 1 ? 'broker' : 'brokers'} ${formatList(holders.map(String))}`;
    const until = holders.length === 1 ? 'it returns' : 'one of them returns';
    return {
      tone: 'bad',
      text: `Acknowledged writes of ${plural(outOfReach, 'partition')} are on ${where} only, and unavailable until ${until}.`,
    };
  }
  if (lastCopy > 0) {
    return {
      tone: 'warn',
      text: `${plural(lastCopy, 'partition')} ${has(lastCopy)} one in-sync replica left: acknowledged writes depend on it.`,
    };
  }
  return single === partitions
    ? { tone: 'warn', text: 'Every partition has replication factor 1: a lost disk loses acknowledged writes.' }
    : { tone: 'ok', text: single > 0 ? 'No acknowledged write of a replicated topic is at risk.' : 'No acknowledged write is at risk.' };
}

interface LineSource {
  majority: QuorumHealth | null;
  faults: readonly Fault[];
  topics: readonly TopicRow[];
}

function linesOf(counts: GuaranteeCounts, { majority, faults, topics }: LineSource): Guarantees['lines'] {
  const { partitions, canLoseOne, refusing, waiting, leaderless, unknown, single } = counts;
  if (partitions === 0) return [];
  const lines: Guarantees['lines'] = [
    {
      tone: 'none',
      text: `${canLoseOne === 0 ? 'No partition' : `${formatCount(canLoseOne)} of ${plural(partitions, 'partition')}`} can lose one more broker and stay writable.`,
    },
  ];
  if (leaderless > 0) lines.push({ tone: 'bad', text: `${plural(leaderless, 'partition')} ${has(leaderless)} no leader that answers.` });
  if (refusing > 0)
    lines.push({
      tone: 'bad',
      text: `${plural(refusing, 'partition')} ${refusing === 1 ? 'refuses' : 'refuse'} acks=all writes: fewer in-sync replicas than min.insync.replicas.`,
    });
  if (waiting > 0)
    lines.push({
      tone: 'bad',
      text: `${plural(waiting, 'partition')} ${waiting === 1 ? 'acknowledges' : 'acknowledge'} no acks=all write until the ISR shrinks: a replica in it has stopped.`,
    });
  const unreachable = unreachableByClients(faults, topics);
  if (unreachable.brokers.length > 0) {
    lines.push({
      tone: 'bad',
      text: `Clients do not reach broker ${formatList(unreachable.brokers.map(String))}, which ${unreachable.brokers.length === 1 ? 'leads' : 'lead'} ${plural(unreachable.leads, 'partition')}.`,
    });
  }
  if (majority !== null) {
    const { left, needed, voters, lost } = majority;
    if (lost)
      lines.push({
        tone: 'bad',
        text: `${left} of ${voters} voters left, ${needed} needed: no elections and no metadata changes.`,
      });
    else if (left + majority.unknown === needed && voters > 1)
      lines.push({
        tone: 'warn',
        text: `The quorum cannot lose another voter: ${left + majority.unknown} of ${voters} are left, and fewer elect no leader.`,
      });
  }
  if (single > 0) lines.push({ tone: 'none', text: `${plural(single, 'partition')} ${has(single)} replication factor 1.` });
  if (unknown > 0)
    lines.push({
      tone: 'none',
      text: `Of ${plural(unknown, 'partition')} min.insync.replicas is unknown, and so is whether ${unknown === 1 ? 'it takes' : 'they take'} writes.`,
    });
  return lines;
}

const has = (count: number): string => (count === 1 ? 'has' : 'have');

function unreachableByClients(faults: readonly Fault[], topics: readonly TopicRow[]): { brokers: number[]; leads: number } {
  const brokers = new Set<number>();
  for (const { fault } of faults) {
    if (fault.type !== 'partition' || !fault.between.includes('clients')) continue;
    for (const end of fault.between) if (end !== 'clients') brokers.add(end);
  }
  let leads = 0;
  for (const topic of topics)
    for (const partition of topic.partitions) if (partition.leader !== null && brokers.has(partition.leader)) leads += 1;
  return { brokers: [...brokers].sort((a, b) => a - b), leads };
}

/** Open incidents, newest first, as lines: what happened, and how far it has recovered. `now`: wall-clock ms of what is shown. */
export function incidentLines(incidents: readonly Incident[], now: number): Guarantees['lines'] {
  const open = openIncidents(incidents);
  const lines = open.slice(0, MAX_INCIDENTS).map((incident): Guarantees['lines'][number] => {
    const text = summarizeIncident(incident, now);
    return {
      tone: incident.leaderless > 0 ? 'bad' : incident.underReplicated > 0 ? 'warn' : 'none',
      text: `${startSentence(incident, text)}.`,
    };
  });
  const more = open.length - lines.length;
  return more === 0 ? lines : [...lines, { tone: 'none', text: `${plural(more, 'more open incident')}.` }];
}
