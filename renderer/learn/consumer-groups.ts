/** The Consumer Groups page: members, their partitions, and the coordinator of each group. */
import type { TimelineEvent } from '#shared/models/timeline';
import type { Diagram, DiagramBox, DiagramEdge } from '../diagrams/diagram.ts';
import { boxHeight } from '../diagrams/diagram-draw.ts';
import { GROUP_STATE } from '../groups/groups.ts';
import { formatLag } from '../groups/lag.ts';
import { formatCount, formatList, formatSpan, plural } from '../format/numbers.ts';
import { describeEvent, describeReason } from '../timeline/timeline.ts';
import { LEARN_GROUP, type Concept, type LearnState, type Outage } from './concept.ts';
import { MEMBER_LABELS, memberTone } from './consumer.ts';
import { killOf, recoveriesOr } from './outages.ts';
import { leftOut } from './partition-rows.ts';
import { columns, dataOfPartition, MARGIN, noTopic } from './parts.ts';
import { generationOf, groupOf, loadOf, membersOfGroup, readingsOf, SECOND_GROUP, type ReaderMember, type Reading } from './readers.ts';
import { appendAll } from '#shared/lists';

const MOST_PARTITIONS = 8;
const MOST_MEMBERS = 8;
const GAP = 12;
const GROUP_GAP = 34;
const TOP = 40;

interface Column {
  x: number;
  width: number;
}

interface GroupShown {
  id: string;
  members: ReaderMember[];
  readings: Reading[];
}

function groupsShown(state: LearnState): GroupShown[] {
  const shown = (id: string): GroupShown => ({ id, members: membersOfGroup(state, id), readings: readingsOf(state, id) });
  const second = shown(SECOND_GROUP);
  const exists = second.members.length > 0 || groupOf(state, SECOND_GROUP) !== null;
  return [shown(LEARN_GROUP), ...(exists ? [second] : [])];
}

function diagram(state: LearnState, width: number): Diagram {
  const { topic } = state;
  if (topic === null) return noTopic(state, width);
  const groups = groupsShown(state);
  const wide = width >= 600;
  const [left, middle, right] = wide ? columns(width, [0.27, 0.28, 0.25]) : [...columns(width, [0.42, 0.46]), null];
  const partitions = topic.partitions.slice(0, MOST_PARTITIONS);
  const partitionHeight = boxHeight({ lines: groups.length });
  const memberHeight = boxHeight({ lines: 2 });
  const coordinatorHeight = boxHeight({ lines: 3 });
  const heightOf = ({ members }: GroupShown): number => {
    const count = Math.max(1, Math.min(MOST_MEMBERS, members.length));
    return Math.max(count * memberHeight + (count - 1) * GAP, wide ? coordinatorHeight : 0);
  };
  const membersTotal = groups.reduce((sum, group) => sum + heightOf(group), 0) + (groups.length - 1) * GROUP_GAP;
  const partitionsTotal = partitions.length * (partitionHeight + GAP) - GAP;
  const total = Math.max(membersTotal, partitionsTotal);

  const boxes: DiagramBox[] = [];
  const edges: DiagramEdge[] = [];
  const texts: { id: string; x: number; y: number; text: string; anchor?: 'start' | 'middle' | 'end' }[] = [];
  let y = TOP + (total - partitionsTotal) / 2;
  for (const row of partitions) {
    boxes.push(partitionBox(state, groups, row.partition, { ...left, y, height: partitionHeight }));
    y += partitionHeight + GAP;
  }
  y = TOP + (total - membersTotal) / 2;
  for (const [i, group] of groups.entries()) {
    texts.push({ id: `name-${group.id}`, x: middle.x, y: y - 10, text: `group ${group.id}` });
    const height = heightOf(group);
    const shown = group.members.slice(0, MOST_MEMBERS);
    const own = Math.max(1, shown.length) * (memberHeight + GAP) - GAP;
    let at = y + (height - own) / 2;
    if (shown.length === 0) boxes.push(emptyGroup(group, { ...middle, y: at, height: memberHeight }));
    for (const member of shown) {
      boxes.push(memberBox(group, member, { ...middle, y: at, height: memberHeight }));
      appendAll(edges, ownEdges(state, group, member, partitions.length));
      at += memberHeight + GAP;
    }
    if (group.members.length > shown.length)
      texts.push({
        id: `more-${group.id}`,
        x: middle.x,
        y: at + 4,
        text: `and ${plural(group.members.length - shown.length, 'more member')}`,
      });
    const place =
      right === null
        ? { ...bottom(width, i, groups.length), y: TOP + total + 34, height: coordinatorHeight }
        : { ...right, y: y + (height - coordinatorHeight) / 2, height: coordinatorHeight };
    boxes.push(coordinatorBox(state, group, place));
    if (right !== null) for (const member of shown) edges.push(heartbeat(state, group, member));
    y += height + GROUP_GAP;
  }
  appendAll(texts, leftOut(topic, partitions, left.x, TOP + total + 18));
  return {
    width,
    height: TOP + total + (right === null ? 34 + coordinatorHeight : 0) + 24,
    boxes,
    edges,
    texts,
    ...stepsOf(state.history),
    caption: captionOf(state, groups),
    description: groups.flatMap((group) => describeGroup(state, group)),
  };
}

