/** What a run knows while it goes on: what its names stand for, what it began, what has happened. */
import { parsePartition, parseTarget, type TargetBase } from '#shared/scenario-targets';
import type { Scenario } from '#shared/scenario-schema';
import type { LoadRow, LoadSpec } from '#shared/models/load';
import type { ScenarioLoad } from '#shared/scenario-verbs';
import type { TimelineEvent } from '#shared/models/timeline';
import { AdminError } from '../admin/errors.ts';
import { Broken, pause, reasonOf, type Bench } from './bench.ts';
import { Observer, type PartitionSeen } from './observer.ts';
import { plainTarget } from './words.ts';

/** A table of the last value of each key, as a consumer keeps it that reads on from where it stood. */
export interface View {
  positions: Map<number, bigint>;
  values: Map<string, string>;
}

/** How long a broker that a step names may take to be known: a leader or a coordinator may just be moving. */
const RESOLVE_MS = 15_000;
const RETRY_MS = 150;

export class Stage {
  readonly scenario: Scenario;
  readonly bench: Bench;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  /** By the scenario's names: what this run calls it. */
  readonly topics = new Map<string, string>();
  readonly loadNames = new Map<string, string>();
  readonly loads = new Map<string, { id: number; name: string }>();
  readonly brokers = new Map<string, number>();
  /** Ids of what was injected, by the name it was given. */
  readonly faults = new Map<string, number[]>();
  /** Ids of every fault of this run. */
  readonly injected = new Set<number>();
  readonly views = new Map<string, View>();
  /** With the moment (monotonic ms) at which each was heard of: a node's own clock may be off. */
  readonly events: { at: number; event: TimelineEvent }[] = [];
  private readonly unsubscribe: () => void;

  constructor(scenario: Scenario, bench: Bench, signal: AbortSignal, observer = new Observer(bench)) {
    this.scenario = scenario;
    this.bench = bench;
    this.signal = signal;
    this.observer = observer;
    this.unsubscribe = bench.lab.onEvent((event) => this.events.push({ at: performance.now(), event }));
  }

  close(): void {
    this.unsubscribe();
  }

  topic(name: string): string {
    const own = this.topics.get(name);
    if (own === undefined) throw new Broken(`The topic ${name} has not been made.`);
    return own;
  }

  /** `orders-0`, with the topic as this run calls it. */
  partition(text: string): { topic: string; partition: number } {
    const parsed = parsePartition(text);
    if (parsed === null) throw new Broken(`${text} is no partition.`);
    return { topic: this.topic(parsed.topic), partition: parsed.partition };
  }

  load(name: string): { id: number; name: string } {
    const load = this.loads.get(name);
    if (load === undefined) throw new Broken(`The load ${name} has not been started.`);
    return load;
  }

  /** Resolves when its clients are connected. */
  async startLoad(load: ScenarioLoad): Promise<void> {
    const name = this.loadNames.get(load.name) ?? load.name;
    const spec: LoadSpec =
      load.kind === 'producer'
        ? { ...load, name, topic: this.topic(load.topic) }
        : { ...load, name, topics: load.topics.map((topic) => this.topic(topic)) };
    const { id } = await this.bench.loads.start(spec);
    this.loads.set(load.name, { id, name });
  }

  /** Ends what this run has injected, and starts whom it has brought down. Returns what could not be done. */
  async healOwn(): Promise<string[]> {
    const { lab } = this.bench;
    const own = lab.faults().filter(({ id }) => this.injected.has(id));
    // All at once where nothing else is broken: the cluster then knows the best order.
    if (own.length === lab.faults().length) return (await lab.healAll()).map(({ error }) => error);
    const failed: string[] = [];
    const attempt = async (id: number): Promise<void> => {
      try {
        await lab.heal(id);
      } catch (error) {
        failed.push(reasonOf(error));
      }
    };
    const down = own.filter(({ fault: { type } }) => type === 'stop' || type === 'kill' || type === 'powerCut');
    for (const fault of own) if (!down.includes(fault)) await attempt(fault.id);
    // A broker that starts serves once it hears of a majority, which the others may be.
    await Promise.all(down.map(({ id }) => attempt(id)));
    return failed;
  }

