/** Evaluates the conditions of a scenario against the cluster, once. */
import { AdminError } from '../admin/errors.ts';
import type { LoadRow } from '#shared/models/load';
import type { TimelineEvent } from '#shared/models/timeline';
import { COUNTERS, type CounterName, type ScenarioCondition } from '#shared/scenario-verbs';
import type { RunContext } from './run-context.ts';
import { plural } from '#shared/numbers';
import { maxOf } from '#shared/lists';

export interface Seen {
  /** Null: unknown. */
  holds: boolean | null;
  /** The state that was found, for the report. */
  seen: string;
  figure: number | null;
}

/** Timeout of the produce request of a probe: a broker waits as long for the ISR before it rejects the write. */
const PROBE_MS = 800;
/** Key of the records that conditions write, by which consumers of the topic recognize them. */
const PROBE_KEY = 'scenario-probe';

/** `since`: monotonic ms; events before do not count. */
export async function checkCondition(condition: ScenarioCondition, context: RunContext, since: number): Promise<Seen> {
  try {
    return await evaluateCondition(condition, context, since);
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    return { holds: null, seen: error.app.message, figure: null };
  }
}

async function evaluateCondition(one: ScenarioCondition, context: RunContext, since: number): Promise<Seen> {
  if ('leader' in one) return leader(one, context);
  if ('isr' in one) return isr(one, context);
  if ('lag' in one) {
    const lag = await context.observer.lag(context.load(one.lag).name, context.groupTopics(one.lag));
    return lag === null ? unknown('the lag of a partition is unknown') : measured(Number(lag), one, `lag ${group(lag)}`);
  }
  if ('members' in one) {
    const found = await context.observer.group(context.load(one.members).name);
    if (found === null) return unknown('the group was not described by its coordinator');
    return {
      holds: found.state === 'Stable' && found.members === one.are,
      seen: `${found.state}, ${plural(found.members, 'member')}`,
      figure: found.members,
    };
  }
  if ('counter' in one) return counter(one, context);
  if ('event' in one) {
    const found = await matching({ ...one, type: one.event }, context, since);
    const [first] = found;
    return {
      holds: found.length > 0,
      seen: first === undefined ? 'no such event' : (first.event.reason ?? 'the event was recorded'),
      figure: found.length,
    };
  }
  if ('node' in one) {
    const id = await context.resolveNow(one.node);
    const node = (await context.observer.nodes()).find((each) => each.id === id);
    return node === undefined
      ? unknown('no such broker')
      : { holds: node.state === one.is, seen: `broker ${node.id} is ${node.state}`, figure: null };
  }
  if ('writable' in one) {
    const answer = await probe(one.writable, context);
    return {
      holds: answer.code === null,
      seen: answer.code === null ? `acknowledged at offset ${answer.offset}` : `rejected with ${answer.code}`,
      figure: null,
    };
  }
  if ('refused' in one) {
    const { code } = await probe(one.refused, context);
    return { holds: code === one.with, seen: code === null ? 'the write was acknowledged' : `rejected with ${code}`, figure: null };
  }
  if ('skew' in one) return skew(one, context);
  if ('value' in one) {
    const values = updateTable(await context.observer.read(context.topic(one.of), new Map()));
    return keyed(values, one.value, one);
  }
  if ('stored' in one) {
    const records = await context.observer.read(context.topic(one.of), new Map());
    const count = records.filter(({ key }) => key === one.stored).length;
    return measured(count, one, plural(count, 'record'));
  }
  return keyed(context.view(one.view).values, one.key, one);
}

async function leader(one: Extract<ScenarioCondition, { leader: string }>, context: RunContext): Promise<Seen> {
  const { topic, partition } = context.partition(one.leader);
  const found = await context.observer.partition(topic, partition);
  if (found === null) return unknown('no broker knows the partition');
  const seen = found.leader === null ? 'the partition has no leader' : `broker ${found.leader} is the leader`;
  if (one.is === 'none') return { holds: found.leader === null, seen, figure: null };
  if (found.leader === null) return { holds: false, seen, figure: null };
  if (one.is !== undefined) return { holds: found.leader === (await context.resolveNow(one.is)), seen, figure: null };
  if (one.isNot !== undefined) return { holds: found.leader !== (await context.resolveNow(one.isNot)), seen, figure: null };
  return { holds: true, seen, figure: null };
}

async function isr(one: Extract<ScenarioCondition, { isr: string }>, context: RunContext): Promise<Seen> {
  const { topic, partition } = context.partition(one.isr);
  const found = await context.observer.partition(topic, partition);
  if (found === null) return unknown('no broker knows the partition');
  const seen = `ISR: ${found.isr.join(', ') || 'empty'}`;
  const has = one.has === undefined ? undefined : await context.resolveNow(one.has);
  const lacks = one.lacks === undefined ? undefined : await context.resolveNow(one.lacks);
  const holds =
    (one.size === undefined || found.isr.length === one.size) &&
    (has === undefined || (has !== null && found.isr.includes(has))) &&
    (lacks === undefined || (lacks !== null && !found.isr.includes(lacks)));
  return { holds, seen, figure: found.isr.length };
}

