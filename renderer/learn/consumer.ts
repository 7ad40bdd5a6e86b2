/** The Consumer page: fetches, positions and commits of one consumer. */
import type { Diagram, DiagramBox, DiagramCell, DiagramEdge, DiagramTone } from '../diagrams/diagram.ts';
import { boxHeight, cellsThatFit } from '../diagrams/diagram-draw.ts';
import { formatLag } from '../groups/lag.ts';
import { formatCount, plural } from '../format/numbers.ts';
import type { Concept, LearnState } from './concept.ts';
import { killOrRecover } from './outages.ts';
import { columns, dataOfPartition, noTopic } from './parts.ts';
import { CONSUMER_GROUP, groupOf, loadOf, membersOfGroup, readingsOf, type Reading, type ReaderMember } from './readers.ts';

const MOST = 6;

function diagram(state: LearnState, width: number): Diagram {
  const { topic } = state;
  if (topic === null) return noTopic(state, width);
  const readings = readingsOf(state, CONSUMER_GROUP).slice(0, MOST);
  const members = membersOfGroup(state, CONSUMER_GROUP);
  const group = groupOf(state, CONSUMER_GROUP);
  const [left, right] = columns(width, [0.6, width >= 620 ? 0.25 : 0.3]);
  const height = boxHeight({ cells: true, marks: true });
  const gap = 18;
  const top = 26;
  const total = Math.max(readings.length * height + (readings.length - 1) * gap, 240);
  const boxes: DiagramBox[] = readings.map((reading, i) => partitionBox(state, reading, { ...left, y: top + i * (height + gap), height }));
  const consumers = members.length === 0 ? [null] : members.slice(0, 2);
  const consumerHeight = boxHeight({ lines: 3 });
  consumers.forEach((member, i) =>
    boxes.push(consumerBox(state, member, { ...right, y: top + 12 + i * (consumerHeight + 12), height: consumerHeight })),
  );
  const first = idOf(consumers[0] ?? null);
  const coordinatorHeight = boxHeight({ lines: 2 });
  const coordinator = group?.coordinator ?? null;
  boxes.push({
    id: 'coordinator',
    ...right,
    y: top + total - coordinatorHeight,
    height: coordinatorHeight,
    tone: group === null ? 'faint' : coordinator === null ? 'warn' : 'control',
    dashed: group === null || coordinator === null,
    title: 'coordinator',
    ...(group === null || right.width < 150
      ? {}
      : { note: coordinator === null ? 'moving' : `broker ${coordinator}`, noteTone: 'control' as const }),
    lines: [{ text: CONSUMER_GROUP }, { text: group === null ? 'the group does not exist yet' : describeCommitted(readings) }],
    said:
      group === null
        ? `Group ${CONSUMER_GROUP} does not exist yet`
        : `The coordinator of group ${CONSUMER_GROUP} is ${coordinator === null ? 'unknown' : `broker ${coordinator}`}; it stores the committed offsets`,
    ...(group === null ? {} : { to: `/groups/${CONSUMER_GROUP}` }),
    data: { group: CONSUMER_GROUP, coordinator: coordinator === null ? 'none' : `${coordinator}`, state: group?.state ?? 'none' },
  });
  const edges: DiagramEdge[] = readings.map((reading) => {
    const owner = consumers.find((member) => member?.partitions.includes(reading.partition)) ?? null;
    const rate = state.readRates.get(`${CONSUMER_GROUP}/${topic.name}-${reading.partition}`) ?? null;
    return {
      id: `fetch-${reading.partition}`,
      from: `partition-${reading.partition}`,
      to: owner === null ? first : idOf(owner),
      tone: owner === null || owner.state === 'gone' ? 'faint' : rate === null ? 'plain' : 'flow',
      dashed: owner?.state !== 'consuming',
      perSecond: owner?.state === 'consuming' ? rate : null,
    };
  });
  const beating = consumers[0]?.state === 'consuming' || consumers[0]?.state === 'idle';
  edges.push({
    id: 'commit',
    from: idOf(consumers.at(-1) ?? null),
    to: 'coordinator',
    tone: beating ? 'control' : 'faint',
    dashed: !beating,
    label: members.length === 0 ? '' : beating ? 'commits, heartbeats' : 'silent',
  });
  return {
    width,
    height: top + total + 20,
    boxes,
    edges,
    steps: stepsOf(readings, members),
    caption: `Group ${CONSUMER_GROUP} on topic ${topic.name}. ${capital(formatLag(group))}. Filled: consumed, not committed. Outlined: not consumed yet.`,
    description: [
      members.length === 0
        ? `No consumer of group ${CONSUMER_GROUP} is running.`
        : members.map((member) => `${capital(member.name)} of group ${CONSUMER_GROUP} is ${MEMBER_LABELS[member.state]}.`).join(' '),
      group === null || coordinator === null
        ? 'The group has no coordinator.'
        : `Broker ${coordinator} is the coordinator and stores the committed offsets.`,
      ...readings.map(describeReading),
    ],
  };
}

