/** Preferred leaders (KIP-183): which partitions are led by another replica than their first, and whether they can go back. */
import type { LeaderChange } from '#shared/ipc';
import type { ReplicaState } from '#shared/models/cluster';
import { formatList } from '../numbers.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';

export interface Displaced {
  partition: number;
  preferred: number;
  leader: number;
  /** How the preferred replica stands: in sync, and it can lead. */
  state: ReplicaState;
}

/** A partition without a leader is not among them: it gets one as soon as any replica in sync is up. */
export function displacedLeaders(state: LearnState): Displaced[] {
  return (state.topic?.partitions ?? []).flatMap(({ partition, leader, replicas }) => {
    const [first] = replicas;
    return first === undefined || leader === null || first.broker === leader
      ? []
      : [{ partition, preferred: first.broker, leader, state: first.state }];
  });
}

/** Why no leader can be brought back now; null: one can. */
export function whyNoElection(state: LearnState): string | null {
  if (!state.own || state.topic === null) return `Leaders of ${LEARN_TOPIC} only are moved from here, and it is not there yet.`;
  const displaced = displacedLeaders(state);
  if (displaced.length === 0 && state.topic.partitions.some(({ leader }) => leader === null))
    return 'There are partitions without any leader, and nothing to choose: a replica in sync has to come back.';
  if (displaced.length === 0)
    return 'Each partition is led by its preferred replica. Kill a broker below and start it again: its partitions are led elsewhere then.';
  if (displaced.some((one) => one.state === 'inSync')) return null;
  const waiting = [...new Set(displaced.map(({ preferred }) => preferred))].sort((a, b) => a - b);
  const down = waiting.filter((broker) => displaced.some((one) => one.preferred === broker && one.state === 'offline'));
  return down.length > 0
    ? `Only a replica in sync can lead, and ${brokers(down)} ${down.length === 1 ? 'is' : 'are'} down: start ${down.length === 1 ? 'it' : 'them'} first.`
    : `Only a replica in sync can lead, and ${brokers(waiting)} still ${waiting.length === 1 ? 'fetches' : 'fetch'} what was missed.`;
}

const brokers = (ids: readonly number[]): string => `${ids.length === 1 ? 'broker' : 'brokers'} ${formatList(ids.map(String))}`;

/** A line for each partition that moved or that could not. */
export function tellChanges(changes: readonly LeaderChange[]): string[] {
  return changes.flatMap(({ partition, from, to, error }) => {
    if (error !== null) return [`Partition ${partition} stays with ${from === null ? 'nobody' : `broker ${from}`}: ${error}`];
    if (from === to) return [];
    return [`Partition ${partition}: ${from === null ? 'nobody' : `broker ${from}`} led, broker ${to ?? '?'} leads.`];
  });
}
