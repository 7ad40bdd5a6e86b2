/** Scenarios in words: what a step does, what is expected. The same words before a run, in it and in its report. */
import { sayDuration } from '#shared/durations';
import { ownValue } from '#shared/own-value';
import type { Scenario, ScenarioStep } from '#shared/scenario-schema';
import type { ScenarioAction, ScenarioCondition, ScenarioExpectation, ScenarioFault, ScenarioLoad } from '#shared/scenario-verbs';
import type { ScenarioOutline, ScenarioSummary } from '#shared/models/scenario';

/** How a broker is said: before a run as it stands in the file, in a run with the id that it came to. */
export type SayTarget = (target: string | number) => string;

export const plainTarget: SayTarget = (target) => {
  const text = String(target);
  if (/^\d+$/.test(text)) return `broker ${text}`;
  return /^(?:leader|coordinator) of |^controller\b/.test(text) ? `the ${text}` : text;
};

export function summaryOf(scenario: Scenario): ScenarioSummary {
  const { name, title, about, cluster, steps, expect } = scenario;
  return { name, title, about: about.trim(), brokers: cluster.brokers, steps: steps.length, expectations: expect.length };
}

export function outlineOf(scenario: Scenario): ScenarioOutline {
  return {
    summary: summaryOf(scenario),
    topics: scenario.topics.map((topic) => {
      const partitions = topic.replicas?.length ?? topic.partitions;
      const copies = topic.replicas?.[0]?.length ?? topic.replication;
      const settings = Object.entries(topic.configs).map(([key, value]) => `${key}=${value}`);
      return [`${topic.name}: ${many(partitions, 'partition')} × ${many(copies, 'copy', 'copies')}`, ...settings].join(', ');
    }),
    load: scenario.load.map(loadWords),
    steps: scenario.steps.map((step) => ({
      name: step.name ?? null,
      when: whenWords(step),
      say: step.say.trim(),
      actions: step.do.map((action) => actionWords(action, plainTarget)),
    })),
    expectations: scenario.expect.map((one) => expectationWords(one)),
  };
}

export function whenWords(step: ScenarioStep): string {
  const until = step.until === undefined ? '' : `when ${conditionWords(step.until, plainTarget)}`;
  const time = step.at !== undefined ? `at ${sayDuration(step.at)}` : step.after !== undefined ? `after ${sayDuration(step.after)}` : '';
  return [time, until].filter((part) => part !== '').join(', ') || 'then';
}

export function loadWords(load: ScenarioLoad): string {
  if (load.kind === 'group') {
    const pace = load.perRecordMs > 0 ? `, ${load.perRecordMs} ms a record` : '';
    const crash = load.crashEveryMs === null ? '' : `, one crashes every ${sayDuration(load.crashEveryMs)}`;
    return `group ${load.name}: ${many(load.members, 'member')} reading ${load.topics.join(', ')}${pace}${crash}`;
  }
  const keys = load.keys.kind === 'hot' ? `, ${Math.round(load.keys.share * 100)} % of them with one key` : '';
  return `producer ${load.name}: ${load.recordsPerSecond} records/s to ${load.topic}, acks=${load.acks}${keys}`;
}

export function actionWords(action: ScenarioAction, say: SayTarget): string {
  if ('fault' in action) return faultWords(action.fault, say);
  if ('isolate' in action) {
    const from = { brokers: 'all other brokers', clients: 'all clients', everyone: 'all other brokers and all clients' }[action.from];
    return `cut ${say(action.isolate)} off from ${from}`;
  }
  if ('heal' in action) return action.heal === 'all' ? 'heal all of its faults' : `heal ${action.heal}`;
  if ('start' in action) return `start ${say(action.start)}`;
  if ('pick' in action) return `${action.as} is ${say(action.pick)}`;
  if ('run' in action) return `start ${loadWords(action.run)}`;
  if ('end' in action) return `end load ${action.end}`;
  if ('change' in action) {
    const rate = action.recordsPerSecond === undefined ? [] : [`${action.recordsPerSecond} records/s`];
    const members = action.members === undefined ? [] : [many(action.members, 'member')];
    return `change ${action.change} to ${[...rate, ...members].join(' and ')}`;
  }
  if ('crash' in action) return `crash ${memberWords(action)} of ${action.crash}`;
  if ('pause' in action) return `hold ${memberWords(action)} of ${action.pause} still`;
  if ('resume' in action) return `let ${memberWords(action)} of ${action.resume} go on`;
  if ('configure' in action) {
    return `set ${Object.entries(action.configs)
      .map(([key, value]) => (value === null ? `${key} back to its default` : `${key}=${value}`))
      .join(', ')} of ${action.configure}`;
  }
  if ('deleteRecords' in action)
    return `delete the records of ${action.deleteRecords} before ${action.before === 'end' ? 'its end' : `offset ${action.before}`}`;
  if ('write' in action) return writeWords(action);
  if ('elect' in action)
    return action.kind === 'unclean'
      ? `elect a leader of ${action.elect} from outside the ISR`
      : `elect the preferred leader of ${action.elect}`;
  if ('read' in action) return `read ${action.read} into the view ${action.view}, on from where it stood`;
  return `wait ${sayDuration(action.wait)}`;
}

