/** Describes actions, conditions and expectations in text. The same text is shown before a run, during it and in its report. */
import { sayDuration } from '#shared/durations';
import type { FormatNode } from '#shared/faults/definition';
import { describeFaultAction } from '#shared/faults/definitions';
import { plural } from '#shared/numbers';
import type { Scenario, ScenarioStep } from '#shared/scenario-schema';
import type { ScenarioAction, ScenarioCondition, ScenarioExpectation, ScenarioLoad } from '#shared/scenario-verbs';
import type { ScenarioOutline, ScenarioSummary } from '#shared/models/scenario';
import { eventDefinition } from '#shared/timeline/event-types';

/** Formats a broker as in the file; during a run its id is used. */
export const formatTarget: FormatNode = (target) => {
  const text = String(target);
  if (/^\d+$/.test(text)) return `broker ${text}`;
  return /^(?:leader|coordinator) of |^controller\b/.test(text) ? `the ${text}` : text;
};

export function summarizeScenario(scenario: Scenario): ScenarioSummary {
  const { name, title, about, cluster, steps, expect } = scenario;
  return { name, title, about: about.trim(), brokers: cluster.brokers, steps: steps.length, expectations: expect.length };
}

export function outlineScenario(scenario: Scenario): ScenarioOutline {
  return {
    summary: summarizeScenario(scenario),
    topics: scenario.topics.map((topic) => {
      const partitions = topic.replicas?.length ?? topic.partitions;
      const replicas = topic.replicas?.[0]?.length ?? topic.replication;
      const settings = Object.entries(topic.configs).map(([key, value]) => `${key}=${value}`);
      return [`${topic.name}: ${plural(partitions, 'partition')}, replication factor ${replicas}`, ...settings].join(', ');
    }),
    load: scenario.load.map(describeLoad),
    steps: scenario.steps.map((step) => ({
      name: step.name ?? null,
      when: describeTiming(step),
      say: step.say.trim(),
      actions: step.do.map((action) => describeAction(action, formatTarget)),
    })),
    expectations: scenario.expect.map((one) => describeExpectation(one)),
  };
}

export function describeTiming(step: ScenarioStep): string {
  const until = step.until === undefined ? '' : `when ${describeCondition(step.until, formatTarget)}`;
  const time = step.at !== undefined ? `at ${sayDuration(step.at)}` : step.after !== undefined ? `after ${sayDuration(step.after)}` : '';
  return [time, until].filter((part) => part !== '').join(', ') || 'then';
}

const ACKS: Readonly<Record<Extract<ScenarioLoad, { kind: 'producer' }>['acks'], string>> = { all: 'all', one: '1', none: '0' };

export function describeLoad(load: ScenarioLoad): string {
  if (load.kind === 'group') {
    const pace = load.perRecordMs > 0 ? `, ${load.perRecordMs} ms per record` : '';
    const crash = load.crashEveryMs === null ? '' : `, a member crashes every ${sayDuration(load.crashEveryMs)}`;
    return `group ${load.name}: ${plural(load.members, 'member')} consuming ${load.topics.join(', ')}${pace}${crash}`;
  }
  const keys = load.keys.kind === 'hot' ? `, ${Math.round(load.keys.share * 100)} % of them with one key` : '';
  return `producer ${load.name}: ${load.recordsPerSecond} records/s to ${load.topic}, acks=${ACKS[load.acks]}${keys}`;
}

export function describeAction(action: ScenarioAction, say: FormatNode): string {
  if ('fault' in action) return describeFaultAction(action.fault, say);
  if ('isolate' in action) {
    const from = { brokers: 'all other brokers', clients: 'all clients', everyone: 'all other brokers and all clients' }[action.from];
    return `isolate ${say(action.isolate)} from ${from}`;
  }
  if ('heal' in action) return action.heal === 'all' ? 'heal all faults of the scenario' : `heal ${action.heal}`;
  if ('start' in action) return `start ${say(action.start)}`;
  if ('pick' in action) return `${action.as} is ${say(action.pick)}`;
  if ('run' in action) return `start ${describeLoad(action.run)}`;
  if ('end' in action) return `end load ${action.end}`;
  if ('change' in action) {
    const rate = action.recordsPerSecond === undefined ? [] : [`${action.recordsPerSecond} records/s`];
    const members = action.members === undefined ? [] : [plural(action.members, 'member')];
    return `change ${action.change} to ${[...rate, ...members].join(' and ')}`;
  }
  if ('crash' in action) return `crash ${describeMember(action)} of ${action.crash}`;
  if ('pause' in action) return `pause ${describeMember(action)} of ${action.pause}`;
  if ('resume' in action) return `resume ${describeMember(action)} of ${action.resume}`;
  if ('configure' in action) {
    return `set ${Object.entries(action.configs)
      .map(([key, value]) => (value === null ? `${key} to its default` : `${key}=${value}`))
      .join(', ')} on ${action.configure}`;
  }
  if ('deleteRecords' in action)
    return `delete the records of ${action.deleteRecords} before ${action.before === 'end' ? 'the end offset' : `offset ${action.before}`}`;
  if ('write' in action) return describeWrite(action);
  if ('elect' in action)
    return action.kind === 'unclean'
      ? `run an unclean leader election for ${action.elect}`
      : `run a preferred leader election for ${action.elect}`;
  if ('read' in action) return `read new records of ${action.read} into the view ${action.view}`;
  return `wait ${sayDuration(action.wait)}`;
}

