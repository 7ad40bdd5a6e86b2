/**
 * Reads nodes of a ZooKeeper tree, one at a time, from any server that answers. It holds one connection while in use and closes it, with its
 * session, when idle. Its sessions are read-only, so that the tree is readable while the quorum is lost.
 */
import net from 'node:net';
import { FrameSplitter } from '../cluster/protocol/frame.ts';
import { Reader } from '../cluster/protocol/reader.ts';
import type { Writer } from '../cluster/protocol/writer.ts';
import { AdminError, UnreachableError } from './errors.ts';
import { frame, Op, readHandshake, readStat, refuse, writeHandshake, writeText, type ZooKeeperAddress } from './zookeeper-wire.ts';
import type { Znode } from '#shared/models/lab';
import { messageOf } from '#shared/errors';

const CONNECT_TIMEOUT_MS = 1_500;
const READ_TIMEOUT_MS = 2_000;
const IDLE_MS = 5_000;
/** Above the idle time: pings never extend a session. */
const SESSION_TIMEOUT_MS = 15_000;
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const MAX_CHILDREN = 1_000;

export class ZooKeeperReader {
  private readonly servers: () => Promise<readonly ZooKeeperAddress[]>;
  private link: ZooKeeperLink | undefined;
  private connecting: Promise<ZooKeeperLink> | undefined;
  private idle: NodeJS.Timeout | undefined;

  /** `servers` is called before each connection and returns the preferred servers first. */
  constructor(servers: () => Promise<readonly ZooKeeperAddress[]>) {
    this.servers = servers;
  }

  /** Rejects with `AdminError` NOT_FOUND for an unknown node, `UnreachableError` when no server answers. */
  async read(path: string): Promise<Znode> {
    clearTimeout(this.idle);
    try {
      if (this.link?.open === true) {
        try {
          return await this.link.read(path);
        } catch (error) {
          if (error instanceof AdminError && !(error instanceof UnreachableError)) throw error;
          // The server has stopped or is suspended; another one may answer.
          this.link.destroy();
        }
      }
      this.link = await this.connect();
      return await this.link.read(path);
    } finally {
      this.idle = setTimeout(() => this.close(), IDLE_MS);
      this.idle.unref();
    }
  }

  close(): void {
    clearTimeout(this.idle);
    this.link?.close();
    this.link = undefined;
  }

  private connect(): Promise<ZooKeeperLink> {
    this.connecting ??= this.tryServers().finally(() => {
      this.connecting = undefined;
    });
    return this.connecting;
  }

  private async tryServers(): Promise<ZooKeeperLink> {
    const servers = await this.servers();
    let last: unknown;
    for (const server of servers) {
      try {
        return await ZooKeeperLink.open(server);
      } catch (error) {
        last = error instanceof AdminError ? error.cause : error;
      }
    }
    const tried = servers.map(({ host, port }) => `${host}:${port}`).join(', ');
    if (servers.length === 0) throw new UnreachableError('ZooKeeper', 'no broker is running');
    throw new UnreachableError(`ZooKeeper at ${tried}`, messageOf(last), { cause: last });
  }
}

interface Waiter {
  resolve: (reader: Reader) => void;
  reject: (error: Error) => void;
}

/** One connection, after its handshake. Responses arrive in the order of the requests. */
class ZooKeeperLink {
  private readonly server: ZooKeeperAddress;
  private readonly socket: net.Socket;
  private readonly splitter = new FrameSplitter(MAX_FRAME_BYTES);
  private readonly waiters: Waiter[] = [];
  private xid = 0;
  open = true;

  private constructor(server: ZooKeeperAddress) {
    this.server = server;
    this.socket = net.connect({ host: server.host, port: server.port, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => this.onData(chunk));
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('close', () => this.fail(new Error('the connection was closed')));
    this.socket.unref();
  }

  static async open(server: ZooKeeperAddress): Promise<ZooKeeperLink> {
    const link = new ZooKeeperLink(server);
    try {
      const answer = await link.ask(CONNECT_TIMEOUT_MS, (writer) =>
        writeHandshake(writer, {
          lastZxid: 0n,
          timeoutMs: SESSION_TIMEOUT_MS,
          sessionId: 0n,
          password: new Uint8Array(16),
          readOnly: true,
        }),
      );
      if (readHandshake(answer).timeoutMs <= 0) throw new Error('the server gave no session');
      return link;
    } catch (error) {
      link.destroy();
      throw error;
    }
  }

  /** Data and children as of one zxid. */
  async read(path: string): Promise<Znode> {
    const part = (writer: Writer, type: number): void => {
      writer.int32(type);
      writer.bool(false);
      writer.int32(-1);
      writeText(writer, path);
      writer.bool(false);
    };
    const reader = await this.ask(READ_TIMEOUT_MS, (writer) => {
      writer.int32(++this.xid);
      writer.int32(Op.multiRead);
      part(writer, Op.getData);
      part(writer, Op.getChildren);
      writer.int32(-1);
      writer.bool(true);
      writer.int32(-1);
    });
    reader.int32();
    reader.int64();
    refuse(reader.int32(), path);
    refuse(partError(reader), path);
    const data = reader.nullableBytes();
    const stat = readStat(reader);
    refuse(partError(reader), path);
    const children: string[] = [];
    for (let left = reader.arrayLength(); left > 0; left--) children.push(reader.bytes().toString('utf8'));
    return { path, data: shown(data), stat, children: children.sort().slice(0, MAX_CHILDREN), answeredBy: this.server.id };
  }

  /** Closes the session. */
  close(): void {
    if (!this.open) return;
    this.socket.write(
      frame((writer) => {
        writer.int32(++this.xid);
        writer.int32(Op.closeSession);
      }),
    );
    this.socket.end();
    this.open = false;
  }

  destroy(): void {
    this.open = false;
    this.socket.destroy();
  }

  private ask(timeoutMs: number, write: (writer: Writer) => void): Promise<Reader> {
    const { host, port } = this.server;
    const unreachable = (cause: Error): UnreachableError => new UnreachableError(`ZooKeeper at ${host}:${port}`, cause.message, { cause });
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject(unreachable(new Error('the connection is closed')));
        return;
      }
      const timer = setTimeout(() => this.fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      this.waiters.push({
        resolve: (reader) => {
          clearTimeout(timer);
          resolve(reader);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(unreachable(error));
        },
      });
      this.socket.write(frame(write));
    });
  }

  private onData(chunk: Buffer): void {
    try {
      for (const answer of this.splitter.push(chunk)) this.waiters.shift()?.resolve(new Reader(answer));
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private fail(error: Error): void {
    this.destroy();
    for (const waiter of this.waiters.splice(0)) waiter.reject(error);
  }
}

/** The header of one part of a multi's response; a failed part has its error code as body. */
function partError(reader: Reader): number {
  const type = reader.int32();
  reader.bool();
  const error = reader.int32();
  return type === -1 ? error : 0;
}

function shown(data: Buffer | null): Znode['data'] {
  if (data === null) return { encoding: 'null', text: '' };
  const text = data.toString('utf8');
  const isText = Buffer.from(text).equals(data) && !data.some(isControl);
  return isText ? { encoding: 'utf8', text } : { encoding: 'hex', text: data.toString('hex') };
}

/** Except tab and line ends. */
function isControl(byte: number): boolean {
  return byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d;
}