function memberWords({ member }: { member?: number | undefined }): string {
  return member === undefined ? 'a member' : `member ${member}`;
}

function writeWords({ write, records }: Extract<ScenarioAction, { write: string }>): string {
  const [only] = records;
  if (records.length > 1 || only === undefined) return `write ${records.length} records to ${write}`;
  if (only.value === null) return `write a tombstone for ${only.key ?? 'no key'} to ${write}`;
  return `write ${only.key === null ? '' : `${only.key} = `}${only.value.slice(0, 40)} to ${write}`;
}

export function faultWords(fault: ScenarioFault, say: SayTarget): string {
  if ('between' in fault) {
    const [a, b] = fault.between.map((end) => (end === 'clients' ? 'the clients' : say(end)));
    const way =
      fault.direction === 'both' ? `between ${a} and ${b}` : fault.direction === 'out' ? `from ${a} to ${b}` : `from ${b} to ${a}`;
    return fault.type === 'partition' ? `cut the link ${way}` : `slow the link ${way}: ${slowness(fault.latencyMs, fault.bytesPerSecond)}`;
  }
  const node = say(fault.node);
  switch (fault.type) {
    case 'stop':
      return `stop ${node} in good order`;
    case 'kill':
      return `kill ${node}`;
    case 'powerCut':
      return `cut the power of ${node}`;
    case 'freeze':
      return `freeze ${node}`;
    case 'slowDisk':
      return `slow the disk of ${node}: ${slowness(fault.latencyMs, fault.bytesPerSecond)}`;
    case 'fullDisk':
      return `fill the disk of ${node}`;
    case 'corrupt':
      return `flip bits in ${fault.topic}-${fault.partition} on ${node}`;
    case 'clockSkew':
      return `set the clock of ${node} ${sayDuration(Math.abs(fault.offsetMs))} ${fault.offsetMs < 0 ? 'back' : 'forward'}`;
  }
}

function slowness(latencyMs: number, bytesPerSecond: number): string {
  const parts = [...(latencyMs > 0 ? [`${latencyMs} ms`] : []), ...(bytesPerSecond > 0 ? [`${bytesPerSecond} bytes/s`] : [])];
  return parts.join(', ') || 'with jitter';
}

export function conditionWords(one: ScenarioCondition, say: SayTarget): string {
  if ('leader' in one) {
    if (one.is === 'none') return `${one.leader} has no leader`;
    if (one.is !== undefined) return `${say(one.is)} leads ${one.leader}`;
    return one.isNot === undefined ? `${one.leader} has a leader` : `${one.leader} is led by another than ${say(one.isNot)}`;
  }
  if ('isr' in one) {
    const parts = [
      ...(one.size === undefined ? [] : [`has ${many(one.size, 'copy', 'copies')} in sync`]),
      ...(one.has === undefined ? [] : [`has ${say(one.has)} in sync`]),
      ...(one.lacks === undefined ? [] : [`has ${say(one.lacks)} out of the ISR`]),
    ];
    return `${one.isr} ${parts.join(' and ') || 'has an ISR'}`;
  }
  if ('lag' in one) return `the lag of ${one.lag} is ${boundWords(one)}`;
  if ('members' in one) return `${one.members} is stable with ${many(one.are, 'member')}`;
  if ('counter' in one) return `${one.counter} is ${boundWords(one)}`;
  if ('event' in one) return eventWords(one.event, one, say);
  if ('node' in one) return `${say(one.node)} is ${one.is}`;
  if ('writable' in one) return `${one.writable} takes a write with acks=all`;
  if ('refused' in one) return `${one.refused} refuses a write with ${one.with}`;
  if ('skew' in one) return `the fullest partition of ${one.skew} holds ${percentWords(one)} of its records`;
  if ('value' in one)
    return one.gone === true
      ? `a new reader of ${one.of} finds no ${one.value}`
      : `a new reader of ${one.of} finds ${one.value} = ${one.is ?? 'something'}`;
  if ('stored' in one)
    return `the log of ${one.of} holds ${boundWords(one)} ${one.atMost === 1 || one.atLeast === 1 ? 'record' : 'records'} of ${one.stored}`;
  return one.gone === true ? `the view ${one.view} has no ${one.key}` : `the view ${one.view} has ${one.key} = ${one.is ?? 'something'}`;
}

