/** The state of the cluster in one sentence, with the figures that it rests on. Pure. */
import { assessQuorum, type BrokerFacts } from '#shared/health';
import type { BrokerRow, QuorumView } from '#shared/models/cluster';
import type { AttentionItem } from './attention.ts';
import { formatClockSeconds, formatCount, plural } from '../format/numbers.ts';
import { isOnline, type TopicHealth } from '../topics/replicas.ts';

export interface StatusFigure {
  key: string;
  label: string;
  /** Null: unknown. */
  value: string | null;
  /** Why it is unknown. */
  reason: string;
  tone: 'none' | 'warn' | 'bad';
  /** The list behind it. */
  to: string;
}

export interface ClusterStatus {
  tone: 'ok' | 'warn' | 'bad' | 'none';
  sentence: string;
  figures: StatusFigure[];
}

export interface StatusSource {
  /** A broker has answered. */
  ready: boolean;
  facts: BrokerFacts;
  brokers: readonly BrokerRow[];
  /** `waiting`: partitions with a stopped replica that their leader has not removed from the ISR. */
  totals: TopicHealth & { partitions: number; waiting: number };
  quorum: QuorumView | null;
  controllerId: number | null;
  attention: readonly AttentionItem[];
  /** Wall-clock ms of the last answer. */
  asOf: number;
}

const UNREACHABLE = 'No broker answers.';

export function describeStatus(source: StatusSource): ClusterStatus {
  return { ...verdictOf(source), figures: figuresOf(source) };
}

function verdictOf({ ready, facts, totals, attention, asOf }: StatusSource): Pick<ClusterStatus, 'tone' | 'sentence'> {
  if (!ready) return { tone: 'none', sentence: 'Connecting: no broker has answered yet.' };
  if (!facts.reachable) return { tone: 'bad', sentence: `Unknown since ${formatClockSeconds(asOf)}` };
  const [first] = attention;
  if (first !== undefined) {
    const more = attention.length - 1;
    return { tone: first.tone, sentence: `${first.what}${more === 0 ? '' : ` and ${plural(more, 'more problem')}`}` };
  }
  if (totals.underReplicated > 0)
    return { tone: 'warn', sentence: `${plural(totals.underReplicated, 'partition')} under-replicated, all of them served` };
  return { tone: 'ok', sentence: 'Healthy' };
}

function figuresOf({ ready, facts, brokers, totals, quorum, controllerId }: StatusSource): StatusFigure[] {
  const known = ready && facts.reachable;
  const alive = brokers.filter(isOnline).length;
  const health = assessQuorum(quorum, facts);
  const { partitions, offline, underReplicated, unknown, waiting } = totals;
  const counted = known && unknown === 0;
  return [
    {
      key: 'brokers',
      label: 'brokers',
      value: ready ? `${alive}/${brokers.length}` : null,
      reason: UNREACHABLE,
      tone: ready && alive < brokers.length ? 'bad' : 'none',
      to: '/brokers',
    },
    {
      key: 'controller',
      label: 'controller',
      value: known && controllerId !== null ? String(controllerId) : null,
      reason: known ? 'No broker reports a controller: one is being elected, or there is no majority.' : UNREACHABLE,
      tone: 'none',
      to: '/brokers/quorum',
    },
    {
      key: 'quorum',
      label: 'quorum',
      value: known && health !== null ? `${health.left}/${health.voters}` : null,
      reason: known ? 'This cluster does not answer DescribeQuorum.' : UNREACHABLE,
      tone: !known || health === null || health.left === health.voters ? 'none' : health.lost ? 'bad' : 'warn',
      to: '/brokers/quorum',
    },
    {
      key: 'partitions',
      label: partitions === 1 ? 'partition' : 'partitions',
      value: ready ? formatCount(partitions) : null,
      reason: UNREACHABLE,
      tone: 'none',
      to: '/topics',
    },
    {
      key: 'offline',
      label: 'offline',
      value: counted ? formatCount(offline) : null,
      reason: UNREACHABLE,
      tone: counted && offline > 0 ? 'bad' : 'none',
      to: '/topics?show=offline',
    },
    {
      key: 'under-replicated',
      label: 'under-replicated',
      value: counted ? formatCount(underReplicated) : null,
      reason: UNREACHABLE,
      tone: counted && underReplicated > 0 ? 'warn' : 'none',
      to: '/topics?show=under-replicated',
    },
    // By the ISR these are not under-replicated, though pages count the stopped replica in sync in none: without a quorum that lasts.
    ...(counted && waiting > 0
      ? [
          {
            key: 'waiting',
            label: 'with a stopped replica',
            value: formatCount(waiting),
            reason: UNREACHABLE,
            tone: 'warn' as const,
            to: '/topics?show=attention',
          },
        ]
      : []),
  ];
}
