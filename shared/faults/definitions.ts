/** The list of faults: the only one. Its order is that of the schema and of the buttons. */
import { clockSkew } from './clock-skew.ts';
import { corrupt } from './corrupt.ts';
import type { FaultDefinition, FormatNode } from './definition.ts';
import type { FaultFields, InputOf, SpecOf } from './fields.ts';
import { freeze } from './freeze.ts';
import { fullDisk } from './full-disk.ts';
import { kill } from './kill.ts';
import { partition } from './partition.ts';
import { powerCut } from './power-cut.ts';
import { slowDisk } from './slow-disk.ts';
import { slowLink } from './slow-link.ts';
import { stop } from './stop.ts';

export const FAULTS = [stop, kill, powerCut, freeze, partition, slowLink, slowDisk, fullDisk, corrupt, clockSkew] as const;

type Definition = (typeof FAULTS)[number];
type SpecIn<D, Node> = D extends FaultDefinition<infer Type, infer Fields> ? SpecOf<Type, Fields, Node> : never;
type InputIn<D, Node> = D extends FaultDefinition<infer Type, infer Fields> ? InputOf<Type, Fields, Node> : never;

export type FaultType = Definition['type'];
export type FaultSpecOf<Node> = SpecIn<Definition, Node>;
export type FaultInputOf<Node> = InputIn<Definition, Node>;
export type FaultSpec = FaultSpecOf<number>;
/** Of a list of faults whose types are known only at run time. */
export type AnyFaultDefinition = FaultDefinition<string, FaultFields>;

const BY_TYPE: ReadonlyMap<string, AnyFaultDefinition> = new Map(FAULTS.map((one: AnyFaultDefinition) => [one.type, one]));

/** Undefined for an unknown type: stored faults may be of another version. */
export function faultDefinition(type: string): AnyFaultDefinition | undefined {
  return BY_TYPE.get(type);
}

export function definitionOf(fault: { type: FaultType }): AnyFaultDefinition {
  const definition = BY_TYPE.get(fault.type);
  if (definition === undefined) throw new Error(`the fault ${fault.type} has no definition`);
  return definition;
}

/** The brokers of a fault, without clients. */
export function nodesOf(fault: FaultSpec): number[] {
  return 'node' in fault ? [fault.node] : fault.between.filter((end) => end !== 'clients');
}

export const describeFault = (fault: FaultSpec): string => definitionOf(fault).describe(fault);

export function describeFaultAction(fault: FaultSpecOf<string | number>, format: FormatNode): string {
  return definitionOf(fault).describeAction(fault, format);
}
