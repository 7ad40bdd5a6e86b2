/**
 * Incidents out of ordered events. Time is that of the events: there is no clock here. An event belongs to the incident of its cause;
 * what ends an incident is found by subject, since a restart or an ISR that grows has a chain of causes of its own.
 */
import type { TimelineEvent, TimelineEventType } from '../models/timeline.ts';
import { INJECTED, PROCESS_ENDS } from '../timeline/event-types.ts';
import { faultFields, listedPartitions, numbersIn, numbersWithout } from '../timeline/listed-partitions.ts';
import { hadNoLeader, isFailure, rangedKeys, subjectOf, unlistedOf } from './event-partitions.ts';
import { type Incident } from './incident.ts';
import { partitionKey } from '../keys.ts';

/** Closed incidents that are kept; open ones are all kept, up to as many again. */
const MAX_INCIDENTS = 200;
/** Events whose incident is remembered, as many as the timeline keeps. */
const MAX_EVENTS = 5_500;

const ELECTIONS: ReadonlySet<TimelineEventType> = new Set(['partition/leadersElected', 'partition/uncleanlyElected']);

/** What has to happen for the cause to have ended. */
type Ending =
  | { until: 'unfenced'; broker: number; process: 'down' | 'up' }
  | { until: 'thawed'; broker: number; process: 'down' | 'up'; fenced: boolean }
  | { until: 'healed'; faultId: unknown }
  | { until: 'resumed'; memberId: unknown }
  | { until: 'elected' }
  | { until: 'ended' };

interface State extends Omit<Incident, 'lasts' | 'leaderless' | 'underReplicated'> {
  ending: Ending;
  brokers: Set<number>;
  ledPartitions: Set<string>;
  groups: Map<string, number | null>;
  eventIds: number[];
  leaderlessKeys: Set<string>;
  /** Of lists that were cut: partitions without a leader beyond those named. */
  leaderlessMore: number;
  /** By broker: partitions whose ISR it left, and how many of them in all. */
  missing: Map<number, { keys: Set<string>; count: number }>;
  /** Whether it lost or moved a leader: until then there is nothing to fail over. */
  tookLeaders: boolean;
  shortened: boolean;
}

export class IncidentReducer {
  private states: State[] = [];
  private readonly byEvent = new Map<number, State>();
  private snapshot: readonly Incident[] | undefined;

  add(event: TimelineEvent): void {
    this.snapshot = undefined;
    const own = this.incidentOf(event);
    if (own !== undefined) {
      this.remember(event, own);
      applyEffect(own, event);
    }
    for (const state of this.states) {
      if (state.closedAt !== null && state !== own) continue;
      // What follows a restart or the end of a fault is the rest of the incident.
      if (endCause(state, event) && !this.byEvent.has(event.id)) this.remember(event, state);
      applyEnd(state, event);
      settle(state, event.at);
    }
    this.forget();
  }

  /** Oldest first. */
  list(): readonly Incident[] {
    this.snapshot ??= this.states.map(incidentFrom);
    return this.snapshot;
  }

  private incidentOf(event: TimelineEvent): State | undefined {
    const parent = event.causeId === undefined ? undefined : this.byEvent.get(event.causeId);
    if (parent !== undefined) return parent;
    const paused = event.type === 'load/memberCrashed' ? this.states.find((state) => isPauseOf(state, event)) : undefined;
    if (paused !== undefined) return paused;
    // A failure with a recorded cause that is no incident (a restart, a request) begins none.
    if (!INJECTED.has(event.type) && (event.causeId !== undefined || !isFailure(event))) return undefined;
    const state = begin(event);
    this.states.push(state);
    return state;
  }

  private remember(event: TimelineEvent, state: State): void {
    this.byEvent.set(event.id, state);
    state.eventIds.push(event.id);
    for (const id of this.byEvent.keys()) {
      if (this.byEvent.size <= MAX_EVENTS) break;
      this.byEvent.delete(id);
    }
  }

  private forget(): void {
    if (this.states.length <= MAX_INCIDENTS) return;
    const first = this.states.findIndex(({ closedAt }) => closedAt !== null);
    if (first >= 0) this.states.splice(first, 1);
    else if (this.states.length > 2 * MAX_INCIDENTS) this.states.shift();
  }
}

