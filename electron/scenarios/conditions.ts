/** Whether something is so now: asked of the cluster, with what was seen. */
import { AdminError } from '../admin/errors.ts';
import type { LoadRow } from '#shared/models/load';
import type { TimelineEvent } from '#shared/models/timeline';
import { COUNTERS, type CounterName, type ScenarioCondition } from '#shared/scenario-verbs';
import type { Stage } from './stage.ts';
import { many } from './words.ts';
import { maxOf } from '#shared/lists';

export interface Seen {
  /** Null: nobody could say. */
  holds: boolean | null;
  /** What was found instead, or what makes it so. */
  seen: string;
  figure: number | null;
}

/** A broker waits for its ISR as long as it is given; that is how long a refusal takes. */
const PROBE_MS = 800;
/** Records that conditions write carry it, so that whoever reads the topic knows them. */
const PROBE_KEY = 'scenario-probe';

/** `since`: monotonic ms; events before do not count. */
export async function look(condition: ScenarioCondition, stage: Stage, since: number): Promise<Seen> {
  try {
    return await lookNow(condition, stage, since);
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    return { holds: null, seen: error.app.message, figure: null };
  }
}

async function lookNow(one: ScenarioCondition, stage: Stage, since: number): Promise<Seen> {
  if ('leader' in one) return leader(one, stage);
  if ('isr' in one) return isr(one, stage);
  if ('lag' in one) {
    const lag = await stage.observer.lag(stage.load(one.lag).name, stage.groupTopics(one.lag));
    return lag === null ? unknown('a part of the lag is not known') : measured(Number(lag), one, `lag ${group(lag)}`);
  }
  if ('members' in one) {
    const found = await stage.observer.group(stage.load(one.members).name);
    if (found === null) return unknown('its coordinator does not say');
    return {
      holds: found.state === 'Stable' && found.members === one.are,
      seen: `${found.state}, ${many(found.members, 'member')}`,
      figure: found.members,
    };
  }
  if ('counter' in one) return counter(one, stage);
  if ('event' in one) {
    const found = await matching({ ...one, type: one.event }, stage, since);
    const [first] = found;
    return {
      holds: found.length > 0,
      seen: first === undefined ? 'it has not happened' : (first.event.reason ?? 'it happened'),
      figure: found.length,
    };
  }
  if ('node' in one) {
    const id = await stage.resolveNow(one.node);
    const node = (await stage.observer.nodes()).find((each) => each.id === id);
    return node === undefined
      ? unknown('there is no such broker now')
      : { holds: node.state === one.is, seen: `broker ${node.id} is ${node.state}`, figure: null };
  }
  if ('writable' in one) {
    const answer = await probe(one.writable, stage);
    return {
      holds: answer.code === null,
      seen: answer.code === null ? `acknowledged at offset ${answer.offset}` : `refused with ${answer.code}`,
      figure: null,
    };
  }
  if ('refused' in one) {
    const { code } = await probe(one.refused, stage);
    return { holds: code === one.with, seen: code === null ? 'it was acknowledged' : `refused with ${code}`, figure: null };
  }
  if ('skew' in one) return skew(one, stage);
  if ('value' in one) {
    const values = tableOf(await stage.observer.read(stage.topic(one.of), new Map()));
    return keyed(values, one.value, one);
  }
  if ('stored' in one) {
    const records = await stage.observer.read(stage.topic(one.of), new Map());
    const count = records.filter(({ key }) => key === one.stored).length;
    return measured(count, one, many(count, 'record'));
  }
  return keyed(stage.view(one.view).values, one.key, one);
}

