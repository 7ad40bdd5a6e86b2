import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { builtWorker } from '../helpers/built-worker.ts';
import { somePort } from '../helpers/ports.ts';
import { freePort } from '../../electron/cluster/cluster-ports.ts';
import { Cluster, type ClusterOptions } from '../../electron/cluster/cluster.ts';

const WORKER = builtWorker();

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function cluster(options: Partial<ClusterOptions> = {}): Cluster {
  const one = new Cluster({ workerPath: WORKER, firstPort: somePort(), ...options });
  cleanUp.push(() => one.close());
  return one;
}

/** On a directory: ports as recorded, so none are requested. */
function on(directory: string, options: Partial<ClusterOptions> = {}): Cluster {
  const one = new Cluster({ workerPath: WORKER, dataDirectory: directory, ...options });
  cleanUp.push(() => one.close());
  return one;
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'cluster-test-'));
  cleanUp.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function read(path: string): { clusterId: string; nodes: { id: number; brokerPort: number; controllerPort: number }[] } {
  return JSON.parse(readFileSync(join(path, 'cluster.json'), 'utf8')) as ReturnType<typeof read>;
}

async function occupy(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  cleanUp.push(() => server.close());
}

describe('cluster', () => {
  it('starts its nodes, reports their addresses, and removes a temporary directory completely', async () => {
    const one = cluster();
    await one.start();
    const nodes = await one.nodes();
    expect(nodes.map(({ id, state }) => [id, state])).toEqual([
      [1, 'running'],
      [2, 'running'],
      [3, 'running'],
    ]);
    expect(one.bootstrap).toBe(nodes.map(({ brokerPort }) => `127.0.0.1:${brokerPort}`).join(','));
    expect(new Set(nodes.flatMap(({ brokerPort, controllerPort }) => [brokerPort, controllerPort])).size).toBe(6);
    expect(nodes.filter(({ role }) => role === 'leader')).toHaveLength(1);
    for (const { role, leadsSince } of nodes) expect(leadsSince !== null).toBe(role === 'leader');
    expect(nodes.every(({ sessionAgeMs }) => sessionAgeMs !== null && sessionAgeMs < 3_000)).toBe(true);
    expect(existsSync(one.dataDirectory)).toBe(true);
    await one.close();
    expect(existsSync(one.dataDirectory)).toBe(false);
  });

  it('binds client ports to the given address, looks for free ones there, and advertises that address or another host', async () => {
    const probed = new Map<string, number>();
    const findPort = (host: string, first: number, taken: Set<number>): Promise<number> => {
      probed.set(host, (probed.get(host) ?? 0) + 1);
      return freePort(host, first, taken);
    };
    const one = cluster({ bindHost: '127.0.0.2', findPort });
    await one.start();
    expect(probed).toEqual(new Map([['127.0.0.2', 6], ['127.0.0.1', 3]])); // prettier-ignore
    const nodes = await one.nodes();
    expect(one.bootstrap).toBe(nodes.map(({ brokerPort }) => `127.0.0.2:${brokerPort}`).join(','));
    expect(nodes.map(({ host }) => host)).toEqual(['127.0.0.2', '127.0.0.2', '127.0.0.2']);
    expect(one.notices).toEqual([]);
    const other = cluster({ brokers: 1, bindHost: '0.0.0.0', advertisedHost: 'fd00::5' });
    await other.start();
    expect(other.bootstrap).toMatch(/^\[fd00::5\]:\d+$/);
    expect(other.zookeeper).toMatch(/^\[fd00::5\]:\d+$/);
    expect(other.connectHost).toBe('127.0.0.1');
    expect(other.notices).toEqual([expect.stringMatching(/^Warning: .* at 0\.0\.0\.0 without authentication/)]);
    await expect(cluster({ bindHost: '0.0.0.0' }).start()).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it('lets each voter of a new cluster vote from the start; a voter’s lost directory has no vote', async () => {
    const path = directory();
    const one = cluster({ dataDirectory: path });
    await one.start();
    const votesFrom = (id: number): unknown => {
      const file = join(path, `node-${id}`, '__cluster_metadata-0', 'quorum-state');
      return (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>)['votesFrom'];
    };
    expect([1, 2, 3].map(votesFrom)).toEqual([undefined, undefined, undefined]);
    await one.kill(3);
    rmSync(join(path, 'node-3'), { recursive: true });
    await one.startNode(3);
    expect(votesFrom(3)).toBeGreaterThan(0);
  });

  it('stops, kills and starts nodes, each call resolving when it is complete', async () => {
    const one = cluster();
    await one.start();
    const seen: string[] = [];
    one.onEvent(({ type }) => seen.push(type));
    await one.stop(2);
    await one.kill(3);
    expect((await one.nodes()).map(({ state }) => state)).toEqual(['running', 'stopped', 'killed']);
    await expect(one.stop(2)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(one.kill(3)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(one.startNode(1)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(one.stop(4)).rejects.toMatchObject({ code: 'NO_SUCH_NODE' });
    await Promise.all([one.startNode(2), one.startNode(3)]);
    expect((await one.nodes()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    expect(seen).toEqual(expect.arrayContaining(['lab/nodeStopped', 'lab/nodeKilled', 'lab/nodeStarted', 'node/ready']));
    const ids = one.timeline().map(({ id }) => id);
    expect(ids).toEqual(ids.map((_, index) => index + 1));
  });

  it('freezes a node, reports it, thaws it, and kills it while frozen', async () => {
    const one = cluster();
    await one.start();
    const seen: number[] = [];
    one.onFaults((faults) => seen.push(faults.length));
    const frozen = await one.inject({ type: 'freeze', node: 2 });
    expect(one.faults()).toEqual([frozen]);
    expect((await one.nodes()).map(({ state, role }) => [state, role === null])).toEqual([
      ['running', false],
      ['frozen', true],
      ['running', false],
    ]);
    await expect(one.stop(2)).rejects.toMatchObject({ code: 'WRONG_STATE', message: expect.stringContaining('frozen') });
    await expect(one.inject({ type: 'freeze', node: 2 })).rejects.toMatchObject({ code: 'WRONG_STATE' });
    // A frozen node applies the fault when it thaws; no caller waits for that.
    const skew = await one.inject({ type: 'clockSkew', node: 2, offsetMs: 5_000 });
    await one.heal(frozen.id);
    expect((await one.nodes())[1]?.state).toBe('running');
    expect(one.faults()).toEqual([skew]);
    await one.inject({ type: 'freeze', node: 2 });
    await one.kill(2);
    expect(one.faults().map(({ fault }) => fault.type)).toEqual(['clockSkew', 'kill']);
    await expect(one.inject({ type: 'freeze', node: 2 })).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('killed'),
    });
    await expect(one.thaw(2)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    expect(await one.healAll()).toEqual([]);
    expect(one.faults()).toEqual([]);
    expect((await one.nodes()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    expect(seen.at(-1)).toBe(0);
    const types = one.timeline().map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['lab/nodeFrozen', 'lab/nodeThawed', 'lab/faultInjected', 'lab/faultHealed']));
    const entry = one.timeline().find(({ id }) => id === frozen.eventId);
    expect(entry).toMatchObject({ type: 'lab/nodeFrozen', broker: 2, details: { faultId: frozen.id } });
    // A cluster with a frozen node can be closed, and at once.
    await one.inject({ type: 'freeze', node: 3 });
    const from = performance.now();
    await one.close();
    expect(performance.now() - from).toBeLessThan(8_000);
  });

  it('keeps its metadata when every node loses power at once, and reports the unflushed bytes of each', async () => {
    const one = cluster();
    await one.start();
    const { clusterId } = one;
    const cuts = await Promise.all([1, 2, 3].map((node) => one.inject({ type: 'powerCut', node })));
    for (const { detail } of cuts) expect(detail).toMatch(/its disk$/);
    await expect(one.inject({ type: 'powerCut', node: 1 })).rejects.toMatchObject({ code: 'WRONG_STATE' });
    expect(one.faults()).toHaveLength(3);
    expect(await one.healAll()).toEqual([]);
    expect(one.clusterId).toBe(clusterId);
    expect((await one.nodes()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  });

  it('refuses faults without an effect', async () => {
    const one = cluster({ brokers: 1 });
    await one.start();
    const between: [number, number] = [1, 2];
    const link = { between, direction: 'both' as const };
    await expect(one.inject({ type: 'partition', ...link })).rejects.toMatchObject({ code: 'NO_SUCH_NODE' });
    await expect(one.inject({ type: 'slowDisk', node: 1, latencyMs: 0, bytesPerSecond: 0 })).rejects.toMatchObject({ code: 'BAD_OPTION' });
    await expect(one.inject({ type: 'corrupt', node: 1, topic: 'nope', partition: 0, where: 'tail' })).rejects.toMatchObject({
      code: 'NO_SUCH_REPLICA',
    });
    await expect(one.heal(7)).rejects.toMatchObject({ code: 'NO_SUCH_FAULT' });
    expect(one.faults()).toEqual([]);
  });

  it('keeps ports and cluster id of a directory, and replaces a port that is in use', async () => {
    const path = directory();
    const first = on(path, { firstPort: 0, controllerFirstPort: 0 });
    await first.start();
    const { clusterId } = first;
    const before = read(path);
    await first.close();

    const second = on(path);
    await second.start();
    expect(second.notices).toEqual([]);
    expect(read(path)).toEqual(before);
    await second.close();

    const taken = before.nodes[1]?.brokerPort ?? 0;
    await occupy(taken);
    const third = on(path);
    await third.start();
    expect(third.clusterId).toBe(clusterId);
    const after = read(path);
    expect(after.nodes[0]).toEqual(before.nodes[0]);
    expect(after.nodes[2]).toEqual(before.nodes[2]);
    expect(after.nodes[1]?.brokerPort).not.toBe(taken);
    expect(third.notices).toHaveLength(1);
    expect(third.notices[0]).toContain(String(taken));
  });

  it('keeps an added broker over a restart, and forgets a removed one', async () => {
    const path = directory();
    const first = on(path, { brokers: 1, firstPort: 0, controllerFirstPort: 0 });
    await first.start();
    expect(await first.addNode()).toBe(2);
    expect(await first.addNode()).toBe(3);
    await expect(first.removeNode(3)).rejects.toMatchObject({ code: 'WRONG_STATE', message: expect.stringContaining('running') });
    await expect(first.removeNode(1)).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringContaining('voters of the metadata quorum'),
    });
    await first.stop(2);
    await first.removeNode(2);
    expect(first.faults()).toEqual([]);
    await first.close();
    expect(JSON.parse(readFileSync(join(path, 'cluster.json'), 'utf8'))).toMatchObject({
      version: 2,
      voters: [1],
      nodes: [{ id: 1 }, { id: 3 }],
    });
    const second = on(path);
    await second.start();
    expect((await second.nodes()).map(({ id, state }) => [id, state])).toEqual([
      [1, 'running'],
      [3, 'running'],
    ]);
    // The lowest free id, with an empty directory.
    expect(await second.addNode()).toBe(2);
  });

  it('refuses a directory in use, naming it, and takes over one whose owner has ended', async () => {
    const path = directory();
    const first = on(path, { brokers: 1, firstPort: 0, controllerFirstPort: 0 });
    await first.start();
    const second = on(path);
    await expect(second.start()).rejects.toMatchObject({ code: 'DIRECTORY_IN_USE', message: expect.stringContaining(path) });
    expect((await first.nodes())[0]?.state).toBe('running');
    await first.close();

    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(join(path, 'brokerdesk.lock'), JSON.stringify({ pid: dead, started: 'long ago' }));
    const third = on(path);
    await third.start();
    await third.close();

    // A process with that id exists, but it did not write the lock.
    writeFileSync(join(path, 'brokerdesk.lock'), JSON.stringify({ pid: process.ppid, started: 'some-boot/1' }));
    const fourth = on(path);
    await fourth.start();
  });

  it('names the live owner in another process', async () => {
    const path = directory();
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const started = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
    const lock = JSON.stringify({ pid: process.ppid, started });
    writeFileSync(join(path, 'brokerdesk.lock'), lock);
    await expect(on(path).start()).rejects.toMatchObject({
      code: 'DIRECTORY_IN_USE',
      message: expect.stringContaining(String(process.ppid)),
    });
    expect(readFileSync(join(path, 'brokerdesk.lock'), 'utf8')).toBe(lock);
  });

  it.each([
    ['not JSON', 'nonsense', 'DIRECTORY_UNUSABLE'],
    ['an empty file', '', 'DIRECTORY_UNUSABLE'],
    ['a later version', '{"version":3,"clusterId":"x","nodes":[],"more":1}', 'DIRECTORY_NEWER'],
    ['other content', '{"version":1,"clusterId":"x","nodes":[{"id":7}]}', 'DIRECTORY_UNUSABLE'],
  ])('refuses a cluster.json that is %s and leaves it as it is', async (_what, content, code) => {
    const path = directory();
    writeFileSync(join(path, 'cluster.json'), content);
    await expect(on(path).start()).rejects.toMatchObject({ code, message: expect.stringContaining(path) });
    expect(readFileSync(join(path, 'cluster.json'), 'utf8')).toBe(content);
    // The refusal releases the directory: it can be used once it is repaired.
    rmSync(join(path, 'cluster.json'));
    await on(path, { brokers: 1, firstPort: 0, controllerFirstPort: 0 }).start();
  });

  it('refuses a different number of brokers than the directory has', async () => {
    const path = directory();
    const first = on(path, { brokers: 1, firstPort: 0, controllerFirstPort: 0 });
    await first.start();
    await first.close();
    await expect(on(path, { brokers: 3 }).start()).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE' });
    await expect(cluster({ brokers: 10 }).start()).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it.each([0, 5, 40, 120])('leaves a directory that can be started again when it is closed %i ms into its start', async (delayMs) => {
    const path = directory();
    const first = on(path, { firstPort: 0, controllerFirstPort: 0 });
    const started = first.start().then(
      () => 'started',
      () => 'refused',
    );
    await new Promise((done) => setTimeout(done, delayMs));
    await first.close();
    await started;
    await on(path, existsSync(join(path, 'cluster.json')) ? {} : { firstPort: 0, controllerFirstPort: 0 }).start();
  });

  it('starts the other nodes where one cannot start, and names it', async () => {
    const path = directory();
    const first = on(path, { firstPort: 0, controllerFirstPort: 0 });
    await first.start();
    await first.close();
    rmSync(join(path, 'node-2'), { recursive: true });
    writeFileSync(join(path, 'node-2'), 'a file where a directory should be');
    const second = on(path);
    await second.start();
    expect(second.notices).toEqual([expect.stringContaining('broker 2 could not start')]);
    expect((await second.nodes()).map(({ state }) => state)).toEqual(['running', 'failed', 'running']);
    expect(second.timeline().filter(({ type }) => type === 'node/failed')).toMatchObject([{ broker: 2 }]);
    await second.close();
    rmSync(join(path, 'node-3'), { recursive: true });
    writeFileSync(join(path, 'node-3'), 'another one');
    await expect(on(path).start()).rejects.toMatchObject({
      code: 'DIRECTORY_UNUSABLE',
      message: expect.stringMatching(/2 of 3 voters.*node 2: .*node 3: .*cannot be read/),
    });
  });
});