function bottom(width: number, index: number, count: number): Column {
  const each = (width - 2 * MARGIN - (count - 1) * GAP) / count;
  return { x: MARGIN + index * (each + GAP), width: each };
}

interface Place extends Column {
  y: number;
  height: number;
}

const formatReadingLag = ({ lag, committed }: Reading): string =>
  lag === null ? (committed === null ? 'nothing committed' : 'lag ?') : `lag ${formatCount(lag)}`;

function partitionBox(state: LearnState, groups: readonly GroupShown[], partition: number, at: Place): DiagramBox {
  const row = state.topic?.partitions.find((one) => one.partition === partition);
  const leaderless = (row?.leader ?? null) === null;
  const end = row?.endOffset ?? null;
  const of = groups.map((group) => ({ id: group.id, reading: group.readings.find((one) => one.partition === partition) ?? null }));
  const isUnassigned = (of[0]?.reading?.memberId ?? null) === null;
  const lines = of.map(({ id, reading }) => {
    const text = reading === null ? 'lag ?' : formatReadingLag(reading);
    return { text: groups.length === 1 ? text : `${id.replace('learn-', '')}: ${text}` };
  });
  return {
    id: `partition-${partition}`,
    ...at,
    tone: leaderless ? 'bad' : 'plain',
    dashed: leaderless,
    title: at.width < 130 ? `p${partition}` : `partition ${partition}`,
    note: end === null ? 'end ?' : `end ${formatCount(end)}`,
    lines,
    said: `Partition ${partition}: ${of.map(({ id, reading }) => `${reading === null ? 'lag ?' : formatReadingLag(reading)} in group ${id}`).join(', ')}${isUnassigned ? `; not assigned in ${groups[0]?.id ?? 'the group'}` : ''}`,
    to: `/groups/${LEARN_GROUP}`,
    ...(row === undefined ? {} : { data: { ...dataOfPartition(state, row), owner: of[0]?.reading?.memberId ?? 'none' } }),
  };
}

function emptyGroup(group: GroupShown, at: Place): DiagramBox {
  return {
    id: `empty-${group.id}`,
    ...at,
    tone: 'faint',
    dashed: true,
    title: 'no member',
    lines: [{ text: 'not consuming' }, { text: 'offsets are retained' }],
    said: `Group ${group.id} has no members`,
  };
}

const memberId = (group: GroupShown, member: ReaderMember): string => `member-${group.id}-${member.id}`;

