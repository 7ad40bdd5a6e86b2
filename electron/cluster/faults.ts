/** The Lab's faults in the supervisor; `shared/models/lab.ts` has the app's types, and services check them against these. */
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
/** Faults that stop or suspend a node. */
export type NodeSpec = Extract<FaultSpec, { type: 'stop' | 'kill' | 'powerCut' | 'freeze' }>;

export interface Fault {
  /** Grows by one with every fault of a run. */
  id: number;
  fault: FaultSpec;
  /** Wall-clock milliseconds. */
  since: number;
  /** Id of its entry on the timeline. */
  eventId: number;
  /** One clause about the effect; null: nothing to add. */
  detail: string | null;
}

/** The nodes of a fault, without 'clients'. */
export function nodesOf(spec: FaultSpec): number[] {
  return 'node' in spec ? [spec.node] : spec.between.filter((end) => end !== 'clients');
}

/** Rules of all active faults for the links, disk and clock of node `id`. */
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

/** Describes the fault as a clause. */
export function describeFault(spec: FaultSpec): string {
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
      const [first, second] = spec.between.map(describeEnd) as [string, string];
      if (spec.direction === 'both') return `no traffic between ${first} and ${second}`;
      return spec.direction === 'out' ? `no traffic from ${first} to ${second}` : `no traffic from ${second} to ${first}`;
    }
    case 'slowLink': {
      const [first, second] = spec.between.map(describeEnd) as [string, string];
      const what =
        spec.direction === 'both'
          ? `traffic between ${first} and ${second}`
          : spec.direction === 'out'
            ? `traffic from ${first} to ${second}`
            : `traffic from ${second} to ${first}`;
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

function describeEnd(end: LinkEnd): string {
  return end === 'clients' ? 'clients' : `broker ${end}`;
}

function slowness(latencyMs: number, jitterMs: number, bytesPerSecond: number): string {
  const late = jitterMs > 0 ? `${latencyMs} to ${latencyMs + jitterMs} ms delayed` : `${latencyMs} ms delayed`;
  const limit = `held to ${bytesPerSecond} bytes a second`;
  if (bytesPerSecond === 0) return late;
  return latencyMs + jitterMs > 0 ? `${late} and ${limit}` : limit;
}
