/** The timeline in words, and its chains: which event led to which. */
import type { TimelineEvent, TimelineEventType } from '#shared/models/timeline';
import type { FaultSpec } from '#shared/models/lab';
import { tellFault } from '../faults/faults.ts';
import { formatRanges, plural } from '../format/numbers.ts';
import type { Tone } from '../topics/replicas.ts';

export type EventKind = 'faults' | 'coordination' | 'partitions' | 'groups' | 'topics';

export const EVENT_KINDS: { kind: EventKind; label: string }[] = [
  { kind: 'faults', label: 'Faults and nodes' },
  { kind: 'coordination', label: 'Coordination' },
  { kind: 'partitions', label: 'Partitions' },
  { kind: 'groups', label: 'Groups' },
  { kind: 'topics', label: 'Topics' },
];

export const KIND_OPTIONS: { value: EventKind | 'all'; label: string }[] = [
  { value: 'all', label: 'All events' },
  ...EVENT_KINDS.map(({ kind, label }) => ({ value: kind, label })),
];

/** Marks beside an event: the replica glyphs where they fit, a dot in the tone where not. */
export type EventMark = 'leader' | 'inSync' | 'lagging' | 'offline' | 'electing' | 'dot';

interface Telling {
  kind: EventKind;
  mark: EventMark;
  tone: Tone;
  tell: (event: TimelineEvent) => string;
}

const brokerOf = (event: TimelineEvent): string => {
  const id = event.broker ?? event.node;
  return id === null ? 'a broker' : `broker ${id}`;
};
const CORRUPTION_VERBS: ReadonlyMap<unknown, string> = new Map([
  ['read', 'met damage'],
  ['open', 'found damage'],
  ['decode', 'skipped unreadable records'],
]);
const corruptionVerb = (event: TimelineEvent): string => CORRUPTION_VERBS.get(event.details?.['foundBy']) ?? 'cut off damage';
const groupOf = (event: TimelineEvent): string => (event.group === undefined ? 'a group' : `group ${event.group}`);
const topicOf = (event: TimelineEvent): string => (event.topic === undefined ? 'a topic' : `topic ${event.topic}`);
const memberOf = (event: TimelineEvent): string => {
  const member = event.details?.['memberId'] ?? event.details?.['clientId'];
  // A member id is the client's id and a UUID, of which the first is what a person knows.
  return typeof member === 'string'
    ? member.replace(/-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '')
    : event.count === undefined
      ? 'a member'
      : plural(event.count, 'member');
};
const where = (event: TimelineEvent): string => {
  if (event.topic === undefined) return '';
  const partitions = event.partitions;
  return partitions === undefined || partitions.length === 0 ? ` of ${event.topic}` : ` of ${event.topic} ${formatRanges(partitions)}`;
};
/**
 * ` to broker 1` or ` off broker 3`, where all moves agree. The event's own `broker` is the one that it is about (the
 * fenced one), which is not where anything moved to.
 */
function whereTo(event: TimelineEvent): string {
  const moves = event.details?.['moves'];
  if (!Array.isArray(moves) || moves.length === 0) return '';
  const ends = (end: 'from' | 'to'): Set<unknown> =>
    new Set(moves.map((move: unknown) => (move as Partial<Record<'from' | 'to', unknown>> | null)?.[end]));
  const [to, ...otherTo] = ends('to');
  if (typeof to === 'number' && otherTo.length === 0) return ` to broker ${to}`;
  const [from, ...otherFrom] = ends('from');
  return typeof from === 'number' && from >= 0 && otherFrom.length === 0 ? ` off broker ${from}` : '';
}

const howMany = (event: TimelineEvent): number => event.count ?? event.partitions?.length ?? 1;

function faultIn(event: TimelineEvent): FaultSpec | null {
  const fault = event.details?.['fault'];
  return typeof fault === 'object' && fault !== null && 'type' in fault ? (fault as FaultSpec) : null;
}
function faultWords(event: TimelineEvent): string | null {
  const fault = faultIn(event);
  return fault === null ? null : tellFault(fault);
}
function healedWords(event: TimelineEvent): string | null {
  const fault = faultIn(event);
  return fault === null ? null : `healed: ${tellFault(fault)}`;
}

