/** Faults in words: what is in force, what ends it, and what an action will do before it is done. */
import type { Fault, FaultSpec, FaultType, LinkDirection, LinkEnd } from '#shared/models/lab';
import type { BrokerRow, TopicRow } from '#shared/models/cluster';
import { formatDuration, formatList, plural, quantifyRate } from '../format/numbers.ts';
import { impactOfLoss, type Tone } from '../topics/replicas.ts';

/** Faults that end a node; what undoes them is a start. */
const ENDS_NODE: ReadonlySet<FaultType> = new Set(['stop', 'kill', 'powerCut']);
export const endsNode = (fault: FaultSpec): boolean => ENDS_NODE.has(fault.type);

export const endName = (end: LinkEnd): string => (end === 'clients' ? 'clients' : `${end}`);

/** `2 ↔ 3`, `2 → 3` (what 2 sends), `2 ← 3`. */
export function linkName(between: readonly [LinkEnd, LinkEnd], direction: LinkDirection = 'both'): string {
  const arrow = direction === 'both' ? '↔' : direction === 'out' ? '→' : '←';
  return `${endName(between[0])} ${arrow} ${endName(between[1])}`;
}

function slowness(latencyMs: number, jitterMs: number, bytesPerSecond: number): string {
  const parts: string[] = [];
  if (latencyMs > 0 || jitterMs > 0) parts.push(`${formatDuration(latencyMs)}${jitterMs > 0 ? ` ± ${formatDuration(jitterMs)}` : ''}`);
  if (bytesPerSecond > 0) {
    const { value, unit } = quantifyRate(bytesPerSecond);
    parts.push(`${value} ${unit}`);
  }
  return parts.length === 0 ? 'at full speed' : parts.join(', ');
}

export function formatSkew(offsetMs: number): string {
  return `${formatDuration(Math.abs(offsetMs))} ${offsetMs < 0 ? 'behind' : 'ahead'}`;
}

/** One clause: "link 2 ↔ 3 cut". */
export function tellFault(fault: FaultSpec): string {
  switch (fault.type) {
    case 'stop':
      return `broker ${fault.node} stopped`;
    case 'kill':
      return `broker ${fault.node} killed`;
    case 'powerCut':
      return `power of broker ${fault.node} cut`;
    case 'freeze':
      return `broker ${fault.node} frozen`;
    case 'partition':
      return `link ${linkName(fault.between, fault.direction)} cut`;
    case 'slowLink':
      return `link ${linkName(fault.between, fault.direction)} slow: ${slowness(fault.latencyMs, fault.jitterMs, fault.bytesPerSecond)}`;
    case 'slowDisk':
      return `disk of broker ${fault.node} slow: ${slowness(fault.latencyMs, 0, fault.bytesPerSecond)}`;
    case 'fullDisk':
      return `disk of broker ${fault.node} full`;
    case 'corrupt':
      return `${fault.topic}-${fault.partition} on broker ${fault.node} damaged, ${fault.where === 'tail' ? 'last batch' : 'closed segment'}`;
    case 'clockSkew':
      return `clock of broker ${fault.node}: ${formatSkew(fault.offsetMs)}`;
  }
}

/** What a card says of it, in two or three words; null for what its state says already. */
export function briefFault(fault: FaultSpec): string | null {
  switch (fault.type) {
    case 'slowDisk':
      return 'disk slow';
    case 'fullDisk':
      return 'disk full';
    case 'corrupt':
      return 'log damaged';
    case 'clockSkew':
      return `clock ${fault.offsetMs < 0 ? '−' : '+'}${formatDuration(Math.abs(fault.offsetMs))}`;
    default:
      return null;
  }
}

/** The word on the button that ends it. */
export function healWord(fault: FaultSpec): string {
  if (endsNode(fault)) return 'Start';
  return fault.type === 'freeze' ? 'Thaw' : 'Heal';
}

