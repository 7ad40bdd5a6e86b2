/** Before the steps: is the cluster fit for it; topics and loads under names that are free; everybody at work. And after: away with them. */
import { brokerConfigs } from '../admin/configs.ts';
import { AdminError } from '../admin/errors.ts';
import { deleteGroup, listAllGroups } from '../admin/groups.ts';
import { createTopic, deleteTopic } from '../admin/topics.ts';
import { placePartitions } from '../services/placement.ts';
import type { Scenario } from '#shared/scenario-schema';
import { bounded, Broken, Cancelled, pause, reasonOf } from './bench.ts';
import type { Stage } from './stage.ts';
import { many } from './words.ts';

const READY_MS = 40_000;
const POLL_MS = 150;
/** Above the sessions of the library's groups. */
const EMPTY_MS = 12_000;

/** Throws `Broken`: this cluster cannot run it, or not now. Returns what is worth saying all the same. */
export async function checkFit(stage: Stage): Promise<{ brokers: number[]; notices: string[] }> {
  const { scenario, bench } = stage;
  const nodes = await stage.observer.nodes();
  const running = nodes.filter(({ state }) => state === 'running').map(({ id }) => id);
  if (running.length < scenario.cluster.brokers) {
    throw new Broken(
      `It needs ${many(scenario.cluster.brokers, 'broker')}, and ${running.length === 1 ? 'one runs' : `${running.length} run`} here.`,
    );
  }
  if (bench.lab.faults().length > 0 || running.length < nodes.length) {
    throw new Broken('The cluster is broken already. Heal all of it first: what a scenario shows is told from a cluster that is well.');
  }
  return { brokers: nodes.map(({ id }) => id), notices: await differences(stage, running[0] ?? 1) };
}

/** Where the app's cluster is set otherwise than the scenario wants it: it runs, and may take other times. */
async function differences(stage: Stage, broker: number): Promise<string[]> {
  const wanted = Object.entries(stage.scenario.cluster.properties);
  if (wanted.length === 0) return [];
  const { client } = stage.bench;
  await client.metadata([]);
  const entries = new Map((await brokerConfigs(client, broker)).map(({ name, value }) => [name, value]));
  return wanted.flatMap(([name, value]) =>
    entries.get(name) === String(value)
      ? []
      : [`${name} is ${entries.get(name) ?? 'not set'} here; the scenario is written for ${value}, so its times may differ.`],
  );
}

/** Names of this run: as in the file where they are free, else with a number. */
export async function chooseNames(stage: Stage): Promise<Record<string, string>> {
  const { client, loads } = stage.bench;
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
  for (const { name } of stage.scenario.topics) stage.topics.set(name, choose(name, topics));
  for (const { name } of allLoads(stage.scenario)) stage.loadNames.set(name, choose(name, taken));
  return Object.fromEntries(renamed);
}

export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let number = 2; ; number++) if (!taken.has(`${name}-${number}`)) return `${name}-${number}`;
}

function allLoads(scenario: Scenario): { name: string }[] {
  return [...scenario.load, ...scenario.steps.flatMap((step) => step.do.flatMap((action) => ('run' in action ? [action.run] : [])))];
}

export async function createTopics(stage: Stage, made: string[]): Promise<void> {
  const { scenario, bench } = stage;
  const ids = (await stage.observer.nodes()).map(({ id }) => ({ id, up: true }));
  for (const spec of scenario.topics) {
    const name = stage.topic(spec.name);
    const assignments =
      spec.replicas === undefined
        ? placePartitions(ids, spec.partitions, spec.replication, spec.name)
        : await resolveReplicas(spec.replicas, stage);
    if (assignments === null)
      throw new Broken(
        `${spec.name} wants ${many(spec.replication, 'copy', 'copies')} of each partition, and there are ${many(ids.length, 'broker')}.`,
      );
    const configs = Object.fromEntries(Object.entries(spec.configs).map(([key, value]) => [key, String(value)]));
    await createTopic(bench.client, { name, partitions: -1, replicationFactor: -1, assignments, configs, validateOnly: false });
    made.push(name);
  }
  await until(stage.signal, 'The topics', () => areWhole(stage));
}

