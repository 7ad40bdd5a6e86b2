/** Prepares a run (checks the cluster, creates topics and starts loads under unused names) and cleans up after it. */
import { brokerConfigs } from '../admin/configs.ts';
import { AdminError } from '../admin/errors.ts';
import { deleteGroup, listAllGroups } from '../admin/groups.ts';
import { createTopic, deleteTopic } from '../admin/topics.ts';
import { placePartitions } from '../services/placement.ts';
import type { Scenario } from '#shared/scenario-schema';
import { bounded, BrokenRunError, CancelledRunError, pause } from './environment.ts';
import type { RunContext } from './run-context.ts';
import { plural } from '#shared/numbers';
import { messageOf } from '#shared/errors';

const READY_MS = 40_000;
const POLL_MS = 150;
/** Longer than the session timeouts of the library's groups. */
const EMPTY_MS = 12_000;

/** Throws `BrokenRunError` when the cluster cannot run the scenario. Returns notices about settings that differ. */
export async function checkFit(context: RunContext): Promise<{ brokers: number[]; notices: string[] }> {
  const { scenario, environment } = context;
  const nodes = await context.observer.nodes();
  const running = nodes.filter(({ state }) => state === 'running').map(({ id }) => id);
  if (running.length < scenario.cluster.brokers) {
    throw new BrokenRunError(
      `The scenario needs ${plural(scenario.cluster.brokers, 'broker')}, and ${running.length} ${running.length === 1 ? 'is' : 'are'} running.`,
    );
  }
  if (environment.lab.faults().length > 0 || running.length < nodes.length) {
    throw new BrokenRunError('A fault is in force or a broker is down. Heal all faults first: a scenario starts from a healthy cluster.');
  }
  return { brokers: nodes.map(({ id }) => id), notices: await differences(context, running[0] ?? 1) };
}

/** Settings of the cluster that differ from those of the scenario: the scenario runs, and its timings may differ. */
async function differences(context: RunContext, broker: number): Promise<string[]> {
  const wanted = Object.entries(context.scenario.cluster.properties);
  if (wanted.length === 0) return [];
  const { client } = context.environment;
  await client.metadata([]);
  const entries = new Map((await brokerConfigs(client, broker)).map(({ name, value }) => [name, value]));
  return wanted.flatMap(([name, value]) =>
    entries.get(name) === String(value)
      ? []
      : [`${name} is ${entries.get(name) ?? 'not set'}; the scenario is written for ${value}, so its timings may differ.`],
  );
}

/** Chooses the names of topics and loads: those of the file when unused, otherwise with a number appended. */
export async function chooseNames(context: RunContext): Promise<Record<string, string>> {
  const { client, loads } = context.environment;
  const [meta, groups] = await Promise.all([client.metadata(null), client.metadata([]).then(() => listAllGroups(client))]);
  const topics = new Set(meta.topics.map(({ name }) => name ?? ''));
  const taken = new Set([...loads.list().map(({ spec }) => spec.name), ...groups.groups.map(({ id }) => id)]);
  const renamed = new Map<string, string>();
  const choose = (name: string, among: Set<string>): string => {
    const own = freeName(name, among);
    among.add(own);
    if (own !== name) renamed.set(name, own);
    return own;
  };
  for (const { name } of context.scenario.topics) context.topics.set(name, choose(name, topics));
  for (const { name } of allLoads(context.scenario)) context.loadNames.set(name, choose(name, taken));
  return Object.fromEntries(renamed);
}

export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let number = 2; ; number++) if (!taken.has(`${name}-${number}`)) return `${name}-${number}`;
}

function allLoads(scenario: Scenario): { name: string }[] {
  return [...scenario.load, ...scenario.steps.flatMap((step) => step.do.flatMap((action) => ('run' in action ? [action.run] : [])))];
}

export async function createTopics(context: RunContext, made: string[]): Promise<void> {
  const { scenario, environment } = context;
  const ids = (await context.observer.nodes()).map(({ id }) => ({ id, up: true }));
  for (const spec of scenario.topics) {
    const name = context.topic(spec.name);
    const assignments =
      spec.replicas === undefined
        ? placePartitions(ids, spec.partitions, spec.replication, spec.name)
        : await resolveReplicas(spec.replicas, context);
    if (assignments === null)
      throw new BrokenRunError(
        `Topic ${spec.name} was not created: replication factor ${spec.replication} needs as many brokers, and the cluster has ${ids.length}.`,
      );
    const configs = Object.fromEntries(Object.entries(spec.configs).map(([key, value]) => [key, String(value)]));
    await createTopic(environment.client, { name, partitions: -1, replicationFactor: -1, assignments, configs, validateOnly: false });
    made.push(name);
  }
  await until(context.signal, 'The topics', () => areReplicasInSync(context));
}

