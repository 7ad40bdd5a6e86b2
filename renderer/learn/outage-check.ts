/** The check of the Cluster page: an outage after which no acknowledged record is missing. */
import { OUT_OF_SERVICE } from '#shared/timeline/event-types';
import { plural } from '../format/numbers.ts';
import type { LearnState } from './concept.ts';

/** Done when a leader failed or was stopped, another was elected, the first one is in sync again, and every earlier acknowledged record exists. */
export function describeSurvivedOutage(state: LearnState): string | null {
  const { topic } = state;
  if (topic === null || state.topic?.name === undefined) return null;
  const whole = topic.partitions.every(({ leader, isr, replicas }) => leader !== null && isr.length === replicas.length);
  if (!whole || topic.partitions.length === 0) return null;
  for (const end of state.events) {
    if (!OUT_OF_SERVICE.has(end.type)) continue;
    const broker = end.broker ?? end.node;
    const moved = state.events.find(
      ({ id, type, topic: of }) =>
        id > end.id && (type === 'partition/leadersElected' || type === 'partition/leadersLost') && (of === undefined || of === topic.name),
    );
    if (moved === undefined || state.brokers.find(({ id }) => id === broker)?.state !== 'online') continue;
    const before = state.sent.filter(
      (one) => one.topic === topic.name && one.at <= end.at && one.offset !== null && one.partition !== null,
    );
    const existing = before.filter((one) => {
      const row = topic.partitions.find(({ partition }) => partition === one.partition);
      return BigInt(row?.endOffset ?? 0) > BigInt(one.offset ?? 0);
    });
    if (before.length > 0 && existing.length === before.length)
      return `broker ${broker} ${end.type === 'lab/nodeStopped' ? 'was stopped' : 'failed'} and returned; all ${plural(before.length, 'record')} acknowledged before still ${before.length === 1 ? 'exists' : 'exist'}.`;
  }
  return null;
}
