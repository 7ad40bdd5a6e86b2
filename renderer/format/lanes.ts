/**
 * The timeline as lanes: what each broker, link, partition and group was, and since when, replayed from the recorded events
 * alone. Where the record does not say (it began later, or a list in it was cut), a span says so; the present comes from
 * the view, and when it differs from what the events led to, the last span says that nobody knows since when.
 */
import type { BrokerRow, BrokerState, GroupRow, TopicRow } from '#shared/models/cluster';
import type { LinkEnd } from '#shared/models/lab';
import type { TimelineEvent } from '#shared/models/timeline';
import { parseLinkKey, linkKey, linkLabel } from './links.ts';
import { compareText } from './numbers.ts';

/** `led` and `led2` alternate, so that two leaders in a row are told apart; which broker it is stands in the word. */
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

export type LaneKind = 'controller' | 'broker' | 'link' | 'partition' | 'group';

export interface Lane {
  key: string;
  kind: LaneKind;
  label: string;
  /** In order, without overlap; what came before the first is not known, or did not exist. */
  spans: Span[];
  /** In order. */
  events: TimelineEvent[];
}

export interface LaneSource {
  brokers: readonly BrokerRow[];
  topics: readonly TopicRow[];
  groups: readonly GroupRow[];
  controllerId: number | null;
}

interface LaneChoice {
  /** `topic-partition` names, beside those that the events pick. */
  partitions: readonly string[];
  /** At most so many lanes of partitions, links and groups each. */
  most: number;
  /** Lanes of what happened before are left out. */
  notBefore: number;
}

type Item = { topic: string; partition: number; from?: unknown; to?: unknown };

function itemsOf(event: TimelineEvent): Item[] {
  const list = event.details?.['moves'] ?? event.details?.['partitions'] ?? event.details?.['changes'];
  const items = Array.isArray(list) ? list.filter(isItem) : [];
  if (items.length > 0 || event.topic === undefined || event.partitions === undefined) return items;
  const { topic } = event;
  return event.partitions.map((partition) => ({ topic, partition }));
}

function isItem(value: unknown): value is Item {
  const item = value as Partial<Item> | null;
  return typeof item === 'object' && typeof item?.topic === 'string' && typeof item.partition === 'number';
}

const nameOf = ({ topic, partition }: Item): string => `${topic}-${partition}`;

function linkOf(event: TimelineEvent): string | null {
  const fault = event.details?.['fault'] as { between?: unknown } | undefined;
  const between = fault?.between ?? event.details?.['between'];
  if (!Array.isArray(between) || between.length !== 2 || !between.every(isEnd)) return null;
  const [a, b] = between as [LinkEnd, LinkEnd];
  return linkKey(a, b);
}
const isEnd = (value: unknown): value is LinkEnd => typeof value === 'number' || value === 'clients';

function faultOfEvent(event: TimelineEvent): { type?: unknown; node?: unknown } | null {
  const fault = event.details?.['fault'];
  return typeof fault === 'object' && fault !== null ? fault : null;
}

const brokerOf = (event: TimelineEvent): number | null => {
  const node = faultOfEvent(event)?.node;
  return event.broker ?? (typeof node === 'number' ? node : event.type.startsWith('node/') ? event.node : null);
};

interface Facts {
  lanes: string[];
  /** What the event says of each partition, by name. */
  items: ReadonlyMap<string, Item>;
}

/** Events do not change once they are told; what they are about is worked out once. */
const FACTS = new WeakMap<TimelineEvent, Facts>();

function factsOf(event: TimelineEvent): Facts {
  let facts = FACTS.get(event);
  if (facts === undefined) {
    const items = new Map(event.type.startsWith('partition/') ? itemsOf(event).map((item) => [nameOf(item), item]) : []);
    facts = { items, lanes: lanesIn(event, items) };
    FACTS.set(event, facts);
  }
  return facts;
}

function lanesIn(event: TimelineEvent, items: ReadonlyMap<string, Item>): string[] {
  if (event.group !== undefined) return [`group:${event.group}`];
  if (event.type === 'quorum/leaderElected') return ['controller', ...(event.broker === undefined ? [] : [`broker:${event.broker}`])];
  const link = linkOf(event);
  if (link !== null) return [`link:${link}`];
  const partitions = [...items.keys()].map((name) => `partition:${name}`);
  const broker = brokerOf(event);
  return broker === null ? partitions : [...partitions, `broker:${broker}`];
}

/** The lanes that an event belongs to, the likeliest to be looked at first. */
export const lanesOf = (event: TimelineEvent): readonly string[] => factsOf(event).lanes;

/** The record, sorted by lane: made anew when an event comes, not when the view changes. */
export interface LaneIndex {
  byLane: ReadonlyMap<string, TimelineEvent[]>;
  began: number;
  /** When topics were made, by name. */
  created: ReadonlyMap<string, number>;
  /** Elections whose list of partitions was cut. */
  cuts: readonly TimelineEvent[];
}

