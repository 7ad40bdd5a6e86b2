/** The subject of each event: its lanes and its partitions. */
import type { LinkEnd } from '#shared/models/lab';
import type { TimelineEvent } from '#shared/models/timeline';
import { faultFields, isLinkEnd, listedPartitions, type ListedPartition } from '#shared/timeline/listed-partitions';
import { partitionName } from '#shared/keys';
import { linkKey } from '../lab/links.ts';

function linkOf(event: TimelineEvent): string | null {
  const between = faultFields(event)['between'] ?? event.details?.['between'];
  if (!Array.isArray(between) || between.length !== 2 || !between.every(isLinkEnd)) return null;
  const [a, b] = between as [LinkEnd, LinkEnd];
  return linkKey(a, b);
}

const brokerOf = (event: TimelineEvent): number | null => {
  const node = faultFields(event)['node'];
  return event.broker ?? (typeof node === 'number' ? node : event.type.startsWith('node/') ? event.node : null);
};

interface Facts {
  lanes: string[];
  /** What the event says of each partition, by name. */
  items: ReadonlyMap<string, ListedPartition>;
}

/** Events are immutable: their subjects are derived once. */
const FACTS = new WeakMap<TimelineEvent, Facts>();

export function factsOf(event: TimelineEvent): Facts {
  let facts = FACTS.get(event);
  if (facts === undefined) {
    const items = new Map(event.type.startsWith('partition/') ? listedPartitions(event).map((item) => [partitionName(item), item]) : []);
    facts = { items, lanes: lanesIn(event, items) };
    FACTS.set(event, facts);
  }
  return facts;
}

function lanesIn(event: TimelineEvent, items: ReadonlyMap<string, ListedPartition>): string[] {
  if (event.group !== undefined) return [`group:${event.group}`];
  if (event.type === 'quorum/leaderElected' || event.type === 'quorum/leaderResigned')
    return ['controller', ...(event.broker === undefined ? [] : [`broker:${event.broker}`])];
  const link = linkOf(event);
  if (link !== null) return [`link:${link}`];
  const partitions = [...items.keys()].map((name) => `partition:${name}`);
  const broker = brokerOf(event);
  return broker === null ? partitions : [...partitions, `broker:${broker}`];
}

/** The lanes that an event belongs to, the likeliest to be looked at first. */
export const lanesOf = (event: TimelineEvent): readonly string[] => factsOf(event).lanes;
