/** Shared parts of diagrams with a row per partition: the row of the last record, edges, and omitted partitions. */
import type { PartitionRow, TopicRow } from '#shared/models/cluster';
import type { Diagram, DiagramBox, DiagramEdge, DiagramPulse } from '../diagrams/diagram.ts';
import { plural } from '../format/numbers.ts';
import type { LearnState, SentRecord } from './concept.ts';

export const wentTo = (record: SentRecord | null, row: PartitionRow): boolean =>
  record !== null && record.error === null && record.partition === row.partition;

/** `mine`: the last record is in this partition. */
export const rowTone = (row: PartitionRow, mine: boolean): Required<Pick<DiagramBox, 'tone' | 'dashed'>> => ({
  tone: row.leader === null ? 'bad' : mine ? 'accent' : 'plain',
  dashed: row.leader === null,
});

/** From the topic's box to the partition's. */
export const topicEdge = (state: LearnState, row: PartitionRow, mine: boolean): DiagramEdge => ({
  id: `edge-${row.partition}`,
  from: 'topic',
  to: `partition-${row.partition}`,
  tone: mine ? 'accent' : 'plain',
  perSecond: state.rates.get(`${state.topic?.name ?? ''}-${row.partition}`) ?? null,
});

/** Pulses of sent records along the edges `edge-N` of the shown rows. */
export function sentPulses(state: LearnState, shown: readonly PartitionRow[]): DiagramPulse[] {
  return state.sent
    .filter((record) => record.topic === state.topic?.name && shown.some((row) => wentTo(record, row)))
    .map((record) => ({ id: record.n, edge: `edge-${record.partition}`, label: record.key ?? 'no key', tone: 'accent' }));
}

export function leftOut(topic: TopicRow, shown: readonly PartitionRow[], x: number, y: number): NonNullable<Diagram['texts']> {
  const rest = topic.partitions.length - shown.length;
  return rest > 0 ? [{ id: 'rest', x, y, text: `and ${plural(rest, 'more partition')}` }] : [];
}

/** The leader of the first partition that has one. */
export const firstLeader = (state: LearnState): number | null =>
  state.topic?.partitions.find(({ leader }) => leader !== null)?.leader ?? null;
