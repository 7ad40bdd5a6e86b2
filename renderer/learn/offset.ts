/** The Offset page: log start, end and committed offsets of a partition. */
import type { GroupPartition, GroupRow, PartitionRow } from '#shared/models/cluster';
import type { Diagram, DiagramBox, DiagramCell, DiagramEdge } from '../diagrams/diagram.ts';
import { boxHeight, cellsThatFit, cellWidth, PAD } from '../diagrams/diagram-draw.ts';
import { compareText, formatCount, plural } from '../format/numbers.ts';
import { lastSent, LEARN_GROUP, partitionOf, topicPath, type Concept, type LearnState } from './concept.ts';
import { isDown, killOrRecover } from './outages.ts';
import { wentTo } from './partition-rows.ts';
import { dataOfPartition, ledBy, MARGIN, newestCells, noTopic, summarizePartition } from './parts.ts';
import { stepsOf } from './producer.ts';
import { groupPath } from '../format/addresses.ts';

const MOST_GROUPS = 3;
const CELL_GAP = 4;
/** Lag that the check needs. */
export const LAG_TO_MAKE = 5n;

/** The selected partition, or the first one. */
export function shownPartition(state: LearnState): PartitionRow | null {
  const picked = state.picked['partition'];
  return partitionOf(state, typeof picked === 'number' ? picked : 0) ?? state.topic?.partitions[0] ?? null;
}

export interface Reader {
  group: GroupRow;
  place: GroupPartition;
}

/** The groups that consume the partition, `learn-readers` first. */
export function readersOf(state: LearnState, partition: number): Reader[] {
  return state.groups
    .flatMap((group) => {
      const place = group.partitions.find((row) => row.topic === state.topic?.name && row.partition === partition);
      return place === undefined ? [] : [{ group, place }];
    })
    .sort((a, b) => Number(b.group.id === LEARN_GROUP) - Number(a.group.id === LEARN_GROUP) || compareText(a.group.id, b.group.id));
}

