import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../electron/cluster/protocol/errors.ts';
import { decodeResponse, FrameSplitter } from '../../../electron/cluster/protocol/frame.ts';
import { heartbeat } from '../../../electron/cluster/protocol/apis/heartbeat.ts';
import { systemClock } from '../../../electron/cluster/lib/system-clock.ts';
import { ConnectionLimits } from '../../../electron/cluster/network/connection-limits.ts';
import type { ConnectionInfo, IncomingRequest } from '../../../electron/cluster/dispatch/request.ts';
import { answer, echo, ended, generationOf, HOST, requestBytes, Rig, until, VERSION } from './support.ts';

function answersOn(socket: Socket): number[] {
  const codes: number[] = [];
  const splitter = new FrameSplitter(1e8);
  socket.on('data', (chunk: Buffer) => {
    for (const frame of splitter.push(chunk)) codes.push(decodeResponse(heartbeat, VERSION, frame).body.errorCode);
  });
  return codes;
}

describe('Server', () => {
  it('answers requests that arrive together, and in pieces, in their order', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(echo);
    const socket = await rig.socket(port);
    const answers = answersOn(socket);
    const bytes = Buffer.concat([1, 2, 3, 4, 5].map((n) => requestBytes(n)));
    for (let at = 0; at < bytes.length; at += 7) socket.write(bytes.subarray(at, at + 7));
    await until(() => answers.length === 5, 'five answers');
    expect(answers).toEqual([1, 2, 3, 4, 5]);
  });

  it('processes one request of a connection at a time, while other connections continue', async () => {
    await using rig = new Rig();
    const release: (() => void)[] = [];
    const begun: number[] = [];
    const { port } = await rig.serve((request) => {
      const generation = generationOf(request);
      begun.push(generation);
      if (generation !== 1) return answer(request, generation);
      return new Promise((resolve) => release.push(() => resolve(answer(request, 1))));
    });
    const polling = await rig.socket(port);
    const answers = answersOn(polling);
    polling.write(Buffer.concat([requestBytes(1), requestBytes(2)]));
    await until(() => release.length === 1, 'the long poll');
    const other = await rig.socket(port);
    const otherAnswers = answersOn(other);
    other.write(requestBytes(9));
    await until(() => otherAnswers.length === 1, 'the other connection');
    expect(begun).toEqual([1, 9]);
    release[0]?.();
    await until(() => answers.length === 2, 'both answers');
    expect(answers).toEqual([1, 2]);
    expect(begun).toEqual([1, 9, 2]);
  });

  it('begins the next request once only the response is outstanding, and responds in order', async () => {
    await using rig = new Rig();
    const release = new Map<number, () => void>();
    const begun: number[] = [];
    const { port } = await rig.serve(
      (request) => {
        const generation = generationOf(request);
        begun.push(generation);
        if (generation === 4) return answer(request, 4);
        if (generation !== 3) request.connection.answerLater();
        return new Promise((resolve) => release.set(generation, () => resolve(generation === 2 ? null : answer(request, generation))));
      },
      { pipelined: new Set([heartbeat.key]) },
    );
    const socket = await rig.socket(port);
    const answers = answersOn(socket);
    socket.write(Buffer.concat([1, 2, 3, 4].map((n) => requestBytes(n))));
    await until(() => begun.length === 3, 'three requests under work');
    release.get(3)?.();
    await until(() => begun.length === 4, 'the fourth');
    release.get(2)?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(answers).toEqual([]);
    release.get(1)?.();
    await until(() => answers.length === 3, 'the answers');
    expect(answers).toEqual([1, 3, 4]);
  });

  it('begins no read before that response: it would be outdated when it is sent', async () => {
    await using rig = new Rig();
    const release: (() => void)[] = [];
    const begun: number[] = [];
    const { port } = await rig.serve((request) => {
      const generation = generationOf(request);
      begun.push(generation);
      if (generation > 2) return answer(request, generation);
      request.connection.answerLater();
      return new Promise((resolve) => release.push(() => resolve(answer(request, generation))));
    });
    const socket = await rig.socket(port);
    const answers = answersOn(socket);
    socket.write(Buffer.concat([1, 2, 3].map((n) => requestBytes(n))));
    await until(() => release.length === 1, 'the first');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(begun).toEqual([1]);
    release.shift()?.();
    await until(() => release.length === 1, 'the second');
    expect(begun).toEqual([1, 2]);
    release.shift()?.();
    await until(() => answers.length === 3, 'the answers');
    expect(answers).toEqual([1, 2, 3]);
  });

  it('begins at most sixteen unanswered requests', async () => {
    await using rig = new Rig();
    const release: (() => void)[] = [];
    const { port } = await rig.serve(
      (request) => {
        const generation = generationOf(request);
        request.connection.answerLater();
        return new Promise((resolve) => release.push(() => resolve(answer(request, generation))));
      },
      { pipelined: new Set([heartbeat.key]) },
    );
    const socket = await rig.socket(port);
    const answers = answersOn(socket);
    const all = Array.from({ length: 30 }, (_, n) => n + 1);
    socket.write(Buffer.concat(all.map((n) => requestBytes(n))));
    await until(() => release.length === 16, 'sixteen under work');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(release).toHaveLength(16);
    for (let n = 0; n < 30; n++) {
      await until(() => release[n] !== undefined, 'the next');
      release[n]?.();
    }
    await until(() => answers.length === 30, 'the answers');
    expect(answers).toEqual(all);
  });

  it('sends nothing for null and continues', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve((request) => {
      const generation = generationOf(request);
      return generation === 1 ? null : answer(request, generation);
    });
    const socket = await rig.socket(port);
    const answers = answersOn(socket);
    socket.write(Buffer.concat([requestBytes(1), requestBytes(2)]));
    await until(() => answers.length > 0, 'an answer');
    expect(answers).toEqual([2]);
  });

  it.each([
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a length above the limit', Buffer.from([0x00, 0x00, 0x10, 0x01, 0])],
    ['a frame too short for a header', Buffer.from([0, 0, 0, 2, 0, 12])],
  ])('closes a connection that sends %s, says why and serves the others', async (_what, bytes) => {
    await using rig = new Rig();
    const { port } = await rig.serve(echo, { maxFrameBytes: 4096 });
    const hostile = await rig.socket(port);
    hostile.write(bytes);
    await ended(hostile);
    expect(rig.logged.filter(({ level }) => level === 'warn')).toHaveLength(1);
    const socket = await rig.socket(port);
    const answers = answersOn(socket);
    socket.write(requestBytes(3));
    await until(() => answers.length === 1, 'an answer');
  });

  it('closes the connection when the dispatcher rejects or throws, without further responses', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve((request) => {
      const generation = generationOf(request);
      if (generation === 2) return Promise.reject(new ProtocolError('unsupported version 99'));
      if (generation === 3) throw new ProtocolError('thrown');
      return answer(request, generation);
    });
    for (const bad of [2, 3]) {
      const socket = await rig.socket(port);
      const answers = answersOn(socket);
      socket.write(Buffer.concat([requestBytes(1), requestBytes(bad), requestBytes(4)]));
      await ended(socket);
      expect(answers).not.toContain(4);
    }
    const reasons = rig.logged.filter(({ level }) => level === 'warn').map(({ fields }) => fields['reason']);
    expect(reasons).toEqual(['unsupported version 99', 'thrown']);
  });

  it('closes after a refused request without a reset, and sends the answers before it', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve((request) => {
      const generation = generationOf(request);
      if (generation === 2) throw new ProtocolError('unsupported version 99');
      return answer(request, generation);
    });
    const socket = await rig.socket(port);
    const errors: Error[] = [];
    let finished = false;
    socket.on('error', (error) => errors.push(error));
    socket.on('end', () => (finished = true));
    const answers = answersOn(socket);
    socket.write(Buffer.concat([requestBytes(1), requestBytes(2)]));
    await ended(socket);
    expect({ answers, finished, errors }).toEqual({ answers: [1], finished: true, errors: [] });
  });

  it('closes after a refused request when the client keeps its side open', async () => {
    await using rig = new Rig();
    const { server, port } = await rig.serve(() => {
      throw new ProtocolError('unsupported version 99');
    });
    const socket = connect({ host: HOST, port, allowHalfOpen: true });
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(requestBytes(1));
    await until(() => rig.logged.some(({ level }) => level === 'warn'), 'the refusal');
    await until(() => server.size === 0, 'the end of the connection');
    socket.destroy();
  });

  it('stops reading while many requests wait, and loses none of them', async () => {
    await using rig = new Rig();
    let release: (() => void) | undefined;
    let worked = 0;
    const { port } = await rig.serve((request) => {
      worked++;
      if (worked > 1) return echo(request);
      return new Promise((resolve) => (release = () => resolve(echo(request))));
    });
    const socket = await rig.socket(port);
    const answers = answersOn(socket);
    const one = requestBytes(7, 7, 'm'.repeat(8_000));
    const count = Math.ceil((24 * 1024 * 1024) / one.length);
    const many = Buffer.alloc(count * one.length);
    for (let i = 0; i < count; i++) one.copy(many, i * one.length);
    const accepted = socket.write(many);
    expect(accepted).toBe(false);
    await until(() => release !== undefined, 'the first request');
    await new Promise((resolve) => setTimeout(resolve, 50));
    // The kernel's buffers take some megabytes; the rest must still be with the sender.
    expect(socket.writableLength).toBeGreaterThan(1024 * 1024);
    release?.();
    await until(() => answers.length === count, 'all answers');
  });

  it('dispatches nothing while the client does not read its responses', async () => {
    await using rig = new Rig();
    let worked = 0;
    const big = Buffer.alloc(1024 * 1024);
    const { port } = await rig.serve((request) => {
      worked++;
      return [...answer(request, 0), big];
    });
    const socket = await rig.socket(port);
    socket.pause();
    for (let i = 0; i < 64; i++) socket.write(requestBytes(i));
    await until(() => worked > 0, 'the first request');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(worked).toBeLessThan(32);
    socket.resume();
    await until(() => worked === 64, 'all requests');
  });

  it('processes the requests that a client sent before it closed', async () => {
    await using rig = new Rig();
    const done: number[] = [];
    let release: (() => void) | undefined;
    const { port } = await rig.serve(async (request) => {
      const generation = generationOf(request);
      if (generation === 1) await new Promise<void>((resolve) => (release = resolve));
      done.push(generation);
      return null;
    });
    const socket = await rig.socket(port);
    socket.end(Buffer.concat([requestBytes(1), requestBytes(2), requestBytes(3)]));
    await until(() => release !== undefined, 'the first request');
    await ended(socket);
    release?.();
    await until(() => done.length === 3, 'the rest');
    expect(done).toEqual([1, 2, 3]);
  });

  it('gives a handler the id, host and listener of its connection, and notifies it of the close', async () => {
    await using rig = new Rig();
    const seen: ConnectionInfo[] = [];
    const { port } = await rig.serve((request: IncomingRequest) => {
      seen.push(request.connection);
      return echo(request);
    });
    const first = await rig.socket(port);
    const second = await rig.socket(port);
    first.write(requestBytes(1));
    second.write(requestBytes(1));
    await until(() => seen.length === 2, 'both');
    const [info, other] = seen as [ConnectionInfo, ConnectionInfo];
    expect(info).toMatchObject({ clientHost: '/127.0.0.1', listener: 'PLAINTEXT', open: true });
    expect(info.id).not.toBe(other.id);
    let closed = 0;
    seen.find((one) => one === info)?.onClose(() => closed++);
    other.onClose(() => closed++);
    first.destroy();
    second.destroy();
    await until(() => closed === 2, 'the close');
    expect(info.open).toBe(false);
    info.onClose(() => closed++);
    expect(closed).toBe(3);
  });

  it('closes idle connections, not those that wait for an answer', async () => {
    await using rig = new Rig();
    let release: (() => void) | undefined;
    const { port, server } = await rig.serve((request) => new Promise((resolve) => (release = () => resolve(echo(request)))), {
      maxIdleMs: 40,
    });
    const idle = await rig.socket(port);
    const polling = await rig.socket(port);
    const answers = answersOn(polling);
    polling.write(requestBytes(5));
    await ended(idle);
    await until(() => server.size === 1, 'the idle one to be gone');
    release?.();
    await until(() => answers.length === 1, 'the answer');
    await ended(polling);
  });

  it('refuses a connection above the limit', async () => {
    await using rig = new Rig();
    const { port } = await rig.serve(echo, {
      limits: new ConnectionLimits(systemClock, () => ({ maxConnections: 1, maxPerIp: 100 })),
    });
    const first = await rig.socket(port);
    const answers = answersOn(first);
    first.write(requestBytes(1));
    await until(() => answers.length === 1, 'an answer');
    const second = await rig.socket(port).catch(() => undefined);
    if (second !== undefined) await ended(second);
    expect(rig.logged.some(({ fields }) => fields['reason'] === 'max.connections=1')).toBe(true);
  });

  it('stops at once with open long polls, and frees its port', async () => {
    await using rig = new Rig();
    const { port, server } = await rig.serve(() => new Promise(() => undefined));
    const socket = await rig.socket(port);
    socket.write(requestBytes(1));
    await until(() => server.size === 1, 'the connection');
    const from = performance.now();
    await server.stop();
    expect(performance.now() - from).toBeLessThan(10_000);
    await ended(socket);
    const again = await rig.serve(echo, { address: { host: '127.0.0.1', port } });
    expect(again.port).toBe(port);
  });
});
