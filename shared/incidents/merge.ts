/**
 * Incidents that several runs of the app observed of one cluster: two processes poll it side by side, and each derives its own. Incidents of one
 * subject and cause whose times overlap are one. Pure.
 */
import { faultFields, listedPartitions } from '../timeline/listed-partitions.ts';
import { type Incident } from './incident.ts';
import { partitionKey } from '../keys.ts';

/** An incident without a duration, as an election, is observed by each process at its own next poll: of a remote cluster within 2 s. */
const POLL_GAP_MS = 5_000;

/**
 * Ascending by start. The first run is the one whose ids, root and events are kept. Incidents of one run are never merged: it observed that
 * the first was over when the second began. `shownAt`: wall-clock ms of a past time at which incidents are open that have ended since.
 */
export function mergeRuns(runs: readonly (readonly Incident[])[], shownAt = Number.MAX_SAFE_INTEGER): Incident[] {
  let merged: Incident[] = [];
  for (const run of runs) merged = addRun(merged, run, shownAt);
  return merged.sort((a, b) => a.startedAt - b.startedAt);
}

function addRun(known: readonly Incident[], run: readonly Incident[], shownAt: number): Incident[] {
  const partners = partnersOf(known, run, shownAt);
  const result = [...known];
  for (const [i, incident] of run.entries()) {
    const at = partners.get(i);
    const other = at === undefined ? undefined : result[at];
    if (at === undefined || other === undefined) result.push(incident);
    else result[at] = mergeTwo(other, incident);
  }
  return result;
}

/**
 * By index in the run: the index of the known incident that is the same. Each has one partner, the one that it overlaps for longest: a process
 * that polls rarely takes two outages in succession for one, and through it the two would become one.
 */
function partnersOf(known: readonly Incident[], run: readonly Incident[], shownAt: number): ReadonlyMap<number, number> {
  const byKey = new Map<string, number[]>();
  for (const [at, incident] of known.entries()) {
    const key = keyOf(incident);
    const own = byKey.get(key);
    if (own === undefined) byKey.set(key, [at]);
    else own.push(at);
  }
  const pairs: { i: number; at: number; overlapMs: number }[] = [];
  for (const [i, incident] of run.entries()) {
    for (const at of byKey.get(keyOf(incident)) ?? []) {
      const other = known[at];
      const overlapMs = other === undefined ? null : overlapOf(incident, other, shownAt);
      if (other !== undefined && overlapMs !== null && isSamePlace(incident, other)) pairs.push({ i, at, overlapMs });
    }
  }
  const partners = new Map<number, number>();
  const taken = new Set<number>();
  for (const { i, at } of pairs.sort((a, b) => b.overlapMs - a.overlapMs)) {
    if (partners.has(i) || taken.has(at)) continue;
    partners.set(i, at);
    taken.add(at);
  }
  return partners;
}

/** Null: their times do not overlap. Ends that touch do. */
function overlapOf(a: Incident, b: Incident, shownAt: number): number | null {
  const epochs = [electionEpochOf(a), electionEpochOf(b)];
  if (epochs[0] !== null && epochs[1] !== null) return epochs[0] === epochs[1] && a.root.broker === b.root.broker ? 0 : null;
  const [endOfA, endOfB] = [endOf(a, shownAt), endOf(b, shownAt)];
  const overlapMs = Math.min(endOfA, endOfB) - Math.max(a.startedAt, b.startedAt);
  const isShort = endOfA === a.startedAt || endOfB === b.startedAt;
  return overlapMs >= (isShort ? -POLL_GAP_MS : 0) ? overlapMs : null;
}

/** An open one lasts at least until the time that is shown. */
const endOf = ({ startedAt, closedAt, unobservedAfter }: Incident, shownAt: number): number =>
  Math.max(startedAt, closedAt ?? unobservedAfter ?? shownAt);

/** Elections are compared by epoch and broker, at whatever times they were observed. Null: no election, or its epoch is unknown. */
function electionEpochOf({ root }: Incident): number | null {
  const epoch = root.type === 'quorum/leaderElected' ? root.details?.['epoch'] : undefined;
  return typeof epoch === 'number' ? epoch : null;
}

/** Subject and cause. Parts of a link have no order. */
function keyOf({ cause, subject, root }: Incident): string {
  const what = subject.kind === 'link' ? { ...subject, between: [...subject.between].map(String).sort() } : subject;
  return JSON.stringify([cause, root.type, faultFields(root)['type'] ?? null, what]);
}

/** Incidents of partitions are one where they share a partition. Other subjects are named whole by their key. */
function isSamePlace(a: Incident, b: Incident): boolean {
  if (a.subject.kind !== 'partitions') return true;
  const keys = partitionsOf(a);
  for (const key of partitionsOf(b)) if (keys.has(key)) return true;
  return false;
}

function partitionsOf({ root, ledPartitions }: Incident): Set<string> {
  return new Set([...ledPartitions, ...listedPartitions(root).map(({ topic, partition }) => partitionKey(topic, partition))]);
}

/** What is the case now is as the run states that observed it best; the rest is what either observed. */
function mergeTwo(kept: Incident, other: Incident): Incident {
  const [best, second] = isBetterObserved(other, kept) ? [other, kept] : [kept, other];
  const isLed = best.leaderless === 0;
  return {
    ...kept,
    startedAt: Math.min(kept.startedAt, other.startedAt),
    detectedAt: earliest(kept.detectedAt, other.detectedAt),
    // A phase that the best run has not reached is not reached; one that it did not observe is as the other run observed it.
    failedOverAt: best.failedOverAt ?? (isLed ? second.failedOverAt : null),
    recoveredAt: best.recoveredAt ?? (isLed && best.underReplicated === 0 ? second.recoveredAt : null),
    closedAt: best.closedAt,
    unobservedAfter: best.unobservedAfter,
    lasts: best.lasts,
    leaderless: best.leaderless,
    underReplicated: best.underReplicated,
    brokers: new Set([...kept.brokers, ...other.brokers]),
    ledPartitions: new Set([...kept.ledPartitions, ...other.ledPartitions]),
    groups: new Map([...second.groups, ...best.groups]),
    complete: kept.complete && other.complete,
  };
}

/** One that is observed still, then the first observation of the end, then the longest observation. */
function isBetterObserved(a: Incident, b: Incident): boolean {
  const [ofA, ofB] = [rankOf(a), rankOf(b)];
  if (ofA !== ofB) return ofA < ofB;
  return ofA === 1 ? (a.closedAt ?? 0) < (b.closedAt ?? 0) : (a.unobservedAfter ?? 0) > (b.unobservedAfter ?? 0);
}

const rankOf = ({ closedAt, unobservedAfter }: Incident): number => (closedAt !== null ? 1 : unobservedAfter === null ? 0 : 2);

const earliest = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.min(a, b));
