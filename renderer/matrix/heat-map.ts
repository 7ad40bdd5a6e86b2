/**
 * Partitions of a large cluster as lanes of tiles: a lane for each broker, a tile for some topics in the order of their names. A tile has
 * the worst state of its replicas, so that one offline replica among 50,000 partitions is seen. Pure.
 */
import type { TopicRow } from '#shared/models/cluster';
import { escapeName } from '#shared/names';
import { formatCount, plural } from '../format/numbers.ts';
import { addCounts, noReplicas, replicasIn, topicFacts, type ReplicaCounts } from '../topics/topic-facts.ts';

export interface HeatPlan {
  /** Of a tile with its gap, in CSS pixels. */
  pitch: number;
  columns: number;
  lines: number;
  /** Tiles in use. */
  tiles: number;
  topicsPerTile: number;
}

const PITCHES = [16, 13, 11, 9];
const MIN_LINES = 2;

/** `height`: CSS pixels for all lanes. With many brokers a lane has two lines, and the map scrolls. */
export function planHeatMap(topics: number, brokers: number, width: number, height: number): HeatPlan {
  const plan = (pitch: number): HeatPlan => {
    const columns = Math.max(1, Math.floor(width / pitch));
    const lines = Math.max(MIN_LINES, Math.floor(height / Math.max(1, brokers) / pitch));
    const topicsPerTile = Math.max(1, Math.ceil(topics / (columns * lines)));
    const tiles = Math.ceil(topics / topicsPerTile);
    return { pitch, columns, lines: Math.max(1, Math.min(lines, Math.ceil(tiles / columns))), tiles, topicsPerTile };
  };
  const plans = PITCHES.map(plan);
  return plans.find(({ topicsPerTile }) => topicsPerTile === 1) ?? plan(PITCHES.at(-1) ?? 9);
}

export const isSamePlan = (a: HeatPlan, b: HeatPlan): boolean =>
  a.pitch === b.pitch && a.columns === b.columns && a.lines === b.lines && a.tiles === b.tiles && a.topicsPerTile === b.topicsPerTile;

/** For each broker its tiles. */
export function buildLanes(topics: readonly TopicRow[], brokers: readonly number[], { tiles, topicsPerTile }: HeatPlan): ReplicaCounts[][] {
  const laneOf = new Map(brokers.map((broker, i) => [broker, i]));
  const lanes = brokers.map(() => Array.from({ length: tiles }, noReplicas));
  topics.forEach((topic, i) => {
    const tile = Math.floor(i / topicsPerTile);
    for (const [broker, counts] of topicFacts(topic).replicas) {
      const target = lanes[laneOf.get(broker) ?? -1]?.[tile];
      if (target !== undefined) addCounts(target, counts);
    }
  });
  return lanes;
}

export type TileState = 'none' | 'offline' | 'electing' | 'unknown' | 'lagging' | 'inSync';

/** The worst of its replicas. */
export function tileState(counts: ReplicaCounts): TileState {
  if (counts.offline > 0) return 'offline';
  if (counts.electing > 0) return 'electing';
  if (counts.unknown > 0) return 'unknown';
  if (counts.lagging > 0) return 'lagging';
  return counts.leader + counts.inSync > 0 ? 'inSync' : 'none';
}

/** Of the replicas, how many lead: 0 to 1. A broker that leads next to nothing is pale throughout. */
export function leaderShare(counts: ReplicaCounts): number {
  const all = replicasIn(counts);
  return all === 0 ? 0 : counts.leader / all;
}

/** `8 leaders, 16 in sync, 1 offline`. */
export function describeCounts(counts: ReplicaCounts): string {
  const parts: string[] = [];
  const add = (count: number, text: string): void => {
    if (count > 0) parts.push(`${formatCount(count)} ${text}`);
  };
  add(counts.offline, 'offline');
  add(counts.electing, 'without a leader yet');
  add(counts.unknown, 'unknown');
  add(counts.lagging, 'lagging');
  add(counts.leader, counts.leader === 1 ? 'leader' : 'leaders');
  add(counts.inSync, 'in sync');
  return parts.length === 0 ? 'no replica here' : parts.join(', ');
}

/** `orders`, or `ads.1 to ads.7 (7 topics)`. */
export function describeTopics(topics: readonly TopicRow[], tile: number, topicsPerTile: number): string {
  const from = tile * topicsPerTile;
  const last = Math.min(topics.length, from + topicsPerTile) - 1;
  const nameOf = (index: number): string => escapeName(topics[index]?.name ?? '?');
  return from >= last ? nameOf(from) : `${nameOf(from)} to ${nameOf(last)} (${plural(last - from + 1, 'topic')})`;
}

/** Topics with a replica that is not in sync, worst first; at most `limit`. */
export function troubledTopics(topics: readonly TopicRow[], limit: number): { name: string; text: string }[] {
  const found: { name: string; text: string; weight: number }[] = [];
  for (const topic of topics) {
    const { health, waiting } = topicFacts(topic);
    const { offline, refusing, unknown, underReplicated } = health;
    if (offline + refusing + unknown + underReplicated + waiting === 0) continue;
    const text = [
      ...(offline > 0 ? [`${formatCount(offline)} offline`] : []),
      ...(unknown > 0 ? [`${formatCount(unknown)} unknown`] : []),
      ...(refusing > 0 ? [`${formatCount(refusing)} below min.insync.replicas`] : []),
      ...(waiting > 0 ? [`${formatCount(waiting)} with a stopped replica`] : []),
      ...(underReplicated > 0 ? [`${formatCount(underReplicated)} under-replicated`] : []),
    ].join(', ');
    found.push({ name: topic.name, text, weight: offline * 1e9 + unknown * 1e6 + (refusing + waiting) * 1e3 + underReplicated });
  }
  return found.sort((a, b) => b.weight - a.weight).slice(0, limit);
}
