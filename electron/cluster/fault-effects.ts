/** The effect of each fault: one entry for each of `shared/faults`. `ClusterFaults` injects and heals them. */
import type { FaultSpec, FaultType, LinkDirection } from '#shared/models/lab';
import type { TimelineEventType } from '#shared/models/timeline';
import { ClusterError } from './cluster-errors.ts';
import type { ClusterNode } from './cluster-node.ts';
import type { DiskSlowness, LinkRule, NodeFaults } from './lib/node-faults.ts';

/** Ends or freezes the process of a node, in a transition of that node. */
interface ProcessEffect {
  by: 'process';
  event: TimelineEventType;
  /** In a refusal: "broker 2 cannot be frozen: it is stopped". */
  participle: string;
  /** It does not wait for a start or stop in progress. */
  interrupts: boolean;
  losesUnflushed?: true;
  accepts(node: ClusterNode): boolean;
  apply(node: ClusterNode, signal: AbortSignal): Promise<void>;
}

/** Rules for the links, disk and clock of nodes, which each node applies itself. */
interface RuleEffect<Spec> {
  by: 'rules';
  /** Called for each broker of the fault. */
  addTo(rules: Rules, fault: Spec, node: number): void;
  /** The node may have ended because of the fault: it is restarted once the fault is healed. */
  restartsNode?: true;
}

/** Flips bits on the disk of a node, once; healing flips them back. */
interface CorruptionEffect {
  by: 'corruption';
}

export type Effect<Spec> = ProcessEffect | RuleEffect<Spec> | CorruptionEffect;

interface Rules {
  links: LinkRule[];
  disk: { slow: DiskSlowness[]; full: boolean };
  clockOffsetMs: number;
}

const PROCESS_EFFECTS = {
  stop: {
    by: 'process',
    event: 'lab/nodeStopped',
    participle: 'stopped',
    interrupts: false,
    accepts: ({ state }) => state === 'running',
    async apply(node, signal) {
      await node.stop(true, signal);
      if (signal.aborted) throw new ClusterError('WRONG_STATE', `broker ${node.id} was killed during its stop`);
    },
  },
  kill: {
    by: 'process',
    event: 'lab/nodeKilled',
    participle: 'killed',
    interrupts: true,
    accepts: ({ alive, state }) => alive || state === 'starting',
    apply: killAlive,
  },
  powerCut: {
    by: 'process',
    event: 'lab/powerCut',
    participle: 'cut off from power',
    interrupts: true,
    losesUnflushed: true,
    accepts: () => true,
    apply: killAlive,
  },
  freeze: {
    by: 'process',
    event: 'lab/nodeFrozen',
    participle: 'frozen',
    interrupts: false,
    accepts: ({ state }) => state === 'running',
    apply: (node, signal) => node.freeze(signal),
  },
} as const satisfies Partial<Record<FaultType, ProcessEffect>>;

/** Faults that end or freeze the process of a node. */
export type ProcessFault = Extract<FaultSpec, { type: keyof typeof PROCESS_EFFECTS }>;

const EFFECTS: { [Type in FaultType]: Effect<Extract<FaultSpec, { type: Type }>> } = {
  ...PROCESS_EFFECTS,
  partition: {
    by: 'rules',
    addTo({ links }, fault, node) {
      links.push({ ...linkFrom(node, fault), cut: true, latencyMs: 0, jitterMs: 0, bytesPerSecond: 0 });
    },
  },
  slowLink: {
    by: 'rules',
    addTo({ links }, fault, node) {
      const { latencyMs, jitterMs, bytesPerSecond } = fault;
      links.push({ ...linkFrom(node, fault), cut: false, latencyMs, jitterMs, bytesPerSecond });
    },
  },
  slowDisk: {
    by: 'rules',
    addTo({ disk }, { latencyMs, bytesPerSecond }) {
      disk.slow.push({ latencyMs, bytesPerSecond });
    },
  },
  fullDisk: {
    by: 'rules',
    addTo({ disk }) {
      disk.full = true;
    },
    restartsNode: true,
  },
  corrupt: { by: 'corruption' },
  clockSkew: {
    by: 'rules',
    addTo(rules, { offsetMs }) {
      rules.clockOffsetMs += offsetMs;
    },
  },
};

export function effectOf(fault: FaultSpec): Effect<FaultSpec> {
  return EFFECTS[fault.type];
}

export function processEffectOf(fault: ProcessFault): ProcessEffect {
  return PROCESS_EFFECTS[fault.type];
}

/** The fault whose injection an event of that type records; undefined: it records none. */
export function processFaultOf(event: TimelineEventType, node: number): ProcessFault | undefined {
  const types = Object.keys(PROCESS_EFFECTS) as ProcessFault['type'][];
  const type = types.find((one) => PROCESS_EFFECTS[one].event === event);
  return type === undefined ? undefined : { type, node };
}

/** Rules of all active faults for the links, disk and clock of `node`. */
export function rulesOf(node: number, faults: readonly { fault: FaultSpec }[]): Omit<NodeFaults, 'peers'> {
  const rules: Rules = { links: [], disk: { slow: [], full: false }, clockOffsetMs: 0 };
  for (const { fault } of faults) {
    const effect = effectOf(fault);
    const concerns = 'node' in fault ? fault.node === node : fault.between.includes(node);
    if (effect.by === 'rules' && concerns) effect.addTo(rules, fault, node);
  }
  return rules;
}

async function killAlive(node: ClusterNode): Promise<void> {
  if (node.alive) await node.kill();
}

/** The link as seen from `node`. */
function linkFrom(
  node: number,
  { between: [first, second], direction }: Extract<FaultSpec, { between: unknown }>,
): Pick<LinkRule, 'peer' | 'direction'> {
  return first === node ? { peer: second, direction } : { peer: first, direction: opposite(direction) };
}

function opposite(direction: LinkDirection): LinkDirection {
  if (direction === 'both') return 'both';
  return direction === 'in' ? 'out' : 'in';
}