export type FaultMark = 'cut' | 'slow' | 'frozen' | 'down' | 'disk' | 'damage' | 'clock';
export const FAULT_MARKS: Record<FaultType, { mark: FaultMark; tone: Tone }> = {
  stop: { mark: 'down', tone: 'bad' },
  kill: { mark: 'down', tone: 'bad' },
  powerCut: { mark: 'down', tone: 'bad' },
  freeze: { mark: 'frozen', tone: 'flow' },
  partition: { mark: 'cut', tone: 'bad' },
  slowLink: { mark: 'slow', tone: 'warn' },
  slowDisk: { mark: 'disk', tone: 'warn' },
  fullDisk: { mark: 'disk', tone: 'bad' },
  corrupt: { mark: 'damage', tone: 'bad' },
  clockSkew: { mark: 'clock', tone: 'warn' },
};

export const concernsNode = (fault: FaultSpec, node: number): boolean =>
  'node' in fault ? fault.node === node : fault.between.includes(node);

export const faultOf = (faults: readonly Fault[], node: number, types: readonly FaultType[]): Fault | null =>
  faults.find(({ fault }) => 'node' in fault && fault.node === node && types.includes(fault.type)) ?? null;

export type LabVerb =
  'stop' | 'kill' | 'powerCut' | 'freeze' | 'thaw' | 'start' | 'slowDisk' | 'fullDisk' | 'corrupt' | 'clockSkew' | 'cutLinks' | 'slowLinks';

export interface ImpactSource {
  broker: BrokerRow;
  topics: Iterable<TopicRow>;
}

const MAX_NAMED = 3;
const some = (names: readonly string[]): string =>
  names.length <= MAX_NAMED ? formatList(names) : `${names.slice(0, MAX_NAMED - 1).join(', ')} and ${names.length - MAX_NAMED + 1} more`;

/** What follows when a broker no longer takes part, counted on the cluster as it stands. */
export function tellLoss({ broker, topics }: ImpactSource): string {
  const { leads, offlineTopics, refusingTopics } = impactOfLoss(broker.id, topics);
  const parts = [leads === 0 ? 'Leads no partition.' : `Leads ${plural(leads, 'partition')}.`];
  if (offlineTopics.length > 0) parts.push(`Holds the only in-sync replica of partitions of ${some(offlineTopics)}.`);
  if (refusingTopics.length > 0) parts.push(`${some(refusingTopics.map(({ name }) => name))} will refuse acks=all writes.`);
  return parts.join(' ');
}

/** What a verb of the lab will do, shown before it is done. */
export function tellVerb(verb: LabVerb, source: ImpactSource): string {
  const { broker } = source;
  const timeout =
    broker.sessionTimeoutMs === null ? 'its session is lost' : `${formatDuration(broker.sessionTimeoutMs)} without a heartbeat`;
  switch (verb) {
    case 'stop':
      return `Controlled shutdown: leadership moves first, then the broker leaves. ${tellLoss(source)}`;
    case 'kill':
      return `Crashes immediately (SIGKILL). Data already written to disk is kept. Leadership moves after ${timeout}. ${tellLoss(source)}`;
    case 'powerCut':
      return `Crash plus loss of data not yet flushed to its disk. Leadership moves after ${timeout}. ${tellLoss(source)}`;
    case 'freeze':
      return `Pauses the broker (SIGSTOP); its sockets stay open. Fenced after ${timeout}; after thawing it discovers that it was fenced. ${tellLoss(source)}`;
    case 'thaw':
      return 'Resumes the broker, which catches up with the metadata and its leaders.';
    case 'start':
      return 'Starts the broker: log recovery, registration, catching up, then back in the ISRs.';
    case 'slowDisk':
      return 'Each write to its disk waits. Followers fall behind; acks=all waits for the slowest in-sync replica.';
    case 'fullDisk':
      return 'Writes fail with ENOSPC and its log directory goes offline: its leaders move to other brokers.';
    case 'corrupt':
      return 'Bits flip in one replica. Detected when the batch is read or the log recovered; the other replicas are intact.';
    case 'clockSkew':
      return 'Its clock drifts. Order does not depend on it; timestamps and retention do.';
    case 'cutLinks':
      return 'Blocks traffic to the selected peers, in one or both directions.';
    case 'slowLinks':
      return 'Delays or limits traffic to the selected peers.';
  }
}
