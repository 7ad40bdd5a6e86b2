import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ClusterNode, type NodeHooks } from '../../electron/cluster/cluster-node.ts';
import { workerThreads } from '../../electron/cluster/cluster-worker.ts';
import type { NodeStart } from '../../electron/cluster/cluster-messages.ts';
import { ManualClock } from './log/helpers.ts';

const NEVER = new AbortController().signal;

let directory: string;
let clock: ManualClock;
let logged: string[];
let node: ClusterNode | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cluster-node-'));
  clock = new ManualClock();
  logged = [];
});
afterEach(async () => {
  if (node?.alive === true) await node.kill();
  rmSync(directory, { recursive: true, force: true });
});

const hooks: NodeHooks = {
  event: () => undefined,
  log: (id, level, message, fields) => void logged.push(`${id} ${level} ${message}${JSON.stringify(fields)}`),
  failed: (_, reason) => void logged.push(reason),
  ready: () => undefined,
  gone: () => undefined,
};

/** A worker that reports ready and calls `onMessage` with each message; `progress` is its counter. */
async function started(onMessage: string): Promise<{ node: ClusterNode; progress: () => Int32Array }> {
  const path = join(directory, 'worker.mjs');
  writeFileSync(
    path,
    `import { parentPort, workerData } from 'node:worker_threads';
     const progress = new Int32Array(workerData.memory.progress);
     const frozen = new Int32Array(workerData.memory.frozen);
     parentPort.on('message', (message) => { ${onMessage} });
     parentPort.postMessage({ kind: 'ready' });`,
  );
  const made = new ClusterNode(7, workerThreads(path), clock, hooks);
  node = made;
  await made.start({} as Omit<NodeStart, 'memory'>, new SharedArrayBuffer(8), NEVER);
  return { node: made, progress: () => Reflect.get(made, 'progress') as Int32Array };
}

/** Advances the node's clock, in small steps. */
function pass(ms: number, each: () => void = () => undefined): void {
  for (let t = 0; t < ms; t += 250) {
    each();
    clock.advance(250);
  }
}

it('waits for a node that makes progress, and logs it once', async () => {
  const { node: one, progress } = await started(`if (message.kind === 'faults') process.exit(0);`);
  const stopping = one.stop(false);
  pass(20_000, () => Atomics.add(progress(), 0, 1));
  expect(logged).toEqual(['7 warn still stopping; waiting while it makes progress{"diskOperations":8}']);
  expect(one.state).toBe('stopping');
  (Reflect.get(one, 'worker') as { postMessage(message: object): void }).postMessage({ kind: 'faults' });
  await stopping;
  expect(one.state).toBe('stopped');
});

it('terminates a node without progress a few seconds after its last progress', async () => {
  const { node: one, progress } = await started('');
  const stopping = one.stop(false);
  pass(6_000, () => Atomics.add(progress(), 0, 1));
  expect(one.state).toBe('stopping');
  pass(5_000);
  await stopping;
  expect(one.state).toBe('killed');
  expect(logged.at(-1)).toBe('7 warn terminated: it made no progress for 4 s during its stop{}');
});

it('terminates a node that never ends', async () => {
  const { node: one, progress } = await started('');
  const stopping = one.stop(false);
  pass(31_000, () => Atomics.add(progress(), 0, 1));
  await stopping;
  expect(one.state).toBe('killed');
  expect(logged.at(-1)).toContain('it had not ended after 30 s');
});

it('gives a controlled stop, which may only wait, more time', async () => {
  const { node: one } = await started('');
  const stopping = one.stop(true);
  pass(11_000);
  expect(one.state).toBe('stopping');
  pass(2_000);
  await stopping;
  expect(one.state).toBe('killed');
});

it('terminates a frozen node, or one that is about to freeze, when the cluster ends', async () => {
  const freezes = `if (message.kind === 'freeze') {
    if (message.request === 1) parentPort.postMessage({ kind: 'done', request: 1 });
    Atomics.wait(frozen, 0, 1);
  }`;
  const { node: frozen } = await started(freezes);
  await frozen.freeze(NEVER);
  expect(frozen.state).toBe('frozen');
  // The clock is not advanced: nothing here waits for it.
  await frozen.end();
  expect(frozen.state).toBe('killed');
  expect(logged).toEqual(['7 warn frozen, so it is terminated without a stop{}']);

  const { node: freezing } = await started(freezes.replace('=== 1', '=== -1'));
  const asked = freezing.freeze(NEVER);
  expect(freezing.state).toBe('running');
  await Promise.all([freezing.end(), expect(asked).rejects.toMatchObject({ code: 'WRONG_STATE' })]);
  expect(freezing.state).toBe('killed');
});

it('requests the status of a running node', async () => {
  const { node: one } = await started(`if (message.kind === 'stop' && !message.controlled) process.exit(0);`);
  await one.end();
  expect(one.state).toBe('stopped');
  expect(logged).toEqual([]);
});

it('a kill does not wait without limit for a thread that a system call blocks, and reports it', async () => {
  // Opening a named pipe blocks until another process opens its other end.
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const blocks = `if (message.kind === 'faults') {
    parentPort.postMessage({ kind: 'done', request: message.request });
    Atomics.store(progress, 0, 1);
    process.getBuiltinModule('node:fs').readFileSync(${JSON.stringify(pipe)});
  }`;
  const { node: one, progress } = await started(blocks);
  await one.setFaults({} as Parameters<ClusterNode['setFaults']>[0]);
  await vi.waitUntil(() => Atomics.load(progress(), 0) === 1, { timeout: 30_000 });
  // From here it is one instruction to the call.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const killed = one.kill();
  const refusal = expect(killed).rejects.toMatchObject({ code: 'NODE_FAILED', message: expect.stringContaining('a system call blocks') });
  pass(10_000);
  await refusal;
  expect(one.state).toBe('stopping');
  expect(one.alive).toBe(true);
  // The call returns eventually, and then the thread ends.
  // For reading as well, so that this thread is not blocked in turn.
  closeSync(openSync(pipe, 'r+'));
  await one.waitForEnd(NEVER);
  expect(one.state).toBe('killed');
});
