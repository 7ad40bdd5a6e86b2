/** A run context without a cluster: a fake lab, fake loads, and an observer whose answers the test sets. */
import type { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { AdminError } from '../../electron/admin/errors.ts';
import type { RunEnvironment } from '../../electron/scenarios/environment.ts';
import { Observer, type KeyedRecord, type PartitionSeen } from '../../electron/scenarios/observer.ts';
import { parseScenarioValue, formatProblem } from '../../electron/scenarios/parse.ts';
import { RunContext } from '../../electron/scenarios/run-context.ts';
import type { Lab, LabNode } from '../../electron/services/lab.ts';
import type { Fault, FaultSpec } from '../../shared/models/lab.ts';
import type { TimelineEvent } from '../../shared/models/timeline.ts';
import type { Scenario, ScenarioFile } from '../../shared/scenario-schema.ts';
import { FakeLoads } from './fake-loads.ts';

export function scenario(more: Partial<ScenarioFile>): Scenario {
  const file: ScenarioFile = {
    name: 'tested',
    title: 'Tested',
    about: 'For a test.',
    topics: [{ name: 'orders' }],
    load: [
      { kind: 'producer', name: 'writer', topic: 'orders' },
      { kind: 'group', name: 'readers', topics: ['orders'] },
    ],
    steps: [{ name: 'kill', say: 'It is killed.', do: [{ fault: { type: 'kill', node: 1 }, as: 'victim' }] }],
    expect: [{ events: 'node/failed', atMost: 0 }],
    ...more,
  };
  const parsed = parseScenarioValue(JSON.parse(JSON.stringify(file)));
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.scenario;
}

export class FakeLab implements Lab {
  inForce: Fault[] = [];
  readonly calls: string[] = [];
  readonly recorded: TimelineEvent[] = [];
  private readonly listeners = new Set<(event: TimelineEvent) => void>();
  private lastFault = 0;
  /** A fault takes effect when this resolves. */
  gate: Promise<void> = Promise.resolve();

  nodes(): Promise<LabNode[]> {
    const node = (id: number): LabNode => ({
      id,
      state: this.inForce.some(({ fault }) => 'node' in fault && fault.node === id && fault.type === 'kill') ? 'killed' : 'running',
      reason: null,
      role: id === 2 ? 'leader' : 'follower',
      leadsSince: id === 2 ? 1 : null,
      host: '127.0.0.1',
      port: 9091 + id,
      controllerPort: 9191 + id,
      zookeeperPort: 2180 + id,
      since: 0,
      sessionAgeMs: 1,
      sessionTimeoutMs: 3_000,
      memoryBytes: null,
      inBytes: 0,
      outBytes: 0,
    });
    return Promise.resolve([1, 2, 3].map(node));
  }
  stop = (): Promise<void> => Promise.resolve();
  kill = (): Promise<void> => Promise.resolve();
  thaw = (): Promise<void> => Promise.resolve();
  start(node: number): Promise<void> {
    this.calls.push(`start ${node}`);
    this.inForce = this.inForce.filter(({ fault }) => !('node' in fault) || fault.node !== node);
    return Promise.resolve();
  }
  async inject(fault: FaultSpec): Promise<Fault> {
    this.calls.push(`inject ${fault.type}`);
    await this.gate;
    const one = { id: ++this.lastFault, fault, since: Date.now(), eventId: 1, detail: null };
    this.inForce.push(one);
    return one;
  }
  heal(id: number): Promise<void> {
    this.calls.push(`heal ${id}`);
    this.inForce = this.inForce.filter((one) => one.id !== id);
    return Promise.resolve();
  }
  healAll(): Promise<{ id: number; error: string }[]> {
    this.calls.push('healAll');
    this.inForce = [];
    return Promise.resolve([]);
  }
  faults = (): readonly Fault[] => this.inForce;
  onFaults = (): (() => void) => () => undefined;
  addNode = (): Promise<number> => Promise.resolve(4);
  removeNode = (): Promise<void> => Promise.resolve();
  znode = (): Promise<never> => Promise.reject(new Error('not used in tests'));
  timeline = (sinceId: number): TimelineEvent[] => this.recorded.filter(({ id }) => id > sinceId);
  onEvent(listener: (event: TimelineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
  happen(event: Omit<TimelineEvent, 'id' | 'at' | 'node'>): void {
    const whole: TimelineEvent = { id: this.recorded.length + 1, at: Date.now(), node: null, ...event };
    this.recorded.push(whole);
    for (const listener of this.listeners) listener(whole);
  }
}

/** Returns the state that the test has set; null is unknown. */
export class FakeObserver extends Observer {
  seen: PartitionSeen | null = { leader: 1, isr: [1, 2, 3], replicas: [1, 2, 3] };
  lagNow: bigint | null = 0n;
  groupNow: { state: string; members: number } | null = { state: 'Stable', members: 2 };
  sizesNow: (bigint | null)[] = [10n];
  records: KeyedRecord[] = [];
  /** Null: a write is acknowledged. */
  refusal: string | null = null;

  override controller(): Promise<number | null> {
    return Promise.resolve(2);
  }
  override partition(): Promise<PartitionSeen | null> {
    return Promise.resolve(this.seen);
  }
  override coordinator(): Promise<number> {
    return Promise.resolve(3);
  }
  override group(): Promise<{ state: string; members: number } | null> {
    return Promise.resolve(this.groupNow);
  }
  override lag(): Promise<bigint | null> {
    return Promise.resolve(this.lagNow);
  }
  override sizes(): Promise<(bigint | null)[]> {
    return Promise.resolve(this.sizesNow);
  }
  override read(): Promise<KeyedRecord[]> {
    return Promise.resolve(this.records);
  }
  override write(): Promise<bigint> {
    if (this.refusal === null) return Promise.resolve(7n);
    return Promise.reject(new AdminError({ code: this.refusal, message: 'refused' }));
  }
}

export interface ScenarioHarness {
  context: RunContext;
  lab: FakeLab;
  loads: FakeLoads;
  observer: FakeObserver;
  cancel: AbortController;
}

/** A run context with started loads, and with broker 1 named `victim`. */
export async function createHarness(tested: Scenario): Promise<ScenarioHarness> {
  const lab = new FakeLab();
  const loads = new FakeLoads();
  const cancel = new AbortController();
  // No test sends a request to a broker.
  const client: unknown = {};
  const environment: RunEnvironment = { lab, loads, client: client as ClusterClient };
  const observer = new FakeObserver(environment);
  const context = new RunContext(tested, environment, cancel.signal, observer);
  for (const { name } of tested.topics) context.topics.set(name, name);
  for (const load of tested.load) await context.startLoad(load);
  context.brokers.set('victim', 1);
  return { context, lab, loads, observer, cancel };
}
