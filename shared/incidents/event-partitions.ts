/** What an event lists of partitions, and what it takes to begin or to end an outage. */
import type { TimelineEvent } from '../models/timeline.ts';
import { FAILURES } from '../timeline/event-types.ts';
import { faultFields, isLinkEnd, numbersWithout, type ListedPartition } from '../timeline/listed-partitions.ts';
import { type IncidentSubject } from './incident.ts';
import { partitionKey } from '../keys.ts';

/** Most partitions of one event whose names are kept. */
const MAX_NAMED = 20_000;

/** Keys of partitions that an event about leaders names in ranges, beside those that its cut list has; within a bound. */
export function rangedKeys({ details }: TimelineEvent): string[] {
  const ranges: unknown = details?.['ranges'];
  const keys: string[] = [];
  for (const range of Array.isArray(ranges) ? (ranges as unknown[]) : []) {
    if (!Array.isArray(range) || typeof range[0] !== 'string' || typeof range[1] !== 'string') continue;
    for (const part of range[1].split(',')) {
      const [from = NaN, to = from] = part.split('-').map(Number);
      for (let i = from; i <= to && keys.length < MAX_NAMED; i++) keys.push(partitionKey(range[0], i));
    }
  }
  return keys;
}

/** What `listedPartitions` leaves out of a list that was cut, as far as the event has its totals. */
export interface Unlisted {
  /** Elections for partitions that had no leader. */
  ledAgain: number;
  /** Partitions by the broker that left their ISR or replicas, and by the one that joined. */
  left: ReadonlyMap<number, number>;
  joined: ReadonlyMap<number, number>;
}

export function unlistedOf(event: TimelineEvent, listed: readonly ListedPartition[]): Unlisted | null {
  const totals = event.details?.['totals'];
  if (typeof totals !== 'object' || totals === null) return null;
  const { ledAgain, left, joined } = totals as { ledAgain?: unknown; left?: unknown; joined?: unknown };
  const beyond = (counts: unknown, brokersOf: (one: ListedPartition) => number[]): Map<number, number> => {
    const rest = new Map((Array.isArray(counts) ? (counts as unknown[]) : []).filter(isCount));
    for (const broker of listed.flatMap(brokersOf)) rest.set(broker, (rest.get(broker) ?? 0) - 1);
    return new Map([...rest].filter(([, count]) => count > 0));
  };
  return {
    ledAgain: typeof ledAgain === 'number' ? Math.max(0, ledAgain - listed.filter(hadNoLeader).length) : 0,
    left: beyond(left, ({ from, to }) => numbersWithout(from, to)),
    joined: beyond(joined, ({ from, to }) => numbersWithout(to, from)),
  };
}

export const hadNoLeader = ({ from }: ListedPartition): boolean => typeof from === 'number' && from < 0;

const isCount = (value: unknown): value is [number, number] =>
  Array.isArray(value) && typeof value[0] === 'number' && typeof value[1] === 'number';

/** Triggers of planned changes, which are no failures. */
const PLANNED: ReadonlySet<unknown> = new Set(['request', 'reassignment', 'registration', 'removal']);

/** A change of the controller is a failure, the first election of a cluster is not. */
export function isFailure(event: TimelineEvent): boolean {
  if (event.type === 'quorum/leaderElected') return event.details?.['previousLeader'] !== undefined;
  return FAILURES.has(event.type) && !PLANNED.has(event.details?.['trigger']);
}

export function subjectOf(event: TimelineEvent): IncidentSubject {
  const fault = faultFields(event);
  if (Array.isArray(fault['between'])) return { kind: 'link', between: fault['between'].filter(isLinkEnd) };
  if (event.group !== undefined) return { kind: 'group', group: event.group };
  if (event.type === 'cluster/processSuspended' || event.type.startsWith('quorum/')) return { kind: 'cluster' };
  const broker = event.broker ?? (typeof fault['node'] === 'number' ? fault['node'] : event.type.startsWith('node/') ? event.node : null);
  if (broker !== null && event.type !== 'partition/isrShrunk') return { kind: 'broker', broker };
  return { kind: 'partitions' };
}
