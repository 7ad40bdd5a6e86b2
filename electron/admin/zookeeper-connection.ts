/**
 * One connection of a ZooKeeper session to one server: the handshake, requests with their responses in order, and watch events as they arrive.
 * A silent connection neither sends nor reads, and keeps its socket.
 */
import net from 'node:net';
import { FrameSplitter } from '../cluster/protocol/frame.ts';
import { Reader } from '../cluster/protocol/reader.ts';
import type { Writer } from '../cluster/protocol/writer.ts';
import { AdminError, UnreachableError } from './errors.ts';
import { frame, Op, readHandshake, writeHandshake, Xid, type Handshake, type ZooKeeperAddress } from './zookeeper-wire.ts';
import { messageOf } from '#shared/errors';

const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const MAX_WAITING = 100;

export interface ConnectionEvents {
  /** Any frame was received. */
  received: (zxid: bigint) => void;
  watch: (type: number, path: string) => void;
  /** Called once, when the connection ends after its handshake. */
  lost: (why: string) => void;
}

interface Waiter {
  resolve: (answer: { error: number; body: Reader }) => void;
  reject: (error: Error) => void;
}

export class ZooKeeperConnection {
  readonly server: ZooKeeperAddress;
  private readonly socket: net.Socket;
  private readonly events: ConnectionEvents;
  private readonly splitter = new FrameSplitter(MAX_FRAME_BYTES);
  private readonly waiting = new Map<number, Waiter>();
  private shaking: { resolve: (reader: Reader) => void; reject: (error: Error) => void } | undefined;
  private xid = 0;
  private held = false;
  private over = false;
  /** Wall-clock ms of the last request. */
  lastSentAt = 0;

  private constructor(server: ZooKeeperAddress, events: ConnectionEvents) {
    this.server = server;
    this.events = events;
    this.socket = net.connect({ host: server.host, port: server.port, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => this.onData(chunk));
    this.socket.on('error', (error) => this.end(error.message));
    this.socket.on('close', () => this.end('the server closed the connection'));
    this.socket.unref();
  }

  /** Rejects when the server does not answer in time or refuses the client. A handshake with `timeoutMs` 0: the session has expired. */
  static async open(
    server: ZooKeeperAddress,
    handshake: Handshake,
    events: ConnectionEvents,
    withinMs: number,
  ): Promise<{ connection: ZooKeeperConnection; timeoutMs: number; sessionId: bigint; password: Buffer }> {
    const connection = new ZooKeeperConnection(server, events);
    const timer = setTimeout(() => connection.end(`no answer within ${withinMs} ms`), withinMs);
    try {
      const answer = await new Promise<Reader>((resolve, reject) => {
        connection.shaking = { resolve, reject };
        connection.send((writer) => writeHandshake(writer, handshake));
      });
      return { connection, ...readHandshake(answer) };
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get open(): boolean {
    return !this.over;
  }

  /** Rejects when the connection ends first: the outcome of the request is then unknown. */
  call(type: number, path: string, write?: (writer: Writer) => void): Promise<{ error: number; body: Reader }> {
    const xid = ++this.xid;
    return new Promise((resolve, reject) => {
      if (this.waiting.size >= MAX_WAITING) {
        const message = `${MAX_WAITING} requests wait for an answer already.`;
        reject(new AdminError({ code: 'BUSY', message, advice: 'Wait until the server has answered.', subject: path }));
        return;
      }
      if (this.over) {
        reject(this.unreachable('the connection is closed'));
        return;
      }
      this.waiting.set(xid, { resolve, reject });
      this.send((writer) => {
        writer.int32(xid);
        writer.int32(type);
        write?.(writer);
      });
    });
  }

  ping(): void {
    this.send((writer) => {
      writer.int32(Xid.ping);
      writer.int32(Op.ping);
    });
  }

  /** Its response only extends the session. */
  setWatches(write: (writer: Writer) => void): void {
    this.send((writer) => {
      writer.int32(Xid.setWatches);
      writer.int32(Op.setWatches);
      write(writer);
    });
  }

  hold(): void {
    this.held = true;
    this.socket.pause();
  }

  /** Frames that arrived while the connection was silent are read now, a close by the server included. */
  release(): void {
    this.held = false;
    this.socket.resume();
  }

  /** Closes the socket without closeSession and without calling `lost`. */
  close(): void {
    this.over = true;
    this.socket.destroy();
    this.rejectAll('the connection was closed');
  }

  private send(write: (writer: Writer) => void): void {
    if (this.held || this.over) return;
    this.lastSentAt = Date.now();
    this.socket.write(frame(write));
  }

  private onData(chunk: Buffer): void {
    if (this.over) return;
    try {
      for (const answer of this.splitter.push(chunk)) this.take(new Reader(answer));
    } catch (error) {
      this.end(messageOf(error));
    }
  }

  private take(reader: Reader): void {
    if (this.shaking !== undefined) {
      const { resolve } = this.shaking;
      this.shaking = undefined;
      resolve(reader);
      return;
    }
    const xid = reader.int32();
    const zxid = reader.int64();
    const error = reader.int32();
    if (xid === Xid.event) {
      this.events.received(-1n);
      const type = reader.int32();
      reader.int32();
      this.events.watch(type, reader.bytes().toString('utf8'));
      return;
    }
    this.events.received(zxid);
    this.waiting.get(xid)?.resolve({ error, body: reader });
    this.waiting.delete(xid);
  }

  /** Closes the connection and calls `lost` with the reason. */
  end(why: string): void {
    if (this.over) return;
    const shaking = this.shaking;
    this.over = true;
    this.socket.destroy();
    if (shaking !== undefined) {
      this.shaking = undefined;
      shaking.reject(new Error(why));
      return;
    }
    this.rejectAll(why);
    this.events.lost(why);
  }

  private rejectAll(why: string): void {
    for (const waiter of this.waiting.values()) waiter.reject(this.unreachable(why));
    this.waiting.clear();
  }

  private unreachable(why: string): UnreachableError {
    const { host, port } = this.server;
    return new UnreachableError(`ZooKeeper at ${host}:${port}`, `${why}. The change may have taken effect: check before you retry`);
  }
}