function describeMember({ member }: { member?: number | undefined }): string {
  return member === undefined ? 'a member' : `member ${member}`;
}

function describeWrite({ write, records }: Extract<ScenarioAction, { write: string }>): string {
  const [only] = records;
  if (records.length > 1 || only === undefined) return `write ${records.length} records to ${write}`;
  if (only.value === null) return `write a tombstone for ${only.key ?? 'no key'} to ${write}`;
  return `write ${only.key === null ? '' : `${only.key} = `}${only.value.slice(0, 40)} to ${write}`;
}

export function describeCondition(one: ScenarioCondition, say: FormatNode): string {
  if ('leader' in one) {
    if (one.is === 'none') return `${one.leader} has no leader`;
    if (one.is !== undefined) return `${say(one.is)} is the leader of ${one.leader}`;
    return one.isNot === undefined ? `${one.leader} has a leader` : `${one.leader} has a leader other than ${say(one.isNot)}`;
  }
  if ('isr' in one) {
    const parts = [
      ...(one.size === undefined ? [] : [`has ${plural(one.size, 'in-sync replica')}`]),
      ...(one.has === undefined ? [] : [`has ${say(one.has)} in its ISR`]),
      ...(one.lacks === undefined ? [] : [`does not have ${say(one.lacks)} in its ISR`]),
    ];
    return `${one.isr} ${parts.join(' and ') || 'has an ISR'}`;
  }
  if ('lag' in one) return `the lag of ${one.lag} is ${formatBounds(one)}`;
  if ('members' in one) return `${one.members} is stable with ${plural(one.are, 'member')}`;
  if ('counter' in one) return `${one.counter} is ${formatBounds(one)}`;
  if ('event' in one) return describeEvent(one.event, one, say);
  if ('node' in one) return `${say(one.node)} is ${one.is}`;
  if ('writable' in one) return `${one.writable} accepts a write with acks=all`;
  if ('refused' in one) return `${one.refused} rejects a write with ${one.with}`;
  if ('skew' in one) return `the largest partition of ${one.skew} has ${formatPercentBounds(one)} of its records`;
  if ('value' in one)
    return one.gone === true
      ? `a new consumer of ${one.of} finds no ${one.value}`
      : `a new consumer of ${one.of} finds ${one.value} = ${one.is ?? 'a value'}`;
  if ('stored' in one)
    return `the log of ${one.of} has ${formatBounds(one)} ${one.atMost === 1 || one.atLeast === 1 ? 'record' : 'records'} of ${one.stored}`;
  return one.gone === true ? `the view ${one.view} has no ${one.key}` : `the view ${one.view} has ${one.key} = ${one.is ?? 'a value'}`;
}

export function describeExpectation(one: ScenarioExpectation): string {
  if (one.that !== undefined) return one.that;
  if ('lost' in one)
    return one.is === 'none' || one.is === 0
      ? `No acknowledged write of ${one.lost} is lost`
      : `${formatAmount(one.is)} of ${one.lost}'s acknowledged writes are lost`;
  if ('duplicates' in one)
    return one.is === 'none' || one.is === 0
      ? `No record of ${one.duplicates} is duplicated`
      : `${formatAmount(one.is)} of ${one.duplicates}'s records are duplicated`;
  const since = one.after === undefined || one.after === 'start' ? '' : ` after ${one.after}`;
  if ('rebalances' in one) return `${one.rebalances} rebalances ${formatBounds(one)} times${since}`;
  if ('events' in one) return `${one.events}${formatFilter(one, formatTarget)} is recorded ${formatBounds(one)} times${since}`;
  const text = describeCondition(one, formatTarget);
  const step = since === '' ? '' : ` of ${one.after}`;
  const within = one.within === undefined ? ' at the end' : ` within ${sayDuration(one.within)}${step}`;
  // The case of a name is significant.
  return `${/^(?:the|an?) /.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text}${within}`;
}

function formatAmount(amount: 'none' | 'some' | number): string {
  return amount === 'some' ? 'Some' : String(amount);
}

function formatBounds({ atLeast, atMost }: { atLeast?: number | undefined; atMost?: number | undefined }): string {
  if (atLeast !== undefined && atLeast === atMost) return `exactly ${atLeast}`;
  const parts = [...(atLeast === undefined ? [] : [`at least ${atLeast}`]), ...(atMost === undefined ? [] : [`at most ${atMost}`])];
  return parts.join(' and ') || 'any number of';
}

function formatPercentBounds({ atLeast, atMost }: { atLeast?: number | undefined; atMost?: number | undefined }): string {
  const percent = (share: number | undefined): number | undefined => (share === undefined ? undefined : Math.round(share * 100));
  return `${formatBounds({ atLeast: percent(atLeast), atMost: percent(atMost) })} %`;
}

function describeEvent(type: string, filter: Parameters<typeof formatFilter>[0], format: FormatNode): string {
  const condition = eventDefinition(type)?.condition;
  if (condition === undefined) return `${type}${formatFilter(filter, format)} is recorded`;
  if (!condition.ofBroker) return `${condition.text}${formatFilter(filter, format)}`;
  return `${filter.of === undefined ? 'a broker' : format(filter.of)} ${condition.text}`;
}

function formatFilter(
  one: { of?: string | number | undefined; topic?: string | undefined; group?: string | undefined },
  say: FormatNode,
): string {
  const parts = [one.of === undefined ? '' : say(one.of), one.topic ?? '', one.group ?? ''].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
