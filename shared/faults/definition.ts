/** What one fault is: its fields, its texts, and what it disturbs. The effect on a node is in `electron/cluster/fault-effects.ts`. */
import type { Tone } from '../models/tone.ts';
import type { FaultFields, SpecOf } from './fields.ts';

export type FaultMark = 'cut' | 'slow' | 'frozen' | 'down' | 'disk' | 'corruption' | 'clock';

/** What follows from the loss of a broker, counted by the page. */
export interface LossText {
  /** `3 s without a heartbeat`: when the broker is fenced. */
  timeout: string;
  /** The partitions that are concerned, in whole sentences. */
  loss: string;
}

/** Formats a broker in a sentence: `broker 2`, `the leader of orders-0`. */
export type FormatNode = (node: string | number) => string;

export interface FaultDefinition<Type extends string, Fields extends FaultFields> {
  type: Type;
  fields: Fields;
  /** What it disturbs. Only an entry about that can be its effect. */
  disturbs: 'process' | 'link' | 'disk' | 'log' | 'clock';
  /** False: it may be harmless, so it is only a possible cause. */
  isCertain: boolean;
  /** It ends the process of its broker; a start heals it. */
  endsProcess?: true;
  mark: FaultMark;
  tone: Tone;
  /** The fault in force, in one clause: on the timeline and in lists. */
  describe(fault: SpecOf<Type, Fields, number>): string;
  /** The same on the card of its broker, in two or three words. Absent: the state of the broker shows it. */
  badge?(fault: SpecOf<Type, Fields, number>): string;
  /** The injection, in one clause with a verb: in scenarios. */
  describeAction(fault: SpecOf<Type, Fields, string | number>, format: FormatNode): string;
  /** Why the fault would have no effect, in one clause; null: it has one. */
  findProblem?(fault: SpecOf<Type, Fields, number>): string | null;
  /** Button that ends it in the list of faults. */
  healLabel: 'Start' | 'Thaw' | 'Heal';
  /** Button at the broker, and what it will do. */
  action: { label: string; help(loss: LossText): string };
  /** The button while the fault is in force, where it heals it then. */
  undo?: { label: string; help?: string };
  /** Title and button of its form; absent: the fault has no field besides its broker. */
  form?: { title: string; submit: string };
}

export function defineFault<const Type extends string, const Fields extends FaultFields>(
  definition: FaultDefinition<Type, Fields>,
): FaultDefinition<Type, Fields> {
  return definition;
}
