import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cluster, ClusterError } from '../../electron/cluster/cluster.ts';
import type { FaultSpec } from '../../shared/models/lab.ts';
import type { ClusterNode } from '../../electron/cluster/cluster-node.ts';
import { systemDisk } from '../../electron/cluster/lib/system-disk.ts';
import { withoutSync } from '../../electron/cluster/lib/unsynced-disk.ts';
import { FakeWorkers } from '../helpers/fake-node-worker.ts';
import { ManualClock } from './log/helpers.ts';

/** A cluster of fake workers; a seed determines every request, order and failure. Time passes only in `pass`. */
class Model {
  readonly random: () => number;
  readonly clock = new ManualClock();
  readonly workers: FakeWorkers;
  readonly cluster: Cluster;
  readonly history: string[] = [];
  pending = 0;
  private lastPort = 20_000;

  constructor(seed: number) {
    this.random = mulberry(seed);
    this.workers = new FakeWorkers(this.random);
    this.cluster = new Cluster({
      workerPath: '',
      createWorker: this.workers.create,
      findPort: async (_host, _first, taken) => {
        taken.add(++this.lastPort);
        return this.lastPort;
      },
      clock: this.clock,
      disk: withoutSync(systemDisk),
    });
  }

  async start(): Promise<void> {
    const started = this.cluster.start();
    await this.drain();
    await started;
  }

  get members(): ClusterNode[] {
    return Reflect.get(this.cluster, 'members') as ClusterNode[];
  }

  int(below: number): number {
    return Math.floor(this.random() * below);
  }

  /** Sends one random request of the control API, and does not wait for its response. */
  request(): void {
    const { cluster } = this;
    const ids = [...this.members.map(({ id }) => id), 1 + this.int(6)];
    const node = ids[this.int(ids.length)] ?? 1;
    const faults = cluster.faults();
    const fault = faults.length === 0 || this.random() < 0.1 ? this.int(30) : (faults[this.int(faults.length)]?.id ?? 0);
    const other = ids.find((id) => id !== node) ?? 'clients';
    const link: FaultSpec = { type: 'partition', between: [node, other], direction: 'both' };
    const disk: FaultSpec = this.random() < 0.5 ? { type: 'fullDisk', node } : { type: 'clockSkew', node, offsetMs: 5 };
    const requests: [string, () => Promise<unknown>][] = [
      [`start ${node}`, () => cluster.startNode(node)],
      [`stop ${node}`, () => cluster.stop(node)],
      [`kill ${node}`, () => cluster.kill(node)],
      [`powerCut ${node}`, () => cluster.inject({ type: 'powerCut', node })],
      [`freeze ${node}`, () => cluster.inject({ type: 'freeze', node })],
      [`thaw ${node}`, () => cluster.thaw(node)],
      ['add', () => cluster.addNode()],
      [`remove ${node}`, () => cluster.removeNode(node, () => this.unregister())],
      [`inject ${JSON.stringify(link)}`, () => cluster.inject(link)],
      [`inject ${JSON.stringify(disk)}`, () => cluster.inject(disk)],
      [`heal ${fault}`, () => cluster.heal(fault)],
      ['heal all', () => cluster.healAll()],
    ];
    const [what, send] = requests[this.int(requests.length)] as [string, () => Promise<unknown>];
    this.pending++;
    const at = this.history.push(what) - 1;
    send().then(
      () => this.answered(at, 'done'),
      (error: unknown) => this.answered(at, error),
    );
  }

  /** Events of workers without a request. */
  accident(): void {
    const all = [...this.workers.alive];
    const worker = all[this.int(all.length)];
    if (worker === undefined) return;
    this.history.push(`crash ${worker.node}`);
    worker.crash();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }

  /** Completes all operations in progress. */
  async drain(): Promise<void> {
    for (let i = 0; i < 2_000; i++) {
      await settle();
      if (this.workers.step()) continue;
      if (this.pending === 0) return;
      await this.pass(500);
    }
  }

  /** Invariants at every time. */
  check(): void {
    const { members, workers, cluster } = this;
    const owners = [...workers.alive].map(({ node }) => node).sort();
    expect(new Set(owners).size, 'one worker a node').toBe(owners.length);
    const live = members.filter(({ alive }) => alive).map(({ id }) => id);
    expect(owners, 'the workers are those of the members').toEqual(live.sort());
    const up = members.filter(({ state }) => ['running', 'frozen', 'stopping'].includes(state)).map(({ id }) => id);
    expect(live, 'a node that is up has a worker').toEqual(expect.arrayContaining(up));
    for (const { alive, state } of members) if (alive) expect(['stopped', 'killed', 'failed']).not.toContain(state);
    const ids = members.map(({ id }) => id);
    for (const { fault } of cluster.faults()) {
      const nodes: (number | 'clients')[] = 'node' in fault ? [fault.node] : fault.between.filter((end) => end !== 'clients');
      expect(ids, 'faults are those of members').toEqual(expect.arrayContaining(nodes));
    }
    const file = JSON.parse(readFileSync(join(cluster.dataDirectory, 'cluster.json'), 'utf8')) as { nodes: { id: number }[] };
    expect(
      file.nodes.map(({ id }) => id),
      'cluster.json has the members',
    ).toEqual(ids);
  }

