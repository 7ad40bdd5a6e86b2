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
  'lab/powerCut',
  'lab/nodeFrozen',
  'lab/nodeThawed',
  'lab/faultInjected',
  'lab/faultHealed',
  'lab/nodeAdded',
  'lab/nodeRemoved',
  'load/started',
  'load/ended',
  'load/changed',
  'load/memberCrashed',
  'load/memberPaused',
  'load/memberResumed',
  'scenario/started',
  'scenario/ended',
  'quorum/leaderElected',
  'quorum/snapshotWritten',
  'quorum/snapshotLoaded',
  'coordination/sessionExpired',
  'cluster/brokerRegistered',
  'cluster/brokerUnfenced',
  'cluster/brokerFenced',
  'cluster/controlledShutdown',
  'cluster/processSuspended',
  'topic/created',
  'topic/deleted',
  'topic/configChanged',
  'topic/partitionsAdded',
  'partition/leadersElected',
  'partition/leadersLost',
  'partition/isrShrunk',
  'partition/isrExpanded',
  'partition/truncated',
  'partition/repairBlocked',
  'partition/uncleanlyElected',
  'partition/reassignmentStarted',
  'partition/reassignmentCancelled',
  'partition/reassigned',
  'group/coordinatorMoved',
  'group/rebalanceStarted',
  'group/rebalanced',
  'group/memberJoined',
  'group/memberLeft',
  'group/memberExpired',
  'node/ready',
  'node/logRecovered',
  'node/corruptionFound',
  'node/segmentRepaired',
  'node/logDirectoryFailed',
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

const GROUPS_TOPIC = '__consumer_offsets';
const METADATA_TOPIC = '__cluster_metadata';
const CAPACITY = 5_000;
/** Nothing is said to have been caused by what lies further back. */
const CAUSE_WINDOW_MS = 60_000;
/** The same thing told by several nodes arrives within this. */
const MERGE_WINDOW_MS = 5_000;
const JOIN_WINDOW_MS = 15_000;
/** Sessions that a suspension put at risk end within this. */
const SUSPENSION_WINDOW_MS = 15_000;

const DOWN = ['lab/nodeKilled', 'lab/nodeStopped', 'lab/powerCut', 'lab/nodeFrozen', 'node/failed'] as const;
const BACK = ['lab/nodeStarted', 'lab/nodeThawed'] as const;
const MOVED = ['cluster/controlledShutdown', 'cluster/brokerFenced'] as const;

interface Rule {
  causes: readonly TimelineType[];
  /** Of the lab's faults: a cause as long as it is in force, however long ago it began. */
  lasting?: boolean;
  /** Of the lab's faults: no cause any more once it has been healed. */
  untilHealed?: boolean;
  /** Of a broker that went: no cause any more once that broker has been unfenced again; what happens then has another one. */
  whileGone?: boolean;
  /** What came before the last such entry of the same group is over: it has led to what it led to. */
  settledBy?: TimelineType;
  /** Beyond the type: is that earlier entry a cause of this one? */
  fits: (cause: TimelineEntry, effect: TimelineEntry) => boolean;
}

const sameBroker = (cause: TimelineEntry, effect: TimelineEntry): boolean => cause.broker === effect.broker;
const sameGroup = (cause: TimelineEntry, effect: TimelineEntry): boolean => cause.group === effect.group;
const sameRun = (cause: TimelineEntry, effect: TimelineEntry): boolean => cause.details?.['runId'] === effect.details?.['runId'];
/** The same member of the same group; one that had not joined yet has no name to compare. */
const sameMember = (cause: TimelineEntry, effect: TimelineEntry): boolean =>
  sameGroup(cause, effect) && cause.details?.['memberId'] === effect.details?.['memberId'];
/** A client joins within seconds. One that crashed brings another only where somebody sees to that. */
const bringsMember = (cause: TimelineEntry, effect: TimelineEntry): boolean =>
  sameGroup(cause, effect) && effect.at - cause.at <= JOIN_WINDOW_MS && cause.details?.['replaced'] !== false;
const any = (): boolean => true;

/** Is the cause's broker the one that the effect is about, or among those that its details show it to be about? */
const concerns =
  (brokers: (details: Details) => number[]) =>
  (cause: TimelineEntry, effect: TimelineEntry): boolean =>
    cause.broker !== undefined && (cause.broker === effect.broker || brokers(effect.details ?? {}).includes(cause.broker));

