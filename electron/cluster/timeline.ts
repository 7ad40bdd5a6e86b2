/**
 * The recorded timeline: what a person did to the cluster, what the nodes say happened, and which led to which. Nodes
 * do not know causes beyond their own sight (a controller sees a session end, not the kill behind it), so they are
 * linked here, by rules over what was recorded before.
 */
import type { NodeEvent } from './lib/events.ts';

/** The list is `shared/models/timeline.ts`; `services/lab.ts` would not compile if a name here were not in it. */
const TYPES = [
  'lab/nodeStarted',
  'lab/nodeStopped',
  'lab/nodeKilled',
  'quorum/leaderElected',
  'cluster/brokerRegistered',
  'cluster/brokerUnfenced',
  'cluster/brokerFenced',
  'cluster/controlledShutdown',
  'topic/created',
  'topic/deleted',
  'topic/configChanged',
  'topic/partitionsAdded',
  'partition/leadersElected',
  'partition/leadersLost',
  'partition/isrShrunk',
  'partition/isrExpanded',
  'partition/truncated',
  'group/coordinatorMoved',
  'group/rebalanceStarted',
  'group/rebalanced',
  'group/memberJoined',
  'group/memberLeft',
  'group/memberExpired',
  'node/ready',
  'node/logRecovered',
  'node/failed',
] as const;

export type TimelineType = (typeof TYPES)[number];

export interface TimelineEntry {
  /** Final; grows by one with every entry of a cluster's run, from 1. */
  id: number;
  type: TimelineType;
  /** Wall-clock milliseconds. */
  at: number;
  /** The node that reported it; null for what the supervisor did or saw. */
  node: number | null;
  broker?: number;
  topic?: string;
  partitions?: number[];
  group?: string;
  count?: number;
  reason?: string;
  /** The entry that led to this one. */
  causeId?: number;
  details?: Record<string, unknown>;
}

const CAPACITY = 5_000;
/** Nothing is said to have been caused by what lies further back. */
const CAUSE_WINDOW_MS = 60_000;
/** The same thing told by several nodes arrives within this. */
const MERGE_WINDOW_MS = 5_000;

const DOWN = ['lab/nodeKilled', 'lab/nodeStopped', 'node/failed'] as const;
const MOVED = ['cluster/controlledShutdown', 'cluster/brokerFenced'] as const;

interface Rule {
  causes: readonly TimelineType[];
  /** Beyond the type: is that earlier entry a cause of this one? */
  fits: (cause: TimelineEntry, effect: TimelineEntry) => boolean;
}

const sameBroker = (cause: TimelineEntry, effect: TimelineEntry): boolean => cause.broker === effect.broker;
const sameGroup = (cause: TimelineEntry, effect: TimelineEntry): boolean => cause.group === effect.group;
const any = (): boolean => true;

/** Is the cause's broker among the ids that the effect names under `key`? True as well when the effect does not say. */
const names =
  (key: string) =>
  (cause: TimelineEntry, effect: TimelineEntry): boolean => {
    const ids = effect.details?.[key];
    if (typeof ids === 'number') return ids === cause.broker;
    return !Array.isArray(ids) || ids.includes(cause.broker);
  };

/** By effect, the likeliest rule first; within a rule the latest entry that fits is the cause. */
const RULES: Partial<Record<TimelineType, readonly Rule[]>> = {
  'cluster/controlledShutdown': [{ causes: ['lab/nodeStopped'], fits: sameBroker }],
  'cluster/brokerFenced': [
    { causes: ['cluster/controlledShutdown'], fits: sameBroker },
    { causes: DOWN, fits: sameBroker },
  ],
  'cluster/brokerRegistered': [{ causes: ['lab/nodeStarted'], fits: sameBroker }],
  'cluster/brokerUnfenced': [
    { causes: ['cluster/brokerRegistered'], fits: sameBroker },
    { causes: ['lab/nodeStarted'], fits: sameBroker },
  ],
  'quorum/leaderElected': [{ causes: DOWN, fits: names('previousLeader') }],
  'partition/leadersElected': [
    { causes: MOVED, fits: names('from') },
    { causes: ['cluster/brokerUnfenced'], fits: names('to') },
    { causes: ['topic/created'], fits: (cause, effect) => effect.topic !== undefined && cause.topic === effect.topic },
  ],
  'partition/leadersLost': [{ causes: MOVED, fits: names('from') }],
  'partition/isrShrunk': [
    { causes: MOVED, fits: names('removed') },
    { causes: DOWN, fits: names('removed') },
  ],
  'partition/isrExpanded': [{ causes: ['cluster/brokerUnfenced'], fits: names('added') }],
  'partition/truncated': [
    { causes: ['lab/nodeStarted'], fits: (cause, effect) => cause.broker === effect.node },
    { causes: ['partition/leadersElected'], fits: any },
  ],
  'group/coordinatorMoved': [
    { causes: ['partition/leadersElected'], fits: any },
    { causes: MOVED, fits: any },
  ],
  'group/rebalanceStarted': [{ causes: ['group/memberExpired', 'group/memberLeft', 'group/memberJoined'], fits: sameGroup }],
  'group/rebalanced': [{ causes: ['group/rebalanceStarted'], fits: sameGroup }],
  'node/ready': [{ causes: ['lab/nodeStarted'], fits: sameBroker }],
  'node/logRecovered': [{ causes: ['lab/nodeStarted'], fits: (cause, effect) => cause.broker === (effect.broker ?? effect.node) }],
};