function loadWords(event: TimelineEvent, otherwise: string): string {
  const words = event.reason ?? otherwise;
  return event.group === undefined ? words : `group ${event.group}: ${words}`;
}

/** Where there is no event to show. */
export const tellNothing = (embedded: boolean): string =>
  embedded ? 'Nothing has happened yet. Stop a broker and watch.' : 'No change has been observed since this cluster was selected.';

const TELLINGS: Record<TimelineEventType, Telling> = {
  'lab/nodeStarted': { kind: 'faults', mark: 'dot', tone: 'ok', tell: (e) => `${brokerOf(e)} started` },
  'lab/nodeStopped': { kind: 'faults', mark: 'offline', tone: 'bad', tell: (e) => `${brokerOf(e)} stopped` },
  'lab/nodeKilled': { kind: 'faults', mark: 'offline', tone: 'bad', tell: (e) => `${brokerOf(e)} killed` },
  'lab/powerCut': { kind: 'faults', mark: 'offline', tone: 'bad', tell: (e) => `power of ${brokerOf(e)} cut` },
  'lab/nodeFrozen': { kind: 'faults', mark: 'dot', tone: 'flow', tell: (e) => `${brokerOf(e)} frozen` },
  'lab/nodeThawed': { kind: 'faults', mark: 'dot', tone: 'ok', tell: (e) => `${brokerOf(e)} thawed` },
  'lab/faultInjected': { kind: 'faults', mark: 'dot', tone: 'bad', tell: (e) => faultWords(e) ?? e.reason ?? 'a fault began' },
  'lab/faultHealed': { kind: 'faults', mark: 'dot', tone: 'ok', tell: (e) => healedWords(e) ?? e.reason ?? 'a fault was healed' },
  'lab/nodeAdded': { kind: 'faults', mark: 'dot', tone: 'ok', tell: (e) => `${brokerOf(e)} added` },
  'lab/nodeRemoved': { kind: 'faults', mark: 'dot', tone: 'none', tell: (e) => `${brokerOf(e)} removed` },
  'load/started': { kind: 'faults', mark: 'dot', tone: 'flow', tell: (e) => loadWords(e, 'load started') },
  'load/ended': { kind: 'faults', mark: 'dot', tone: 'none', tell: (e) => loadWords(e, 'load ended') },
  'load/changed': { kind: 'faults', mark: 'dot', tone: 'flow', tell: (e) => loadWords(e, 'load changed') },
  'load/memberCrashed': { kind: 'faults', mark: 'offline', tone: 'bad', tell: (e) => loadWords(e, 'a member ended without leaving') },
  'load/memberPaused': { kind: 'faults', mark: 'dot', tone: 'flow', tell: (e) => loadWords(e, 'a member was paused') },
  'load/memberResumed': { kind: 'faults', mark: 'dot', tone: 'ok', tell: (e) => loadWords(e, 'a member gets on') },
  'scenario/started': { kind: 'faults', mark: 'dot', tone: 'flow', tell: (e) => e.reason ?? 'a scenario started' },
  'scenario/ended': { kind: 'faults', mark: 'dot', tone: 'none', tell: (e) => e.reason ?? 'a scenario ended' },
  'quorum/leaderElected': { kind: 'coordination', mark: 'dot', tone: 'control', tell: (e) => `${brokerOf(e)} is controller` },
  'quorum/leaderResigned': { kind: 'coordination', mark: 'dot', tone: 'warn', tell: (e) => `${brokerOf(e)} is no longer controller` },
  'quorum/snapshotWritten': {
    kind: 'coordination',
    mark: 'dot',
    tone: 'none',
    tell: (e) => `${brokerOf(e)} wrote a snapshot of the metadata`,
  },
  'quorum/snapshotLoaded': {
    kind: 'coordination',
    mark: 'dot',
    tone: 'none',
    tell: (e) => `${brokerOf(e)} took over a snapshot of the metadata`,
  },
  'coordination/sessionExpired': {
    kind: 'coordination',
    mark: 'dot',
    tone: 'warn',
    tell: (e) => e.reason ?? 'a coordination session expired',
  },
  'cluster/brokerRegistered': { kind: 'coordination', mark: 'dot', tone: 'none', tell: (e) => `${brokerOf(e)} registered` },
  'cluster/brokerUnfenced': { kind: 'coordination', mark: 'inSync', tone: 'ok', tell: (e) => `${brokerOf(e)} in service` },
  'cluster/brokerFenced': { kind: 'coordination', mark: 'offline', tone: 'bad', tell: (e) => `${brokerOf(e)} fenced` },
  'cluster/controlledShutdown': { kind: 'coordination', mark: 'dot', tone: 'warn', tell: (e) => `${brokerOf(e)} hands over its leaders` },
  'cluster/processSuspended': { kind: 'faults', mark: 'dot', tone: 'warn', tell: () => 'process suspended' },
  'topic/created': { kind: 'topics', mark: 'dot', tone: 'none', tell: (e) => `${topicOf(e)} created` },
  'topic/deleted': { kind: 'topics', mark: 'dot', tone: 'none', tell: (e) => `${topicOf(e)} deleted` },
  'topic/configChanged': { kind: 'topics', mark: 'dot', tone: 'none', tell: (e) => `${topicOf(e)}: settings changed` },
  'topic/partitionsAdded': {
    kind: 'topics',
    mark: 'dot',
    tone: 'none',
    tell: (e) => `${topicOf(e)}: ${plural(howMany(e), 'partition')} added`,
  },
  'partition/leadersElected': {
    kind: 'partitions',
    mark: 'leader',
    tone: 'accent',
    tell: (e) => `${plural(howMany(e), 'leader')}${where(e)} moved${whereTo(e)}`,
  },
  'partition/leadersLost': {
    kind: 'partitions',
    mark: 'electing',
    tone: 'bad',
    tell: (e) => `${plural(howMany(e), 'partition')}${where(e)} without a leader`,
  },
  'partition/isrShrunk': {
    kind: 'partitions',
    mark: 'lagging',
    tone: 'warn',
    tell: (e) => `${plural(howMany(e), 'partition')}${where(e)} lost an in-sync replica`,
  },
  'partition/isrExpanded': {
    kind: 'partitions',
    mark: 'inSync',
    tone: 'ok',
    tell: (e) => `${plural(howMany(e), 'partition')}${where(e)} back in sync`,
  },
  'partition/uncleanlyElected': {
    kind: 'partitions',
    mark: 'leader',
    tone: 'bad',
    tell: (e) => `${plural(howMany(e), 'leader')}${where(e)} elected uncleanly`,
  },
  'partition/reassignmentStarted': {
    kind: 'partitions',
    mark: 'dot',
    tone: 'accent',
    tell: (e) => `${plural(howMany(e), 'partition')}${where(e)} being moved`,
  },
  'partition/reassignmentCancelled': {
    kind: 'partitions',
    mark: 'dot',
    tone: 'warn',
    tell: (e) => `move of ${plural(howMany(e), 'partition')}${where(e)} cancelled`,
  },
  'partition/reassigned': {
    kind: 'partitions',
    mark: 'inSync',
    tone: 'ok',
    tell: (e) => `${plural(howMany(e), 'partition')}${where(e)} moved`,
  },
  'partition/truncated': {
    kind: 'partitions',
    mark: 'lagging',
    tone: 'warn',
    tell: (e) => `${brokerOf(e)} cut ${plural(howMany(e), 'partition')}${where(e)} back to its leader`,
  },
  'partition/repairBlocked': {
    kind: 'partitions',
    mark: 'lagging',
    tone: 'bad',
    tell: (e) => `${brokerOf(e)} cannot repair records${where(e)}`,
  },
  'group/coordinatorMoved': {
    kind: 'groups',
    mark: 'dot',
    tone: 'control',
    tell: (e) => `${groupOf(e)}: coordinator moved`,
  },
  'group/rebalanceStarted': { kind: 'groups', mark: 'electing', tone: 'warn', tell: (e) => `${groupOf(e)} rebalances` },
  'group/rebalanced': { kind: 'groups', mark: 'dot', tone: 'ok', tell: (e) => `${groupOf(e)} rebalanced` },
  'group/memberJoined': { kind: 'groups', mark: 'dot', tone: 'none', tell: (e) => `${memberOf(e)} joined ${groupOf(e)}` },
  'group/memberLeft': { kind: 'groups', mark: 'dot', tone: 'none', tell: (e) => `${memberOf(e)} left ${groupOf(e)}` },
  'group/memberExpired': { kind: 'groups', mark: 'dot', tone: 'warn', tell: (e) => `${memberOf(e)} of ${groupOf(e)} expired` },
  'node/ready': { kind: 'faults', mark: 'dot', tone: 'ok', tell: (e) => `${brokerOf(e)} ready` },
  'node/logRecovered': { kind: 'faults', mark: 'dot', tone: 'none', tell: (e) => `${brokerOf(e)} recovered its logs` },
  'node/corruptionFound': {
    kind: 'faults',
    mark: 'lagging',
    tone: 'warn',
    tell: (e) => `${brokerOf(e)} ${corruptionVerb(e)} in its log${where(e)}`,
  },
  'node/segmentRepaired': { kind: 'faults', mark: 'dot', tone: 'ok', tell: (e) => `${brokerOf(e)} repaired a log segment${where(e)}` },
  'node/logDirectoryFailed': { kind: 'faults', mark: 'offline', tone: 'bad', tell: (e) => `log directory of ${brokerOf(e)} failed` },
  'node/failed': { kind: 'faults', mark: 'offline', tone: 'bad', tell: (e) => `${brokerOf(e)} failed` },
};