  private async unregister(): Promise<void> {
    await settle();
    if (this.random() < 0.2) throw new ClusterError('WRONG_STATE', 'the controller refused');
  }

  private answered(at: number, outcome: unknown): void {
    this.pending--;
    const known = outcome === 'done' || outcome instanceof ClusterError;
    this.history[at] = `${this.history[at] ?? ''} → ${outcome instanceof ClusterError ? outcome.code : String(outcome)}`;
    if (!known) throw outcome;
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** A small generator, so that a seed identifies a run. */
function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function interleave(model: Model, steps: number): Promise<void> {
  model.workers.failures = 0.1;
  for (let i = 0; i < steps; i++) {
    const dice = model.random();
    if (dice < 0.4 && model.pending < 8) model.request();
    else if (dice < 0.43) model.accident();
    else if (dice < 0.5) await model.pass(model.int(3_000));
    else model.workers.step();
    await settle();
    model.check();
  }
}

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1);

describe('the supervisor under any order of requests', () => {
  it.each(SEEDS)('answers every request, owns every worker, heals every fault and closes (seed %i)', async (seed) => {
    const model = new Model(seed);
    await model.start();
    try {
      await interleave(model, 120);
      model.workers.failures = 0;
      await model.drain();
      expect(model.pending, 'requests without an answer').toBe(0);
      model.check();
      for (const { id } of [...model.cluster.faults()]) {
        if (!model.cluster.faults().some((fault) => fault.id === id)) continue;
        const healed = model.cluster.heal(id);
        model.pending++;
        void healed.finally(() => model.pending--).catch(() => undefined);
        await model.drain();
        await healed;
        expect(model.cluster.faults().map((fault) => fault.id)).not.toContain(id);
      }
      expect(model.cluster.faults()).toEqual([]);
      const healed = model.cluster.healAll();
      await model.drain();
      expect(await healed).toEqual([]);
      const asked = model.cluster.nodes();
      await model.pass(1_000);
      const nodes = await asked;
      expect(new Set(nodes.map(({ state }) => state))).toEqual(new Set(['running']));
      expect(nodes.map(({ id }) => id)).toEqual([...model.workers.alive].map(({ node }) => node).sort());
      const directories = readdirSync(model.cluster.dataDirectory).filter((name) => /^node-\d+$/.test(name));
      expect(directories.sort()).toEqual(nodes.map(({ id }) => `node-${id}`));
    } catch (error) {
      throw new Error(`seed ${seed}: ${model.history.join('; ')}`, { cause: error });
    } finally {
      await closed(model);
    }
    expect(model.workers.alive.size).toBe(0);
    expect(existsSync(model.cluster.dataDirectory)).toBe(false);
  });

  it.each(SEEDS.slice(0, 30))('closes within its bound during requests (seed %i)', async (seed) => {
    const model = new Model(1_000 + seed);
    await model.start();
    await interleave(model, 10 + model.int(60));
    expect(await closed(model)).toBe(true);
    await model.drain();
    expect(model.pending, 'requests without an answer').toBe(0);
    expect(model.workers.alive.size).toBe(0);
    await expect(model.cluster.addNode()).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(model.cluster.startNode(1)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    expect(model.workers.alive.size).toBe(0);
  });

  it.each(SEEDS.slice(0, 10))('closes within its bound, and reports it, while a system call blocks a worker (seed %i)', async (seed) => {
    const model = new Model(2_000 + seed);
    await model.start();
    await interleave(model, 30);
    const victim = [...model.workers.alive][0];
    if (victim !== undefined) victim.blocked = true;
    await interleave(model, 20);
    const stillBlocked = victim !== undefined && model.workers.alive.has(victim);
    expect(await closed(model)).toBe(!stillBlocked);
    for (let i = 0; i < 60 && model.pending > 0; i++) await model.pass(1_000);
    expect(model.pending, 'requests without an answer').toBe(0);
  });
});

/** Closes the cluster within its time limit. */
async function closed(model: Model): Promise<boolean> {
  let answer: boolean | undefined;
  const closing = model.cluster.close().then((ended) => (answer = ended));
  for (let ms = 0; ms < 34_000 && answer === undefined; ms += 250) {
    for (let i = 0; i < 10; i++) {
      model.workers.step();
      await settle();
    }
    await model.pass(250);
  }
  if (answer === undefined) throw new Error('close() did not end within its bound');
  return closing;
}