export function indexEvents(events: readonly TimelineEvent[]): LaneIndex {
  const byLane = new Map<string, TimelineEvent[]>();
  const created = new Map<string, number>();
  const cuts: TimelineEvent[] = [];
  for (const event of events) {
    for (const key of lanesOf(event)) {
      const list = byLane.get(key);
      if (list === undefined) byLane.set(key, [event]);
      else list.push(event);
    }
    if (event.type === 'topic/created' && event.topic !== undefined) created.set(event.topic, event.at);
    if (CHANGES_LEADERS.has(event.type) && (event.count ?? 0) > factsOf(event).items.size) cuts.push(event);
  }
  return { byLane, began: runBegan(events), created, cuts };
}

export function buildLanes(index: LaneIndex, source: LaneSource, choice: LaneChoice): Lane[] {
  const { byLane, began, created, cuts } = index;
  const recent = (kind: LaneKind, most: number): string[] =>
    [...byLane]
      .flatMap(([key, list]): [string, number][] => {
        const at = list.at(-1)?.at ?? 0;
        return key.startsWith(`${kind}:`) && at >= choice.notBefore ? [[key, at]] : [];
      })
      .sort((a, b) => b[1] - a[1])
      .slice(0, most)
      .map(([key]) => key.slice(kind.length + 1));
  const lane = (kind: LaneKind, key: string, label: string, spans: Span[]): Lane => ({
    key,
    kind,
    label,
    spans: notBefore(spans, began),
    events: byLane.get(key) ?? [],
  });

  const lanes: Lane[] = [];
  const elections = byLane.get('controller') ?? [];
  if (elections.length > 0 || source.controllerId !== null)
    lanes.push(lane('controller', 'controller', 'Controller', controllerSpans(elections, byLane, source.controllerId)));
  const brokerIds = new Set([...source.brokers.map(({ id }) => id), ...recent('broker', 16).map(Number)]);
  for (const id of [...brokerIds].sort((a, b) => a - b)) {
    const row = source.brokers.find((broker) => broker.id === id) ?? null;
    lanes.push(lane('broker', `broker:${id}`, `Broker ${id}`, brokerSpans(byLane.get(`broker:${id}`) ?? [], row, id)));
  }
  for (const key of recent('link', choice.most).sort(compareText)) {
    const link = parseLinkKey(key);
    if (link !== null) lanes.push(lane('link', `link:${key}`, linkLabel(link), linkSpans(byLane.get(`link:${key}`) ?? [])));
  }
  const topics = new Map(source.topics.map((topic) => [topic.name, topic]));
  const leaderOf = (topic: string, partition: number): number | null | undefined =>
    topics.get(topic)?.partitions.find((one) => one.partition === partition)?.leader;
  const moved = recent('partition', 2_000).filter((name) => hasLeaderChange(byLane.get(`partition:${name}`) ?? [], choice.notBefore));
  // Of a hundred partitions that moved at once a few tell the story; users' topics first.
  const picked = moved.sort((a, b) => Number(a.startsWith('__')) - Number(b.startsWith('__')) || compareText(a, b)).slice(0, choice.most);
  const partitions = choice.partitions.length > 0 ? choice.partitions : picked;
  for (const name of [...new Set(partitions)].sort(compareText)) {
    const key = `partition:${name}`;
    const dash = name.lastIndexOf('-');
    const topic = name.slice(0, dash);
    const spans = partitionSpans(name, byLane.get(key) ?? [], leaderOf(topic, Number(name.slice(dash + 1))), cuts);
    lanes.push(lane('partition', key, name, notBefore(spans, created.get(topic) ?? EVER)));
  }
  const groups = new Map(source.groups.map((group) => [group.id, group]));
  const living = source.groups.filter(({ members }) => members.length > 0).map(({ id }) => id);
  const groupIds = [...new Set([...recent('group', choice.most), ...living])].slice(0, choice.most).sort(compareText);
  for (const id of groupIds) lanes.push(lane('group', `group:${id}`, id, groupSpans(byLane.get(`group:${id}`) ?? [], groups.get(id))));
  return lanes;
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
const EVER = 0;

/** When the run began, where the record still reaches back to it: nothing was anything before. */
const runBegan = (events: readonly TimelineEvent[]): number => (events[0]?.id === 1 ? events[0].at : EVER);

/** What was before the run, or before its topic was made, was not. */
function notBefore(spans: Span[], at: number): Span[] {
  return spans.filter((span) => span.until === null || span.until > at).map((span) => (span.from < at ? { ...span, from: at } : span));
}

const ENDS_BROKER: ReadonlySet<string> = new Set(['lab/nodeStopped', 'lab/nodeKilled', 'lab/powerCut', 'node/failed']);

/** Elections, and between them what ended the broker that had been elected. */
function controllerSpans(elections: readonly TimelineEvent[], byLane: LaneIndex['byLane'], now: number | null): Span[] {
  const spans = new Spans();
  const first = elections[0]?.details?.['previousLeader'];
  let last: number | null = typeof first === 'number' ? first : null;
  if (last !== null) spans.begin(EVER, 'control', `broker ${last}`, null);
  const gone = (from: number, until: number): void => {
    if (last === null) return;
    const end = byLane.get(`broker:${last}`)?.find((event) => ENDS_BROKER.has(event.type) && event.at >= from && event.at < until);
    if (end === undefined) return;
    spans.begin(end.at, 'bad', 'none', end.id);
    last = null;
  };
  let since = EVER;
  for (const event of elections) {
    if (event.broker === undefined) continue;
    gone(since, event.at);
    spans.begin(event.at, 'control', `broker ${event.broker}`, event.id);
    last = event.broker;
    since = event.at;
  }
  gone(since, Infinity);
  if (elections.length === 0 && now !== null) spans.begin(EVER, 'control', `broker ${now}`, null);
  else if (now === null && last !== null) markUnsure(spans.list, 'none known');
  return spans.list;
}

/** The present is not what the events led to, and nobody recorded since when: said in words, the span keeps its look. */
function markUnsure(spans: Span[], word: string): void {
  const last = spans.at(-1);
  if (last?.until === null) last.word = `${last.word}; now ${word}`;
}

type Process = 'down' | 'starting' | 'running' | 'frozen' | 'stopping';

/** What a broker must have been just before its first recorded event. */
function before(event: TimelineEvent): { process: Process; fenced: boolean } | null {
  switch (event.type) {
    case 'lab/nodeStopped':
    case 'lab/nodeKilled':
    case 'lab/powerCut':
    case 'lab/nodeFrozen':
    case 'cluster/controlledShutdown':
    case 'cluster/brokerFenced':
    case 'node/failed':
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

function brokerSpans(events: readonly TimelineEvent[], row: BrokerRow | null, id: number): Span[] {
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
      case 'lab/nodeKilled':
      case 'lab/powerCut':
      case 'node/failed':
        process = 'down';
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
        continue;
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

function linkSpans(events: readonly TimelineEvent[]): Span[] {
  const spans = new Spans();
  const faults = new Map<unknown, { type: unknown; id: number }>();
  for (const event of events) {
    const faultId = event.details?.['faultId'] ?? event.causeId ?? event.id;
    if (event.type === 'lab/faultInjected')
      faults.set(event.details?.['faultId'] ?? event.id, { type: faultOfEvent(event)?.type, id: event.id });
    else if (event.type === 'lab/faultHealed') {
      if (!faults.delete(faultId)) faults.clear();
    } else continue;
    const types = [...faults.values()].map(({ type }) => type);
    if (types.length === 0) spans.begin(event.at, 'ok', 'whole', event.id);
    else if (types.includes('partition')) spans.begin(event.at, 'bad', 'cut', event.id);
    else spans.begin(event.at, 'warn', 'slow', event.id);
  }
  const [first] = spans.list;
  if (first !== undefined && first.word !== 'whole')
    spans.list.unshift({ from: EVER, until: first.from, tone: 'ok', word: 'whole', eventId: null });
  return spans.list;
}

const CHANGES_LEADERS: ReadonlySet<string> = new Set(['partition/leadersElected', 'partition/leadersLost', 'partition/uncleanlyElected']);
const hasLeaderChange = (events: readonly TimelineEvent[], notBefore: number): boolean =>
  events.some((event) => event.at >= notBefore && CHANGES_LEADERS.has(event.type));

function partitionSpans(
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

function groupSpans(events: readonly TimelineEvent[], row: GroupRow | undefined): Span[] {
  const spans = new Spans();
  for (const event of events) {
    if (event.type === 'group/rebalanceStarted') {
      // A first member that joins is no rebalance of a group that was stable.
      if (spans.list.length === 0 && events[0]?.type !== 'group/memberJoined') spans.begin(EVER, 'ok', 'stable', null);
      spans.begin(event.at, 'warn', 'rebalances', event.id);
    } else if (event.type === 'group/rebalanced') {
      // Its beginning was not recorded, or another node's to tell: then only the end is known.
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
  else if (last.word === 'stable' && row.state === 'Empty') markUnsure(spans.list, 'empty');
  return spans.list;
}

function groupPresent(row: GroupRow): { tone: SpanTone; word: string } {
  if (row.state === 'Stable') return { tone: 'ok', word: 'stable' };
  if (row.state === 'Empty' || row.state === 'Dead') return { tone: 'none', word: row.state === 'Dead' ? 'gone' : 'empty' };
  if (row.state === 'Unknown') return { tone: 'none', word: '?' };
  return { tone: 'warn', word: 'rebalances' };
}
