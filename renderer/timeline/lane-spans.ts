/** Spans of a lane, replayed from its events: what a broker, a link, a partition or a group was, and since when. */
import type { BrokerRow, BrokerState, GroupRow } from '#shared/models/cluster';
import { faultDefinition } from '#shared/faults/definitions';
import type { TimelineEvent } from '#shared/models/timeline';
import { OUT_OF_SERVICE, PROCESS_ENDS } from '#shared/timeline/event-types';
import { faultFields } from '#shared/timeline/listed-partitions';
import { stateOf } from '../groups/groups.ts';
import { factsOf } from './lane-facts.ts';

/** `led` and `led2` alternate, so that two successive leaders differ; the word names the broker. */
export type SpanTone = 'ok' | 'flow' | 'warn' | 'bad' | 'control' | 'led' | 'led2' | 'none';

export interface Span {
  from: number;
  /** Null: it lasts. */
  until: number | null;
  tone: SpanTone;
  word: string;
  /** The event that began it; null where the record begins later. */
  eventId: number | null;
}

/** Spans under construction: each change ends the one before. */
class Spans {
  readonly list: Span[] = [];

  begin(from: number, tone: SpanTone, word: string, eventId: number | null): void {
    const last = this.list.at(-1);
    if (last?.until === null) {
      if (last.tone === tone && last.word === word) return;
      last.until = from;
    }
    this.list.push({ from, until: null, tone, word, eventId });
  }

  end(at: number): void {
    const last = this.list.at(-1);
    if (last?.until === null) last.until = at;
  }
}

/** The record begins somewhere; what was before is drawn from there on as it must have been. */
export const EVER = 0;

const STOPS_CONTROLLER: ReadonlySet<string> = new Set([...OUT_OF_SERVICE, 'quorum/leaderResigned']);

/** Elections, and between them what ended the controller before: its end, its freeze, its resignation. A gap is a span of its own. */
export function controllerSpans(
  elections: readonly TimelineEvent[],
  byLane: ReadonlyMap<string, TimelineEvent[]>,
  now: number | null,
): Span[] {
  const spans = new Spans();
  const elected = elections.filter(({ type, broker }) => type === 'quorum/leaderElected' && broker !== undefined);
  const first = elected[0]?.details?.['previousLeader'];
  let last: number | null = typeof first === 'number' ? first : null;
  /** The controller that is frozen, and leads again if it thaws before another is elected. */
  let frozen: number | null = null;
  if (last !== null) spans.begin(EVER, 'control', `broker ${last}`, null);
  const gap = (from: number, until: number): void => {
    const leader = last;
    if (leader === null) return;
    for (const event of byLane.get(`broker:${leader}`) ?? []) {
      if (event.at < from || event.at >= until || event.broker !== leader) continue;
      if (STOPS_CONTROLLER.has(event.type)) {
        if (last === null && frozen === null) continue;
        spans.begin(event.at, 'bad', event.type === 'lab/nodeFrozen' ? 'none answers' : 'none', event.id);
        frozen = event.type === 'lab/nodeFrozen' ? leader : null;
        last = null;
      } else if (event.type === 'lab/nodeThawed' && frozen === leader) {
        spans.begin(event.at, 'control', `broker ${leader}`, event.id);
        last = leader;
        frozen = null;
      }
    }
  };
  let from = EVER;
  for (const event of elected) {
    gap(from, event.at);
    spans.begin(event.at, 'control', `broker ${event.broker ?? '?'}`, event.id);
    last = event.broker ?? null;
    frozen = null;
    from = event.at;
  }
  gap(from, Infinity);
  if (elected.length === 0 && now !== null && spans.list.length === 0) spans.begin(EVER, 'control', `broker ${now}`, null);
  else if (now === null && last !== null) markUnsure(spans.list, 'none known');
  return spans.list;
}

/** The present differs from the result of the events since an unknown time: the text says so, the span keeps its look. */
function markUnsure(spans: Span[], word: string): void {
  const last = spans.at(-1);
  if (last?.until === null) last.word = `${last.word}; now ${word}`;
}

type Process = 'down' | 'starting' | 'running' | 'frozen' | 'stopping';

