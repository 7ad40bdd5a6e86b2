/** The matrix's cells: by broker, the state of each of a topic's partitions there. */
import type { BrokerRow, ReplicaState, TopicRow } from '#shared/models/cluster';
import { formatRanges, plural } from '../format/numbers.ts';
import { REPLICA_LABELS } from '../topics/replicas.ts';

export type CellState = ReplicaState | 'none';

/** How large glyphs are drawn, in pixels: a topic of hundreds of partitions is seen whole, not scrolled through. */
export function glyphSize(partitions: number): { step: number; line: number; radius: number } {
  if (partitions > 192) return { step: 7, line: 7, radius: 2.5 };
  if (partitions > 64) return { step: 10, line: 11, radius: 3.75 };
  return { step: 14, line: 16, radius: 5 };
}

/** One array a broker, one state a partition, in the partitions' order. */
export function replicasByBroker(topic: TopicRow, brokers: readonly BrokerRow[]): CellState[][] {
  const column = new Map(brokers.map((broker, i) => [broker.id, i]));
  const cells = brokers.map(() => new Array<CellState>(topic.partitions.length).fill('none'));
  topic.partitions.forEach((partition, at) => {
    for (const replica of partition.replicas) {
      const states = cells[column.get(replica.broker) ?? -1];
      if (states !== undefined) states[at] = replica.state;
    }
  });
  return cells;
}

/** `leads 0, 3; in sync 1–2, 4` for those who do not see glyphs, and for the one who asks. */
export function describeCell(states: readonly CellState[], partitionAt: (index: number) => number): string {
  const groups = new Map<CellState, number[]>();
  states.forEach((state, i) => {
    if (state === 'none') return;
    const list = groups.get(state) ?? [];
    list.push(partitionAt(i));
    groups.set(state, list);
  });
  if (groups.size === 0) return 'no replica here';
  const order: CellState[] = ['offline', 'unknown', 'electing', 'lagging', 'leader', 'inSync'];
  return order
    .flatMap((state) => {
      const list = groups.get(state);
      if (list === undefined || state === 'none') return [];
      const word = state === 'leader' ? 'leads' : REPLICA_LABELS[state];
      return [list.length > 12 ? `${word}: ${plural(list.length, 'partition')}` : `${word}: ${formatRanges(list)}`];
    })
    .join('; ');
}