function diagram(state: LearnState, width: number): Diagram {
  const row = shownPartition(state);
  if (state.topic === null || row === null) return noTopic(state, width);
  const { topic } = state;
  const readers = readersOf(state, row.partition);
  const last = lastSent(state);
  const stripWidth = width - 2 * MARGIN;
  const producerHeight = boxHeight({ lines: 1 });
  const stripHeight = boxHeight({ lines: 1, cells: true, marks: true });
  const stripY = 24 + producerHeight + 46;
  const groupY = stripY + stripHeight + 46;
  const groupHeight = boxHeight({ lines: 2 });
  const cells = stripCells(row, stripWidth, readers[0] ?? null, last?.partition === row.partition ? last.offset : null);
  const step = cellWidth(cells) + CELL_GAP;
  const middleOf = (index: number): number => PAD + index * step + (step - CELL_GAP) / 2;
  const { note, tone } = ledBy(row, true);
  const endIndex = cells.length - 1;
  const boxes: DiagramBox[] = [
    {
      id: 'log',
      x: MARGIN,
      y: stripY,
      width: stripWidth,
      height: stripHeight,
      tone: row.leader === null ? 'bad' : 'plain',
      dashed: row.leader === null,
      title: `partition ${row.partition} of ${topic.name}`,
      note,
      noteTone: tone,
      lines: [
        {
          text: `log start ${row.startOffset === null ? '?' : formatCount(row.startOffset)}, end ${row.endOffset === null ? '?' : formatCount(row.endOffset)}`,
          ...(row.endOffset === null ? { tone: 'warn' as const } : {}),
        },
      ],
      cells,
      said: `${summarizePartition(row)} Its log starts at offset ${row.startOffset === null ? '?' : formatCount(row.startOffset)}.`,
      to: topicPath(state, 'messages'),
      data: { ...dataOfPartition(state, row), start: row.startOffset ?? '?' },
    },
  ];
  const edges: DiagramEdge[] = [];
  const producerWidth = Math.min(190, stripWidth * 0.5);
  const endX = endIndex < 0 ? stripWidth - PAD : middleOf(endIndex);
  const producerX = clamp(MARGIN + endX - producerWidth / 2, MARGIN, width - MARGIN - producerWidth);
  boxes.push({
    id: 'producers',
    x: producerX,
    y: 24,
    width: producerWidth,
    height: producerHeight,
    tone: 'plain',
    title: 'Producers',
    lines: [{ text: `next offset ${row.endOffset === null ? '?' : formatCount(row.endOffset)}` }],
    said: `The next record gets offset ${row.endOffset === null ? '?' : formatCount(row.endOffset)}`,
  });
  edges.push({
    id: 'append',
    from: 'producers',
    to: 'log',
    fromX: clamp(MARGIN + endX - producerX, 8, producerWidth - 8),
    toX: endX,
    tone: wentTo(last, row) ? 'accent' : 'plain',
    perSecond: state.rates.get(`${topic.name}-${row.partition}`) ?? null,
  });
  const shown = readers.slice(0, MOST_GROUPS);
  const columns = Math.max(1, shown.length);
  const groupWidth = Math.min(230, (stripWidth - (columns - 1) * 16) / columns);
  shown.forEach(({ group, place }, i) => {
    const at = place.committed === null ? null : cells.findIndex(({ text }) => text === place.committed);
    // Left of the shown offsets: the line ends at the left edge of the log.
    const x = at === null ? null : at < 0 ? 4 : middleOf(at);
    const slot = MARGIN + (i * (stripWidth + 16)) / columns;
    const boxX = x === null || shown.length > 1 ? slot : clamp(MARGIN + x - groupWidth / 2, MARGIN, width - MARGIN - groupWidth);
    const gone = isOutOfRange(place, row);
    const behind = place.lag !== null && BigInt(place.lag) > 0n;
    boxes.push({
      id: `group-${group.id}`,
      x: boxX,
      y: groupY,
      width: groupWidth,
      height: groupHeight,
      tone: group.members.length === 0 ? 'faint' : 'plain',
      dashed: group.members.length === 0,
      title: group.id,
      lines: [
        {
          text:
            place.committed === null
              ? 'nothing committed yet'
              : `committed ${formatCount(place.committed)}${gone ? ', deleted' : at === -1 ? ', not shown' : ''}`,
          ...(gone ? { tone: 'warn' as const } : {}),
        },
        { text: `lag ${place.lag === null ? '?' : formatCount(place.lag)}`, ...(behind ? { tone: 'warn' as const } : {}) },
      ],
      said: describeReader({ group, place }, row),
      to: groupPath(group.id),
      data: { group: group.id, committed: place.committed ?? 'none', lag: place.lag ?? '?', of: `${topic.name}-${row.partition}` },
    });
    if (x !== null)
      edges.push({
        id: `place-${group.id}`,
        from: `group-${group.id}`,
        to: 'log',
        fromX: clamp(MARGIN + x - boxX, 8, groupWidth - 8),
        toX: x,
        tone: group.members.length === 0 ? 'plain' : 'flow',
        dashed: group.members.length === 0,
      });
  });
  if (shown.length === 0)
    boxes.push({
      id: 'no-group',
      x: MARGIN,
      y: groupY,
      width: Math.min(260, stripWidth),
      height: groupHeight,
      tone: 'faint',
      dashed: true,
      title: 'no group',
      lines: [{ text: 'no committed offsets' }],
      said: 'No consumer group has committed an offset in this partition.',
    });
  const rest = readers.length - shown.length;
  return {
    width,
    height: groupY + groupHeight + (rest > 0 ? 40 : 24),
    boxes,
    edges,
    texts: rest > 0 ? [{ id: 'rest', x: MARGIN, y: groupY + groupHeight + 20, text: `and ${plural(rest, 'more group')}` }] : [],
    pulses: state.sent.flatMap((record) =>
      record.topic === topic.name && record.partition === row.partition && record.error === null
        ? [{ id: record.n, edge: 'append', label: record.offset ?? '', tone: 'accent' as const }]
        : [],
    ),
    ...(last === null || last.partition !== row.partition ? {} : { steps: stepsOf(last) }),
    caption: `Partition ${row.partition} of ${topic.name}. Its end is the high watermark, up to which consumers read.`,
    description: [
      `${summarizePartition(row)} Its log starts at offset ${row.startOffset === null ? '?' : formatCount(row.startOffset)}.`,
      ...(readers.length === 0 ? ['No group has committed an offset here.'] : readers.map((reader) => describeReader(reader, row))),
    ],
  };
}

const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(x, Math.max(low, high)));

/** True when the committed offset is below the log start offset: the next record is deleted. */
export function isOutOfRange({ committed }: GroupPartition, { startOffset }: PartitionRow): boolean {
  return committed !== null && startOffset !== null && BigInt(committed) < BigInt(startOffset);
}

