/** A server's memory for frames and responses, with real sockets. */
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { systemClock } from '../../../electron/cluster/lib/system-clock.ts';
import type { IncomingRequest } from '../../../electron/cluster/dispatch/request.ts';
import { AnswerMemory } from '../../../electron/cluster/network/answer-memory.ts';
import type { NodeMemory } from '../../../electron/cluster/network/node-memory.ts';
import { RequestMemory } from '../../../electron/cluster/network/request-memory.ts';
import { heartbeat } from '../../../electron/cluster/protocol/apis/heartbeat.ts';
import { FrameSplitter } from '../../../electron/cluster/protocol/frame.ts';
import { answer, echo, ended, generationOf, requestBytes, Rig, until } from './support.ts';

const MIB = 1024 * 1024;
const MAX_FRAME_BYTES = 8 * MIB;

function memoryOf(answerBytes = 48 * MIB, mediumCapacityBytes = 32 * MIB): NodeMemory {
  const requests = (): RequestMemory => new RequestMemory({ clock: systemClock, maxFrameBytes: MAX_FRAME_BYTES, mediumCapacityBytes });
  return { clients: requests(), peers: requests(), answers: new AnswerMemory(systemClock, answerBytes) };
}

function held({ clients, peers, answers }: NodeMemory): number[] {
  return [clients.usedBytes, peers.usedBytes, answers.usedBytes, clients.waiting];
}

/** A heartbeat of the given size, which its member id fills. */
function largeRequest(bytes: number, generation = 1): Buffer {
  const small = requestBytes(generation);
  const frame = Buffer.concat([small, Buffer.alloc(bytes)]);
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}

function framesOn(socket: Socket): Buffer[] {
  const frames: Buffer[] = [];
  const splitter = new FrameSplitter(1e9);
  socket.on('data', (chunk: Buffer) => frames.push(...splitter.push(chunk)));
  return frames;
}

it('a large frame waits while others hold the memory, small requests do not, and it is answered in the end', async () => {
  await using rig = new Rig();
  const memory = memoryOf();
  const { port } = await rig.serve(echo, { memory, maxFrameBytes: MAX_FRAME_BYTES });
  const half = await rig.socket(port);
  const large = largeRequest(6 * MIB);
  half.write(large.subarray(0, 5 * MIB));
  await until(() => memory.clients.usedBytes > 6 * MIB, 'memory for the half frame');
  const waiting = await rig.socket(port);
  const answers = framesOn(waiting);
  waiting.write(large);
  await until(() => memory.clients.waiting === 1, 'the second large frame to wait');
  const other = await rig.socket(port);
  const others = framesOn(other);
  for (let i = 1; i <= 20; i++) other.write(requestBytes(i));
  await until(() => others.length === 20, 'small requests of another client');
  expect(answers).toHaveLength(0);
  expect(memory.clients.usedBytes).toBeLessThan(7 * MIB);
  half.destroy();
  await until(() => answers.length === 1, 'the large request to be answered');
  await until(() => held(memory).every((bytes) => bytes === 0), 'all memory to be released');
});

it('a connection whose waiting frame exceeds the memory for waiting frames is refused with the reason', async () => {
  await using rig = new Rig();
  const memory = memoryOf();
  const clients = new RequestMemory({ clock: systemClock, maxFrameBytes: MAX_FRAME_BYTES, parkedCapacityBytes: 1 });
  const { port } = await rig.serve(echo, { memory: { ...memory, clients }, maxFrameBytes: MAX_FRAME_BYTES });
  const large = largeRequest(6 * MIB);
  const half = await rig.socket(port);
  half.write(large.subarray(0, 5 * MIB));
  await until(() => clients.usedBytes > 0, 'memory for the half frame');
  const refused = await rig.socket(port);
  refused.write(large);
  await ended(refused);
  expect(rig.logged.some(({ fields }) => String(fields['reason']).includes('no memory for its request'))).toBe(true);
  half.destroy();
  await until(() => clients.usedBytes === 0, 'all memory to be released');
});

it('clients that do not read are closed once their responses hold too much memory, and other clients are served meanwhile', async () => {
  await using rig = new Rig();
  const memory = memoryOf(16 * MIB);
  const body = Buffer.alloc(10 * MIB);
  const fat = (request: IncomingRequest): Uint8Array[] => {
    if (generationOf(request) === 1) return answer(request, 0);
    const prefix = Buffer.alloc(8);
    prefix.writeInt32BE(body.length + 4, 0);
    return [prefix, ...Array.from({ length: 10 }, (_, i) => body.subarray(i * MIB, (i + 1) * MIB))];
  };
  const { port, server } = await rig.serve(fat, { memory });
  const other = await rig.socket(port);
  const others = framesOn(other);
  for (let i = 1; i <= 8; i++) {
    const slow = await rig.socket(port);
    slow.pause();
    slow.write(requestBytes(2));
    other.write(requestBytes(1));
    await until(() => others.length === i, 'an answer to the other client');
    expect(memory.answers.usedBytes).toBeLessThan(45 * MIB);
  }
  await until(() => server.size < 8, 'some to be closed');
  expect(rig.logged.some(({ fields }) => String(fields['reason']).includes('took no answer'))).toBe(true);
});

it('holds no memory once all connections are closed, in any state', async () => {
  await using rig = new Rig();
  const memory = memoryOf(48 * MIB, 2 * MIB);
  const late: (() => void)[] = [];
  const { port, server } = await rig.serve(
    (request) => {
      const generation = generationOf(request);
      request.connection.holdAnswer(1_000);
      if (generation % 4 === 0) throw new Error('refused');
      if (generation % 4 === 1) return answer(request, generation);
      request.connection.answerLater();
      return new Promise((resolve) => late.push(() => resolve(generation % 4 === 2 ? null : answer(request, generation))));
    },
    { memory, pipelined: new Set([heartbeat.key]), maxFrameBytes: MAX_FRAME_BYTES },
  );
  for (let round = 0; round < 60; round++) {
    const socket = await rig.socket(port);
    if (round % 3 === 0) socket.pause();
    const sizes = [10, 70_000, 900_000, 3 * MIB];
    const chunks = Array.from({ length: 1 + (round % 6) }, (_, i) => largeRequest(sizes[(round + i) % 4] ?? 0, round + i));
    const bytes = Buffer.concat(chunks);
    socket.write(
      round % 5 === 0 ? Buffer.concat([bytes, Buffer.from([0xff, 0xff, 0xff, 0xff])]) : bytes.subarray(0, bytes.length - (round % 4)),
    );
    if (round % 2 === 0) for (const answerNow of late.splice(0)) answerNow();
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (round % 7 !== 0) socket.destroy();
    else socket.end();
  }
  await until(
    () => {
      for (const answerNow of late.splice(0)) answerNow();
      return server.size === 0;
    },
    'all connections to close',
    20_000,
  );
  await until(() => held(memory).every((bytes) => bytes === 0), `all memory to be released: ${held(memory).join(', ')}`);
});