function memberBox(group: GroupShown, member: ReaderMember, at: Place): DiagramBox {
  const lags = group.readings.filter(({ partition }) => member.partitions.includes(partition)).map(({ lag }) => lag);
  const lag = lags.length === 0 || lags.includes(null) ? null : lags.reduce<bigint>((sum, one) => sum + (one ?? 0n), 0n);
  const has =
    member.partitions.length === 0
      ? 'no partition'
      : `${member.partitions.length === 1 ? 'partition' : 'partitions'} ${member.partitions.join(', ')}`;
  const tone = memberTone(member.state);
  return {
    id: memberId(group, member),
    ...at,
    tone,
    dashed: member.state !== 'consuming',
    title: member.name,
    ...(member.state === 'consuming' || member.state === 'idle' || at.width < 150 ? {} : { note: SHORT[member.state], noteTone: tone }),
    lines: [
      { text: has },
      { text: member.state === 'consuming' ? `lag ${lag === null ? '?' : formatCount(lag)}` : MEMBER_LABELS[member.state] },
    ],
    said: `${member.name} of group ${group.id}: ${MEMBER_LABELS[member.state]}, ${has}`,
    to: `/groups/${group.id}`,
    data: { member: member.id, partitions: member.partitions.join(' '), state: member.state },
  };
}

const SHORT: Record<ReaderMember['state'], string> = { consuming: '', idle: 'idle', joining: 'joining', paused: 'silent', gone: 'crashed' };

function ownEdges(state: LearnState, group: GroupShown, member: ReaderMember, shown: number): DiagramEdge[] {
  return member.partitions
    .filter((partition) => partition < shown)
    .map((partition): DiagramEdge => {
      const rate = state.readRates.get(`${group.id}/${state.topic?.name ?? ''}-${partition}`) ?? null;
      const reads = member.state === 'consuming';
      return {
        id: `own-${group.id}-${partition}`,
        from: `partition-${partition}`,
        to: memberId(group, member),
        tone: member.state === 'gone' ? 'bad' : !reads ? 'faint' : rate === null ? 'plain' : 'flow',
        dashed: !reads,
        perSecond: reads ? rate : null,
      };
    });
}

function heartbeat(state: LearnState, group: GroupShown, member: ReaderMember): DiagramEdge {
  const silent = member.state === 'paused' || member.state === 'gone';
  const known = groupOf(state, group.id)?.coordinator ?? null;
  return {
    id: `heartbeat-${group.id}-${member.id}`,
    from: memberId(group, member),
    to: `coordinator-${group.id}`,
    tone: silent ? 'bad' : known === null || member.state === 'joining' ? 'faint' : 'control',
    dashed: silent || known === null || member.state === 'joining',
    cut: silent,
  };
}

function coordinatorBox(state: LearnState, group: GroupShown, at: Place): DiagramBox {
  const row = groupOf(state, group.id);
  const broker = row?.coordinator ?? null;
  const generation = generationOf(state, group.id);
  const word = row === null ? 'does not exist yet' : GROUP_STATE[row.state].word;
  const protocol = row?.protocol ?? '';
  const settled = row !== null && (row.state === 'Stable' || row.state === 'Empty');
  return {
    id: `coordinator-${group.id}`,
    ...at,
    tone: row === null ? 'faint' : broker === null || !settled ? 'warn' : 'control',
    dashed: row === null || broker === null,
    title: 'coordinator',
    ...(row === null || at.width < 150 ? {} : { note: broker === null ? 'moving' : `broker ${broker}`, noteTone: 'control' as const }),
    lines: [
      { text: group.id },
      { text: row === null ? word : `${word}, generation ${generation ?? '?'}`, tone: row === null || settled ? 'plain' : 'warn' },
      { text: protocol === '' ? 'no assignor' : protocol },
    ],
    said: `The coordinator of group ${group.id} is ${broker === null ? 'unknown' : `broker ${broker}`}; the group: ${word}, generation ${generation ?? 'unknown'}`,
    ...(broker === null ? {} : { to: `/brokers/${broker}` }),
    data: {
      group: group.id,
      coordinator: broker === null ? 'none' : `${broker}`,
      state: row?.state ?? 'none',
      members: `${row?.members.length ?? 0}`,
    },
  };
}

function captionOf(state: LearnState, groups: readonly GroupShown[]): string {
  const { topic } = state;
  const parts = groups.map(({ id, members }) => {
    return `${id}: ${plural(members.length, 'member')}, ${formatLag(groupOf(state, id))}`;
  });
  return `Topic ${topic?.name ?? '?'}, ${plural(topic?.partitions.length ?? 0, 'partition')}. ${parts.join('; ')}.`;
}

