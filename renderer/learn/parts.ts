/** Shared parts of diagrams: columns, cells of a log, descriptions of a partition. */
import type { BrokerRow, BrokerState, PartitionRow, ReplicaState } from '#shared/models/cluster';
import type { Diagram, DiagramCell, DiagramGlyph, DiagramTone } from '../diagrams/diagram.ts';
import { boxHeight } from '../diagrams/diagram-draw.ts';
import { formatCount, formatList } from '../format/numbers.ts';
import { BROKER_STATE, REPLICA_LABELS, inSyncCount, inSyncOf } from '../topics/replicas.ts';
import { LEARN_TOPIC, type LearnState } from './concept.ts';

export const MARGIN = 24;

/** Columns by their share of the width, with the remaining width as equal gaps. */
export function columns<const Shares extends readonly number[]>(
  width: number,
  shares: Shares,
): { [Index in keyof Shares]: { x: number; width: number } } {
  const room = width - 2 * MARGIN;
  const used = shares.reduce((sum, share) => sum + share, 0);
  const gap = shares.length < 2 ? 0 : ((1 - used) * room) / (shares.length - 1);
  let x = MARGIN;
  return shares.map((share) => {
    const column = { x: Math.round(x), width: Math.round(share * room) };
    x += share * room + gap;
    return column;
  }) as { [Index in keyof Shares]: { x: number; width: number } };
}

/** The newest offsets of a log, oldest first; empty when its end is unknown. */
export function newestCells(row: PartitionRow, count: number, toneOf: (offset: bigint) => DiagramTone): DiagramCell[] {
  if (row.endOffset === null) return [];
  const end = BigInt(row.endOffset);
  const start = BigInt(row.startOffset ?? '0');
  const from = end - BigInt(count) > start ? end - BigInt(count) : start;
  const cells: DiagramCell[] = [];
  for (let offset = from; offset < end; offset++) cells.push({ id: `${row.partition}@${offset}`, text: `${offset}`, tone: toneOf(offset) });
  return cells;
}

/** The note of a partition's box: its leader, and its ISR if it is under-replicated. */
export function ledBy(row: PartitionRow, roomy: boolean): { note: string; tone: DiagramTone } {
  if (row.leader === null) return { note: 'no leader', tone: 'bad' };
  const inSync = inSyncCount(row);
  const short = inSync < row.replicas.length;
  const leader = roomy ? `leader: broker ${row.leader}` : `led by ${row.leader}`;
  if (short && !roomy) return { note: `${leader}, ISR ${inSync}/${row.replicas.length}`, tone: 'warn' };
  return short ? { note: `${leader}, ${inSync} of ${row.replicas.length} in sync`, tone: 'warn' } : { note: leader, tone: 'plain' };
}

export function summarizePartition(row: PartitionRow): string {
  const led = row.leader === null ? 'has no leader' : `is led by broker ${row.leader}`;
  const ids = inSyncOf(row).sort((a, b) => a - b);
  const inSync = ids.length === 0 ? 'no replica in sync' : `${formatList(ids.map(String))} in sync`;
  const end = row.endOffset === null ? 'end offset unknown' : `end offset ${formatCount(row.endOffset)}`;
  return `Partition ${row.partition} ${led}, ${inSync}; ${end}.`;
}

/** Figures that tests compare with the cluster. */
export function dataOfPartition(state: LearnState, row: PartitionRow): Record<string, string> {
  return {
    partition: `${state.topic?.name ?? '?'}-${row.partition}`,
    leader: row.leader === null ? 'none' : `${row.leader}`,
    isr: [...row.isr].sort((a, b) => a - b).join(' '),
    end: row.endOffset ?? '?',
  };
}

export const BROKER_TONES: Record<BrokerState, DiagramTone> = {
  starting: 'flow',
  online: 'plain',
  fenced: 'warn',
  shuttingDown: 'warn',
  down: 'bad',
  frozen: 'flow',
  unreachable: 'bad',
};

/** The controller has its own tone while it is online. */
export const brokerTone = (broker: BrokerRow): DiagramTone =>
  broker.state === 'online' && broker.isController ? 'control' : BROKER_TONES[broker.state];

export const brokerName = (broker: BrokerRow): string =>
  `Broker ${broker.id}, ${BROKER_STATE[broker.state].word}${broker.isController ? ', controller' : ''}`;

/** Figures that tests compare with the cluster. */
export const dataOfBroker = (broker: BrokerRow): Record<string, string> => ({ broker: `${broker.id}`, state: broker.state });

/** The glyph of a replica; its id has topic, partition and broker. */
export function replicaGlyph(
  topic: string,
  partition: number,
  replica: { broker: number; state: ReplicaState },
  x: number,
  y: number,
): DiagramGlyph {
  return {
    id: `replica:${topic}-${partition}@${replica.broker}`,
    x,
    y,
    state: replica.state,
    said: `${topic}-${partition} on broker ${replica.broker}: ${REPLICA_LABELS[replica.state]}`,
  };
}

/** A diagram without a topic, which states what is missing. */
export function noTopic(state: LearnState, width: number): Diagram {
  const height = boxHeight({ lines: 1 });
  const known = state.asOf > 0;
  const text = known ? `There is no topic ${LEARN_TOPIC} yet.` : 'No broker has answered yet.';
  return {
    width,
    height: 200,
    boxes: [
      {
        id: 'nothing',
        x: width / 2 - 130,
        y: 100 - height / 2,
        width: 260,
        height,
        tone: 'faint',
        dashed: true,
        title: LEARN_TOPIC,
        lines: [{ text: known ? 'does not exist yet' : 'unknown' }],
        said: text,
      },
    ],
    edges: [],
    caption: text,
    description: [text],
  };
}
