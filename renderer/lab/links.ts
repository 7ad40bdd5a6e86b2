/** The state of each link between two ends, from the faults in force. */
import type { Fault, FaultSpec, LinkEnd } from '#shared/models/lab';
import { formatEnd } from '#shared/faults/fault-text';
import { formatDuration, quantifyRate } from '../format/numbers.ts';
import { minOf } from '#shared/lists';

/** `a` and `b` in a fixed order: lower broker first, clients last. */
export interface Link {
  key: string;
  a: LinkEnd;
  b: LinkEnd;
}

export interface Slowness {
  latencyMs: number;
  jitterMs: number;
  /** 0: unlimited. */
  bytesPerSecond: number;
}

export interface LinkState {
  link: Link;
  /** What does not pass. */
  cut: 'none' | 'both' | 'aToB' | 'bToA';
  /** The slowest of either way; null: at full speed. */
  slow: Slowness | null;
  slowWay: 'both' | 'aToB' | 'bToA' | null;
  faults: Fault[];
}

export const linkKey = (x: LinkEnd, y: LinkEnd): string => {
  const { a, b } = inOrder(x, y);
  return `${a}-${b}`;
};

function inOrder(x: LinkEnd, y: LinkEnd): { a: LinkEnd; b: LinkEnd } {
  if (x === 'clients') return { a: y, b: x };
  if (y === 'clients') return { a: x, b: y };
  return x <= y ? { a: x, b: y } : { a: y, b: x };
}

/** Every broker with every other, and the clients with each. */
export function allLinks(brokers: readonly number[]): Link[] {
  const links: Link[] = [];
  brokers.forEach((a, i) => {
    for (const b of brokers.slice(i + 1)) links.push({ key: linkKey(a, b), ...inOrder(a, b) });
  });
  for (const a of brokers) links.push({ key: linkKey(a, 'clients'), a, b: 'clients' });
  return links;
}

export const parseLinkKey = (key: string): Link | null => {
  const match = /^(\d+)-(\d+|clients)$/.exec(key);
  if (match === null) return null;
  const b = match[2] === 'clients' ? 'clients' : Number(match[2]);
  return { key, a: Number(match[1]), b };
};

type LinkFault = Extract<FaultSpec, { between: unknown }>;
const isLinkFault = (fault: FaultSpec): fault is LinkFault => 'between' in fault;

/** Which ways of `link` a fault concerns; its own direction is as its first end sees it. */
function waysOf(link: Link, fault: LinkFault): { aToB: boolean; bToA: boolean } {
  if (fault.direction === 'both') return { aToB: true, bToA: true };
  const fromA = fault.between[0] === link.a ? fault.direction === 'out' : fault.direction === 'in';
  return { aToB: fromA, bToA: !fromA };
}

const wayName = ({ aToB, bToA }: { aToB: boolean; bToA: boolean }): 'both' | 'aToB' | 'bToA' | null =>
  aToB && bToA ? 'both' : aToB ? 'aToB' : bToA ? 'bToA' : null;

export function linkState(link: Link, faults: readonly Fault[]): LinkState {
  const mine = faults.filter(({ fault }) => isLinkFault(fault) && linkKey(...fault.between) === link.key);
  const cut = { aToB: false, bToA: false };
  const slowWays = { aToB: false, bToA: false };
  let slow: Slowness | null = null;
  for (const { fault } of mine) {
    if (!isLinkFault(fault)) continue;
    const ways = waysOf(link, fault);
    const into = fault.type === 'partition' ? cut : slowWays;
    into.aToB ||= ways.aToB;
    into.bToA ||= ways.bToA;
    if (fault.type === 'slowLink') slow = slower(slow, fault);
  }
  return { link, cut: wayName(cut) ?? 'none', slow, slowWay: wayName(slowWays), faults: mine };
}

function slower(one: Slowness | null, other: Slowness): Slowness {
  if (one === null) return { latencyMs: other.latencyMs, jitterMs: other.jitterMs, bytesPerSecond: other.bytesPerSecond };
  const limits = [one.bytesPerSecond, other.bytesPerSecond].filter((limit) => limit > 0);
  return {
    // Latencies of two faults on one link add up.
    latencyMs: one.latencyMs + other.latencyMs,
    jitterMs: one.jitterMs + other.jitterMs,
    bytesPerSecond: limits.length === 0 ? 0 : minOf(limits),
  };
}

/** The label on the line: `200 ms`, `50 kB/s`. */
export function slowLabel({ latencyMs, jitterMs, bytesPerSecond }: Slowness): string {
  if (jitterMs > 0) return `${formatDuration(latencyMs)} ± ${formatDuration(jitterMs)}`;
  if (latencyMs > 0) return formatDuration(latencyMs);
  const { value, unit } = quantifyRate(bytesPerSecond);
  return bytesPerSecond > 0 ? `${value} ${unit}` : '0 ms';
}

/** `Link 2 ↔ 3`, `Clients ↔ broker 1`. */
export function linkTitle({ a, b }: Link): string {
  return b === 'clients' ? `Clients ↔ broker ${formatEnd(a)}` : `Link ${formatEnd(a)} ↔ ${formatEnd(b)}`;
}

const sender = (end: LinkEnd): string => (end === 'clients' ? 'clients' : `broker ${end}`);

/** As short as a lane's label: `Link 2 ↔ 3`, `Link 1 ↔ clients`. */
export const linkLabel = ({ a, b }: Link): string => `Link ${formatEnd(a)} ↔ ${formatEnd(b)}`;

/** In one clause, for those who do not see the line. */
export function describeLinkState({ link, cut, slow, slowWay }: LinkState): string {
  const parts: string[] = [];
  if (cut === 'both') parts.push('cut');
  else if (cut !== 'none')
    parts.push(
      `cut one way: ${sender(cut === 'aToB' ? link.b : link.a)} receives nothing from ${sender(cut === 'aToB' ? link.a : link.b)}`,
    );
  if (slow !== null && cut !== 'both') {
    const way = slowWay === 'aToB' ? ` from ${sender(link.a)}` : slowWay === 'bToA' ? ` from ${sender(link.b)}` : '';
    parts.push(`slow${way}: ${slowLabel(slow)}`);
  }
  return parts.length === 0 ? 'whole' : parts.join(', ');
}
