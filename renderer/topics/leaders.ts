/** Preferred leaders (KIP-183): which partitions another replica leads, and the result of an election. */
import type { LeaderChange } from '#shared/ipc';
import type { PartitionRow, ReplicaState } from '#shared/models/cluster';
import { plural } from '../format/numbers.ts';

export interface Displaced {
  partition: number;
  preferred: number;
  leader: number;
  /** How the preferred replica stands: in sync, and it can lead. */
  state: ReplicaState;
}

/** A partition without a leader is not among them: it gets one as soon as any replica in sync is up. */
export function displacedLeaders(partitions: readonly PartitionRow[]): Displaced[] {
  return partitions.flatMap(({ partition, leader, replicas }) => {
    const [first] = replicas;
    return first === undefined || leader === null || first.broker === leader
      ? []
      : [{ partition, preferred: first.broker, leader, state: first.state }];
  });
}

/** A line for each partition that moved or that could not. */
export function describeChanges(changes: readonly LeaderChange[]): string[] {
  return changes.flatMap(({ partition, from, to, error }) => {
    if (error !== null)
      return [`Partition ${partition}: ${from === null ? 'still no leader' : `broker ${from}` + ' stays leader'}: ${error}`];
    if (from === to) return [];
    return [`Partition ${partition}: leader changed from ${from === null ? 'none' : `broker ${from}`} to broker ${to ?? '?'}.`];
  });
}

/** The same in one sentence, for a topic of any size. */
export function describeElection(topic: string, changes: readonly LeaderChange[]): string {
  const moved = changes.filter(({ from, to, error }) => error === null && from !== to).length;
  const stayed = changes.filter(({ error }) => error !== null);
  const [first] = stayed;
  const after = first === undefined ? '' : ` ${plural(stayed.length, 'partition')} stayed: ${first.error ?? ''}`;
  if (moved === 0)
    return first === undefined ? `${topic} is led by its preferred replicas already.` : `No leader of ${topic} moved.${after}`;
  return `${plural(moved, 'partition')} of ${topic} ${moved === 1 ? 'is' : 'are'} led by ${moved === 1 ? 'its' : 'their'} preferred replica again.${after}`;
}
