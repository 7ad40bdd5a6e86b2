/** Why the preferred leaders of the topic of these pages cannot be elected now. */
import { displacedLeaders } from '../leaders.ts';
import { formatList } from '../numbers.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';

/** Why no leader can be brought back now; null: one can. */
export function whyNoElection(state: LearnState): string | null {
  if (!state.own || state.topic === null) return `Leaders of ${LEARN_TOPIC} only are moved from here, and it is not there yet.`;
  const displaced = displacedLeaders(state.topic.partitions);
  if (displaced.length === 0 && state.topic.partitions.some(({ leader }) => leader === null))
    return 'There are partitions without any leader, and nothing to choose: a replica in sync has to come back.';
  if (displaced.length === 0)
    return 'Each partition is led by its preferred replica. Kill a broker below and start it again: its partitions are led elsewhere then.';
  if (displaced.some((one) => one.state === 'inSync')) return null;
  const waiting = [...new Set(displaced.map(({ preferred }) => preferred))].sort((a, b) => a - b);
  const offline = waiting.filter((broker) => displaced.some((one) => one.preferred === broker && one.state === 'offline'));
  const isDown = (id: number): boolean => state.brokers.some((broker) => broker.id === id && broker.state === 'down');
  const down = offline.filter(isDown);
  if (down.length > 0)
    return `Only a replica in sync can lead, and ${brokers(down)} ${down.length === 1 ? 'is' : 'are'} down: start ${down.length === 1 ? 'it' : 'them'} first.`;
  // A fenced or frozen broker runs: a start does not end its fault.
  return offline.length > 0
    ? `Only a replica in sync can lead, and ${offline.length === 1 ? 'the replica' : 'replicas'} on ${brokers(offline)} ${offline.length === 1 ? 'is' : 'are'} offline: end the fault first.`
    : `Only a replica in sync can lead, and ${brokers(waiting)} still ${waiting.length === 1 ? 'fetches' : 'fetch'} what was missed.`;
}

const brokers = (ids: readonly number[]): string => `${ids.length === 1 ? 'broker' : 'brokers'} ${formatList(ids.map(String))}`;
