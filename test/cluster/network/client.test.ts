import { describe, expect, it } from 'vitest';
import { heartbeat } from '../../../electron/cluster/protocol/apis/heartbeat.ts';
import { answer, beat, echo, generationOf, Rig, until, VERSION } from './support.ts';

const soon = { timeoutMs: 2_000 };

async function later<T>(ms: number, work: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return work();
}

describe('PeerClient', () => {
  it('connects at the first send and matches answers with requests', async () => {
    await using rig = new Rig();
    const { port, server } = await rig.serve(echo);
    const client = rig.client(port);
    expect(server.size).toBe(0);
    const answers = await Promise.all([1, 2, 3].map((n) => client.send(heartbeat, VERSION, beat(n), soon)));
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([1, 2, 3]);
    expect(server.size).toBe(1);
  });

  it('keeps a bounded number in flight and refuses requests beyond the queue', async () => {
    await using rig = new Rig();
    let arrived = 0;
    const release: (() => void)[] = [];
    const { port } = await rig.serve((request) => {
      arrived++;
      return new Promise((resolve) => release.push(() => resolve(echo(request))));
    });
    const client = rig.client(port, { maxInFlight: 2, maxWaiting: 3 });
    const sends = [1, 2, 3].map((n) => client.send(heartbeat, VERSION, beat(n), soon));
    await until(() => arrived === 1, 'the first');
    sends.push(client.send(heartbeat, VERSION, beat(4), soon), client.send(heartbeat, VERSION, beat(5), soon));
    await expect(client.send(heartbeat, VERSION, beat(6), soon)).rejects.toMatchObject({ code: 'EBUSY' });
    for (let i = 0; i < 5; i++) {
      await until(() => release.length > i, `request ${i}`);
      release[i]?.();
    }
    expect((await Promise.all(sends)).map(({ errorCode }) => errorCode)).toEqual([1, 2, 3, 4, 5]);
  });

  it('ends a request that times out alone and discards its late answer', async () => {
    await using rig = new Rig();
    const release: (() => void)[] = [];
    const { port, server } = await rig.serve((request) =>
      release.length < 1 ? new Promise((resolve) => release.push(() => resolve(echo(request)))) : echo(request),
    );
    const client = rig.client(port, { silentMs: 30_000 });
    const late = client.send(heartbeat, VERSION, beat(1), { timeoutMs: 30 });
    const behind = client.send(heartbeat, VERSION, beat(2), { timeoutMs: 20_000 });
    await expect(late).rejects.toMatchObject({ name: 'NetworkError', code: 'ETIMEDOUT' });
    await until(() => release.length === 1, 'the first request');
    release[0]?.();
    expect((await behind).errorCode).toBe(2);
    expect((await client.send(heartbeat, VERSION, beat(3), { timeoutMs: 20_000 })).errorCode).toBe(3);
    expect(server.size).toBe(1);
    expect(client.connected).toBe(true);
  });

  it('never sends a request that timed out in the queue', async () => {
    await using rig = new Rig();
    const arrived: number[] = [];
    const release: (() => void)[] = [];
    const { port } = await rig.serve((request) => {
      const generation = generationOf(request);
      arrived.push(generation);
      if (generation > 1) return answer(request, generation);
      return new Promise((resolve) => release.push(() => resolve(answer(request, generation))));
    });
    const client = rig.client(port, { maxInFlight: 1, silentMs: 30_000 });
    const first = client.send(heartbeat, VERSION, beat(1), { timeoutMs: 20_000 });
    await expect(client.send(heartbeat, VERSION, beat(2), { timeoutMs: 20 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await until(() => release.length === 1, 'the first request');
    release[0]?.();
    await first;
    expect((await client.send(heartbeat, VERSION, beat(3), { timeoutMs: 20_000 })).errorCode).toBe(3);
    expect(arrived).toEqual([1, 3]);
  });

  it('keeps connecting while a request times out before the connection is established', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(echo);
    const slow = {
      ...rig.network,
      connect: (...asked: Parameters<typeof rig.network.connect>) => later(60, () => rig.network.connect(...asked)),
    };
    const client = rig.client(port, { network: slow });
    const sends = [1, 2, 3, 4].map((n) => client.send(heartbeat, VERSION, beat(n), { timeoutMs: n === 4 ? 20_000 : 1 }));
    const settled = await Promise.allSettled(sends);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  });

  it('closes a silent connection with an overdue response, and reconnects', async () => {
    await using rig = new Rig();
    let silent = true;
    const { port } = await rig.serve((request) => (silent ? new Promise(() => undefined) : echo(request)));
    const client = rig.client(port, { silentMs: 60 });
    const late = client.send(heartbeat, VERSION, beat(1), { timeoutMs: 30 });
    const behind = client.send(heartbeat, VERSION, beat(2), { timeoutMs: 20_000 });
    await expect(late).rejects.toMatchObject({ name: 'NetworkError', code: 'ETIMEDOUT' });
    await expect(behind).rejects.toMatchObject({ name: 'NetworkError', code: 'ETIMEDOUT' });
    silent = false;
    const from = performance.now();
    expect((await client.send(heartbeat, VERSION, beat(3), { timeoutMs: 20_000 })).errorCode).toBe(3);
    // The first backoff is 50 ms plus or minus a quarter.
    expect(performance.now() - from).toBeGreaterThan(25);
  });

  it('closes a silent connection whose overdue response follows one that was in time', async () => {
    await using rig = new Rig();
    const release: (() => void)[] = [];
    const { port } = await rig.serve((request) =>
      release.length < 1 ? new Promise((resolve) => release.push(() => resolve(echo(request)))) : new Promise(() => undefined),
    );
    const client = rig.client(port, { silentMs: 60 });
    const first = client.send(heartbeat, VERSION, beat(1), { timeoutMs: 20_000 });
    await until(() => release.length === 1, 'the first request');
    await expect(client.send(heartbeat, VERSION, beat(2), { timeoutMs: 30 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    const behind = client.send(heartbeat, VERSION, beat(3), { timeoutMs: 20_000 });
    release[0]?.();
    expect((await first).errorCode).toBe(1);
    await expect(behind).rejects.toThrow('sent nothing for 60 ms');
  });

  it('rejects with the reason without a listener, and doubles its backoff', async () => {
    await using rig = new Rig();
    const { port, server } = await rig.serve(echo);
    await server.stop();
    const client = rig.client(port);
    const from = performance.now();
    for (let i = 0; i < 4; i++)
      await expect(client.send(heartbeat, VERSION, beat(1), soon)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    // 50, 100 and 200 ms, plus or minus a quarter: three of the first would be 190 at most.
    expect(performance.now() - from).toBeGreaterThan(200);
    await rig.serve(echo, { address: { host: '127.0.0.1', port } });
    expect((await client.send(heartbeat, VERSION, beat(8), soon)).errorCode).toBe(8);
  });

  it('rejects pending requests when the peer disconnects', async () => {
    await using rig = new Rig();
    const { port, server } = await rig.serve(() => new Promise(() => undefined));
    const client = rig.client(port);
    const sends = [1, 2].map((n) => client.send(heartbeat, VERSION, beat(n), soon));
    const settled = Promise.allSettled(sends);
    await until(() => server.size === 1, 'the connection');
    await server.stop();
    for (const result of await settled) expect(result).toMatchObject({ status: 'rejected', reason: { name: 'NetworkError' } });
    expect(client.connected).toBe(false);
  });

  it('closes a connection with malformed responses', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve((request) => {
      const generation = generationOf(request);
      if (generation !== 1) return answer(request, generation);
      return [Buffer.from([0, 0, 0, 5, 0, 0, 0, 99, 0])];
    });
    const client = rig.client(port);
    await expect(client.send(heartbeat, VERSION, beat(1), soon)).rejects.toMatchObject({ code: 'EPROTO' });
    expect((await client.send(heartbeat, VERSION, beat(2), soon)).errorCode).toBe(2);
  });

  it('rejects with ECANCELED once closed', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(() => new Promise(() => undefined));
    const client = rig.client(port);
    const pending = client.send(heartbeat, VERSION, beat(1), soon);
    client.close();
    await expect(pending).rejects.toMatchObject({ code: 'ECANCELED' });
    await expect(client.send(heartbeat, VERSION, beat(1), soon)).rejects.toMatchObject({ code: 'ECANCELED' });
  });
});
