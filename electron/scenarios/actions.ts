/** What a step does, done: on the lab, on the loads, on the topics. Each returns in words what it did, with what its names stood for. */
import { setTopicConfigs } from '../admin/configs.ts';
import { electLeader } from '../admin/elections.ts';
import { deleteRecordsBefore } from '../admin/delete-records.ts';
import { partitionFor } from '../admin/records.ts';
import type { FaultSpec } from '#shared/models/lab';
import type { ScenarioAction, ScenarioFault } from '#shared/scenario-verbs';
import { Broken, pause } from './bench.ts';
import { tableOf } from './conditions.ts';
import type { Stage } from './stage.ts';
import { actionWords, many, plainTarget, type SayTarget } from './words.ts';

const WRITE_MS = 5_000;

export async function perform(action: ScenarioAction, stage: Stage): Promise<string> {
  const { lab, loads, client } = stage.bench;
  if ('fault' in action) return injectFault(action, stage);
  if ('isolate' in action) return isolate(action, stage);
  if ('heal' in action) return heal(action.heal, stage);
  if ('start' in action) {
    const id = await stage.resolve(action.start);
    await lab.start(id);
    return `started ${stage.say(action.start, id)}`;
  }
  if ('pick' in action) {
    const id = await stage.resolve(action.pick);
    stage.brokers.set(action.as, id);
    return `${action.as} is ${stage.say(action.pick, id)}`;
  }
  if ('run' in action) {
    await stage.startLoad(action.run);
    return actionWords(action, plainTarget);
  }
  if ('end' in action) {
    await loads.stop(stage.load(action.end).id);
    return `ended load ${action.end}`;
  }
  if ('change' in action) {
    await loads.change(stage.load(action.change).id, { recordsPerSecond: action.recordsPerSecond, members: action.members });
    return actionWords(action, plainTarget);
  }
  if ('crash' in action) return member(action.crash, action.member, 'crash', stage);
  if ('pause' in action) return member(action.pause, action.member, 'pause', stage);
  if ('resume' in action) return member(action.resume, action.member, 'resume', stage);
  if ('configure' in action) {
    const configs = Object.fromEntries(Object.entries(action.configs).map(([key, value]) => [key, value === null ? null : String(value)]));
    await setTopicConfigs(client, stage.topic(action.configure), configs);
    return actionWords(action, plainTarget);
  }
  if ('deleteRecords' in action) {
    const to = stage.partition(action.deleteRecords);
    const before = new Map([[to.partition, action.before === 'end' ? null : BigInt(action.before)]]);
    const deleted = (await deleteRecordsBefore(client, to.topic, before)).get(to.partition);
    if (deleted !== undefined && 'error' in deleted) throw deleted.error;
    return actionWords(action, plainTarget);
  }
  if ('write' in action) return write(action, stage);
  if ('elect' in action) {
    const to = stage.partition(action.elect);
    await client.retrying(() => electLeader(client, to, action.kind));
    const seen = await stage.observer.partition(to.topic, to.partition);
    return `${actionWords(action, plainTarget)}${seen?.leader === null || seen === null ? '' : `: broker ${seen.leader} leads`}`;
  }
  if ('read' in action) {
    const view = stage.view(action.view);
    const records = await stage.observer.read(stage.topic(action.read), view.positions);
    tableOf(records, view.values);
    return `read ${many(records.length, 'record')} of ${action.read} into the view ${action.view}, which has ${many(view.values.size, 'key')} now`;
  }
  await pause(action.wait, stage.signal);
  return actionWords(action, plainTarget);
}

async function injectFault({ fault, as }: Extract<ScenarioAction, { fault: object }>, stage: Stage): Promise<string> {
  const ids = new Map<string | number, number>();
  const spec = await resolveFault(fault, stage, ids);
  const say: SayTarget = (target) => stage.say(target, ids.get(target) ?? 0);
  // Named before it is done: what waits for the name may look while it is.
  if (as !== undefined && 'node' in spec) stage.brokers.set(as, spec.node);
  const { id, detail } = await stage.bench.lab.inject(spec);
  stage.injected.add(id);
  if (as !== undefined) stage.faults.set(as, [id]);
  const words = actionWords({ fault }, say);
  return detail === null ? words : `${words}: ${detail}`;
}

