/** The text of the tour at each step: what to do, why, the cluster's state so far, and the buttons. */
import type { TopicRow } from '#shared/models/cluster';
import { formatLag } from '../groups/lag.ts';
import { formatCount, formatDuration, formatList, plural } from '../format/numbers.ts';
import {
  LAG_LOW,
  LAG_SEEN,
  READ_RATE,
  WRITES_SEEN,
  WRITE_RATE,
  inSyncOf,
  isDown,
  isReading,
  isWriting,
  leaderOf,
  readersName,
  reliefFor,
  unfitTopic,
  type TourFacts,
  type TourMemory,
  type TourStep,
} from './tour.ts';
import { groupPath } from '../format/addresses.ts';

export interface TourLine {
  done: boolean;
  text: string;
  tone?: 'warn' | 'bad';
}

export interface TourText {
  title: string;
  text: string;
  lines: TourLine[];
  /** The page where it is done, and the control there. */
  show: { to: string; target: string } | null;
  /** What the tour itself does when asked. */
  act: { verb: 'startClients' | 'relieve'; label: string } | null;
}

export function describeStep(step: TourStep, memory: TourMemory, facts: TourFacts): TourText {
  const name = memory.topic ?? '';
  const topic = facts.topics.get(name);
  const groupPage = { to: groupPath(readersName(name)), target: 'lag' };
  const lagSaid = (facts.group?.lag ?? null) === null ? 'lag not known yet' : formatLag(facts.group);
  switch (step) {
    case 'topic': {
      const unfit = unfitTopic(memory, facts);
      return {
        title: 'Create a topic',
        text: 'A topic is a log of records under a name, split into partitions, each of which is kept on several brokers. Choose a name and leave the rest as it is.',
        lines: unfit === null ? [] : [{ done: false, text: unfit, tone: 'warn' }],
        show: { to: '/topics', target: 'create-topic' },
        act: null,
      };
    }
    case 'clients':
      return {
        title: `Let one program write to ${name}, and another read`,
        text: `A producer writes ${WRITE_RATE} records a second. A consumer group with one slow member reads ${READ_RATE} of them.`,
        lines: [
          { done: isWriting(facts), text: isWriting(facts) ? 'the producer is acknowledged' : 'no producer yet' },
          { done: isReading(facts), text: isReading(facts) ? 'the group has joined' : 'no group yet' },
        ],
        show: null,
        act: { verb: 'startClients', label: 'Start both' },
      };
    case 'lag':
      return {
        title: 'Watch lag grow',
        text: `Lag is the number of records not yet consumed. It grows by about ${WRITE_RATE - READ_RATE} records per second; see the chart of the group.`,
        lines: [{ done: false, text: facts.watching ? `${lagSaid}, seen at ${LAG_SEEN}` : 'open the page of the group' }],
        show: groupPage,
        act: null,
      };
    case 'catchUp': {
      const relief = reliefFor(topic?.partitions.length ?? 1);
      const more = relief.members - 1;
      const relieved = (facts.readers?.spec.kind === 'group' ? facts.readers.spec.members : 1) >= relief.members && relief.members > 1;
      return {
        title: 'Let it catch up',
        text: 'The partitions of a topic are divided among the members of a group. With more of them it reads faster than is written, and lag falls.',
        lines: [{ done: false, text: facts.watching ? `${lagSaid}, done at ${LAG_LOW} or less` : 'open the page of the group' }],
        show: groupPage,
        act: relieved ? null : { verb: 'relieve', label: more > 0 ? `Add ${plural(more, 'member')}` : 'Write less' },
      };
    }
    case 'outage':
      return describeOutage(memory, facts, topic);
    case 'start': {
      const broker = memory.outage?.broker ?? 0;
      const runs = (memory.outage?.after ?? null) !== null;
      const { inSync, all } = inSyncOf(topic, broker);
      return {
        title: `Start broker ${broker} again`,
        text: 'It fetches the missed records from the new leaders and rejoins the ISRs. Until then its partitions are under-replicated.',
        lines: [
          { done: runs, text: `broker ${broker} ${runs ? 'runs' : 'is down'}` },
          { done: runs && inSync === all, text: `in sync in ${inSync} of its ${plural(all, 'partition')} of ${name}` },
        ],
        show: runs ? null : { to: '/brokers', target: `start-${broker}` },
        act: null,
      };
    }
    case 'end':
      return describeEnd(memory);
  }
}