/** What a broker must have been just before its first recorded event. */
function before(event: TimelineEvent): { process: Process; fenced: boolean } | null {
  if (OUT_OF_SERVICE.has(event.type)) return { process: 'running', fenced: false };
  switch (event.type) {
    case 'cluster/controlledShutdown':
    case 'cluster/brokerFenced':
      return { process: 'running', fenced: false };
    case 'lab/nodeThawed':
      return { process: 'frozen', fenced: false };
    case 'lab/nodeStarted':
      return { process: 'down', fenced: true };
    default:
      return null;
  }
}

const STATES: Record<BrokerState, { tone: SpanTone; word: string }> = {
  online: { tone: 'ok', word: 'online' },
  starting: { tone: 'none', word: 'starting' },
  shuttingDown: { tone: 'warn', word: 'stopping' },
  frozen: { tone: 'flow', word: 'frozen' },
  fenced: { tone: 'warn', word: 'fenced' },
  down: { tone: 'bad', word: 'down' },
  unreachable: { tone: 'bad', word: 'unreachable' },
};

export function brokerSpans(events: readonly TimelineEvent[], row: BrokerRow | null, id: number): Span[] {
  const spans = new Spans();
  let process: Process = 'running';
  let fenced = false;
  const show = (at: number, eventId: number | null): void => {
    const { tone, word } =
      process === 'down'
        ? STATES.down
        : process === 'frozen'
          ? { tone: 'flow' as const, word: fenced ? 'frozen, fenced' : 'frozen' }
          : process === 'stopping'
            ? STATES.shuttingDown
            : process === 'starting'
              ? STATES.starting
              : fenced
                ? STATES.fenced
                : STATES.online;
    spans.begin(at, tone, word, eventId);
  };
  for (const event of events) {
    if (spans.list.length === 0) {
      const earlier = before(event);
      if (earlier !== null && (event.broker ?? event.node) === id) {
        ({ process, fenced } = earlier);
        // A node that has just been added was nothing before.
        if (event.type !== 'lab/nodeStarted') show(EVER, null);
      }
    }
    switch (event.type) {
      case 'lab/nodeStarted':
      case 'lab/nodeAdded':
        process = 'starting';
        fenced = true;
        break;
      case 'cluster/brokerRegistered':
        if (process === 'down' || spans.list.length === 0) process = 'starting';
        fenced = true;
        break;
      case 'cluster/brokerUnfenced':
        if (process === 'starting' || process === 'down') process = 'running';
        fenced = false;
        break;
      case 'node/ready':
        if (process === 'starting') process = 'running';
        fenced = false;
        break;
      case 'cluster/controlledShutdown':
        if (process !== 'down') process = 'stopping';
        break;
      case 'lab/nodeStopped':
        process = process === 'down' ? 'down' : 'stopping';
        break;
      case 'cluster/brokerFenced':
        fenced = true;
        // What was asked to stop has left once its controller has fenced it.
        if (process === 'stopping') process = 'down';
        break;
      case 'lab/nodeFrozen':
        process = 'frozen';
        break;
      case 'lab/nodeThawed':
        process = 'running';
        break;
      case 'lab/nodeRemoved':
        spans.end(event.at);
        continue;
      default:
        if (!PROCESS_ENDS.has(event.type)) continue;
        process = 'down';
    }
    show(event.at, event.id);
  }
  if (row === null) return spans.list;
  const now = STATES[row.state];
  const last = spans.list.at(-1);
  if (last === undefined || last.until !== null) spans.begin(row.since ?? EVER, now.tone, now.word, null);
  else if (!last.word.startsWith(now.word) && row.since !== null && row.since > last.from)
    // The view knows since when: a broker that cannot be reached makes no event.
    spans.begin(row.since, now.tone, now.word, null);
  return spans.list;
}

export function linkSpans(events: readonly TimelineEvent[]): Span[] {
  const spans = new Spans();
  const cuts = new Map<unknown, boolean>();
  for (const event of events) {
    const faultId = event.details?.['faultId'] ?? event.causeId ?? event.id;
    if (event.type === 'lab/faultInjected')
      cuts.set(event.details?.['faultId'] ?? event.id, faultDefinition(String(faultFields(event)['type']))?.mark === 'cut');
    else if (event.type === 'lab/faultHealed') {
      if (!cuts.delete(faultId)) cuts.clear();
    } else continue;
    if (cuts.size === 0) spans.begin(event.at, 'ok', 'whole', event.id);
    else if ([...cuts.values()].includes(true)) spans.begin(event.at, 'bad', 'cut', event.id);
    else spans.begin(event.at, 'warn', 'slow', event.id);
  }
  const [first] = spans.list;
  if (first !== undefined && first.word !== 'whole')
    spans.list.unshift({ from: EVER, until: first.from, tone: 'ok', word: 'whole', eventId: null });
  return spans.list;
}