function describeGroup(state: LearnState, { id, members, readings }: GroupShown): string[] {
  const row = groupOf(state, id);
  if (row === null && members.length === 0) return [`Group ${id} does not exist yet.`];
  const generation = generationOf(state, id);
  const coordinator = row?.coordinator ?? null;
  const word = row === null ? 'starting' : GROUP_STATE[row.state].word.toLowerCase();
  return [
    `Group ${id} is ${word}, with ${plural(members.length, 'member')}${generation === null ? '' : `, in generation ${generation}`}. ${coordinator === null ? 'Its coordinator is unknown.' : `Broker ${coordinator} is its coordinator.`}`,
    ...members.map(
      ({ name, state: is, partitions }) =>
        `${name.charAt(0).toUpperCase()}${name.slice(1)} is ${MEMBER_LABELS[is]}, with ${partitions.length === 0 ? 'no partition' : `${partitions.length === 1 ? 'partition' : 'partitions'} ${formatList(partitions.map(String))}`}.`,
    ),
    ...readings.filter(({ memberId: owner }) => owner === null).map(({ partition }) => `Partition ${partition} is not assigned in ${id}.`),
  ];
}

/** Replaces client ids by the member names of the page, and omits the name of the group. */
const inPage = (text: string): string =>
  text
    .replace(/(?:member )?load-learn-readers-(\d+)/g, 'member $1')
    .replace(/ (?:of )?group learn-readers/g, '')
    .replace(/^group learn-readers:? /, (found) => (found.includes(':') ? '' : 'the group '));

/** The events of the last rebalance, from its cause. */
function stepsOf(history: readonly TimelineEvent[]): { steps?: { title: string; of: string[] } } {
  const own = history.filter(({ group }) => group === LEARN_GROUP);
  const end = own.findLastIndex(({ type }) => type === 'group/rebalanced');
  if (end < 0) return {};
  const before = own.slice(0, end).findLastIndex(({ type }) => type === 'group/rebalanced');
  const events = own.slice(before + 1, end + 1).slice(-7);
  const [first] = events;
  if (first === undefined) return {};
  const stated = new Set<string>();
  return {
    steps: {
      title: 'The last rebalance, step by step',
      of: events.map((event) => {
        const text = describeEvent(event);
        const reason = describeReason(event);
        const fresh = reason === null || stated.has(reason) || text.includes(reason.replace(/^member /, '')) ? '' : `, ${reason}`;
        if (reason !== null) stated.add(reason);
        const after = event.at === first.at ? '' : `after ${formatSpan(Math.max(0, event.at - first.at))}: `;
        const generation = event.type === 'group/rebalanced' ? event.details?.['generation'] : undefined;
        return `${after}${inPage(`${text}${fresh}`)}${typeof generation === 'number' ? `; generation ${generation}` : ''}`;
      }),
    },
  };
}

function wrong(state: LearnState): string[] {
  const members = membersOfGroup(state, LEARN_GROUP);
  const row = groupOf(state, LEARN_GROUP);
  const silent = members.find((member) => member.state === 'paused' || member.state === 'gone');
  if (silent !== undefined)
    return [
      `${silent.name.charAt(0).toUpperCase()}${silent.name.slice(1)} ${silent.state === 'gone' ? 'crashed without leaving the group' : 'sends no heartbeats'}. The coordinator waits until its session of 6 s expires; until then ${silent.partitions.length === 0 ? 'nothing changes' : `${silent.partitions.length === 1 ? 'partition' : 'partitions'} ${formatList(silent.partitions.map(String))} ${silent.partitions.length === 1 ? 'is' : 'are'} not consumed, and the lag grows`}. Then a rebalance assigns ${silent.partitions.length === 1 ? 'it' : 'them'} to other members.`,
    ];
  const coordinator = row?.coordinator ?? null;
  if (row !== null && coordinator === null)
    return [
      'The coordinator is moving with the leadership of the partition of `__consumer_offsets` that stores this group. Members find the new coordinator and continue in the same generation.',
    ];
  return [
    'A member that **crashes** is removed only when its session expires. A slow member that does not poll leaves the group and rejoins: a group that rebalances constantly makes no progress. With the classic protocol, which is used here, all members stop during a rebalance; with KIP-848 (`group.protocol=consumer`) the coordinator moves single partitions while the other members continue.',
    `Kill the broker that **coordinates** it${coordinator === null ? '' : `, broker ${coordinator}`}: the new leader of the partition of \`__consumer_offsets\` loads the group from the log, and the members find the new coordinator.`,
  ];
}

