/** Text about loads: what runs, acknowledged records, and audit results. */
import type { GroupRow } from '#shared/models/cluster';
import type { GroupLoad, LoadAudit, LoadMember, LoadRow, ProducerLoad } from '#shared/models/load';
import type { TimelineEvent } from '#shared/models/timeline';
import { formatCount, formatDuration, formatList, formatRanges, formatSpan, plural } from '../format/numbers.ts';
import type { Tone } from '../topics/replicas.ts';
import { lagTone } from '../groups/groups.ts';
import { formatLag } from '../groups/lag.ts';

export interface Said {
  text: string;
  tone: Tone;
}

export const isActive = (load: LoadRow): boolean => load.state === 'starting' || load.state === 'running' || load.state === 'stopping';

/** `4,980/s`; below ten with a digit. */
export function formatRate(perSecond: number): string {
  return `${perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond))}/s`;
}

/** Text for acks=0: no broker has acknowledged a record. */
export function rateWord({ acks }: ProducerLoad): string {
  return acks === 'none' ? 'sent' : 'acked';
}

/** `0 lost`; `? lost` until the log was read; what else the reading found. */
export function describeLosses(audit: LoadAudit | null): Said[] {
  if (audit === null) return [{ text: '? lost', tone: 'none' }];
  const said: Said[] = [{ text: `${formatCount(audit.lost)} lost`, tone: audit.lost > 0 ? 'bad' : 'none' }];
  if (audit.unread > 0) said.push({ text: `${formatCount(audit.unread)} not readable now`, tone: 'warn' });
  if (audit.duplicated > 0) said.push({ text: `${formatCount(audit.duplicated)} duplicated`, tone: 'warn' });
  if (audit.removed > 0) said.push({ text: `${formatCount(audit.removed)} removed since`, tone: 'none' });
  return said;
}

/** The first few ranges of lost records. */
export function lostWhich(audit: LoadAudit): string[] {
  return audit.lostRanges.map(({ from, to, partition, offset, count }) => {
    const which =
      count === 1 ? `record ${formatCount(from)}` : `${formatCount(count)} records from ${formatCount(from)} to ${formatCount(to)}`;
    return `${which}, partition ${partition}${offset === '-1' ? '' : `, acknowledged at offset ${formatCount(offset)}`}`;
  });
}

export function keysWord({ keys }: ProducerLoad): string {
  if (keys.kind === 'none') return 'no keys';
  if (keys.kind === 'even') return plural(keys.distinct, 'key');
  return `${plural(keys.distinct, 'key')}, ${Math.round(keys.share * 100)} % of one`;
}

export const ACKS_WORD: Record<ProducerLoad['acks'], string> = { all: 'acks=all', one: 'acks=1', none: 'acks=0' };

/** `steady → orders` in full, for tooltips and screen readers. */
export function describeLoad({ spec }: LoadRow): string {
  if (spec.kind === 'group') {
    const work = spec.perRecordMs === 0 ? '' : `, ${spec.perRecordMs} ms a record`;
    const crash = spec.crashEveryMs === null ? '' : `, a member crashes every ${formatDuration(spec.crashEveryMs)}`;
    const verb = spec.members === 1 ? 'reads' : 'read';
    return `${plural(spec.members, 'member')} of group ${spec.name} ${verb} ${formatList(spec.topics)}${work}, session ${formatDuration(spec.sessionTimeoutMs)}${crash}`;
  }
  const clients = spec.clients === 1 ? '1 producer' : `${spec.clients} producers`;
  return `${clients}, ${formatRate(spec.recordsPerSecond)} of ${formatCount(spec.valueBytes)} B to ${spec.topic}, ${ACKS_WORD[spec.acks]}${spec.idempotent ? ', idempotent' : ''}, ${keysWord(spec)}`;
}

export const STATE_WORD: Record<LoadRow['state'], Said> = {
  starting: { text: 'connecting', tone: 'none' },
  running: { text: 'running', tone: 'ok' },
  stopping: { text: 'stopping', tone: 'none' },
  ended: { text: 'ended', tone: 'none' },
  failed: { text: 'failed', tone: 'bad' },
};

export const MEMBER_WORD: Record<LoadMember['state'], Said> = {
  joining: { text: 'joining', tone: 'none' },
  consuming: { text: 'consuming', tone: 'ok' },
  paused: { text: 'paused', tone: 'flow' },
  ended: { text: 'ended', tone: 'none' },
};

/** `0–2` where there is one topic, `orders 0–2, payments 1` where there are several; null where it has none. */
export function holds(member: LoadMember, topics: readonly string[]): string | null {
  const held = member.assignment.filter(({ partitions }) => partitions.length > 0);
  if (held.length === 0) return null;
  return held
    .map(({ topic, partitions }) => (topics.length === 1 ? formatRanges(partitions) : `${topic} ${formatRanges(partitions)}`))
    .join(', ');
}

