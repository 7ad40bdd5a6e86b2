/** The ten kinds of faults of the lab, alone and in pairs, each on brokers that change from state to state. */
import type { FaultSpec, FaultType } from '#shared/models/lab';

export interface BrokenState {
  name: string;
  faults: readonly FaultSpec[];
}

export const BROKERS = [1, 2, 3] as const;

type Kind = (node: number, other: number, variant: number) => FaultSpec;

const KINDS: Readonly<Record<FaultType, Kind>> = {
  stop: (node) => ({ type: 'stop', node }),
  kill: (node) => ({ type: 'kill', node }),
  powerCut: (node) => ({ type: 'powerCut', node }),
  freeze: (node) => ({ type: 'freeze', node }),
  partition: (node, other, variant) =>
    [
      { type: 'partition', between: [node, other], direction: 'both' } as const,
      { type: 'partition', between: ['clients', node], direction: 'both' } as const,
      { type: 'partition', between: [node, other], direction: 'out' } as const,
    ][variant % 3] as FaultSpec,
  slowLink: (node, other, variant) => ({
    type: 'slowLink',
    between: [variant % 2 === 0 ? 'clients' : other, node],
    direction: 'both',
    latencyMs: 200,
    jitterMs: 50,
    bytesPerSecond: 0,
  }),
  slowDisk: (node) => ({ type: 'slowDisk', node, latencyMs: 100, bytesPerSecond: 0 }),
  fullDisk: (node) => ({ type: 'fullDisk', node }),
  corrupt: (node) => ({ type: 'corrupt', node, topic: 'orders', partition: node - 1, where: 'tail' }),
  clockSkew: (node) => ({ type: 'clockSkew', node, offsetMs: 3_600_000 }),
};

const nodeAt = (index: number): number => BROKERS[index % BROKERS.length] ?? 1;

/** Each kind alone, the partition in each of its forms, then each pair of kinds. */
export function allStates(): BrokenState[] {
  const kinds = Object.keys(KINDS) as FaultType[];
  const states: BrokenState[] = [];
  const add = (types: readonly FaultType[], variant: number): void => {
    const at = states.length;
    const faults = types.map((type, i) => KINDS[type](nodeAt(at + i), nodeAt(at + i + 1), variant));
    states.push({ name: faults.map(describe).join(', '), faults });
  };
  for (const type of kinds) for (let variant = 0; variant < (type === 'partition' ? 3 : 1); variant++) add([type], variant);
  kinds.forEach((first, i) => kinds.slice(i + 1).forEach((second) => add([first, second], states.length)));
  return states;
}

/** All brokers killed, and none within reach of clients: what no fault of one broker shows. */
export const WHOLE_CLUSTER: readonly BrokenState[] = [
  { name: 'kill 1, 2 and 3', faults: BROKERS.map((node) => ({ type: 'kill', node })) },
  {
    name: 'clients cut off from 1, 2 and 3',
    faults: BROKERS.map((node) => ({ type: 'partition', between: ['clients', node], direction: 'both' })),
  },
];

function describe(fault: FaultSpec): string {
  if ('node' in fault) return `${fault.type} ${fault.node}`;
  return `${fault.type} ${fault.between.join('-')} ${fault.direction}`;
}

/** Brokers that run and that only clients do not reach. */
export function cutOffBy(faults: readonly FaultSpec[]): Set<number> {
  const stopped = new Set(
    faults.flatMap((fault) => ('node' in fault && ['stop', 'kill', 'powerCut', 'freeze'].includes(fault.type) ? [fault.node] : [])),
  );
  return new Set(
    faults.flatMap((fault) =>
      fault.type === 'partition' && fault.between.includes('clients')
        ? fault.between.filter((end): end is number => end !== 'clients' && !stopped.has(end))
        : [],
    ),
  );
}
