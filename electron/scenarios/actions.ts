/** Performs the actions of a step on the lab, the loads and the topics. Each returns a text of what was done, with the brokers that names resolved to. */
import { setTopicConfigs } from '../admin/configs.ts';
import { electLeader } from '../admin/elections.ts';
import { deleteRecordsBefore } from '../admin/delete-records.ts';
import { partitionFor } from '../admin/records.ts';
import type { FaultSpec } from '#shared/models/lab';
import type { ScenarioAction, ScenarioFault } from '#shared/scenario-verbs';
import { BrokenRunError, pause } from './environment.ts';
import { updateTable } from './conditions.ts';
import type { RunContext } from './run-context.ts';
import type { FormatNode } from '#shared/faults/definition';
import { plural } from '#shared/numbers';
import { describeAction, formatTarget } from './descriptions.ts';

const WRITE_MS = 5_000;

export async function performAction(action: ScenarioAction, context: RunContext): Promise<string> {
  const { lab, loads, client } = context.environment;
  if ('fault' in action) return injectFault(action, context);
  if ('isolate' in action) return isolateBroker(action, context);
  if ('heal' in action) return healFault(action.heal, context);
  if ('start' in action) {
    const id = await context.resolve(action.start);
    await lab.start(id);
    return `started ${context.say(action.start, id)}`;
  }
  if ('pick' in action) {
    const id = await context.resolve(action.pick);
    context.brokers.set(action.as, id);
    return `${action.as} is ${context.say(action.pick, id)}`;
  }
  if ('run' in action) {
    await context.startLoad(action.run);
    return describeAction(action, formatTarget);
  }
  if ('end' in action) {
    await loads.stop(context.load(action.end).id);
    return `ended load ${action.end}`;
  }
  if ('change' in action) {
    await loads.change(context.load(action.change).id, { recordsPerSecond: action.recordsPerSecond, members: action.members });
    return describeAction(action, formatTarget);
  }
  if ('crash' in action) return changeMember(action.crash, action.member, 'crash', context);
  if ('pause' in action) return changeMember(action.pause, action.member, 'pause', context);
  if ('resume' in action) return changeMember(action.resume, action.member, 'resume', context);
  if ('configure' in action) {
    const configs = Object.fromEntries(Object.entries(action.configs).map(([key, value]) => [key, value === null ? null : String(value)]));
    await setTopicConfigs(client, context.topic(action.configure), configs);
    return describeAction(action, formatTarget);
  }
  if ('deleteRecords' in action) {
    const to = context.partition(action.deleteRecords);
    const before = new Map([[to.partition, action.before === 'end' ? null : BigInt(action.before)]]);
    const deleted = (await deleteRecordsBefore(client, to.topic, before)).get(to.partition);
    if (deleted !== undefined && 'error' in deleted) throw deleted.error;
    return describeAction(action, formatTarget);
  }
  if ('write' in action) return writeInOrder(action, context);
  if ('elect' in action) {
    const to = context.partition(action.elect);
    await client.retrying(() => electLeader(client, to, action.kind));
    const seen = await context.observer.partition(to.topic, to.partition);
    return `${describeAction(action, formatTarget)}${seen?.leader === null || seen === null ? '' : `: broker ${seen.leader} is the leader`}`;
  }
  if ('read' in action) {
    const view = context.view(action.view);
    const records = await context.observer.read(context.topic(action.read), view.positions);
    updateTable(records, view.values);
    return `read ${plural(records.length, 'record')} of ${action.read} into the view ${action.view}, which now has ${plural(view.values.size, 'key')}`;
  }
  await pause(action.wait, context.signal);
  return describeAction(action, formatTarget);
}