function describeReader({ group, place }: Reader, row: PartitionRow): string {
  const committed =
    place.committed === null
      ? 'has committed nothing'
      : `has committed ${formatCount(place.committed)}${isOutOfRange(place, row) ? ', which is deleted,' : ''}`;
  const lag = place.lag === null ? 'lag unknown' : `lag ${formatCount(place.lag)}`;
  return `Group ${group.id} ${committed} in partition ${place.partition}; ${lag}.`;
}

/** The newest offsets and the next one. Offsets that the group has not committed have the tone `warn`. */
function stripCells(row: PartitionRow, width: number, reader: Reader | null, sent: string | null): DiagramCell[] {
  if (row.endOffset === null) return [];
  const end = BigInt(row.endOffset);
  const committed = reader === null || reader.place.committed === null ? null : BigInt(reader.place.committed);
  const count = cellsThatFit(width, row.endOffset.length) - 1;
  const cells = newestCells(row, count, (offset) =>
    `${offset}` === sent ? 'accent' : committed !== null && offset >= committed ? 'warn' : 'plain',
  ).map((cell) => (cell.text === row.startOffset ? { ...cell, mark: 'start' } : cell));
  return [
    ...cells,
    { id: `${row.partition}@${end}`, text: row.endOffset, tone: 'faint', mark: row.startOffset === row.endOffset ? 'start, end' : 'end' },
  ];
}

const ownGroup = (state: LearnState): GroupRow | null => state.groups.find(({ id }) => id === LEARN_GROUP) ?? null;

export const offset: Concept = {
  id: 'offset',
  title: 'Offset',
  number: 7,
  line: 'A record’s number in its partition, and a consumer’s position.',
  what: [
    'An offset is **a record’s number in its partition**: 0, 1, 2 and so on, assigned by the leader. It never changes and is never reused.',
    'The position of a consumer is an offset, too. A group **commits** the offset of the next record to read; the number of records from there to the end is its **lag**.',
  ],
  promises: [
    'Consumers read records up to the high watermark only: those that every in-sync replica has.',
    'A committed offset outlives the consumer: the next owner of the partition resumes from it.',
    'Committing after processing means at-least-once delivery; before it, at-most-once.',
  ],
  settings: [
    {
      name: 'auto.offset.reset',
      of: 'client',
      value: 'as chosen',
      says: 'where a group starts without a committed offset, or when it is out of range',
    },
    { name: 'enable.auto.commit', of: 'client', value: 'every second', says: 'whether the client commits automatically' },
    { name: 'offsets.retention.minutes', of: 'broker', says: 'how long offsets of an empty group are retained' },
    { name: 'retention.ms', of: 'topic', says: 'retention advances the log start offset, even past a slow consumer' },
  ],
  wrong: (state) => {
    const down = state.brokers.find(isDown);
    const coordinator = ownGroup(state)?.coordinator ?? null;
    if (down !== undefined)
      return [
        coordinator === null || coordinator === down.id
          ? `Broker ${down.id} is down, and ${LEARN_GROUP} has no coordinator: commits fail until another broker takes over.`
          : `Broker ${down.id} is down. ${LEARN_GROUP} commits to broker ${coordinator}; earlier commits still exist.`,
      ];
    return [
      'When a consumer fails between processing and commit, its records are redelivered: the next consumer starts from the committed offset.',
      coordinator === null
        ? 'Commits go to one broker, the group coordinator, which stores them in the replicated topic `__consumer_offsets`.'
        : `Commits of ${LEARN_GROUP} go to broker ${coordinator}, its coordinator. Kill it: commits wait until another broker takes over, and no committed offset is lost.`,
    ];
  },
  outages: (state) => killOrRecover(state, ownGroup(state)?.coordinator ?? shownPartition(state)?.leader ?? null),
  check: {
    task: `Let the lag of ${LEARN_GROUP} grow to ${LAG_TO_MAKE} or more, then let the group catch up.`,
    done: (state) => {
      const peak = state.lagPeaks.get(LEARN_GROUP) ?? 0n;
      const group = ownGroup(state);
      return peak >= LAG_TO_MAKE && group !== null && group.lag === '0' && group.unknown === 0
        ? `${LEARN_GROUP} had a lag of ${plural(peak, 'record')} and has caught up.`
        : null;
    },
  },
  links: (state) => [
    { label: `Its lag over time: Consumer groups › ${LEARN_GROUP}`, to: `/groups/${LEARN_GROUP}` },
    { label: `Records by offset: Topics › ${state.topic?.name ?? '…'} › Messages`, to: topicPath(state, 'messages') },
    { label: 'All groups by lag', to: '/groups' },
  ],
  diagram,
};