const BY_TYPE: ReadonlyMap<string, Telling> = new Map(Object.entries(TELLINGS));

/** An event type that this renderer does not know yet is still shown, by its name. */
function tellingOf(event: TimelineEvent): Telling {
  return BY_TYPE.get(event.type) ?? { kind: 'coordination', mark: 'dot', tone: 'none', tell: () => event.type };
}

export const eventKind = (event: TimelineEvent): EventKind => tellingOf(event).kind;
export const eventMark = (event: TimelineEvent): EventMark => tellingOf(event).mark;
export const eventTone = (event: TimelineEvent): Tone => tellingOf(event).tone;

export function describeEvent(event: TimelineEvent): string {
  return tellingOf(event).tell(event);
}

/** Why, where that says more than what happened: faults carry their own words in their reason. */
export function describeReason(event: TimelineEvent): string | null {
  const { reason } = event;
  if (reason === undefined || event.type === 'lab/faultHealed') return null;
  if (event.type === 'lab/faultInjected') {
    // `link 2–3 cut: 14 bytes flipped`: the clause behind the colon is what is new.
    const detail = /: (.+)$/.exec(reason)?.[1];
    return faultIn(event) === null || detail === undefined || describeEvent(event).includes(detail) ? null : detail;
  }
  // What a load went through is told in its reason's words.
  return describeEvent(event).endsWith(reason) ? null : reason;
}