/** How the controller lists what one decision did: `moves` of leaders, `changes` of ISRs. */
interface Details {
  previousLeader?: unknown;
  moves?: unknown;
  changes?: unknown;
}

const previousLeader = ({ previousLeader: id }: Details): number[] => (typeof id === 'number' ? [id] : []);
const losing = ({ moves }: Details): number[] => items(moves).flatMap(({ from }) => numbers(from));
const gaining = ({ moves }: Details): number[] => items(moves).flatMap(({ to }) => numbers(to));
const leaving = ({ changes }: Details): number[] => items(changes).flatMap(({ from, to }) => without(numbers(from), numbers(to)));
const joining = ({ changes }: Details): number[] => items(changes).flatMap(({ from, to }) => without(numbers(to), numbers(from)));

/** Is the cause a fault of one of those types that touches the broker that the effect is about? */
const fault =
  (types: readonly string[], brokers: (details: Details) => number[] = () => []) =>
  (cause: TimelineEntry, effect: TimelineEntry): boolean => {
    const { fault: spec, brokers: touched } = (cause.details ?? {}) as { fault?: { type?: unknown }; brokers?: unknown };
    if (typeof spec?.type !== 'string' || !types.includes(spec.type)) return false;
    const concerned = [...(effect.broker === undefined ? [] : [effect.broker]), ...brokers(effect.details ?? {})];
    return numbers(touched).some((id) => concerned.includes(id));
  };
const LINKS = ['partition', 'slowLink'];
const DISKS = ['slowDisk', 'fullDisk'];
/** An injected fault, while it is in force and a little after; its end. */
const injected = (fits: Rule['fits']): Rule => ({ causes: ['lab/faultInjected'], lasting: true, fits });
const healed = (fits: Rule['fits']): Rule => ({ causes: ['lab/faultHealed'], fits });
const reporter = (cause: TimelineEntry, effect: TimelineEntry): boolean => cause.broker === (effect.broker ?? effect.node);

/** That a broker went, as long as it is gone. */
const gone = (causes: readonly TimelineType[], fits: Rule['fits']): Rule => ({ causes, whileGone: true, fits });

/** What follows corruption that the same broker found in the same log, however long ago. */
const ofCorruption: Rule = {
  causes: ['node/corruptionFound'],
  lasting: true,
  fits: (cause, effect) => reporter(cause, effect) && cause.topic === effect.topic && sameItems(cause.partitions, effect.partitions),
};

/** Did the silence of the member begin before the process ran again? */
const silentSince = (cause: TimelineEntry, effect: TimelineEntry): boolean => {
  const silentMs = effect.details?.['silentMs'];
  return typeof silentMs === 'number' && effect.at - cause.at <= silentMs + MERGE_WINDOW_MS;
};

/** The end of a process takes nothing from metadata: it was damaged by something else. */
const isKillOfMetadata = (cause: TimelineEntry, effect: TimelineEntry): boolean =>
  cause.type === 'lab/nodeKilled' && effect.topic === METADATA_TOPIC;

/** The whole process did not run: peers and clients may have waited for one another in vain. */
const suspended: Rule = {
  causes: ['cluster/processSuspended'],
  fits: (cause, effect) => effect.at - cause.at <= SUSPENSION_WINDOW_MS,
};

