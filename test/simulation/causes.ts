/**
 * Judges the causes that the timeline states: the events of nodes and faults are recorded as the supervisor records them, and each stated
 * cause is compared with what was injected, by subject and true time. The rules of `event-causes.ts` are not used here.
 */
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import type { TimelineEvent } from '../../shared/models/timeline.ts';
import { Timeline } from '../../electron/cluster/timeline.ts';
import { simulate } from './run.ts';
import type { Weights } from './faults.ts';

/** Faults that leave an event of their own; a paused client has no member id before it joins. */
export const JUDGED_FAULTS: Weights = { kill: 6, stop: 3, powerCut: 2, freeze: 4, isolate: 4, partition: 2, slowLink: 1, slowDisk: 1 };

/** Maximum delay, in ms, of a consequence after the end of its fault. */
const AFTERMATH_MS = 20_000;
/** Maximum time, in ms, between the entries of one decision. */
const DECISION_MS = 1_000;

interface Injected {
  from: number;
  until: number;
  nodes: ReadonlySet<number>;
}

export interface CauseVerdict {
  entries: number;
  /** Consequences: events that do not occur in a healthy cluster without requests. */
  consequences: number;
  explained: number;
  /** Stated causes that the injected faults refute. */
  falseCauses: string[];
  unexplained: string[];
}

const CONSEQUENCES: ReadonlySet<string> = new Set([
  'cluster/brokerFenced',
  'partition/leadersElected',
  'partition/uncleanlyElected',
  'partition/leadersLost',
  'partition/isrShrunk',
  'quorum/leaderElected',
  'quorum/leaderResigned',
  'group/coordinatorMoved',
]);
const PLANNED: ReadonlySet<unknown> = new Set(['request', 'reassignment', 'removal']);

export async function judgeCauses(seed: number): Promise<CauseVerdict> {
  let nowMs = 0;
  let started = false;
  const timeline = new Timeline(() => nowMs);
  const injected = new Map<number, Injected>();
  const times = new Map<number, number>();
  const verdict: CauseVerdict = { entries: 0, consequences: 0, explained: 0, falseCauses: [], unexplained: [] };
  const byId = new Map<number, TimelineEvent>();

  const record = (node: number | null, event: NodeEvent, timeMs: number): void => {
    nowMs = timeMs;
    if (node === null) started = true;
    const entry = timeline.record(node, event);
    if (entry === undefined) return;
    byId.set(entry.id, entry);
    times.set(entry.id, timeMs);
    verdict.entries += 1;
    if (node === null) track(entry, timeMs);
    if (!started) return;
    const cause = entry.causeId === undefined ? undefined : byId.get(entry.causeId);
    if (cause !== undefined && entry.causeIsPossible !== true) {
      const wrong = refute(entry, cause, timeMs);
      if (wrong !== null)
        verdict.falseCauses.push(`seed ${seed} at ${timeMs.toFixed(0)} ms: ${text(cause)} is stated for ${text(entry)}: ${wrong}`);
    }
    const root = rootOf(entry);
    // The consequence of a request is no consequence of a fault.
    if (!isConsequence(entry) || PLANNED.has(root.details?.['trigger']) || root.type === 'partition/reassignmentStarted') return;
    verdict.consequences += 1;
    if (root.type.startsWith('lab/')) verdict.explained += 1;
    else verdict.unexplained.push(`seed ${seed} at ${timeMs.toFixed(0)} ms: ${text(entry)}; root ${text(root)}`);
  };

  function track(entry: TimelineEvent, timeMs: number): void {
    const fault = entry.details?.['fault'] as { node?: number; between?: unknown[] } | undefined;
    const nodes = new Set([entry.broker, fault?.node, ...(fault?.between ?? [])].filter((id) => typeof id === 'number'));
    if (entry.type === 'lab/faultHealed' || entry.type === 'lab/nodeStarted' || entry.type === 'lab/nodeThawed') {
      const faultId = entry.details?.['faultId'];
      for (const [id, one] of injected) {
        const begun = byId.get(id);
        const ends =
          faultId === undefined ? begun?.broker === entry.broker && begun?.details === undefined : begun?.details?.['faultId'] === faultId;
        if (ends && one.until === Infinity) one.until = timeMs;
      }
    }
    injected.set(entry.id, { from: timeMs, until: isEnd(entry) ? timeMs : Infinity, nodes });
  }

  /** Why the fault cannot be the cause; null: it may be. */
  function refute(effect: TimelineEvent, cause: TimelineEvent, timeMs: number): string | null {
    const fault = injected.get(cause.id);
    const concerned = brokersOf(effect);
    if (fault === undefined) {
      const gapMs = timeMs - (times.get(cause.id) ?? 0);
      const together = cause.type === 'cluster/brokerFenced' || cause.type === 'cluster/controlledShutdown';
      if (together && effect.type.startsWith('partition/') && gapMs > DECISION_MS) return `${gapMs.toFixed(0)} ms lie between`;
      if (cause.type === 'cluster/brokerFenced' && !concerned.has(cause.broker ?? -1)) return 'it is about another broker';
      return null;
    }
    if (timeMs > fault.until + AFTERMATH_MS) return `it ended ${(timeMs - fault.until).toFixed(0)} ms before`;
    if (concerned.size > 0 && ![...fault.nodes].some((node) => concerned.has(node))) return 'it is about other brokers';
    return null;
  }

  const rootOf = (entry: TimelineEvent): TimelineEvent => {
    let root = entry;
    for (let cause = byId.get(root.causeId ?? -1); cause !== undefined; cause = byId.get(root.causeId ?? -1)) root = cause;
    return root;
  };

  await simulate({ seed, weights: JUDGED_FAULTS, record });
  return verdict;
}

const isEnd = ({ type }: TimelineEvent): boolean => type === 'lab/faultHealed' || type === 'lab/nodeStarted' || type === 'lab/nodeThawed';

function isConsequence({ type, details }: TimelineEvent): boolean {
  return (
    CONSEQUENCES.has(type) &&
    !PLANNED.has(details?.['trigger']) &&
    (type !== 'quorum/leaderElected' || details?.['previousLeader'] !== undefined)
  );
}

/** Brokers of the entry: its own, former leaders, those that left or joined an ISR. */
function brokersOf({ type, broker, node, details }: TimelineEvent): Set<number> {
  const ids = new Set<number>();
  const add = (value: unknown): void => {
    for (const id of Array.isArray(value) ? (value as unknown[]) : [value]) if (typeof id === 'number') ids.add(id);
  };
  if (type === 'quorum/leaderElected') add(details?.['previousLeader']);
  else if (type.startsWith('group/')) add([node, details?.['coordinator']]);
  else if (type !== 'quorum/leaderResigned') add(broker);
  for (const list of [details?.['moves'], details?.['partitions'], details?.['changes']]) {
    if (!Array.isArray(list)) continue;
    for (const item of list as { from?: unknown; to?: unknown }[]) {
      add(item.from);
      add(item.to);
    }
  }
  return ids;
}

function text({ id, type, broker, details }: TimelineEvent): string {
  return `${id} ${type}${broker === undefined ? '' : ` of broker ${broker}`} ${JSON.stringify(details ?? {}).slice(0, 160)}`;
}