/** Events that break something. */
const BREAKS: ReadonlySet<TimelineEventType> = new Set([
  'lab/nodeKilled',
  'lab/nodeStopped',
  'lab/powerCut',
  'lab/nodeFrozen',
  'lab/faultInjected',
  'cluster/brokerFenced',
  'node/logDirectoryFailed',
  'partition/leadersLost',
  'node/failed',
]);
export const breaksSomething = (event: TimelineEvent): boolean => BREAKS.has(event.type);

export interface EventChain {
  /** Oldest first; the first one is the root cause. */
  events: TimelineEvent[];
}

/** The event that started it all, by following causes as far as they are known. */
export function rootOf(event: TimelineEvent, byId: ReadonlyMap<number, TimelineEvent>): TimelineEvent {
  let root = event;
  const seen = new Set<number>();
  while (root.causeId !== undefined && !seen.has(root.id)) {
    seen.add(root.id);
    const cause = byId.get(root.causeId);
    if (cause === undefined) break;
    root = cause;
  }
  return root;
}

/** The chain that `last` belongs to: all events that share its root. */
export function chainOf(last: TimelineEvent, events: readonly TimelineEvent[]): EventChain {
  const byId = new Map(events.map((event) => [event.id, event]));
  const root = rootOf(last, byId);
  const chain = events.filter((event) => event.id >= root.id && rootOf(event, byId).id === root.id);
  return { events: chain };
}
