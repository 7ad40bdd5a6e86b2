/** The lab's faults, as the supervisor knows them; the app's words for them are `shared/models/lab.ts`, which services hold against these. */
import type { Direction, LinkRule, NodeFaults } from './lib/node-faults.ts';

export type LinkEnd = number | 'clients';

export type FaultSpec =
  | { type: 'stop'; node: number }
  | { type: 'kill'; node: number }
  | { type: 'powerCut'; node: number }
  | { type: 'freeze'; node: number }
  | { type: 'partition'; between: [LinkEnd, LinkEnd]; direction: Direction }
  | {
      type: 'slowLink';
      between: [LinkEnd, LinkEnd];
      direction: Direction;
      latencyMs: number;
      jitterMs: number;
      bytesPerSecond: number;
    }
  | { type: 'slowDisk'; node: number; latencyMs: number; bytesPerSecond: number }
  | { type: 'fullDisk'; node: number }
  | { type: 'corrupt'; node: number; topic: string; partition: number; where: 'closedSegment' | 'tail' }
  | { type: 'clockSkew'; node: number; offsetMs: number };

export type LinkSpec = Extract<FaultSpec, { type: 'partition' | 'slowLink' }>;
/** Faults by which a node does not run, or does not get on. */
export type NodeSpec = Extract<FaultSpec, { type: 'stop' | 'kill' | 'powerCut' | 'freeze' }>;

export interface Fault {
  /** Grows by one with every fault of a run. */
  id: number;
  fault: FaultSpec;
  /** Wall-clock milliseconds. */
  since: number;
  /** Of the timeline's entry that tells of it. */
  eventId: number;
  /** One clause of what it came to; null where there is nothing to add. */
  detail: string | null;
}

/** The nodes that a fault is about, without 'clients'. */
export function nodesOf(spec: FaultSpec): number[] {
  return 'node' in spec ? [spec.node] : spec.between.filter((end) => end !== 'clients');
}

/** What node `id` has to lay over its links, disk and clock of all that is in force. */
export function faultsOf(id: number, faults: readonly Fault[]): Omit<NodeFaults, 'peers'> {
  const links: LinkRule[] = [];
  const slow: { latencyMs: number; bytesPerSecond: number }[] = [];
  let full = false;
  let clockOffsetMs = 0;
  for (const { fault } of faults) {
    if ('between' in fault) {
      for (const rule of rulesOf(id, fault)) links.push(rule);
    } else if (fault.node !== id) continue;
    else if (fault.type === 'slowDisk') slow.push({ latencyMs: fault.latencyMs, bytesPerSecond: fault.bytesPerSecond });
    else if (fault.type === 'fullDisk') full = true;
    else if (fault.type === 'clockSkew') clockOffsetMs += fault.offsetMs;
  }
  return { links, disk: { slow, full }, clockOffsetMs };
}

function rulesOf(id: number, spec: LinkSpec): LinkRule[] {
  const [first, second] = spec.between;
  if (first !== id && second !== id) return [];
  const direction = first === id ? spec.direction : opposite(spec.direction);
  const peer = first === id ? second : first;
  if (spec.type === 'partition') return [{ peer, direction, cut: true, latencyMs: 0, jitterMs: 0, bytesPerSecond: 0 }];
  const { latencyMs, jitterMs, bytesPerSecond } = spec;
  return [{ peer, direction, cut: false, latencyMs, jitterMs, bytesPerSecond }];
}

function opposite(direction: Direction): Direction {
  if (direction === 'both') return 'both';
  return direction === 'in' ? 'out' : 'in';
}

/** The fault as a clause. */
export function inWords(spec: FaultSpec): string {
  switch (spec.type) {
    case 'stop':
      return `broker ${spec.node} was shut down`;
    case 'kill':
      return `broker ${spec.node} was killed`;
    case 'powerCut':
      return `broker ${spec.node} lost its power`;
    case 'freeze':
      return `broker ${spec.node} is frozen`;
    case 'partition': {
      const [first, second] = spec.between.map(endInWords) as [string, string];
      if (spec.direction === 'both') return `${first} and ${second} hear nothing of each other`;
      return spec.direction === 'out'
        ? `${second} ${hear(spec.between[1])} nothing of ${first}`
        : `${first} ${hear(spec.between[0])} nothing of ${second}`;
    }
    case 'slowLink': {
      const [first, second] = spec.between.map(endInWords) as [string, string];
      const what =
        spec.direction === 'both'
          ? `what passes between ${first} and ${second}`
          : spec.direction === 'out'
            ? `what ${first} sent to ${second}`
            : `what ${second} sent to ${first}`;
      return `${what} is ${slowness(spec.latencyMs, spec.jitterMs, spec.bytesPerSecond)}`;
    }
    case 'slowDisk':
      return `every write of broker ${spec.node} is ${slowness(spec.latencyMs, 0, spec.bytesPerSecond)}`;
    case 'fullDisk':
      return `the disk of broker ${spec.node} is full`;
    case 'corrupt':
      return `bits flipped in ${spec.topic}-${spec.partition} of broker ${spec.node}`;
    case 'clockSkew':
      return `the clock of broker ${spec.node} is ${Math.abs(spec.offsetMs)} ms ${spec.offsetMs < 0 ? 'behind' : 'ahead'}`;
  }
}

function endInWords(end: LinkEnd): string {
  return end === 'clients' ? 'clients' : `broker ${end}`;
}

function hear(end: LinkEnd): string {
  return end === 'clients' ? 'hear' : 'hears';
}

function slowness(latencyMs: number, jitterMs: number, bytesPerSecond: number): string {
  const late = jitterMs > 0 ? `${latencyMs} to ${latencyMs + jitterMs} ms late` : `${latencyMs} ms late`;
  const limit = `held to ${bytesPerSecond} bytes a second`;
  if (bytesPerSecond === 0) return late;
  return latencyMs + jitterMs > 0 ? `${late} and ${limit}` : limit;
}