async function leader(one: Extract<ScenarioCondition, { leader: string }>, stage: Stage): Promise<Seen> {
  const { topic, partition } = stage.partition(one.leader);
  const found = await stage.observer.partition(topic, partition);
  if (found === null) return unknown('nobody knows of that partition');
  const seen = found.leader === null ? 'it has no leader' : `broker ${found.leader} leads`;
  if (one.is === 'none') return { holds: found.leader === null, seen, figure: null };
  if (found.leader === null) return { holds: false, seen, figure: null };
  if (one.is !== undefined) return { holds: found.leader === (await stage.resolveNow(one.is)), seen, figure: null };
  if (one.isNot !== undefined) return { holds: found.leader !== (await stage.resolveNow(one.isNot)), seen, figure: null };
  return { holds: true, seen, figure: null };
}

async function isr(one: Extract<ScenarioCondition, { isr: string }>, stage: Stage): Promise<Seen> {
  const { topic, partition } = stage.partition(one.isr);
  const found = await stage.observer.partition(topic, partition);
  if (found === null) return unknown('nobody knows of that partition');
  const seen = `in sync: ${found.isr.join(', ') || 'none'}`;
  const has = one.has === undefined ? undefined : await stage.resolveNow(one.has);
  const lacks = one.lacks === undefined ? undefined : await stage.resolveNow(one.lacks);
  const holds =
    (one.size === undefined || found.isr.length === one.size) &&
    (has === undefined || (has !== null && found.isr.includes(has))) &&
    (lacks === undefined || (lacks !== null && !found.isr.includes(lacks)));
  return { holds, seen, figure: found.isr.length };
}

function counter(one: Extract<ScenarioCondition, { counter: string }>, stage: Stage): Seen {
  const dot = one.counter.lastIndexOf('.');
  const value = counterOf(stage.row(one.counter.slice(0, dot)), one.counter.slice(dot + 1));
  if (value === null) return unknown('nothing was counted yet');
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

async function skew(one: Extract<ScenarioCondition, { skew: string }>, stage: Stage): Promise<Seen> {
  const sizes = await stage.observer.sizes(stage.topic(one.skew));
  if (sizes.some((size) => size === null)) return unknown('a partition does not say how much it holds');
  const counts = sizes.map(Number);
  const total = counts.reduce((sum, size) => sum + size, 0);
  if (total === 0) return unknown('it holds nothing yet');
  const largest = maxOf(counts);
  const share = largest / total;
  return {
    ...measured(share, one, `partition ${counts.indexOf(largest)} holds ${Math.round(share * 100)} %`),
    figure: Math.round(share * 1000) / 1000,
  };
}

/** One write with acks=all; what came of it. */
async function probe(text: string, stage: Stage): Promise<{ code: string | null; offset: bigint | null }> {
  const { topic, partition } = stage.partition(text);
  try {
    const offset = await stage.observer.write(topic, partition, [{ key: PROBE_KEY, value: 'is it written?' }], PROBE_MS);
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

/** Of what happened since then (and before `until`), what fits; oldest first. */
export async function matching(
  filter: EventFilter,
  stage: Stage,
  since: number,
  until = Infinity,
): Promise<{ at: number; event: TimelineEvent }[]> {
  const broker = filter.of === undefined ? undefined : await stage.resolveNow(filter.of);
  if (broker === null) return [];
  const topic = filter.topic === undefined ? undefined : stage.topic(filter.topic);
  const groupId = filter.group === undefined ? undefined : stage.load(filter.group).name;
  return stage.events.filter(
    ({ at, event }) =>
      at >= since &&
      at < until &&
      event.type === filter.type &&
      (broker === undefined || (event.broker ?? event.node) === broker) &&
      (topic === undefined || concernsTopic(event, topic)) &&
      (groupId === undefined || event.group === groupId),
  );
}

/** Several partitions at once are listed in its details. */
function concernsTopic({ topic, details }: TimelineEvent, wanted: string): boolean {
  if (topic !== undefined) return topic === wanted;
  return Object.values(details ?? {}).some(
    (list) =>
      Array.isArray(list) &&
      list.some((item: unknown) => typeof item === 'object' && item !== null && 'topic' in item && item.topic === wanted),
  );
}

export function tableOf(
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