async function resolveReplicas(replicas: readonly (readonly (string | number)[])[], stage: Stage): Promise<number[][]> {
  const lists: number[][] = [];
  for (const targets of replicas) {
    const ids: number[] = [];
    // "a broker" twice is two of them.
    for (const target of targets) ids.push(await stage.resolve(target, ids));
    lists.push(ids);
  }
  return lists;
}

/** Every partition has a leader, and every copy is in sync. */
export async function areWhole(stage: Stage): Promise<boolean> {
  const names = [...stage.topics.values()];
  if (names.length === 0) return true;
  const meta = await stage.observer.metadata(names);
  return names.every((name) => {
    const topic = meta.topics.find((one) => one.name === name);
    return (
      topic !== undefined &&
      topic.partitions.length > 0 &&
      topic.partitions.every((one) => one.leaderId >= 0 && one.errorCode === 0 && one.isrNodes.length === one.replicaNodes.length)
    );
  });
}

/** Starts all loads and waits until they work: what a scenario counts begins from there. */
export async function startLoads(stage: Stage): Promise<void> {
  for (const load of stage.scenario.load) await stage.startLoad(load);
  await until(stage.signal, 'The load', () => Promise.resolve(atWork(stage)));
}

function atWork(stage: Stage): boolean {
  return stage.scenario.load.every(({ name }) => {
    const { state, written, consumed, error } = stage.row(name);
    if (state === 'failed') throw new Broken(`The load ${name} failed: ${error ?? 'it does not say why'}`);
    if (state === 'ended') return true;
    if (written !== null)
      return written.acknowledged > 0 || (stage.row(name).spec.kind === 'producer' && written.sent > 0 && acksNothing(stage, name));
    return consumed !== null && consumed.members.length > 0 && consumed.members.every((member) => member.state === 'consuming');
  });
}

/** A producer without acknowledgements is at work when it sends. */
function acksNothing(stage: Stage, name: string): boolean {
  const { spec } = stage.row(name);
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
      throw new Broken(`${what} ${what.endsWith('s') ? 'were' : 'was'} not ready after ${timeoutMs / 1000} s.${last}`);
    await pause(POLL_MS, signal);
  }
}

/** A member that crashed is one until its session has run out. */
async function deleteWhenEmpty(stage: Stage, group: string): Promise<void> {
  for (const deadline = performance.now() + EMPTY_MS; ;) {
    try {
      await deleteGroup(stage.bench.client, group);
      return;
    } catch (error) {
      if (!(error instanceof AdminError) || error.app.code !== 'NON_EMPTY_GROUP' || performance.now() > deadline) throw error;
      await pause(500);
    }
  }
}

/** Topics and groups that the run made, and its loads in the list. What could not be removed is said; it harms nobody. */
export async function cleanUp(stage: Stage, made: readonly string[], groups: readonly string[]): Promise<string[]> {
  const { client, loads } = stage.bench;
  const signal = new AbortController().signal;
  const problems: string[] = [];
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    try {
      await bounded(what, 15_000, signal, action);
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      // A group whose members never committed is forgotten by itself.
      if (error instanceof AdminError && error.app.code === 'GROUP_ID_NOT_FOUND') return;
      problems.push(`${what} could not be removed: ${reasonOf(error)}`);
    }
  };
  for (const { id } of stage.loads.values()) {
    await attempt(`Load ${id}`, () => {
      loads.remove(id);
      return Promise.resolve();
    });
  }
  for (const group of groups) await attempt(`Group ${group}`, () => deleteWhenEmpty(stage, group));
  for (const topic of made) await attempt(`Topic ${topic}`, () => client.retrying(() => deleteTopic(client, topic, null)));
  return problems;
}