function outages(state: LearnState): Outage[] {
  const coordinator = groupOf(state, LEARN_GROUP)?.coordinator ?? null;
  return recoveriesOr(state, () =>
    coordinator === null ? [] : [{ ...killOf(coordinator), label: `Kill broker ${coordinator}, the coordinator` }],
  );
}

/** Done after a generation with more members than partitions, when one member owns all partitions. */
function achieved(state: LearnState): string | null {
  const { topic } = state;
  const group = groupOf(state, LEARN_GROUP);
  if (topic === null || group === null || group.state !== 'Stable') return null;
  const crowded = state.events.some(({ type, group: of, details }) => {
    const members = details?.['members'];
    return type === 'group/rebalanced' && of === LEARN_GROUP && typeof members === 'number' && members > topic.partitions.length;
  });
  const all = group.members.find(
    ({ assignment }) => assignment.find((one) => one.topic === topic.name)?.partitions.length === topic.partitions.length,
  );
  if (!crowded || all === undefined || group.members.length !== 1) return null;
  return `one of ${topic.partitions.length + 1} members was idle; now ${membersOfGroup(state, LEARN_GROUP)[0]?.name ?? 'one member'} owns ${topic.partitions.length === 1 ? 'the one partition' : `all ${topic.partitions.length} partitions`}.`;
}

export const consumerGroups: Concept = {
  id: 'consumer-groups',
  title: 'Consumer Groups',
  number: 8,
  line: 'Consumers that share partitions and take over for each other.',
  what: [
    'Consumers with the same `group.id` share the work: each partition is assigned to **exactly one member** of the group. With more members than partitions, some members are idle.',
    'One broker is the **group coordinator**. It receives the heartbeats, stores the committed offsets in `__consumer_offsets`, and starts a **rebalance** when members join, leave or time out; each rebalance begins a new **generation**.',
  ],
  promises: [
    'A partition has one owner at a time; commits of an older generation are rejected.',
    'The new owner of a partition starts from its committed offset.',
    'Groups are independent: each consumes all records at its own pace.',
  ],
  settings: [
    { name: 'session.timeout.ms', of: 'client', value: '6 s', says: 'time without heartbeats after which a member is removed' },
    { name: 'heartbeat.interval.ms', of: 'client', value: '1 s', says: 'interval of heartbeats' },
    {
      name: 'partition.assignment.strategy',
      of: 'client',
      value: 'round robin',
      says: 'how partitions are assigned; the group leader applies it',
    },
    { name: 'group.initial.rebalance.delay.ms', of: 'broker', says: 'delay of the first rebalance of an empty group' },
    { name: 'group.min.session.timeout.ms', of: 'broker', says: 'minimum session timeout of a member' },
    { name: 'offsets.topic.replication.factor', of: 'broker', says: 'replication factor of the committed offsets' },
  ],
  wrong,
  outages,
  check: {
    task: 'Give the group more members than partitions, then let **one member own all partitions**.',
    done: achieved,
  },
  links: (state) => [
    { label: `Members, assignment, lag over time: Consumer groups › ${LEARN_GROUP}`, to: `/groups/${LEARN_GROUP}` },
    ...(loadOf(state.loads, 'group', SECOND_GROUP) === null
      ? []
      : [{ label: `The second group: Consumer groups › ${SECOND_GROUP}`, to: `/groups/${SECOND_GROUP}` }]),
    { label: 'Causes of rebalances: the timeline in the Lab', to: '/lab' },
  ],
  diagram,
};