const idOf = (member: ReaderMember | null): string => (member === null ? 'consumer' : `member-${member.id}`);
const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

export const MEMBER_LABELS: Record<ReaderMember['state'], string> = {
  consuming: 'consuming',
  idle: 'idle',
  joining: 'joining',
  paused: 'paused',
  gone: 'crashed, session open',
};

export function memberTone(state: ReaderMember['state']): DiagramTone {
  return state === 'paused' ? 'flow' : state === 'gone' ? 'bad' : state === 'consuming' ? 'accent' : 'plain';
}

function describeCommitted(readings: readonly Reading[]): string {
  if (readings.every(({ committed }) => committed === null)) return 'nothing committed yet';
  return `committed ${readings.map(({ committed }) => (committed === null ? '–' : formatCount(committed))).join(' · ')}`;
}

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

function partitionBox(state: LearnState, reading: Reading, at: Place): DiagramBox {
  const row = state.topic?.partitions.find(({ partition }) => partition === reading.partition);
  const leaderless = (row?.leader ?? null) === null;
  const { lag } = reading;
  return {
    id: `partition-${reading.partition}`,
    ...at,
    tone: leaderless ? 'bad' : 'plain',
    dashed: leaderless,
    title: `partition ${reading.partition}`,
    note: leaderless
      ? 'no leader'
      : lag === null
        ? reading.committed === null
          ? 'nothing committed'
          : 'lag ?'
        : lag === 0n
          ? 'all committed'
          : `lag ${formatCount(lag)}`,
    noteTone: leaderless ? 'bad' : 'plain',
    cells: cellsOf(reading, cellsThatFit(at.width, `${reading.end ?? ''}`.length), BigInt(row?.startOffset ?? '0')),
    ...(reading.end === null ? { cells: [], lines: [{ text: 'end offset ?', tone: 'warn' as const }] } : {}),
    said: describeReading(reading),
    to: `/groups/${CONSUMER_GROUP}`,
    data: {
      ...(row === undefined ? {} : dataOfPartition(state, row)),
      committed: reading.committed === null ? '?' : `${reading.committed}`,
    },
  };
}

/** The newest offsets and the next one; with a large lag, the offsets from the committed one. */
function cellsOf(reading: Reading, count: number, start: bigint): DiagramCell[] {
  const { end, committed, read, partition } = reading;
  if (end === null) return [];
  const newest = end - BigInt(count) + 1n;
  const wanted = committed !== null && committed - 2n < newest ? committed - 2n : newest;
  const from = wanted < start ? start : wanted;
  const cells: DiagramCell[] = [];
  const last = from + BigInt(count) - 1n < end ? from + BigInt(count) - 1n : end;
  for (let offset = from; offset <= last; offset++) {
    const done = committed !== null && offset < committed;
    const again = !done && read !== null && offset < read;
    const mark =
      offset === committed ? 'committed' : offset === read && read > (committed ?? 0n) ? 'read' : offset === end ? 'end' : undefined;
    cells.push({
      id: `${partition}@${offset}`,
      text: offset === last && last < end ? '…' : `${offset}`,
      tone: again ? 'accent' : offset === end ? 'faint' : done ? 'plain' : 'flow',
      ...(mark === undefined ? {} : { mark }),
    });
  }
  return cells;
}

function describeReading({ partition, committed, read, end, again }: Reading): string {
  const parts = [
    committed === null ? 'nothing is committed' : `committed offset ${formatCount(committed)}`,
    again > 0n ? `${plural(again, 'record')} consumed after it` : null,
    end === null ? 'end offset unknown' : `end offset ${formatCount(end)}`,
    end !== null && (read ?? committed) !== null && end > (read ?? committed ?? 0n)
      ? `${plural(end - (read ?? committed ?? 0n), 'record')} not consumed yet`
      : null,
  ];
  return `Partition ${partition}: ${parts.filter((part) => part !== null).join(', ')}.`;
}

function consumerBox(state: LearnState, member: ReaderMember | null, at: Place): DiagramBox {
  const counts = loadOf(state.loads, 'group', CONSUMER_GROUP)?.consumed ?? null;
  if (member === null) {
    return {
      id: 'consumer',
      ...at,
      tone: 'faint',
      dashed: true,
      title: 'Consumer',
      lines: [{ text: 'not running' }, ...(counts === null ? [] : [{ text: `consumed ${formatCount(counts.consumed)}` }])],
      said: `No consumer of group ${CONSUMER_GROUP} is running`,
    };
  }
  const again = counts === null || counts.repeated === 0 ? null : `${formatCount(counts.repeated)} redelivered`;
  return {
    id: idOf(member),
    ...at,
    tone: memberTone(member.state),
    dashed: member.state !== 'consuming',
    title: 'Consumer',
    ...(at.width >= 150 ? { note: member.name } : {}),
    lines: [
      { text: MEMBER_LABELS[member.state], tone: member.state === 'gone' ? 'bad' : member.state === 'paused' ? 'flow' : 'plain' },
      { text: counts === null ? 'external client' : `consumed ${formatCount(counts.consumed)}` },
      ...(again === null ? [] : [{ text: again, tone: 'warn' as const }]),
    ],
    said: `${capital(member.name)}: ${MEMBER_LABELS[member.state]}${counts === null ? '' : `, has consumed ${plural(counts.consumed, 'record')}${again === null ? '' : `, ${again}`}`}`,
    data: { member: member.name, partitions: member.partitions.join(' '), state: member.state },
  };
}