async function injectFault({ fault, as }: Extract<ScenarioAction, { fault: object }>, context: RunContext): Promise<string> {
  const ids = new Map<string | number, number>();
  const spec = await resolveFault(fault, context, ids);
  const say: FormatNode = (target) => context.say(target, ids.get(target) ?? 0);
  // Registered before the fault is injected: an expectation that waits for the name may be evaluated meanwhile.
  if (as !== undefined && 'node' in spec) context.brokers.set(as, spec.node);
  const { id, detail } = await context.environment.lab.inject(spec);
  context.injected.add(id);
  if (as !== undefined) context.faults.set(as, [id]);
  const text = describeAction({ fault }, say);
  return detail === null ? text : `${text}: ${detail}`;
}

async function resolveFault(fault: ScenarioFault, context: RunContext, ids: Map<string | number, number>): Promise<FaultSpec> {
  const resolve = async (target: string | number, except: readonly number[] = []): Promise<number> => {
    const id = await context.resolve(target, except);
    ids.set(target, id);
    return id;
  };
  if ('between' in fault) {
    const [first, second] = fault.between;
    const one = first === 'clients' ? first : await resolve(first);
    // "a broker" at both ends stands for two brokers.
    const other = second === 'clients' ? second : await resolve(second, one === 'clients' ? [] : [one]);
    return { ...fault, between: [one, other] };
  }
  const node = await resolve(fault.node);
  return 'topic' in fault ? { ...fault, node, topic: context.topic(fault.topic) } : { ...fault, node };
}

async function isolateBroker(action: Extract<ScenarioAction, { isolate: unknown }>, context: RunContext): Promise<string> {
  const { lab } = context.environment;
  const id = await context.resolve(action.isolate);
  if (action.as !== undefined) context.brokers.set(action.as, id);
  const others = (await lab.nodes()).map((node) => node.id).filter((other) => other !== id);
  const ends: (number | 'clients')[] = [
    ...(action.from === 'clients' ? [] : others),
    ...(action.from === 'brokers' ? [] : ['clients' as const]),
  ];
  const faults: number[] = [];
  for (const end of ends) {
    const fault = await lab.inject({ type: 'partition', between: [id, end], direction: 'both' });
    context.injected.add(fault.id);
    faults.push(fault.id);
  }
  if (action.as !== undefined) context.faults.set(action.as, faults);
  return describeAction(action, (target) => context.say(target, id));
}

async function healFault(what: string, context: RunContext): Promise<string> {
  const { lab } = context.environment;
  if (what === 'all') {
    const failed = await context.healOwn();
    if (failed.length > 0) throw new BrokenRunError(failed.join(' '));
    return 'healed all faults of the scenario';
  }
  const ids = context.faults.get(what);
  if (ids === undefined) throw new BrokenRunError(`No fault is named ${what}.`);
  const inForce = new Set(lab.faults().map(({ id }) => id));
  for (const id of ids) if (inForce.has(id)) await lab.heal(id);
  return `healed ${what}`;
}

async function changeMember(
  name: string,
  number: number | undefined,
  does: 'crash' | 'pause' | 'resume',
  context: RunContext,
): Promise<string> {
  const { id } = context.load(name);
  const members = context.row(name).consumed?.members ?? [];
  const state = does === 'resume' ? 'paused' : 'consuming';
  const chosen = number ?? members.find((one) => one.state === state)?.number;
  if (chosen === undefined) throw new BrokenRunError(`No member of ${name} is ${state}.`);
  await context.environment.loads.member(id, chosen, does);
  return {
    crash: `member ${chosen} of ${name} crashed`,
    pause: `member ${chosen} of ${name} paused`,
    resume: `member ${chosen} of ${name} resumed`,
  }[does];
}

async function writeInOrder(action: Extract<ScenarioAction, { write: string }>, context: RunContext): Promise<string> {
  const topic = context.topic(action.write);
  const { client } = context.environment;
  // One at a time with retries, so that records keep the order of the file.
  for (const { key, value, partition } of action.records) {
    await client.retrying(async () => {
      const meta = await context.observer.metadata([topic]);
      const count = meta.topics.find(({ name }) => name === topic)?.partitions.length ?? 1;
      await context.observer.write(topic, partition ?? partitionFor(key, topic, count), [{ key, value }], WRITE_MS);
    });
  }
  return describeAction(action, formatTarget);
}