  row(name: string): LoadRow {
    const { id } = this.load(name);
    const row = this.bench.loads.list().find((one) => one.id === id);
    if (row === undefined) throw new Broken(`The load ${name} is gone: somebody has removed it.`);
    return row;
  }

  groupTopics(name: string): string[] {
    const { spec } = this.row(name);
    return spec.kind === 'group' ? [...spec.topics] : [spec.topic];
  }

  view(name: string): View {
    let view = this.views.get(name);
    if (view === undefined) this.views.set(name, (view = { positions: new Map(), values: new Map() }));
    return view;
  }

  /** The broker that the words stand for now; waited for while it is not known. */
  async resolve(target: string | number, except: readonly number[] = []): Promise<number> {
    const deadline = performance.now() + RESOLVE_MS;
    for (;;) {
      const found = await this.resolveNow(target, except);
      if (found !== null) return found;
      if (performance.now() > deadline) throw new Broken(`There was no ${plainTarget(target)} for ${RESOLVE_MS / 1000} s.`);
      await pause(RETRY_MS, this.signal);
    }
  }

  /** Null while there is none. */
  async resolveNow(target: string | number, except: readonly number[] = []): Promise<number | null> {
    const parsed = parseTarget(target);
    if (parsed === null) throw new Broken(`${target} names no broker.`);
    const without = new Set(except);
    for (const name of parsed.but) {
      const id = name === 'controller' ? await this.observer.controller() : this.brokers.get(name);
      if (id === null || id === undefined) return null;
      without.add(id);
    }
    const candidates = await this.candidates(parsed.base);
    return candidates.find((id) => !without.has(id)) ?? null;
  }

  /** How it is said in a report: with what it stood for. */
  say(target: string | number, id: number): string {
    const words = plainTarget(target);
    return words === `broker ${id}` ? words : `broker ${id} (${/^(leader|coordinator|controller)/.test(words) ? `the ${words}` : words})`;
  }

  private async candidates(base: TargetBase): Promise<number[]> {
    switch (base.kind) {
      case 'id': {
        const nodes = await this.observer.nodes();
        if (!nodes.some(({ id }) => id === base.id)) throw new Broken(`There is no broker ${base.id} here.`);
        return [base.id];
      }
      case 'name': {
        const id = this.brokers.get(base.name);
        if (id === undefined) throw new Broken(`No broker has been named ${base.name} yet.`);
        return [id];
      }
      case 'controller': {
        const id = await this.observer.controller();
        return id === null ? [] : [id];
      }
      case 'any': {
        const nodes = await this.observer.nodes();
        return nodes.filter(({ state }) => state === 'running').map(({ id }) => id);
      }
      case 'leader':
      case 'follower': {
        const seen = await this.seen(this.topic(base.topic), base.partition);
        if (seen === null || seen.leader === null) return [];
        if (base.kind === 'leader') return [seen.leader];
        // In sync first: one that has fallen behind is seldom what is meant.
        return seen.replicas
          .filter((id) => id !== seen.leader)
          .sort((a, b) => Number(seen.isr.includes(b)) - Number(seen.isr.includes(a)) || a - b);
      }
      case 'coordinator':
        return this.quietly(async () => [await this.observer.coordinator(this.load(base.group).name)], []);
    }
  }

  private seen(topic: string, partition: number): Promise<PartitionSeen | null> {
    return this.quietly(() => this.observer.partition(topic, partition), null);
  }

  /** While brokers are being broken a question may find nobody; it is asked again by who waits for the answer. */
  private async quietly<T>(ask: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      return otherwise;
    }
  }
}
