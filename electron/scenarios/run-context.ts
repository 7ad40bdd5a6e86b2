/** State of a run: the brokers, topics and loads that names of the scenario refer to, the faults that it injected, and the events since its start. */
import { parsePartition, parseTarget, type TargetBase } from '#shared/scenario-targets';
import type { Scenario } from '#shared/scenario-schema';
import type { LoadRow, LoadSpec } from '#shared/models/load';
import type { ScenarioLoad } from '#shared/scenario-verbs';
import { definitionOf } from '#shared/faults/definitions';
import type { TimelineEvent } from '#shared/models/timeline';
import { AdminError } from '../admin/errors.ts';
import { BrokenRunError, pause, type RunEnvironment } from './environment.ts';
import { Observer, type PartitionSeen } from './observer.ts';
import { formatTarget } from './descriptions.ts';
import { messageOf } from '#shared/errors';

/** The last value of each key, as kept by a consumer that resumes from its position. */
export interface View {
  positions: Map<number, bigint>;
  values: Map<string, string>;
}

/** How long a step waits for the broker that it names: a leader or a coordinator may be moving. */
const RESOLVE_MS = 15_000;
const RETRY_MS = 150;

export class RunContext {
  readonly scenario: Scenario;
  readonly environment: RunEnvironment;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  /** The names that this run uses, by the names in the scenario. */
  readonly topics = new Map<string, string>();
  readonly loadNames = new Map<string, string>();
  readonly loads = new Map<string, { id: number; name: string }>();
  readonly brokers = new Map<string, number>();
  /** Ids of faults, by the name in the scenario. */
  readonly faults = new Map<string, number[]>();
  /** Ids of every fault of this run. */
  readonly injected = new Set<number>();
  readonly views = new Map<string, View>();
  /** `at`: when the event was received (monotonic ms), as the clock of a node may be wrong. */
  readonly events: { at: number; event: TimelineEvent }[] = [];
  private readonly unsubscribe: () => void;

  constructor(scenario: Scenario, environment: RunEnvironment, signal: AbortSignal, observer = new Observer(environment)) {
    this.scenario = scenario;
    this.environment = environment;
    this.signal = signal;
    this.observer = observer;
    this.unsubscribe = environment.lab.onEvent((event) => this.events.push({ at: performance.now(), event }));
  }

  close(): void {
    this.unsubscribe();
  }

  topic(name: string): string {
    const own = this.topics.get(name);
    if (own === undefined) throw new BrokenRunError(`Topic ${name} has not been created.`);
    return own;
  }

  /** Parses `orders-0`, and replaces the topic by the name that this run uses. */
  partition(text: string): { topic: string; partition: number } {
    const parsed = parsePartition(text);
    if (parsed === null) throw new BrokenRunError(`${text} is not a partition.`);
    return { topic: this.topic(parsed.topic), partition: parsed.partition };
  }

  load(name: string): { id: number; name: string } {
    const load = this.loads.get(name);
    if (load === undefined) throw new BrokenRunError(`Load ${name} has not been started.`);
    return load;
  }

  /** Resolves when the clients of the load are connected. */
  async startLoad(load: ScenarioLoad): Promise<void> {
    const name = this.loadNames.get(load.name) ?? load.name;
    const spec: LoadSpec =
      load.kind === 'producer'
        ? { ...load, name, topic: this.topic(load.topic) }
        : { ...load, name, topics: load.topics.map((topic) => this.topic(topic)) };
    const { id } = await this.environment.loads.start(spec);
    this.loads.set(load.name, { id, name });
  }

  /** Heals the faults of this run and starts the brokers that it stopped. Returns the errors. */
  async healOwn(): Promise<string[]> {
    const { lab } = this.environment;
    const own = lab.faults().filter(({ id }) => this.injected.has(id));
    // Without faults of others, `healAll` chooses the best order.
    if (own.length === lab.faults().length) return (await lab.healAll()).map(({ error }) => error);
    const failed: string[] = [];
    const attempt = async (id: number): Promise<void> => {
      try {
        await lab.heal(id);
      } catch (error) {
        failed.push(messageOf(error));
      }
    };
    const down = own.filter(({ fault }) => definitionOf(fault).endsProcess === true);
    for (const fault of own) if (!down.includes(fault)) await attempt(fault.id);
    // In parallel: a broker starts only with a majority of the quorum, which may be among the others.
    await Promise.all(down.map(({ id }) => attempt(id)));
    return failed;
  }

  row(name: string): LoadRow {
    const { id } = this.load(name);
    const row = this.environment.loads.list().find((one) => one.id === id);
    if (row === undefined) throw new BrokenRunError(`Load ${name} has been removed.`);
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

  /** Resolves a target to a broker id; waits while it is unknown. */
  async resolve(target: string | number, except: readonly number[] = []): Promise<number> {
    const deadline = performance.now() + RESOLVE_MS;
    for (;;) {
      const found = await this.resolveNow(target, except);
      if (found !== null) return found;
      if (performance.now() > deadline) throw new BrokenRunError(`No ${formatTarget(target)} was found for ${RESOLVE_MS / 1000} s.`);
      await pause(RETRY_MS, this.signal);
    }
  }

  /** Null while the target is unknown. */
  async resolveNow(target: string | number, except: readonly number[] = []): Promise<number | null> {
    const parsed = parseTarget(target);
    if (parsed === null) throw new BrokenRunError(`${target} does not name a broker.`);
    const without = new Set(except);
    for (const name of parsed.but) {
      const id = name === 'controller' ? await this.observer.controller() : this.brokers.get(name);
      if (id === null || id === undefined) return null;
      without.add(id);
    }
    const candidates = await this.candidates(parsed.base);
    return candidates.find((id) => !without.has(id)) ?? null;
  }

  /** Formats a target with the broker that it resolved to, for the report. */
  say(target: string | number, id: number): string {
    const words = formatTarget(target);
    return words === `broker ${id}` ? words : `broker ${id} (${words})`;
  }

  private async candidates(base: TargetBase): Promise<number[]> {
    switch (base.kind) {
      case 'id': {
        const nodes = await this.observer.nodes();
        if (!nodes.some(({ id }) => id === base.id)) throw new BrokenRunError(`The cluster has no broker ${base.id}.`);
        return [base.id];
      }
      case 'name': {
        const id = this.brokers.get(base.name);
        if (id === undefined) throw new BrokenRunError(`No broker is named ${base.name}.`);
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
        // In-sync replicas first: a scenario rarely means a follower that is behind.
        return seen.replicas
          .filter((id) => id !== seen.leader)
          .sort((a, b) => Number(seen.isr.includes(b)) - Number(seen.isr.includes(a)) || a - b);
      }
      case 'coordinator':
        return this.orElse(async () => [await this.observer.coordinator(this.load(base.group).name)], []);
    }
  }

  private seen(topic: string, partition: number): Promise<PartitionSeen | null> {
    return this.orElse(() => this.observer.partition(topic, partition), null);
  }

  /** A request may fail while brokers are down; the caller polls again. */
  private async orElse<T>(request: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      return otherwise;
    }
  }
}