/** The records that a crash would redeliver now. */
function stepsOf(readings: readonly Reading[], members: readonly ReaderMember[]): { title: string; of: string[] } {
  if (members.length === 0) return { title: 'Where a consumer would start', of: readings.map(describeStart) };
  const again = readings.filter((reading) => reading.again > 0n);
  const title = members.every(({ state }) => state === 'gone') ? 'Where the next consumer starts' : 'After a crash now';
  if (again.length === 0) return { title, of: ['all consumed records are committed: nothing would be redelivered'] };
  return {
    title,
    of: again.map((reading) => {
      const from = reading.committed ?? 0n;
      const to = (reading.read ?? from) - 1n;
      return `partition ${reading.partition}: ${from === to ? `offset ${from}` : `offsets ${from} to ${to}`} would be redelivered`;
    }),
  };
}

function describeStart({ partition, committed }: Reading): string {
  return committed === null
    ? `partition ${partition}: no committed offset, so auto.offset.reset decides: the oldest record`
    : `partition ${partition}: at the committed offset ${committed}`;
}

function wrong(state: LearnState): string[] {
  const [member] = membersOfGroup(state, CONSUMER_GROUP);
  const repeated = loadOf(state.loads, 'group', CONSUMER_GROUP)?.consumed?.repeated ?? 0;
  if (member?.state === 'paused')
    return [
      'The consumer is paused, as in a long pause of the garbage collector: its connection is open, but it sends no heartbeats. Its lag grows. When its session expires, the coordinator revokes its partitions; later commits are rejected.',
    ];
  if (member?.state === 'gone')
    return [
      'The consumer crashed without leaving the group. It stays a member until no heartbeat has arrived for `session.timeout.ms`; until then no member consumes its partitions.',
    ];
  return [
    `A **crash** between processing and commit: the next consumer starts from the committed offset, and the records after it are redelivered.${repeated > 0 ? ` ${plural(repeated, 'record')} ${repeated === 1 ? 'was' : 'were'} redelivered here.` : ''} With a commit before processing, records can be lost instead.`,
    '**Slow** processing: the Java client sends heartbeats from a separate thread, so `session.timeout.ms` detects a dead process, and a live consumer that does not poll within `max.poll.interval.ms` leaves the group. The lag shows both.',
  ];
}

export const consumer: Concept = {
  id: 'consumer',
  title: 'Consumer',
  number: 2,
  line: 'Pulls records at its own pace and commits its position.',
  what: [
    'A consumer **pulls**: it fetches records from the leaders of its partitions, beginning at its **position**, processes them, and fetches again: the poll loop. Nothing is pushed, and consuming does not delete records.',
    'Periodically it **commits** its position to the group coordinator. The committed offset is that of the next record to read; the next owner of the partition starts there.',
  ],
  promises: [
    'Records of one partition arrive in the order of their offsets.',
    '**At least once**: with a commit after processing, a crash redelivers records but skips none.',
    'It reads only replicated records: none above the high watermark.',
  ],
  settings: [
    {
      name: 'session.timeout.ms',
      of: 'client',
      value: '6 s',
      says: 'time without heartbeats after which the coordinator removes a member',
    },
    { name: 'heartbeat.interval.ms', of: 'client', value: '1 s', says: 'interval of heartbeats' },
    { name: 'max.poll.interval.ms', of: 'client', value: 'none (Java: 5 min)', says: 'maximum time between two polls' },
    {
      name: 'auto.commit.interval.ms',
      of: 'client',
      value: '1 s',
      says: 'interval of commits; records after the last commit may be redelivered',
    },
    { name: 'auto.offset.reset', of: 'client', value: 'earliest', says: 'where to start without a committed offset' },
    { name: 'offsets.retention.minutes', of: 'broker', says: 'how long offsets of an empty group are retained' },
  ],
  wrong,
  outages: (state) => killOrRecover(state, groupOf(state, CONSUMER_GROUP)?.coordinator ?? state.topic?.partitions[0]?.leader ?? null),
  check: {
    task: 'Get a record redelivered without producing it twice.',
    done: (state) => {
      const repeated = loadOf(state.loads, 'group', CONSUMER_GROUP)?.consumed?.repeated ?? 0;
      return repeated === 0
        ? null
        : `${plural(repeated, 'record')} ${repeated === 1 ? 'was' : 'were'} redelivered: consumed before the crash and not committed.`;
    },
  },
  links: () => [
    { label: `Its lag over time: Consumer groups › ${CONSUMER_GROUP}`, to: `/groups/${CONSUMER_GROUP}` },
    { label: 'Read records without a group: Topics › Messages', to: '/topics' },
  ],
  diagram,
};
