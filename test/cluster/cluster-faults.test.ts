import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ClusterFaults } from '../../electron/cluster/cluster-faults.ts';
import type { NodeStart, ToNode } from '../../electron/cluster/cluster-messages.ts';
import { ClusterNode } from '../../electron/cluster/cluster-node.ts';
import type { NodeWorker } from '../../electron/cluster/cluster-worker.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { systemDisk } from '../../electron/cluster/lib/system-disk.ts';
import { ManualClock } from './log/helpers.ts';

const NEVER = new AbortController().signal;
const START = {} as Omit<NodeStart, 'memory'>;

/** A worker that acknowledges every message at once and ends only on `end` or `terminate`. */
class FakeWorker extends EventEmitter implements NodeWorker {
  postMessage(message: ToNode): void {
    if ('request' in message) this.emit('message', { kind: 'done', request: message.request });
  }
  failDirectory(): void {
    this.emit('message', { kind: 'event', event: { type: 'node/logDirectoryFailed', at: 0, broker: 2, details: {} } });
  }
  thawed(): void {
    this.emit('message', { kind: 'thawed' });
  }
  end(): void {
    this.emit('exit', 1);
  }
  terminate(): Promise<void> {
    this.end();
    return Promise.resolve();
  }
}

let clock: ManualClock;
let workers: FakeWorker[];
let node: ClusterNode;
let faults: ClusterFaults;

const latest = (): FakeWorker => workers.at(-1) as FakeWorker;

beforeEach(async () => {
  clock = new ManualClock();
  workers = [];
  const createWorker = (): NodeWorker => {
    const worker = new FakeWorker();
    workers.push(worker);
    queueMicrotask(() => worker.emit('message', { kind: 'ready' }));
    return worker;
  };
  const none = (): undefined => undefined;
  node = new ClusterNode(2, createWorker, clock, { event: none, log: none, failed: (id) => faults.failed(id), ready: none, gone: none });
  faults = new ClusterFaults({
    clock,
    disk: systemDisk,
    random: seededRandom(1),
    nodes: () => [node],
    node: () => node,
    start: async (one, signal) => {
      await one.start(START, new SharedArrayBuffer(8), signal);
      faults.started(one.id);
    },
    peers: () => [],
    directories: () => ({ root: '', data: '', undo: '' }),
    record: (type) => ({ id: 1, type, at: clock.now(), node: null, details: {} }),
  });
  await node.start(START, new SharedArrayBuffer(8), NEVER);
});

describe('ClusterFaults', () => {
  it('restarts a node after its thaw when its disk got space during the freeze', async () => {
    const full = await faults.inject({ type: 'fullDisk', node: 2 });
    latest().failDirectory();
    const freeze = await faults.inject({ type: 'freeze', node: 2 });
    await faults.heal(full.id);
    clock.advance(60_000);
    const healed = faults.heal(freeze.id);
    await vi.waitUntil(() => node.state === 'running', { timeout: 30_000 });
    latest().thawed();
    await healed;
    clock.advance(10_000);
    latest().end();
    await vi.waitUntil(() => workers.length === 2 && node.state === 'running', { timeout: 30_000 });
    expect(faults.list()).toEqual([]);
  });

  it('releases the queue of a node that does not end after its log directory failed', async () => {
    const full = await faults.inject({ type: 'fullDisk', node: 2 });
    latest().failDirectory();
    const healed = faults.heal(full.id);
    const refused = expect(healed).rejects.toMatchObject({
      code: 'NODE_FAILED',
      message: expect.stringContaining('did not end within 30 s'),
    });
    // The timer is set when the transition runs.
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(30_000);
    await refused;
    await node.transitions.whenIdle();
    expect(node.state).toBe('running');
  });
});
