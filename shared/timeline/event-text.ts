/** Parts of the sentences about timeline events. */
import { faultDefinition, type FaultSpec } from '../faults/definitions.ts';
import { formatRanges, plural } from '../numbers.ts';
import type { EventFields } from './event-fields.ts';

/** `broker 3`: the subject, or the node that reported the event. */
export function formatBroker({ broker, node }: EventFields): string {
  const id = broker ?? node;
  return id === null ? 'a broker' : `broker ${id}`;
}

export function formatGroup({ group }: EventFields): string {
  return group === undefined ? 'a group' : `group ${group}`;
}

export function formatTopic({ topic }: EventFields): string {
  return topic === undefined ? 'a topic' : `topic ${topic}`;
}

export function formatMember({ details, count }: EventFields): string {
  const member = details?.['memberId'] ?? details?.['clientId'];
  // A member id is the client's id and a UUID, of which only the first part is known to the user.
  if (typeof member === 'string') return member.replace(/-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '');
  return count === undefined ? 'a member' : plural(count, 'member');
}

/** ` of orders 0–2`; empty where the event names no topic. */
export function formatPlace({ topic, partitions = [] }: EventFields): string {
  if (topic === undefined) return '';
  return partitions.length === 0 ? ` of ${topic}` : ` of ${topic} ${formatRanges(partitions)}`;
}

/** `3 partitions of orders`: with its count in units of `one`. */
export function formatAmount(event: EventFields, one: string): string {
  return `${plural(event.count ?? event.partitions?.length ?? 1, one)}${formatPlace(event)}`;
}

/**
 * ` to broker 1` or ` off broker 3`, where all moves agree. `broker` of the event is its subject (the fenced broker), which is not where the
 * leaders moved to.
 */
export function formatDestination({ details }: EventFields): string {
  const moves = details?.['moves'];
  if (!Array.isArray(moves) || moves.length === 0) return '';
  const ends = (end: 'from' | 'to'): Set<unknown> =>
    new Set(moves.map((move: unknown) => (move as Partial<Record<'from' | 'to', unknown>> | null)?.[end]));
  const [to, ...otherTo] = ends('to');
  if (typeof to === 'number' && otherTo.length === 0) return ` to broker ${to}`;
  const [from, ...otherFrom] = ends('from');
  return typeof from === 'number' && from >= 0 && otherFrom.length === 0 ? ` off broker ${from}` : '';
}

/** The fault in the details of the event; null without one of a known type. */
export function describeFaultOf({ details }: EventFields): string | null {
  const fault = details?.['fault'];
  if (typeof fault !== 'object' || fault === null || !('type' in fault)) return null;
  return faultDefinition(String(fault.type))?.describe(fault as FaultSpec) ?? null;
}

/** The reason of an event about a load. */
export function describeLoadEvent({ reason, group }: EventFields, otherwise: string): string {
  const text = reason ?? otherwise;
  return group === undefined ? text : `group ${group}: ${text}`;
}

const CORRUPTION_TEXTS: ReadonlyMap<unknown, string> = new Map([
  ['read', 'read corrupt records'],
  ['open', 'found corrupt records'],
  ['decode', 'skipped unreadable records'],
]);

/** By the operation that found the corruption; the recovery of a log truncates. */
export function describeCorruption({ details }: EventFields): string {
  return CORRUPTION_TEXTS.get(details?.['foundBy']) ?? 'truncated corrupt records';
}