async function resolveReplicas(replicas: readonly (readonly (string | number)[])[], context: RunContext): Promise<number[][]> {
  const lists: number[][] = [];
  for (const targets of replicas) {
    const ids: number[] = [];
    // "a broker" twice stands for two brokers.
    for (const target of targets) ids.push(await context.resolve(target, ids));
    lists.push(ids);
  }
  return lists;
}

/** True when every partition of the run's topics has a leader and all its replicas are in sync. */
export async function areReplicasInSync(context: RunContext): Promise<boolean> {
  const names = [...context.topics.values()];
  if (names.length === 0) return true;
  const meta = await context.observer.metadata(names);
  return names.every((name) => {
    const topic = meta.topics.find((one) => one.name === name);
    return (
      topic !== undefined &&
      topic.partitions.length > 0 &&
      topic.partitions.every((one) => one.leaderId >= 0 && one.errorCode === 0 && one.isrNodes.length === one.replicaNodes.length)
    );
  });
}

/** Starts all loads and waits until they are active; the steps begin after that. */
export async function startLoads(context: RunContext): Promise<void> {
  for (const load of context.scenario.load) await context.startLoad(load);
  await until(context.signal, 'The load', () => Promise.resolve(areLoadsActive(context)));
}

function areLoadsActive(context: RunContext): boolean {
  return context.scenario.load.every(({ name }) => {
    const { state, written, consumed, error } = context.row(name);
    if (state === 'failed') throw new BrokenRunError(`The load ${name} failed: ${error ?? 'no reason was reported'}`);
    if (state === 'ended') return true;
    if (written !== null)
      return (
        written.acknowledged > 0 || (context.row(name).spec.kind === 'producer' && written.sent > 0 && sendsWithoutAcks(context, name))
      );
    return consumed !== null && consumed.members.length > 0 && consumed.members.every((member) => member.state === 'consuming');
  });
}

/** A producer with acks=0 is active as soon as it sends. */
function sendsWithoutAcks(context: RunContext, name: string): boolean {
  const { spec } = context.row(name);
  return spec.kind === 'producer' && spec.acks === 'none';
}

export async function until(signal: AbortSignal, what: string, holds: () => Promise<boolean>, timeoutMs = READY_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let last = '';
    try {
      if (await holds()) return;
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      last = ` ${error.app.message}`;
    }
    if (performance.now() > deadline)
      throw new BrokenRunError(`${what} ${what.endsWith('s') ? 'were' : 'was'} not ready after ${timeoutMs / 1000} s.${last}`);
    await pause(POLL_MS, signal);
  }
}

/** A crashed member stays in the group until its session expires. */
async function deleteWhenEmpty(context: RunContext, group: string): Promise<void> {
  for (const deadline = performance.now() + EMPTY_MS; ;) {
    try {
      await deleteGroup(context.environment.client, group);
      return;
    } catch (error) {
      if (!(error instanceof AdminError) || error.app.code !== 'NON_EMPTY_GROUP' || performance.now() > deadline) throw error;
      await pause(500);
    }
  }
}

/** Removes the loads, groups and topics of the run. Returns what could not be removed, which does not fail the run. */
export async function cleanUp(context: RunContext, made: readonly string[], groups: readonly string[]): Promise<string[]> {
  const { client, loads } = context.environment;
  const signal = new AbortController().signal;
  const problems: string[] = [];
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    try {
      await bounded(what, 15_000, signal, action);
    } catch (error) {
      if (error instanceof CancelledRunError) throw error;
      // The coordinator removes a group without commits by itself.
      if (error instanceof AdminError && error.app.code === 'GROUP_ID_NOT_FOUND') return;
      problems.push(`${what} could not be removed: ${messageOf(error)}`);
    }
  };
  for (const { id } of context.loads.values()) {
    await attempt(`Load ${id}`, () => {
      loads.remove(id);
      return Promise.resolve();
    });
  }
  for (const group of groups) await attempt(`Group ${group}`, () => deleteWhenEmpty(context, group));
  for (const topic of made) await attempt(`Topic ${topic}`, () => client.retrying(() => deleteTopic(client, topic, null)));
  return problems;
}
