/** Sockets of an attacker: they send anything, read nothing unless asked, and are all closed at the end of an attack. */
import { connect, type Socket } from 'node:net';
import { encodeRequest, FrameSplitter, decodeResponse } from '../../electron/cluster/protocol/frame.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';

const HOST = '127.0.0.1';
const CONNECT_MS = 3_000;

export class Sockets {
  private readonly open = new Set<Socket>();

  /** How many are open now. */
  get size(): number {
    return this.open.size;
  }

  /** A connected socket, or undefined where the connection was refused. It is paused. */
  connect(port: number): Promise<Socket | undefined> {
    return new Promise((done) => {
      const socket = connect({ host: HOST, port, noDelay: true });
      socket.pause();
      socket.setTimeout(CONNECT_MS, () => socket.destroy());
      socket.once('connect', () => {
        socket.setTimeout(0);
        done(socket);
      });
      // A reset is what a refusal looks like.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.open.delete(socket);
        done(undefined);
      });
      this.open.add(socket);
    });
  }

  closeAll(): void {
    for (const socket of this.open) socket.destroy();
    this.open.clear();
  }
}

/** Sends all of it, as fast as the other side takes it; false where the connection closed or the time was up. */
export async function sendAll(socket: Socket, chunks: Iterable<Uint8Array>, timeoutMs: number): Promise<boolean> {
  const until = performance.now() + timeoutMs;
  for (const chunk of chunks) {
    if (socket.destroyed || performance.now() > until) return false;
    if (socket.write(chunk)) continue;
    const drained = await new Promise<boolean>((done) => {
      const timer = setTimeout(() => end(false), Math.max(1, until - performance.now()));
      const onDrain = (): void => end(true);
      const onClose = (): void => end(false);
      const end = (ok: boolean): void => {
        clearTimeout(timer);
        socket.off('drain', onDrain);
        socket.off('close', onClose);
        done(ok);
      };
      socket.once('drain', onDrain);
      socket.once('close', onClose);
    });
    if (!drained) return false;
  }
  return true;
}

/** A frame of `length` bytes: `head`, then zeros, as chunks that take no memory. */
export function* zeroFrame(length: number, head: Uint8Array, sendBytes = length): Generator<Uint8Array> {
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(length);
  yield prefix;
  yield head;
  for (let left = sendBytes - head.length; left > 0; left -= ZEROS.length) yield left >= ZEROS.length ? ZEROS : ZEROS.subarray(0, left);
}

const ZEROS = Buffer.alloc(256 * 1024);

export function requestBytes<T>(api: Api<unknown, T, unknown, never>, version: number, body: T, correlationId = 1): Buffer {
  return Buffer.concat(encodeRequest(api, version, { correlationId, clientId: 'attack' }, body));
}

/** A client that works: one request at a time. */
export class Client {
  private readonly socket: Socket;
  private readonly splitter = new FrameSplitter(1 << 30);
  private waiting: ((frame: Buffer | undefined) => void) | undefined;
  private correlationId = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.splitter.push(chunk)) this.settle(frame);
    });
    socket.once('close', () => this.settle(undefined));
    socket.resume();
  }

  static async open(sockets: Sockets, port: number): Promise<Client> {
    const socket = await sockets.connect(port);
    if (socket === undefined) throw new Error(`no connection to port ${port}`);
    return new Client(socket);
  }

  async call<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, timeoutMs = 10_000): Promise<S> {
    if (this.waiting !== undefined) throw new Error('a request is in progress on this connection');
    const correlationId = ++this.correlationId;
    const frame = await new Promise<Buffer | undefined>((done) => {
      const timer = setTimeout(() => this.settle(undefined), timeoutMs);
      this.waiting = (answer) => {
        clearTimeout(timer);
        done(answer);
      };
      if (this.socket.destroyed) this.settle(undefined);
      else this.socket.write(requestBytes(api, version, body, correlationId));
    });
    if (frame === undefined) {
      this.socket.destroy();
      throw new Error(`no answer to ${api.name} within ${timeoutMs} ms`);
    }
    return decodeResponse(api, version, frame).body;
  }

  close(): void {
    this.socket.destroy();
  }

  private settle(frame: Buffer | undefined): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.(frame);
  }
}