export function expectationWords(one: ScenarioExpectation): string {
  if (one.that !== undefined) return one.that;
  if ('lost' in one)
    return one.is === 'none' || one.is === 0
      ? `No acknowledged write of ${one.lost} is lost`
      : `${amountWords(one.is)} of ${one.lost}'s acknowledged writes are lost`;
  if ('duplicates' in one)
    return one.is === 'none' || one.is === 0
      ? `No write of ${one.duplicates} is stored twice`
      : `${amountWords(one.is)} of ${one.duplicates}'s writes are stored twice`;
  const since = one.after === undefined || one.after === 'start' ? '' : ` after ${one.after}`;
  if ('rebalances' in one) return `${one.rebalances} is rebalanced ${boundWords(one)} times${since}`;
  if ('events' in one) return `${one.events}${filterWords(one, plainTarget)} happens ${boundWords(one)} times${since}`;
  const text = conditionWords(one, plainTarget);
  const within = one.within === undefined ? ' at the end' : ` within ${sayDuration(one.within)}${since}`;
  // Names keep their letters.
  return `${/^(?:the|a) /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text}${within}`;
}

function amountWords(amount: 'none' | 'some' | number): string {
  return amount === 'some' ? 'Some' : String(amount);
}

function boundWords({ atLeast, atMost }: { atLeast?: number | undefined; atMost?: number | undefined }): string {
  if (atLeast !== undefined && atLeast === atMost) return `exactly ${atLeast}`;
  const parts = [...(atLeast === undefined ? [] : [`at least ${atLeast}`]), ...(atMost === undefined ? [] : [`at most ${atMost}`])];
  return parts.join(' and ') || 'any number of';
}

function percentWords({ atLeast, atMost }: { atLeast?: number | undefined; atMost?: number | undefined }): string {
  const percent = (share: number | undefined): number | undefined => (share === undefined ? undefined : Math.round(share * 100));
  return `${boundWords({ atLeast: percent(atLeast), atMost: percent(atMost) })} %`;
}

/** Of those that are waited for often. */
const EVENT_WORDS: Readonly<Record<string, string>> = {
  'quorum/leaderElected': 'a controller is elected',
  'partition/uncleanlyElected': 'a leader from outside the ISR is elected',
  'partition/truncated': 'a log is cut back to what its leader has',
  'partition/repairBlocked': 'a replica has records missing that cannot be repaired',
  'group/coordinatorMoved': 'the coordinator moves',
};
const BROKER_EVENT_WORDS: Readonly<Record<string, string>> = {
  'cluster/brokerFenced': 'is fenced',
  'cluster/brokerUnfenced': 'is let back in',
  'node/logDirectoryFailed': 'takes its log directory offline',
};

function eventWords(type: string, filter: Parameters<typeof filterWords>[0], say: SayTarget): string {
  const broker = ownValue(BROKER_EVENT_WORDS, type);
  if (broker !== undefined) return `${filter.of === undefined ? 'a broker' : say(filter.of)} ${broker}`;
  const words = ownValue(EVENT_WORDS, type);
  return words === undefined ? `${type}${filterWords(filter, say)} happens` : `${words}${filterWords(filter, say)}`;
}

function filterWords(
  one: { of?: string | number | undefined; topic?: string | undefined; group?: string | undefined },
  say: SayTarget,
): string {
  const parts = [one.of === undefined ? '' : say(one.of), one.topic ?? '', one.group ?? ''].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` of ${parts.join(', ')}`;
}

export function many(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