/** By effect, the likeliest rule first; within a rule the latest entry that fits is the cause. */
const RULES: Partial<Record<TimelineType, readonly Rule[]>> = {
  // However long it ran.
  'scenario/ended': [{ causes: ['scenario/started'], lasting: true, fits: sameRun }],
  'cluster/controlledShutdown': [{ causes: ['lab/nodeStopped'], fits: sameBroker }],
  'cluster/brokerFenced': [
    gone(['cluster/controlledShutdown'], sameBroker),
    gone(DOWN, sameBroker),
    injected(fault([...LINKS, ...DISKS])),
    suspended,
  ],
  'coordination/sessionExpired': [gone(DOWN, sameBroker), injected(fault(LINKS)), suspended],
  'cluster/brokerRegistered': [{ causes: BACK, fits: sameBroker }, healed(fault(LINKS))],
  'cluster/brokerUnfenced': [
    { causes: ['cluster/brokerRegistered'], fits: sameBroker },
    { causes: BACK, fits: sameBroker },
    healed(fault([...LINKS, ...DISKS])),
  ],
  'quorum/leaderElected': [gone(DOWN, concerns(previousLeader)), injected(fault(LINKS, previousLeader)), suspended],
  'partition/leadersElected': [
    gone(MOVED, concerns(losing)),
    { causes: ['cluster/brokerUnfenced'], fits: concerns(gaining) },
    { causes: ['topic/created'], fits: (cause, effect) => effect.topic !== undefined && cause.topic === effect.topic },
  ],
  'partition/uncleanlyElected': [
    gone(MOVED, concerns(losing)),
    { causes: ['cluster/brokerUnfenced'], fits: concerns(gaining) },
    { causes: ['topic/configChanged'], fits: any },
  ],
  'partition/reassigned': [{ causes: ['partition/reassignmentStarted'], fits: any }],
  'partition/reassignmentCancelled': [{ causes: ['partition/reassignmentStarted'], fits: any }],
  'partition/leadersLost': [gone(MOVED, sameBroker)],
  'partition/isrShrunk': [
    gone(MOVED, concerns(leaving)),
    gone(DOWN, concerns(leaving)),
    injected(fault([...LINKS, ...DISKS], leaving)),
    suspended,
  ],
  'partition/isrExpanded': [
    { causes: ['cluster/brokerUnfenced'], fits: concerns(joining) },
    healed(fault([...LINKS, ...DISKS], joining)),
    { causes: BACK, fits: concerns(joining) },
  ],
  'partition/truncated': [
    { causes: BACK, fits: (cause, effect) => cause.broker === effect.node },
    healed(fault(LINKS)),
    { causes: ['partition/leadersElected'], fits: any },
  ],
  'group/coordinatorMoved': [
    { causes: ['partition/leadersElected', 'partition/uncleanlyElected'], fits: movesCoordinator },
    { causes: MOVED, fits: (cause, effect) => cause.broker !== effect.details?.['coordinator'] },
  ],
  'group/memberJoined': [
    { causes: ['load/started', 'load/changed', 'load/memberCrashed', 'load/memberResumed', 'group/coordinatorMoved'], fits: bringsMember },
    suspended,
  ],
  'group/memberLeft': [{ causes: ['load/ended', 'load/changed'], fits: sameGroup }],
  'group/memberExpired': [
    // Its session may be longer than anything else is remembered.
    { causes: ['load/memberCrashed', 'load/memberPaused'], lasting: true, fits: sameMember },
    injected((cause) => cause.details?.['fault'] !== undefined && isOfClients(cause.details['fault'])),
    { causes: ['cluster/processSuspended'], fits: silentSince },
  ],
  // Members rejoin at a new coordinator, by the names that they had.
  'group/rebalanceStarted': [
    {
      causes: ['group/memberExpired', 'group/memberLeft', 'group/memberJoined', 'group/coordinatorMoved'],
      settledBy: 'group/rebalanced',
      fits: sameGroup,
    },
    suspended,
  ],
  'group/rebalanced': [{ causes: ['group/rebalanceStarted'], fits: sameGroup }],
  'node/ready': [{ causes: ['lab/nodeStarted'], fits: sameBroker }],
  'node/logRecovered': [{ causes: ['lab/nodeStarted'], fits: reporter }],
  'node/corruptionFound': [
    // Healed, its bytes are what they were: then something else has damaged the log.
    { ...injected((cause, effect) => reporter(cause, effect) && isOfReplica(cause, effect)), untilHealed: true },
    { causes: ['lab/powerCut', 'lab/nodeKilled'], fits: (cause, effect) => reporter(cause, effect) && !isKillOfMetadata(cause, effect) },
  ],
  'node/segmentRepaired': [ofCorruption],
  'partition/repairBlocked': [ofCorruption],
  'node/logDirectoryFailed': [injected((cause, effect) => reporter(cause, effect) && typeOf(cause) === 'fullDisk')],
  'node/failed': [injected((cause, effect) => reporter(cause, effect) && (typeOf(cause) === 'fullDisk' || typeOf(cause) === 'corrupt'))],
};

/** What several nodes see, each from its side, and the facts that say that it is the same. */
const MERGED: Partial<Record<TimelineType, readonly string[]>> = {
  'quorum/leaderElected': ['epoch'],
};