/** What several nodes see, each from its side, and the facts that say that it is the same. */
const MERGED: Partial<Record<TimelineType, readonly string[]>> = {
  'quorum/leaderElected': ['epoch'],
};

export class Timeline {
  private readonly entries: TimelineEntry[] = [];
  private readonly listeners = new Set<(entry: TimelineEntry) => void>();
  private nextId = 1;

  /** Gives the event its id and its cause. Undefined when it is of no known type, or is what another node has told already. */
  record(node: number | null, event: NodeEvent): TimelineEntry | undefined {
    if (!isTimelineType(event.type)) return undefined;
    const { type, at, broker, topic, partitions, group, reason, details } = event;
    const entry: TimelineEntry = { id: this.nextId, type, at, node };
    if (broker !== undefined) entry.broker = broker;
    if (topic !== undefined) entry.topic = topic;
    if (partitions !== undefined) entry.partitions = [...partitions];
    if (group !== undefined) entry.group = group;
    if (reason !== undefined) entry.reason = reason;
    if (details !== undefined) entry.details = { ...details };
    const count = details?.['count'] ?? (partitions !== undefined && partitions.length > 1 ? partitions.length : undefined);
    if (typeof count === 'number') entry.count = count;
    if (this.isKnown(entry)) return undefined;
    const cause = this.causeOf(entry);
    if (cause !== undefined) entry.causeId = cause.id;
    this.nextId++;
    this.entries.push(entry);
    // Cut in steps, so that a full timeline does not move 5,000 entries with every new one.
    if (this.entries.length >= CAPACITY + CAPACITY / 10) this.entries.splice(0, this.entries.length - CAPACITY);
    for (const listener of [...this.listeners]) listener(entry);
    return entry;
  }

  /** Entries with an id above `id`, oldest first; what is older than the last 5,000 is gone. */
  since(id: number): TimelineEntry[] {
    const first = this.entries[0]?.id ?? this.nextId;
    return this.entries.slice(Math.max(0, id + 1 - first, this.entries.length - CAPACITY));
  }

  /** Calls back with every new entry; returns what ends that. */
  onEntry(listener: (entry: TimelineEntry) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private causeOf(effect: TimelineEntry): TimelineEntry | undefined {
    for (const { causes, fits } of RULES[effect.type] ?? []) {
      const cause = this.latest(effect.at - CAUSE_WINDOW_MS, (entry) => causes.includes(entry.type) && fits(entry, effect));
      if (cause !== undefined) return cause;
    }
    return undefined;
  }

  private isKnown(entry: TimelineEntry): boolean {
    const facts = MERGED[entry.type];
    if (facts === undefined) return false;
    return (
      this.latest(
        entry.at - MERGE_WINDOW_MS,
        (other) =>
          other.type === entry.type &&
          other.broker === entry.broker &&
          facts.every((fact) => other.details?.[fact] === entry.details?.[fact]),
      ) !== undefined
    );
  }

  private latest(notBefore: number, fits: (entry: TimelineEntry) => boolean): TimelineEntry | undefined {
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const entry = this.entries[i] as TimelineEntry;
      if (entry.at < notBefore) return undefined;
      if (fits(entry)) return entry;
    }
    return undefined;
  }
}

function isTimelineType(type: string): type is TimelineType {
  return (TYPES as readonly string[]).includes(type);
}
