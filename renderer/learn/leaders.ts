/** Reasons against a preferred leader election on the topic of these pages. */
import { displacedLeaders } from '../topics/leaders.ts';
import { formatList } from '../format/numbers.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';

/** The reason against an election; null when one is possible. */
export function reasonAgainstElection(state: LearnState): string | null {
  if (!state.own || state.topic === null) return `Elections on this page are for ${LEARN_TOPIC} only, which does not exist yet.`;
  const displaced = displacedLeaders(state.topic.partitions);
  if (displaced.length === 0 && state.topic.partitions.some(({ leader }) => leader === null))
    return 'Partitions are offline: an in-sync replica has to return first.';
  if (displaced.length === 0)
    return 'Each partition is led by its preferred replica. Kill a broker below and start it again: its partitions then have other leaders.';
  if (displaced.some((one) => one.state === 'inSync')) return null;
  const waiting = [...new Set(displaced.map(({ preferred }) => preferred))].sort((a, b) => a - b);
  const offline = waiting.filter((broker) => displaced.some((one) => one.preferred === broker && one.state === 'offline'));
  const isDown = (id: number): boolean => state.brokers.some((broker) => broker.id === id && broker.state === 'down');
  const down = offline.filter(isDown);
  if (down.length > 0)
    return `Only an in-sync replica can become leader, and ${brokers(down)} ${down.length === 1 ? 'is' : 'are'} down: start ${down.length === 1 ? 'it' : 'them'} first.`;
  // A fenced or frozen broker runs: a start does not end its fault, and one that was just started is fenced until it has caught up.
  return offline.length > 0
    ? `Only an in-sync replica can become leader, and ${offline.length === 1 ? 'the replica' : 'replicas'} on ${brokers(offline)} ${offline.length === 1 ? 'is' : 'are'} offline: end the fault, or wait until the start has completed.`
    : `Only an in-sync replica can become leader, and ${brokers(waiting)} still ${waiting.length === 1 ? 'fetches' : 'fetch'} missing records.`;
}

const brokers = (ids: readonly number[]): string => `${ids.length === 1 ? 'broker' : 'brokers'} ${formatList(ids.map(String))}`;