export function deriveIncidents(events: Iterable<TimelineEvent>): readonly Incident[] {
  const reducer = new IncidentReducer();
  for (const event of events) reducer.add(event);
  return reducer.list();
}

function begin(event: TimelineEvent): State {
  const isFault = INJECTED.has(event.type);
  const subject = subjectOf(event);
  const suspendedMs = event.type === 'cluster/processSuspended' ? event.details?.['forMs'] : 0;
  return {
    id: event.id,
    cause: isFault ? 'fault' : 'observed',
    subject,
    root: event,
    startedAt: event.at - (typeof suspendedMs === 'number' ? suspendedMs : 0),
    detectedAt: isFault ? null : event.at,
    failedOverAt: null,
    recoveredAt: null,
    closedAt: null,
    unobservedAfter: null,
    ending: endingOf(event),
    brokers: new Set(subject.kind === 'broker' ? [subject.broker] : subject.kind === 'link' ? numbersIn(subject.between) : []),
    ledPartitions: new Set(),
    groups: new Map(),
    complete: true,
    eventIds: [],
    leaderlessKeys: new Set(),
    leaderlessMore: 0,
    missing: new Map(),
    tookLeaders: false,
    shortened: false,
  };
}

function endingOf(event: TimelineEvent): Ending {
  const { type, details } = event;
  const broker = event.broker ?? event.node ?? -1;
  if (PROCESS_ENDS.has(type)) return { until: 'unfenced', broker, process: 'down' };
  if (type === 'cluster/brokerFenced' || type === 'node/logDirectoryFailed') return { until: 'unfenced', broker, process: 'up' };
  if (type === 'lab/nodeFrozen') return { until: 'thawed', broker, process: 'down', fenced: false };
  if (type === 'lab/faultInjected') return { until: 'healed', faultId: details?.['faultId'] };
  if (type === 'load/memberPaused') return { until: 'resumed', memberId: details?.['memberId'] };
  return { until: type === 'quorum/leaderResigned' ? 'elected' : 'ended' };
}

/** What an event of the incident's own chain adds to it. */
function applyEffect(state: State, event: TimelineEvent): void {
  const { type, at } = event;
  if (event.id !== state.id && !type.startsWith('lab/') && !type.startsWith('load/')) state.detectedAt ??= at;
  const keys = keysOf(event);
  const more = Math.max(0, (event.count ?? 0) - keys.size);
  if (type.startsWith('partition/') && more > 0) state.complete = false;
  if (type === 'cluster/brokerFenced' && event.broker !== undefined) {
    state.brokers.add(event.broker);
    if (state.ending.until === 'thawed' && state.ending.broker === event.broker) state.ending.fenced = true;
  }
  if (ELECTIONS.has(type) || type === 'partition/leadersLost') {
    state.tookLeaders = true;
    for (const key of keys) state.ledPartitions.add(key);
  }
  if (type === 'partition/leadersLost') {
    for (const key of keys) state.leaderlessKeys.add(key);
    state.leaderlessMore += more;
  }
  if (type === 'partition/isrShrunk') shrink(state, event);
  const { group } = event;
  if (group === undefined) return;
  const disturbs = type === 'group/rebalanceStarted' || type === 'group/memberExpired' || event.id === state.id;
  if (disturbs) state.groups.set(group, null);
  else if (type === 'group/coordinatorMoved') state.groups.set(group, at);
}

/** Of all partitions that the event names, in its list or in ranges. */
const keysOf = (event: TimelineEvent): Set<string> =>
  new Set([...listedPartitions(event).map(({ topic, partition }) => partitionKey(topic, partition)), ...rangedKeys(event)]);

function shrink(state: State, event: TimelineEvent): void {
  state.shortened = true;
  const listed = listedPartitions(event);
  const left = new Set<number>();
  const missingOf = (broker: number): { keys: Set<string>; count: number } => {
    const missing = state.missing.get(broker) ?? { keys: new Set<string>(), count: 0 };
    state.missing.set(broker, missing);
    state.brokers.add(broker);
    return missing;
  };
  for (const { topic, partition, from, to } of listed) {
    for (const broker of numbersWithout(from, to)) {
      left.add(broker);
      const missing = missingOf(broker);
      const key = partitionKey(topic, partition);
      if (!missing.keys.has(key)) missing.count += 1;
      missing.keys.add(key);
    }
  }
  for (const [broker, count] of unlistedOf(event, listed)?.left ?? ofOne(event, listed.length, left)) missingOf(broker).count += count;
}