export const CHANGES_LEADERS: ReadonlySet<string> = new Set([
  'partition/leadersElected',
  'partition/leadersLost',
  'partition/uncleanlyElected',
]);
export const hasLeaderChange = (events: readonly TimelineEvent[], notBefore: number): boolean =>
  events.some((event) => event.at >= notBefore && CHANGES_LEADERS.has(event.type));

export function partitionSpans(
  name: string,
  events: readonly TimelineEvent[],
  now: number | null | undefined,
  cuts: readonly TimelineEvent[],
): Span[] {
  const spans = new Spans();
  let turn = false;
  let last: number | null | undefined;
  const led = (at: number, leader: number, eventId: number | null): void => {
    spans.begin(at, turn ? 'led2' : 'led', `broker ${leader}`, eventId);
    turn = !turn;
    last = leader;
  };
  const mine = new Set(events);
  const relevant = [...events.filter((event) => CHANGES_LEADERS.has(event.type)), ...cuts.filter((event) => !mine.has(event))].sort(
    (a, b) => a.id - b.id,
  );
  for (const event of relevant) {
    const item = factsOf(event).items.get(name);
    if (item === undefined) {
      // It may have been among those that the list left out.
      if (spans.list.length > 0) spans.begin(event.at, 'none', '?', event.id);
      last = undefined;
      continue;
    }
    if (spans.list.length === 0 && typeof item.from === 'number' && item.from >= 0) led(EVER, item.from, null);
    if (event.type === 'partition/leadersLost') {
      spans.begin(event.at, 'bad', 'no leader', event.id);
      last = null;
    } else if (typeof item.to === 'number') led(event.at, item.to, event.id);
  }
  if (now === undefined) return spans.list;
  if (spans.list.length === 0) {
    if (now === null) spans.begin(EVER, 'bad', 'no leader', null);
    else led(EVER, now, null);
  } else if (last !== now) {
    const present = now === null ? 'none answers' : `broker ${now}`;
    const open = spans.list.at(-1);
    if (open?.word === '?') open.word = `? now ${present}`;
    else markUnsure(spans.list, present);
  }
  return spans.list;
}

export function groupSpans(events: readonly TimelineEvent[], row: GroupRow | undefined): Span[] {
  const spans = new Spans();
  for (const event of events) {
    if (event.type === 'group/rebalanceStarted') {
      // A first member that joins is no rebalance of a group that was stable.
      if (spans.list.length === 0 && events[0]?.type !== 'group/memberJoined') spans.begin(EVER, 'ok', 'stable', null);
      spans.begin(event.at, 'warn', 'rebalances', event.id);
    } else if (event.type === 'group/rebalanced') {
      // Its beginning was not recorded, or was recorded at another node: only the end is known.
      const members = event.details?.['members'];
      spans.begin(event.at, members === 0 ? 'none' : 'ok', members === 0 ? 'empty' : 'stable', event.id);
    } else if (event.type === 'group/memberLeft' || event.type === 'group/memberExpired') {
      if (event.details?.['members'] === 0) spans.begin(event.at, 'none', 'empty', event.id);
    }
  }
  if (row === undefined) return spans.list;
  const last = spans.list.at(-1);
  const present = groupPresent(row);
  if (last === undefined) spans.begin(EVER, present.tone, present.word, null);
  else if (present.word === '?') markUnsure(spans.list, '?');
  else if (last.word === 'stable' && present.word === 'empty') markUnsure(spans.list, 'empty');
  return spans.list;
}

function groupPresent(row: GroupRow): { tone: SpanTone; word: string } {
  const state = stateOf(row);
  if (state === 'Stable') return { tone: 'ok', word: 'stable' };
  if (state === 'Empty' || state === 'Dead') return { tone: 'none', word: state === 'Dead' ? 'gone' : 'empty' };
  if (state === 'Unknown') return { tone: 'none', word: '?' };
  return { tone: 'warn', word: 'rebalances' };
}
