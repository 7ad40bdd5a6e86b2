/**
 * The timeline as lanes: what each broker, link, partition and group was, and since when, replayed from the recorded events
 * alone. Where the record does not say (it began later, or a list in it was cut), a span says so; the present comes from
 * the view, and when it differs from what the events led to, the last span says that its start is unknown.
 */
import type { BrokerRow, GroupRow, TopicRow } from '#shared/models/cluster';
import type { TimelineEvent } from '#shared/models/timeline';
import { factsOf, lanesOf } from './lane-facts.ts';
import {
  CHANGES_LEADERS,
  EVER,
  brokerSpans,
  controllerSpans,
  groupSpans,
  hasLeaderChange,
  linkSpans,
  partitionSpans,
  type Span,
} from './lane-spans.ts';
import { linkLabel, parseLinkKey } from '../lab/links.ts';
import { compareText } from '../format/numbers.ts';

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

/** The record, sorted by lane: built again when an event arrives, not when the view changes. */
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
  // Of a hundred partitions that moved at once a few are shown; users' topics first.
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

/** When the run began, where the record still reaches back to it: nothing was anything before. */
const runBegan = (events: readonly TimelineEvent[]): number => (events[0]?.id === 1 ? events[0].at : EVER);

/** What was before the run, or before its topic was made, was not. */
function notBefore(spans: Span[], at: number): Span[] {
  return spans.filter((span) => span.until === null || span.until > at).map((span) => (span.from < at ? { ...span, from: at } : span));
}
