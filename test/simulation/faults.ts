/** Faults, drawn from a seed before a run begins, so that a run without some of them is otherwise the same. */
import type { Random } from '../../electron/cluster/lib/random.ts';
import { SEGMENT_DAMAGES, type SegmentDamage } from './segments.ts';

/** A node by id, or by its role when the fault occurs: leader and an in-sync follower of orders-0, the groups' coordinator. */
export type Target = number | 'leader' | 'follower' | 'coordinator' | 'controller';

const PARTS: readonly Target[] = ['leader', 'leader', 'follower', 'coordinator', 'controller'];

export type Fault = {
  /** True time, ms after the cluster was ready. */
  readonly at: number;
  /** Until the fault ends: a node restarts, a link is repaired, a disk recovers. */
  readonly forMs: number;
} & (
  | { readonly kind: 'stop'; readonly node: Target }
  /** `afterOperations`: ends during the n-th disk operation from then on; 0: between two events. */
  | { readonly kind: 'kill'; readonly node: Target; readonly afterOperations: number }
  | { readonly kind: 'powerCut'; readonly node: Target; readonly afterOperations: number }
  | { readonly kind: 'powerCutAll' }
  /** Killed, and its whole directory is deleted before it restarts. */
  | { readonly kind: 'wipe'; readonly node: Target }
  /** Killed, and its metadata is corrupt when it restarts. */
  | { readonly kind: 'metadata'; readonly node: Target }
  | { readonly kind: 'freeze'; readonly node: Target }
  /** Cuts each of `left` from each of `right`; names of nodes and clients. One way: right receives nothing from left. */
  | { readonly kind: 'partition'; readonly left: readonly string[]; readonly right: readonly string[]; readonly oneWay: boolean }
  | { readonly kind: 'isolate'; readonly node: Target; readonly oneWay: 'in' | 'out' | 'both'; readonly clientsToo: boolean }
  | {
      readonly kind: 'slowLink';
      readonly left: string;
      readonly right: string;
      readonly latencyMs: number;
      readonly jitterMs: number;
      readonly bytesPerMs: number;
    }
  | { readonly kind: 'slowDisk'; readonly node: Target; readonly delayMs: number }
  | { readonly kind: 'fullDisk'; readonly node: Target; readonly freeBytes: number }
  /** Killed, and bits of its logs flip before it restarts. */
  | { readonly kind: 'corrupt'; readonly node: Target; readonly where: 'tail' | 'closed' }
  /** Stopped or killed, and a closed segment is corrupt when it restarts. */
  | { readonly kind: 'segment'; readonly node: Target; readonly how: 'stop' | 'kill'; readonly damage: SegmentDamage }
  /** A client's process is paused, and continues afterwards. */
  | { readonly kind: 'pauseClient'; readonly client: string }
  | { readonly kind: 'clockSkew'; readonly node: Target; readonly skewMs: number }
);

export type FaultKind = Fault['kind'];

const COMPANY: readonly FaultKind[] = ['kill', 'freeze', 'powerCut', 'isolate'];

export interface Shape {
  readonly nodes: number;
  readonly clients: readonly string[];
  /** Faults begin within so many ms. */
  readonly windowMs: number;
}

/** Relative frequency of each kind; a schedule may favour some. */
export type Weights = Readonly<Partial<Record<FaultKind, number>>>;

export const ALL_FAULTS: Weights = {
  kill: 6,
  powerCut: 3,
  powerCutAll: 0.4,
  wipe: 1.5,
  stop: 2,
  freeze: 4,
  isolate: 4,
  partition: 2,
  slowLink: 2,
  slowDisk: 1.5,
  fullDisk: 0.7,
  corrupt: 1,
  segment: 2.5,
  metadata: 1.5,
  clockSkew: 1,
  pauseClient: 2,
};

