/** Faults in force of a broker, and what an action of the Lab will do. Each fault is defined in `shared/faults`. */
import type { BrokerRow, TopicRow } from '#shared/models/cluster';
import type { Fault, FaultSpec, FaultType } from '#shared/models/lab';
import { FAULTS, definitionOf } from '#shared/faults/definitions';
import { formatDuration, formatShortList, plural } from '#shared/numbers';
import { impactOfLoss } from '../topics/replicas.ts';

/** Faults that end the process of a broker. */
export const PROCESS_FAULTS: readonly FaultType[] = FAULTS.filter((one) => definitionOf(one).endsProcess === true).map(({ type }) => type);

/** On the card of its broker; null where the state of the broker shows the fault. */
export const badgeOf = (fault: FaultSpec): string | null => definitionOf(fault).badge?.(fault) ?? null;

export const concernsNode = (fault: FaultSpec, node: number): boolean =>
  'node' in fault ? fault.node === node : fault.between.includes(node);

export const faultOf = (faults: readonly Fault[], node: number, types: readonly FaultType[]): Fault | null =>
  faults.find(({ fault }) => 'node' in fault && fault.node === node && types.includes(fault.type)) ?? null;

/** What a button of a broker does: starts it, or injects or heals a fault. */
export type LabVerb = FaultType | 'start' | 'thaw';

export interface ImpactSource {
  broker: BrokerRow;
  topics: Iterable<TopicRow>;
}

/** Consequences of the loss of a broker, counted on the cluster as it is. */
export function describeLoss({ broker, topics }: ImpactSource): string {
  const { leads, offlineTopics, refusingTopics } = impactOfLoss(broker.id, topics);
  const parts = [leads === 0 ? 'Leads no partition.' : `Leads ${plural(leads, 'partition')}.`];
  if (offlineTopics.length > 0) parts.push(`Holds the only in-sync replica of partitions of ${formatShortList(offlineTopics)}.`);
  if (refusingTopics.length > 0) parts.push(`${formatShortList(refusingTopics.map(({ name }) => name))} will refuse acks=all writes.`);
  return parts.join(' ');
}

/** What an action of the Lab will do, shown before it is done. */
export function describeVerb(verb: LabVerb, source: ImpactSource): string {
  const { sessionTimeoutMs } = source.broker;
  if (verb === 'start') return 'Starts the broker: log recovery, registration, catching up, then back in the ISRs.';
  if (verb === 'thaw') return definitionOf({ type: 'freeze' }).undo?.help ?? '';
  const timeout = sessionTimeoutMs === null ? 'its session is lost' : `${formatDuration(sessionTimeoutMs)} without a heartbeat`;
  return definitionOf({ type: verb }).action.help({ timeout, loss: describeLoss(source) });
}