export function livingMembers(load: LoadRow): LoadMember[] {
  return (load.consumed?.members ?? []).filter(({ state }) => state !== 'ended');
}

/** Since when a group rebalances, by its events; null when it does not, or when its start was not recorded. */
export function rebalancingSince(group: GroupRow | undefined, events: readonly TimelineEvent[]): number | null {
  if (group?.state !== 'PreparingRebalance' && group?.state !== 'CompletingRebalance') return null;
  for (let i = events.length - 1; i >= 0; i -= 1) {
    const event = events[i];
    if (event?.group !== group.id) continue;
    if (event.type === 'group/rebalanced') return null;
    if (event.type === 'group/rebalanceStarted') return event.at;
  }
  return null;
}

/** What the picture says of one load: a small line, a large one, a small one. */
export interface LoadBlock {
  id: number;
  side: 'left' | 'right';
  head: string;
  figure: Said;
  foot: Said;
}

export interface BlockContext {
  groups: ReadonlyMap<string, GroupRow>;
  events: readonly TimelineEvent[];
  now: number;
}

export function loadBlock(load: LoadRow, context: BlockContext): LoadBlock {
  const { id, spec } = load;
  return spec.kind === 'producer'
    ? { id, side: 'left', head: `producer ${spec.name}`, ...producerBlock(load, spec) }
    : { id, side: 'right', head: `group ${spec.name}`, ...groupBlock(load, spec, context) };
}

function producerBlock(load: LoadRow, spec: ProducerLoad): Pick<LoadBlock, 'figure' | 'foot'> {
  const { written, state, error } = load;
  if (written === null || state === 'starting')
    return { figure: { text: 'connecting', tone: 'none' }, foot: { text: ACKS_WORD[spec.acks], tone: 'none' } };
  const loss = describeLosses(written.audit);
  const worst = loss.find(({ tone }) => tone === 'bad') ?? loss.find(({ tone }) => tone === 'warn') ?? loss[0];
  // Nothing is acknowledged though it should be: that is what a client of a cluster in trouble sees.
  const stuck = written.perSecond === 0 && error !== null;
  return {
    figure: { text: `${formatRate(written.perSecond)} ${rateWord(spec)}`, tone: stuck ? 'bad' : 'none' },
    foot: { text: `${ACKS_WORD[spec.acks]}, ${worst?.text ?? '? lost'}`, tone: worst?.tone ?? 'none' },
  };
}

function groupBlock(load: LoadRow, spec: GroupLoad, { groups, events, now }: BlockContext): Pick<LoadBlock, 'figure' | 'foot'> {
  const group = groups.get(spec.name);
  const lag = group?.lag ?? null;
  const figure: Said =
    lag === null ? { text: 'lag ?', tone: 'none' } : { text: formatLag(group), tone: lagTone(Number(lag)) === 'warn' ? 'warn' : 'none' };
  const since = rebalancingSince(group, events);
  if (since !== null) return { figure, foot: { text: `rebalancing, ${formatSpan(now - since)}`, tone: 'warn' } };
  const members = livingMembers(load);
  const living = members.length;
  const paused = members.filter(({ state }) => state === 'paused').length;
  if (paused > 0) return { figure, foot: { text: `${plural(living, 'member')}, ${paused} paused`, tone: 'flow' } };
  return {
    figure,
    foot: { text: `${plural(living, 'member')}, ${formatRate(load.consumed?.perSecond ?? 0)}`, tone: living === 0 ? 'warn' : 'none' },
  };
}

const GRAVITY: Partial<Record<Tone, number>> = { bad: 2, warn: 1 };
const gravity = ({ figure, foot }: LoadBlock): number => Math.max(GRAVITY[figure.tone] ?? 0, GRAVITY[foot.tone] ?? 0);

/** Where not all have room, those that are news; in their own order. */
export function worthShowing(blocks: readonly LoadBlock[], room: number): LoadBlock[] {
  if (blocks.length <= room) return [...blocks];
  const chosen = new Set([...blocks].sort((a, b) => gravity(b) - gravity(a)).slice(0, room));
  return blocks.filter((block) => chosen.has(block));
}

/** What is said of those that have no room, in one line. */
export function describeHiddenBlocks(hidden: readonly LoadBlock[], all: number): Said | null {
  if (hidden.length === 0) return null;
  const worst = hidden.find((block) => gravity(block) === 2) ?? hidden.find((block) => gravity(block) === 1);
  const news = worst === undefined ? undefined : [worst.foot, worst.figure].find(({ tone }) => tone === 'bad' || tone === 'warn');
  const count = hidden.length === all ? plural(all, 'load') : plural(hidden.length, 'more load', 'more loads');
  return { text: news === undefined ? count : `${count}: ${news.text}`, tone: news?.tone ?? 'none' };
}