export function drawFaults(random: Random, shape: Shape, weights: Weights): Fault[] {
  const faults: Fault[] = [];
  const count = 3 + random.int(9);
  const kinds = Object.entries(weights) as [FaultKind, number][];
  const total = kinds.reduce((sum, [, weight]) => sum + weight, 0);
  for (let i = 0; i < count; i++) {
    const at = Math.round(random.next() * shape.windowMs);
    let pick = random.next() * total;
    const kind = kinds.find(([, weight]) => (pick -= weight) < 0)?.[0] ?? 'kill';
    faults.push(draw(random, shape, kind, at));
    // A second fault on another node at the same time, which is the most likely to break replication.
    if (random.next() < 0.35) {
      const other = random.next() < 0.5 ? kind : COMPANY[random.int(COMPANY.length)];
      if (other !== undefined && weights[other] !== undefined)
        faults.push(draw(random, shape, other, at + (random.next() < 0.5 ? 0 : random.int(400))));
    }
  }
  return faults.sort((a, b) => a.at - b.at);
}

function draw(random: Random, { nodes, clients }: Shape, kind: FaultKind, at: number): Fault {
  // From much shorter than any session to longer than all of them.
  const forMs = Math.round(60 * 2 ** (random.next() * 7));
  const node: Target = random.next() < 0.5 ? (PARTS[random.int(PARTS.length)] ?? 'leader') : 1 + random.int(nodes);
  const afterOperations = random.next() < 0.5 ? 0 : 1 + random.int(40);
  const time = { at, forMs };
  const name = (): string => {
    const all = nodes + clients.length;
    const index = random.int(all);
    return index < nodes ? `node${index + 1}` : (clients[index - nodes] as string);
  };
  switch (kind) {
    case 'stop':
    case 'wipe':
    case 'metadata':
    case 'freeze':
      return { kind, node, ...time };
    case 'kill':
    case 'powerCut':
      return { kind, node, afterOperations, ...time };
    case 'powerCutAll':
      return { kind, ...time };
    case 'isolate':
      return {
        kind,
        node,
        oneWay: (['in', 'out', 'both', 'both'] as const)[random.int(4)] ?? 'both',
        clientsToo: random.next() < 0.4,
        ...time,
      };
    case 'partition': {
      const everybody = [...Array.from({ length: nodes }, (_, index) => `node${index + 1}`), ...clients];
      const left = everybody.filter(() => random.next() < 0.5);
      const right = everybody.filter((one) => !left.includes(one));
      return { kind, left, right, oneWay: random.next() < 0.4, ...time };
    }
    case 'slowLink': {
      const left = name();
      let right = name();
      while (right === left) right = `node${1 + random.int(nodes)}`;
      const latencyMs = Math.round(5 * 2 ** (random.next() * 7));
      return {
        kind,
        left,
        right,
        latencyMs,
        jitterMs: Math.round(latencyMs * random.next()),
        bytesPerMs: random.next() < 0.3 ? 20 : 0,
        ...time,
      };
    }
    case 'slowDisk':
      return { kind, node, delayMs: Math.round(5 * 2 ** (random.next() * 7)), ...time };
    case 'fullDisk':
      return { kind, node, freeBytes: random.int(20_000), ...time };
    case 'corrupt':
      return { kind, node, where: random.next() < 0.7 ? 'tail' : 'closed', ...time };
    case 'segment': {
      const damage = SEGMENT_DAMAGES[random.int(SEGMENT_DAMAGES.length)] ?? 'lost';
      return { kind, node, how: random.next() < 0.6 ? 'stop' : 'kill', damage, ...time };
    }
    case 'pauseClient':
      return { kind, client: clients[random.int(clients.length)] ?? '', ...time };
    case 'clockSkew':
      // From milliseconds to some years, ahead or behind.
      return { kind, node, skewMs: Math.round((random.next() - 0.5) * 2 * 10 ** (1 + random.int(11))), ...time };
  }
}

/** A fault as one line of text. */
export function describeFault(fault: Fault): string {
  const { kind, at, forMs, ...rest } = fault;
  const more = Object.entries(rest).map(([key, value]) => `${key} ${Array.isArray(value) ? value.join('+') : String(value)}`);
  return `${(at / 1000).toFixed(3)} s for ${(forMs / 1000).toFixed(3)} s: ${kind}${more.length > 0 ? `, ${more.join(', ')}` : ''}`;
}