/** Of a cut list without totals: what it leaves out is most likely about the same broker. */
function ofOne({ count = 0 }: TimelineEvent, listed: number, brokers: ReadonlySet<number>): [number, number][] {
  return [...brokers].slice(0, 1).flatMap((broker): [number, number][] => (count > listed ? [[broker, count - listed]] : []));
}

/** What any event, of whatever cause, ends. */
function applyEnd(state: State, event: TimelineEvent): void {
  const { type, at, broker, group } = event;
  if (ELECTIONS.has(type)) endLeaderless(state, event);
  else if (type === 'partition/isrExpanded') expand(state, event);
  else if (type === 'partition/reassigned' || type === 'partition/reassignmentCancelled') {
    const listed = listedPartitions(event);
    for (const { topic, partition, to } of listed)
      for (const id of state.missing.keys()) if (!numbersIn(to).includes(id)) drop(state, id, partitionKey(topic, partition));
    for (const [id, count] of unlistedOf(event, listed)?.left ?? []) dropUnlisted(state, id, count);
  } else if (type === 'topic/deleted' && event.topic !== undefined) {
    for (const key of state.leaderlessKeys) if (isOfTopic(key, event.topic)) state.leaderlessKeys.delete(key);
    for (const [id, { keys }] of state.missing) for (const key of keys) if (isOfTopic(key, event.topic)) drop(state, id, key);
  } else if (type === 'lab/nodeRemoved' && broker !== undefined) state.missing.delete(broker);
  if (group !== undefined && state.groups.get(group) === null) {
    const settled = type === 'group/rebalanced' || type === 'load/ended' || (type === 'group/coordinatorMoved' && state.id !== event.id);
    if (settled) state.groups.set(group, at);
  }
}

function endLeaderless(state: State, event: TimelineEvent): void {
  const listed = listedPartitions(event);
  // Elections that the event only counts.
  let unnamed = unlistedOf(event, listed)?.ledAgain ?? 0;
  let others = 0;
  for (const one of listed) {
    // A partition that is not named may be one of those that a cut list left out.
    if (!state.leaderlessKeys.delete(partitionKey(one.topic, one.partition)) && hadNoLeader(one)) others += 1;
  }
  const ranged = rangedKeys(event);
  for (const key of ranged) if (state.leaderlessKeys.delete(key)) unnamed -= 1;
  const more = state.leaderlessMore - others;
  // Only an election that is not named may be of any partition that is.
  let counted = ranged.length > 0 ? 0 : unnamed - Math.max(0, more);
  for (const key of state.leaderlessKeys) if (counted-- > 0) state.leaderlessKeys.delete(key);
  state.leaderlessMore = Math.max(0, more - Math.max(0, unnamed));
}

/** Whether the event ends the incident's cause, or is a step towards it. */
function endCause(state: State, event: TimelineEvent): boolean {
  const { id, type, broker, details, group } = event;
  const { ending } = state;
  if (id === state.id) return false;
  const over = (): true => {
    state.ending = { until: 'ended' };
    return true;
  };
  switch (ending.until) {
    case 'unfenced':
      if (broker !== ending.broker) return false;
      if (type === 'lab/nodeRemoved' || (type === 'cluster/brokerUnfenced' && ending.process === 'up')) return over();
      if (type !== 'lab/nodeStarted') return false;
      ending.process = 'up';
      return true;
    case 'thawed':
      if (broker !== ending.broker) return false;
      if (type === 'lab/nodeRemoved') return over();
      if (type === 'cluster/brokerUnfenced') {
        ending.fenced = false;
        return true;
      }
      if (type !== 'lab/nodeThawed' && type !== 'lab/nodeStarted') return false;
      // Started again it registers, and is in service only when it is unfenced.
      if (type === 'lab/nodeStarted') ending.fenced = true;
      ending.process = 'up';
      return true;
    case 'healed':
      // With a broker the faults about it are removed.
      if (type === 'lab/nodeRemoved') return broker !== undefined && isAbout(state.root, broker) && over();
      return type === 'lab/faultHealed' && details?.['faultId'] === ending.faultId && over();
    case 'resumed':
      if (group === undefined || !state.groups.has(group)) return false;
      if (type === 'load/ended') return over();
      if (type === 'load/memberCrashed') return isPauseOf(state, event) && over();
      if (type !== 'load/memberResumed' || details?.['memberId'] !== ending.memberId) return false;
      if (state.detectedAt === null) state.groups.delete(group);
      return over();
    case 'elected':
      return type === 'quorum/leaderElected' && over();
    case 'ended':
      return false;
  }
}