function describeOutage(memory: TourMemory, facts: TourFacts, topic: TopicRow | undefined): TourText {
  const name = memory.topic ?? '';
  const { outage } = memory;
  const broker = outage?.broker ?? leaderOf(topic);
  const session = facts.brokers.find(({ id }) => id === broker)?.sessionTimeoutMs ?? null;
  const since = (facts.producer?.written?.acknowledged ?? 0) - (outage?.moved ?? 0);
  const others = facts.brokers.filter((one) => isDown(one) && one.id !== outage?.broker);
  const words = {
    title: broker === null ? 'Break a broker' : `Kill broker ${broker}`,
    text: `It leads partitions of ${name}. Other brokers have replicas: one of them becomes leader${session === null ? '' : ` once ${formatDuration(session)} pass without a heartbeat`}, and the producer continues.`,
    act: null,
  };
  if (outage === null)
    return {
      ...words,
      lines: [{ done: false, text: 'no broker is down yet' }],
      show: broker === null ? null : { to: '/brokers', target: `kill-${broker}` },
    };
  const lines: TourLine[] = [
    { done: true, text: `broker ${outage.broker} is down` },
    { done: outage.moved !== null, text: outage.moved === null ? 'its partitions wait for a leader' : 'others lead its partitions' },
    {
      done: outage.writesContinue,
      text: outage.moved === null ? 'the producer waits' : `${formatCount(since)} records acknowledged since, seen at ${WRITES_SEEN}`,
    },
  ];
  if (others.length > 0) {
    const down = formatList(others.map(({ id }) => `broker ${id}`));
    lines.push({
      done: false,
      text: `${down} ${others.length === 1 ? 'is' : 'are'} down too: start it, so that a majority is left`,
      tone: 'warn',
    });
  }
  return { ...words, lines, show: null };
}

function describeEnd(memory: TourMemory): TourText {
  const { audit, outage } = memory;
  const words = { show: null, act: null, lines: [] as TourLine[] };
  if (audit === null || outage === null)
    return {
      ...words,
      title: 'Is every record still stored?',
      text: `Every record of ${memory.topic ?? ''} is read, and compared with what was acknowledged.`,
    };
  const during = (outage.after ?? outage.before) - outage.before;
  const were = during === 1 ? '1 record was' : `${formatCount(during)} records were`;
  const first = `${were} acknowledged while broker ${outage.broker} was down`;
  const whole: TourLine = {
    done: audit.lost === 0 && audit.unread === 0,
    text: `in all ${formatCount(audit.acknowledged)} acknowledged, ${formatCount(audit.found)} found, ${formatCount(audit.lost)} lost`,
    ...(audit.lost > 0 ? { tone: 'bad' as const } : {}),
  };
  const rest: TourLine[] = [
    ...(audit.removed > 0 ? [{ done: true, text: `${plural(audit.removed, 'record')} removed by the topic's retention` }] : []),
    ...(audit.unread > 0 ? [{ done: false, text: `${plural(audit.unread, 'record')} cannot be read now`, tone: 'warn' as const }] : []),
  ];
  if (audit.lost > 0)
    return {
      ...words,
      title: 'Some records are lost',
      text: `${first}. Of all that was acknowledged, ${formatCount(audit.lost)} are lost.`,
      lines: [whole, ...rest],
    };
  if (audit.unread > 0)
    return {
      ...words,
      title: 'Not all of it can be read now',
      text: `${first}; none of what can be read is missing.`,
      lines: [whole, ...rest],
    };
  return { ...words, title: 'An outage survived', text: `${first}; none of them is lost.`, lines: [whole, ...rest] };
}
