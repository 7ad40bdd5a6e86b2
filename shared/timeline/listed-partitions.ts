/** What the details of an event list: partitions, brokers, link ends and faults. A truncated list never proves absence. */
import type { LinkEnd } from '../faults/fields.ts';
import type { EventFields } from './event-fields.ts';

export interface ListedPartition {
  topic: string;
  partition: number;
  /** Brokers before and after: leaders, or lists of replicas or in-sync replicas. */
  from?: unknown;
  to?: unknown;
  leader?: unknown;
}

/** `moves` of leaders, `changes` of ISRs or replicas, `partitions` without a leader; else the partitions that the event names. */
export function listedPartitions({ details, topic, partitions }: EventFields): ListedPartition[] {
  for (const list of [details?.['moves'], details?.['changes'], details?.['partitions']])
    if (Array.isArray(list)) return list.filter(isListed);
  return topic === undefined ? [] : (partitions ?? []).map((partition) => ({ topic, partition }));
}

export function isListed(value: unknown): value is ListedPartition {
  if (typeof value !== 'object' || value === null) return false;
  const { topic, partition } = value as { topic?: unknown; partition?: unknown };
  return typeof topic === 'string' && typeof partition === 'number';
}

/** The numbers in a value that is a number or a list. */
export function numbersIn(value: unknown): number[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item) => typeof item === 'number');
}

/** The numbers of the first value that are not in the second. */
export function numbersWithout(value: unknown, other: unknown): number[] {
  const excluded = new Set(numbersIn(other));
  return numbersIn(value).filter((number) => !excluded.has(number));
}

export function isLinkEnd(value: unknown): value is LinkEnd {
  return typeof value === 'number' || value === 'clients';
}

/** Fields of the fault in the details, unchecked: stored events may be of another version. Empty without a fault. */
export function faultFields({ details }: EventFields): Readonly<Record<string, unknown>> {
  const fault = details?.['fault'];
  return typeof fault === 'object' && fault !== null ? (fault as Record<string, unknown>) : {};
}
