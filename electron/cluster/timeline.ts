/**
 * The recorded timeline: actions on the cluster, reports of the nodes, and the causes of each (`event-causes.ts`).
 */
import { Listeners } from '#shared/listeners';
import type { TimelineEvent, TimelineEventType } from '#shared/models/timeline';
import { isListed, numbersIn } from '#shared/timeline/listed-partitions';
import { findCause, type EntryHistory } from './event-causes.ts';
import type { NodeEvent } from './lib/events.ts';
import { partitionRanges } from './partition-ranges.ts';

const CAPACITY = 5_000;
/** Maximum time between reports of several nodes about the same change. */
const MERGE_WINDOW_MS = 5_000;

/** Events that several nodes report, with the details that identify the same event. */
const MERGED: Partial<Record<TimelineEventType, readonly string[]>> = {
  'quorum/leaderElected': ['epoch'],
};

const ISR_CHANGES: readonly TimelineEventType[] = ['partition/isrShrunk', 'partition/isrExpanded'];
/** Maximum items of a list in `details`; `count` is the original number. */
const MAX_ITEMS = 100;

export class Timeline implements EntryHistory {
  private readonly entries: TimelineEvent[] = [];
  /** When each entry was recorded, monotonic ms: a node's clock may be wrong. */
  private readonly recordedMs: number[] = [];
  private readonly listeners = new Listeners<TimelineEvent>();
  private readonly monotonic: (() => number) | undefined;
  private nextId = 1;

  /** `monotonic`: ms of the recording process; without it the times of the events are used. */
  constructor(monotonic?: () => number) {
    this.monotonic = monotonic;
  }

  /** Gives the event its id and its cause. Undefined when another node has reported it already. */
  record(node: number | null, event: NodeEvent): TimelineEvent | undefined {
    const { type, at, broker, topic, partitions, group, reason, details } = event;
    const entry: TimelineEvent = { id: this.nextId, type, at, node };
    if (broker !== undefined) entry.broker = broker;
    if (topic !== undefined) entry.topic = topic;
    if (partitions !== undefined) entry.partitions = [...partitions];
    if (group !== undefined) entry.group = group;
    if (reason !== undefined) entry.reason = reason;
    if (details !== undefined) entry.details = { ...bounded(details), ...totalsOf(details), ...rangesOf(details) };
    if (type === 'quorum/leaderElected') this.addPreviousLeader(entry);
    const count = countOf(event);
    if (count !== undefined) entry.count = count;
    if (this.isKnown(entry)) return undefined;
    const nowMs = this.monotonic?.() ?? at;
    const cause = findCause(details === undefined ? entry : { ...entry, details: { ...details, ...previousLeaderOf(entry) } }, nowMs, this);
    if (cause !== undefined) entry.causeId = cause.entry.id;
    if (cause?.possible === true) entry.causeIsPossible = true;
    this.nextId++;
    this.entries.push(entry);
    this.recordedMs.push(nowMs);
    // Trimmed in steps, so that a full timeline does not move 5,000 entries with every new one.
    if (this.entries.length >= CAPACITY + CAPACITY / 10) {
      this.entries.splice(0, this.entries.length - CAPACITY);
      this.recordedMs.splice(0, this.recordedMs.length - CAPACITY);
    }
    this.listeners.notify(entry);
    return entry;
  }

  /** Entries with an id above `id`, oldest first; only the last 5,000 are kept. */
  since(id: number): TimelineEvent[] {
    const first = this.entries[0]?.id ?? this.nextId;
    return this.entries.slice(Math.max(0, id + 1 - first, this.entries.length - CAPACITY));
  }

  visit(visitor: (entry: TimelineEvent, recordedMs: number) => boolean): void {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      if (visitor(this.entries[i] as TimelineEvent, this.recordedMs[i] ?? 0)) return;
    }
  }

  /** Calls back with every new entry; returns its removal. */
  onEntry(listener: (entry: TimelineEvent) => void): () => void {
    return this.listeners.add(listener);
  }

  private addPreviousLeader(entry: TimelineEvent): void {
    const previous = this.latest(-Infinity, ({ type }) => type === 'quorum/leaderElected')?.broker;
    if (previous !== undefined) entry.details = { previousLeader: previous, ...entry.details };
  }

  private isKnown(entry: TimelineEvent): boolean {
    // A leader reports its request; the controller reports the result, for all partitions at once.
    if (ISR_CHANGES.includes(entry.type) && entry.details?.['changes'] === undefined) return true;
    const facts = MERGED[entry.type];
    if (facts === undefined) return false;
    return (
      this.latest(
        entry.at - MERGE_WINDOW_MS,
        (other) =>
          other.type === entry.type &&
          other.broker === entry.broker &&
          facts.every((fact) => detailOf(other, fact) === detailOf(entry, fact)),
      ) !== undefined
    );
  }

  private latest(notBefore: number, fits: (entry: TimelineEvent) => boolean): TimelineEvent | undefined {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i] as TimelineEvent;
      if (entry.at < notBefore) return undefined;
      if (fits(entry)) return entry;
    }
    return undefined;
  }
}

function previousLeaderOf({ details }: TimelineEvent): { previousLeader?: unknown } {
  const previousLeader = details?.['previousLeader'];
  return previousLeader === undefined ? {} : { previousLeader };
}

/** The number of partitions of the event. */
function countOf({ partitions, details }: NodeEvent): number | undefined {
  for (const list of [details?.['moves'], details?.['changes'], details?.['partitions'], partitions]) {
    if (Array.isArray(list) && list.length > 0) return list.length;
  }
  return undefined;
}

function detailOf({ details = {} }: TimelineEvent, name: string): unknown {
  return Object.hasOwn(details, name) ? details[name] : undefined;
}

interface Change {
  from?: unknown;
  to?: unknown;
}

/** Summary of a truncated list: the elections of partitions without a leader, or by broker how many lists it left and joined. */
function totalsOf({ moves, changes }: Readonly<Record<string, unknown>>): { totals?: Record<string, unknown> } {
  const isLong = (list: unknown): list is Change[] => Array.isArray(list) && list.length > MAX_ITEMS;
  if (isLong(moves)) return { totals: { ledAgain: moves.filter(({ from }) => typeof from === 'number' && from < 0).length } };
  if (!isLong(changes)) return {};
  const [left, joined] = [new Map<number, number>(), new Map<number, number>()];
  for (const { from, to } of changes) {
    const [before, after] = [numbersIn(from), numbersIn(to)];
    for (const id of before) if (!after.includes(id)) left.set(id, (left.get(id) ?? 0) + 1);
    for (const id of after) if (!before.includes(id)) joined.set(id, (joined.get(id) ?? 0) + 1);
  }
  return { totals: { left: [...left], joined: [...joined] } };
}

/** Of a list of leaders that is cut: all partitions in it, as far as they fit. */
function rangesOf({ moves, partitions }: Readonly<Record<string, unknown>>): { ranges?: [string, string][] } {
  for (const list of [moves, partitions]) {
    if (!Array.isArray(list) || list.length <= MAX_ITEMS || !list.every(isListed)) continue;
    const ranges = partitionRanges(list);
    if (ranges !== undefined) return { ranges };
  }
  return {};
}

function bounded(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const bound = (value: unknown): unknown => (Array.isArray(value) && value.length > MAX_ITEMS ? value.slice(0, MAX_ITEMS) : value);
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, bound(value)]));
}