const ISR_CHANGES: readonly TimelineType[] = ['partition/isrShrunk', 'partition/isrExpanded'];
/** Most items of a list in `details`; `count` says how many there were. */
const MAX_ITEMS = 100;

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
    if (details !== undefined) entry.details = bounded(details);
    if (type === 'quorum/leaderElected') this.addPreviousLeader(entry);
    const count = countOf(event);
    if (count !== undefined) entry.count = count;
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
    for (const { causes, fits, lasting, untilHealed, settledBy, whileGone } of RULES[effect.type] ?? []) {
      const oldest = effect.at - CAUSE_WINDOW_MS;
      const settled =
        settledBy === undefined ? undefined : this.latest(oldest, (entry) => entry.type === settledBy && sameGroup(entry, effect));
      const cause = this.latest(
        lasting === true ? -Infinity : oldest,
        (entry) =>
          causes.includes(entry.type) &&
          entry.id > (settled?.id ?? 0) &&
          fits(entry, effect) &&
          ((untilHealed !== true && entry.at >= oldest) || !this.isOver(entry)) &&
          (whileGone !== true || !this.isBack(entry)),
      );
      if (cause !== undefined) return cause;
    }
    return undefined;
  }

  /** Of an injected fault: has it been healed? */
  private isOver({ details }: TimelineEntry): boolean {
    const faultId = details?.['faultId'];
    return this.latest(-Infinity, ({ type, details: of }) => type === 'lab/faultHealed' && of?.['faultId'] === faultId) !== undefined;
  }

  /** Has the broker that the entry is about been unfenced since? */
  private isBack({ id, at, broker }: TimelineEntry): boolean {
    return this.latest(at, (entry) => entry.id > id && entry.type === 'cluster/brokerUnfenced' && entry.broker === broker) !== undefined;
  }

  private addPreviousLeader(entry: TimelineEntry): void {
    const previous = this.latest(-Infinity, ({ type }) => type === 'quorum/leaderElected')?.broker;
    if (previous !== undefined) entry.details = { previousLeader: previous, ...entry.details };
  }

  private isKnown(entry: TimelineEntry): boolean {
    // A leader tells what it asked the controller for; what came of it, for all its partitions at once, the controller tells.
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

/** How many things the event is about, where it is more than one thing's. */
function countOf({ partitions, details }: NodeEvent): number | undefined {
  for (const list of [details?.['moves'], details?.['changes'], details?.['partitions'], partitions]) {
    if (Array.isArray(list) && list.length > 0) return list.length;
  }
  return undefined;
}

function detailOf({ details = {} }: TimelineEntry, name: string): unknown {
  return Object.hasOwn(details, name) ? details[name] : undefined;
}

function bounded(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const bound = (value: unknown): unknown => (Array.isArray(value) && value.length > MAX_ITEMS ? value.slice(0, MAX_ITEMS) : value);
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, bound(value)]));
}

function typeOf({ details }: TimelineEntry): unknown {
  return (details?.['fault'] as { type?: unknown } | undefined)?.type;
}

/** Is the cause a corruption of the very log that the effect is about, or of any where it does not say? */
function isOfReplica(cause: TimelineEntry, effect: TimelineEntry): boolean {
  const spec = cause.details?.['fault'] as { type?: unknown; topic?: unknown; partition?: unknown } | undefined;
  if (spec?.type !== 'corrupt') return false;
  return (
    effect.topic === undefined || (spec.topic === effect.topic && numbers(spec.partition).some((id) => effect.partitions?.includes(id)))
  );
}

function sameItems(one: readonly number[] = [], other: readonly number[] = []): boolean {
  return one.some((item) => other.includes(item));
}

function isOfClients(spec: unknown): boolean {
  const { between } = spec as { between?: unknown };
  return Array.isArray(between) && between.includes('clients');
}

/** Did the election give the group's new coordinator a partition of the topic that its groups live in, as far as its list tells? */
function movesCoordinator(cause: TimelineEntry, effect: TimelineEntry): boolean {
  const moves = items(cause.details?.['moves']);
  const coordinator = effect.details?.['coordinator'];
  return (
    (cause.count ?? 0) > moves.length ||
    moves.some(({ topic, to }) => topic === GROUPS_TOPIC && (to === coordinator || coordinator === undefined))
  );
}

function items(list: unknown): { topic?: unknown; from?: unknown; to?: unknown }[] {
  return Array.isArray(list) ? list.filter((item): item is object => typeof item === 'object' && item !== null) : [];
}

function numbers(value: unknown): number[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item) => typeof item === 'number');
}

function without(ids: readonly number[], others: readonly number[]): number[] {
  return ids.filter((id) => !others.includes(id));
}