/** The process of a paused member ends: the rest of the same incident. */
const isPauseOf = ({ ending, groups }: State, { group, details }: TimelineEvent): boolean =>
  ending.until === 'resumed' &&
  typeof ending.memberId === 'string' &&
  ending.memberId === details?.['memberId'] &&
  group !== undefined &&
  groups.has(group);

/** Is the injected fault one of that broker, or of a link to it? */
function isAbout(event: TimelineEvent, broker: number): boolean {
  const { node, between } = faultFields(event);
  return [...numbersIn(node), ...numbersIn(between)].includes(broker);
}

function expand(state: State, event: TimelineEvent): void {
  const listed = listedPartitions(event);
  const joined = new Set<number>();
  for (const { topic, partition, from, to } of listed) {
    for (const broker of numbersWithout(to, from)) {
      joined.add(broker);
      drop(state, broker, partitionKey(topic, partition));
    }
  }
  for (const [broker, count] of unlistedOf(event, listed)?.joined ?? ofOne(event, listed.length, joined))
    dropUnlisted(state, broker, count);
}

function dropUnlisted(state: State, broker: number, count: number): void {
  const missing = state.missing.get(broker);
  if (missing === undefined) return;
  missing.count -= count;
  if (missing.count <= 0) state.missing.delete(broker);
}

function drop(state: State, broker: number, key: string): void {
  const missing = state.missing.get(broker);
  if (missing === undefined) return;
  // A partition that is not named may be one of those that a cut list left out.
  if (!missing.keys.delete(key) && missing.count <= missing.keys.size) return;
  missing.count -= 1;
  if (missing.count <= 0) state.missing.delete(broker);
}

function settle(state: State, at: number): void {
  const led = state.leaderlessKeys.size + state.leaderlessMore === 0;
  const whole = led && state.missing.size === 0;
  if (state.tookLeaders) state.failedOverAt = led ? (state.failedOverAt ?? at) : null;
  if (state.shortened) state.recoveredAt = whole ? (state.recoveredAt ?? at) : null;
  const stable = [...state.groups.values()].every((settledAt) => settledAt !== null);
  state.closedAt = !lasts(state) && whole && stable ? (state.closedAt ?? at) : null;
}

function lasts({ ending }: State): boolean {
  if (ending.until === 'thawed') return ending.process === 'down' || ending.fenced;
  return ending.until !== 'ended';
}

/** A partition from which two brokers are missing counts once, as far as it is named. */
function underReplicatedIn({ missing }: State): number {
  const named = new Set<string>();
  let more = 0;
  for (const { keys, count } of missing.values()) {
    for (const key of keys) named.add(key);
    more = Math.max(more, count - keys.size);
  }
  return named.size + more;
}

const isOfTopic = (key: string, topic: string): boolean => key.slice(0, key.lastIndexOf('/')) === topic;

function incidentFrom(state: State): Incident {
  const { id, cause, subject, root, startedAt, detectedAt, failedOverAt, recoveredAt, closedAt, unobservedAfter, complete } = state;
  return {
    id,
    cause,
    subject,
    root,
    startedAt,
    detectedAt,
    failedOverAt,
    recoveredAt,
    closedAt,
    unobservedAfter,
    lasts: lasts(state),
    leaderless: state.leaderlessKeys.size + state.leaderlessMore,
    underReplicated: underReplicatedIn(state),
    brokers: new Set(state.brokers),
    ledPartitions: state.ledPartitions,
    groups: new Map(state.groups),
    complete,
    eventIds: [...state.eventIds],
  };
}