function counter(one: Extract<ScenarioCondition, { counter: string }>, context: RunContext): Seen {
  const dot = one.counter.lastIndexOf('.');
  const value = counterOf(context.row(one.counter.slice(0, dot)), one.counter.slice(dot + 1));
  if (value === null) return unknown('the counter has no value yet');
  return measured(value, one, one.counter.endsWith('Ms') ? `${group(Math.round(value))} ms` : group(value));
}

export function counterOf(row: LoadRow, name: string): number | null {
  const known = COUNTERS.find((one) => one === name);
  if (known === undefined) return null;
  const counts: Partial<Record<CounterName, number | null>> = {
    ...(row.written === null ? {} : { ...row.written, audit: undefined }),
    ...(row.consumed === null ? {} : { ...row.consumed, members: undefined }),
  };
  return counts[known] ?? null;
}

async function skew(one: Extract<ScenarioCondition, { skew: string }>, context: RunContext): Promise<Seen> {
  const sizes = await context.observer.sizes(context.topic(one.skew));
  if (sizes.some((size) => size === null)) return unknown('the size of a partition is unknown');
  const counts = sizes.map(Number);
  const total = counts.reduce((sum, size) => sum + size, 0);
  if (total === 0) return unknown('the topic is empty');
  const largest = maxOf(counts);
  const share = largest / total;
  return {
    ...measured(share, one, `partition ${counts.indexOf(largest)} holds ${Math.round(share * 100)} %`),
    figure: Math.round(share * 1000) / 1000,
  };
}

/** Writes one record with acks=all. Resolves to the error code, or to the offset when the write was acknowledged. */
async function probe(text: string, context: RunContext): Promise<{ code: string | null; offset: bigint | null }> {
  const { topic, partition } = context.partition(text);
  try {
    const offset = await context.observer.write(topic, partition, [{ key: PROBE_KEY, value: 'is it written?' }], PROBE_MS);
    return { code: null, offset };
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    return { code: error.app.code, offset: null };
  }
}

export interface EventFilter {
  type: string;
  of?: string | number | undefined;
  topic?: string | undefined;
  group?: string | undefined;
}

/** Events that match the filter from `since` (inclusive) to `until` (exclusive), in monotonic ms; oldest first. */
export async function matching(
  filter: EventFilter,
  context: RunContext,
  since: number,
  until = Infinity,
): Promise<{ at: number; event: TimelineEvent }[]> {
  const broker = filter.of === undefined ? undefined : await context.resolveNow(filter.of);
  if (broker === null) return [];
  const topic = filter.topic === undefined ? undefined : context.topic(filter.topic);
  const groupId = filter.group === undefined ? undefined : context.load(filter.group).name;
  return context.events.filter(
    ({ at, event }) =>
      at >= since &&
      at < until &&
      event.type === filter.type &&
      (broker === undefined || (event.broker ?? event.node) === broker) &&
      (topic === undefined || concernsTopic(event, topic)) &&
      (groupId === undefined || event.group === groupId),
  );
}

/** An event of several partitions lists them in its details. */
function concernsTopic({ topic, details }: TimelineEvent, wanted: string): boolean {
  if (topic !== undefined) return topic === wanted;
  return Object.values(details ?? {}).some(
    (list) =>
      Array.isArray(list) &&
      list.some((item: unknown) => typeof item === 'object' && item !== null && 'topic' in item && item.topic === wanted),
  );
}

export function updateTable(
  records: readonly { key: string | null; value: string | null }[],
  into = new Map<string, string>(),
): Map<string, string> {
  for (const { key, value } of records) {
    if (key === null) continue;
    if (value === null) into.delete(key);
    else into.set(key, value);
  }
  return into;
}

function keyed(values: ReadonlyMap<string, string>, key: string, wanted: { is?: string | undefined; gone?: true | undefined }): Seen {
  const value = values.get(key);
  const seen = value === undefined ? `no ${key}` : `${key} = ${value.slice(0, 60)}`;
  if (wanted.gone === true) return { holds: value === undefined, seen, figure: null };
  return { holds: value !== undefined && (wanted.is === undefined || wanted.is === value), seen, figure: null };
}

export function within(value: number, { atLeast, atMost }: { atLeast?: number | undefined; atMost?: number | undefined }): boolean {
  return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
}

function measured(value: number, bounds: { atLeast?: number | undefined; atMost?: number | undefined }, seen: string): Seen {
  return { holds: within(value, bounds), seen, figure: value };
}

function unknown(seen: string): Seen {
  return { holds: null, seen, figure: null };
}

function group(value: number | bigint): string {
  return value.toLocaleString('en');
}