async function resolveFault(fault: ScenarioFault, stage: Stage, ids: Map<string | number, number>): Promise<FaultSpec> {
  const resolve = async (target: string | number, except: readonly number[] = []): Promise<number> => {
    const id = await stage.resolve(target, except);
    ids.set(target, id);
    return id;
  };
  if ('between' in fault) {
    const [first, second] = fault.between;
    const one = first === 'clients' ? first : await resolve(first);
    // "a broker" at the other end is another one.
    const other = second === 'clients' ? second : await resolve(second, one === 'clients' ? [] : [one]);
    return { ...fault, between: [one, other] };
  }
  const node = await resolve(fault.node);
  return fault.type === 'corrupt' ? { ...fault, node, topic: stage.topic(fault.topic) } : { ...fault, node };
}

async function isolate(action: Extract<ScenarioAction, { isolate: unknown }>, stage: Stage): Promise<string> {
  const { lab } = stage.bench;
  const id = await stage.resolve(action.isolate);
  if (action.as !== undefined) stage.brokers.set(action.as, id);
  const others = (await lab.nodes()).map((node) => node.id).filter((other) => other !== id);
  const ends: (number | 'clients')[] = [
    ...(action.from === 'clients' ? [] : others),
    ...(action.from === 'brokers' ? [] : ['clients' as const]),
  ];
  const faults: number[] = [];
  for (const end of ends) {
    const fault = await lab.inject({ type: 'partition', between: [id, end], direction: 'both' });
    stage.injected.add(fault.id);
    faults.push(fault.id);
  }
  if (action.as !== undefined) stage.faults.set(action.as, faults);
  return actionWords(action, (target) => stage.say(target, id));
}

async function heal(what: string, stage: Stage): Promise<string> {
  const { lab } = stage.bench;
  if (what === 'all') {
    const failed = await stage.healOwn();
    if (failed.length > 0) throw new Broken(failed.join(' '));
    return 'healed all of its faults';
  }
  const ids = stage.faults.get(what);
  if (ids === undefined) throw new Broken(`No fault has been named ${what} yet.`);
  const inForce = new Set(lab.faults().map(({ id }) => id));
  for (const id of ids) if (inForce.has(id)) await lab.heal(id);
  return `healed ${what}`;
}

async function member(name: string, number: number | undefined, does: 'crash' | 'pause' | 'resume', stage: Stage): Promise<string> {
  const { id } = stage.load(name);
  const members = stage.row(name).consumed?.members ?? [];
  const state = does === 'resume' ? 'paused' : 'consuming';
  const chosen = number ?? members.find((one) => one.state === state)?.number;
  if (chosen === undefined) throw new Broken(`No member of ${name} is ${state} now.`);
  await stage.bench.loads.member(id, chosen, does);
  return {
    crash: `member ${chosen} of ${name} crashed`,
    pause: `member ${chosen} of ${name} stands still`,
    resume: `member ${chosen} of ${name} goes on`,
  }[does];
}

async function write(action: Extract<ScenarioAction, { write: string }>, stage: Stage): Promise<string> {
  const topic = stage.topic(action.write);
  const { client } = stage.bench;
  // One after another and each tried again, so that they stand in the order of the file.
  for (const { key, value, partition } of action.records) {
    await client.retrying(async () => {
      const meta = await stage.observer.metadata([topic]);
      const count = meta.topics.find(({ name }) => name === topic)?.partitions.length ?? 1;
      await stage.observer.write(topic, partition ?? partitionFor(key, topic, count), [{ key, value }], WRITE_MS);
    });
  }
  return actionWords(action, plainTarget);
}
