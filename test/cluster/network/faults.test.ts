import { describe, expect, it } from 'vitest';
import { heartbeat } from '../../../electron/cluster/protocol/apis/heartbeat.ts';
import { FaultyNetwork } from '../../../electron/cluster/network/faults.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { tcpNetwork } from '../../../electron/cluster/network/tcp.ts';
import { systemClock } from '../../../electron/cluster/lib/system-clock.ts';
import { beat, echo, requestBytes, Rig, until, VERSION } from './support.ts';

function faulty(rig: Rig, port: number): FaultyNetwork {
  return new FaultyNetwork({
    inner: rig.network,
    clock: systemClock,
    random: seededRandom(3),
    nodeOf: (address) => (address.port === port ? 2 : undefined),
  });
}

const patient = { timeoutMs: 5_000 };
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('FaultyNetwork', () => {
  it('passes everything while there is no fault', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(echo);
    const client = rig.client(port, { network: faulty(rig, port) });
    expect((await client.send(heartbeat, VERSION, beat(1), patient)).errorCode).toBe(1);
  });

  it('holds back requests while the outbound direction is cut, and delivers them after the repair', async () => {
    await using rig = new Rig();
    let arrived = 0;
    const { port } = await rig.serve((request) => {
      arrived++;
      return echo(request);
    });
    const network = faulty(rig, port);
    const client = rig.client(port, { network });
    await client.send(heartbeat, VERSION, beat(1), patient);
    network.cut(2, 'out');
    const sent = client.send(heartbeat, VERSION, beat(2), patient);
    await later(30);
    expect(arrived).toBe(1);
    network.heal(2);
    expect((await sent).errorCode).toBe(2);
  });

  it('sends requests and receives no responses while the inbound direction is cut', async () => {
    await using rig = new Rig();
    let arrived = 0;
    const { port } = await rig.serve((request) => {
      arrived++;
      return echo(request);
    });
    const network = faulty(rig, port);
    const client = rig.client(port, { network });
    await client.send(heartbeat, VERSION, beat(1), patient);
    network.cut(2, 'in');
    let answered = false;
    const sent = client.send(heartbeat, VERSION, beat(2), patient).then(() => (answered = true));
    await until(() => arrived === 2, 'the request');
    await later(20);
    expect(answered).toBe(false);
    network.heal();
    await sent;
  });

  it('a cut causes silence, not an error: connects and closes do not arrive either', async () => {
    await using rig = new Rig();
    const { port, server } = await rig.serve(echo);
    const network = faulty(rig, port);
    const connected = rig.client(port, { network });
    await connected.send(heartbeat, VERSION, beat(1), patient);
    network.cut(2);
    await expect(network.connect({ host: '127.0.0.1', port }, 30)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    connected.close();
    await later(20);
    expect(server.size).toBe(1);
    network.heal(2);
    await until(() => server.size === 0, 'the close');
  });

  it('reports the close of a peer behind a cut only after the repair', async () => {
    await using rig = new Rig();
    const { port, server } = await rig.serve(echo);
    const network = faulty(rig, port);
    const stream = await network.connect({ host: '127.0.0.1', port }, 1_000);
    let closed = false;
    stream.handlers = { data: () => undefined, drain: () => undefined, close: () => (closed = true) };
    network.cut(2);
    await until(() => server.size === 1, 'the connection');
    await server.stop();
    await later(20);
    expect(closed).toBe(false);
    network.heal(2);
    await until(() => closed, 'the close');
  });

  it('does not affect nodes on other links', async () => {
    await using rig = new Rig();
    const one = await rig.serve(echo);
    const two = await rig.serve(echo);
    const network = faulty(rig, one.port);
    network.cut(2);
    const client = rig.client(two.port, { network });
    expect((await client.send(heartbeat, VERSION, beat(4), patient)).errorCode).toBe(4);
    expect(network.faults()).toMatchObject([{ peer: 2, in: { cut: true }, out: { cut: true } }]);
  });

  it('blocks a writer behind a cut, and stops reading where responses accumulate', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(() => null);
    const network = faulty(rig, port);
    const stream = await network.connect({ host: '127.0.0.1', port }, 1_000);
    let drained = false;
    stream.handlers = { data: () => undefined, drain: () => (drained = true), close: () => undefined };
    network.cut(2, 'out');
    expect(stream.write([Buffer.alloc(2 * 1024 * 1024)])).toBe(false);
    await later(10);
    expect(drained).toBe(false);
    network.heal();
    await until(() => drained, 'the drain');
    stream.destroy();
  });

  it('delays bytes on a slow link, in order', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(echo);
    const network = faulty(rig, port);
    network.slow(2, { latencyMs: 30, jitterMs: 10 });
    const client = rig.client(port, { network });
    const from = performance.now();
    const answers = await Promise.all([1, 2, 3].map((n) => client.send(heartbeat, VERSION, beat(n), patient)));
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([1, 2, 3]);
    expect(performance.now() - from).toBeGreaterThanOrEqual(59);
  });

  it('combines the faults of a link, and keeps the others when one ends', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(echo);
    const network = faulty(rig, port);
    const rule = { peer: 2, direction: 'both', cut: false, latencyMs: 0, jitterMs: 0, bytesPerSecond: 0 } as const;
    const slow = { ...rule, latencyMs: 20, bytesPerSecond: 5_000 };
    const slower = { ...rule, direction: 'out', latencyMs: 30, jitterMs: 5, bytesPerSecond: 2_000 } as const;
    const cut = { ...rule, direction: 'in', cut: true } as const;
    network.set([slow, slower, cut]);
    expect(network.faults()).toEqual([
      {
        peer: 2,
        in: { cut: true, latencyMs: 20, jitterMs: 0, bytesPerSecond: 5_000 },
        out: { cut: false, latencyMs: 50, jitterMs: 5, bytesPerSecond: 2_000 },
      },
    ]);
    await expect(network.connect({ host: '127.0.0.1', port }, 20)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    network.set([slower]);
    const client = rig.client(port, { network });
    const from = performance.now();
    expect((await client.send(heartbeat, VERSION, beat(6), patient)).errorCode).toBe(6);
    expect(performance.now() - from).toBeGreaterThanOrEqual(29);
    network.set([]);
    expect(network.faults()).toEqual([]);
  });

  it('shares the bandwidth of a link among its streams', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(echo);
    const network = faulty(rig, port);
    const size = requestBytes(1).length + 4;
    const clients = [1, 2, 3, 4].map(() => rig.client(port, { network }));
    for (const client of clients) await client.send(heartbeat, VERSION, beat(1), patient);
    network.slow(2, { bytesPerSecond: size * 20 }, 'out');
    const from = performance.now();
    await Promise.all(clients.map((client) => client.send(heartbeat, VERSION, beat(2), patient)));
    // 50 ms for each of the four, one after another.
    expect(performance.now() - from).toBeGreaterThanOrEqual(150);
  });

  describe('at the side that accepts', () => {
    function accepting(rig: Rig, fellows: Set<number>): FaultyNetwork {
      return new FaultyNetwork({
        inner: rig.network,
        clock: systemClock,
        random: seededRandom(3),
        nodeOf: () => undefined,
        isFellow: (remote) => fellows.has(Number(remote.split(':').at(-1))),
      });
    }

    it('cuts clients off in silence and receives their bytes after the repair', async () => {
      await using rig = new Rig();
      const network = accepting(rig, new Set());
      const { port } = await rig.serve(echo, { network });
      network.cut('clients', 'in');
      const client = rig.client(port);
      let answered = false;
      const sent = client.send(heartbeat, VERSION, beat(3), patient).then(({ errorCode }) => {
        answered = true;
        return errorCode;
      });
      await until(() => client.connected, 'the connection');
      await later(30);
      expect(answered).toBe(false);
      network.heal('clients');
      expect(await sent).toBe(3);
      network.cut('clients', 'out');
      const held = client.send(heartbeat, VERSION, beat(4), patient);
      await later(30);
      network.heal();
      expect((await held).errorCode).toBe(4);
    });

    it('does not affect peer nodes, which apply their own faults', async () => {
      await using rig = new Rig();
      const fellows = new Set<number>();
      const network = accepting(rig, fellows);
      const { port } = await rig.serve(echo, { network });
      network.cut('clients');
      const inner = tcpNetwork({ opened: (local) => fellows.add(local), closed: (local) => fellows.delete(local) });
      const fellow = rig.client(port, { network: inner });
      expect((await fellow.send(heartbeat, VERSION, beat(5), patient)).errorCode).toBe(5);
      expect(fellows.size).toBe(1);
      fellow.close();
      await until(() => fellows.size === 0, 'the end of the stream');
    });
  });
});
