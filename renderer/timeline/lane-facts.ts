/** The subject of each event: its lanes and its partitions. */
import type { LinkEnd } from '#shared/models/lab';
import type { TimelineEvent } from '#shared/models/timeline';
import { linkKey } from '../lab/links.ts';

export type Item = { topic: string; partition: number; from?: unknown; to?: unknown };

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

export function faultOfEvent(event: TimelineEvent): { type?: unknown; node?: unknown } | null {
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

/** Events are immutable: their subjects are derived once. */
const FACTS = new WeakMap<TimelineEvent, Facts>();

export function factsOf(event: TimelineEvent): Facts {
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
