/**
 * A ZooKeeper client for tests of the endpoint: sends each frame that a test asks for, valid or not, and keeps what arrives in its order. It has
 * neither socket nor timer, so that it runs on the virtual clock; node-zookeeper-client needs both, and only sends valid requests. That real
 * clients work is the subject of `test/clients`.
 */
import { FrameSplitter } from '../../electron/cluster/protocol/frame.ts';
import { Reader } from '../../electron/cluster/protocol/reader.ts';
import type { Writer } from '../../electron/cluster/protocol/writer.ts';
import type { Stat } from '../../electron/cluster/quorum/zookeeper-state/stat.ts';
import { frame, OpCode, readStat, readText, readTexts, writeAcl, writeText, writeTexts } from '../../electron/cluster/zookeeper/wire.ts';

export interface Answer {
  xid: number;
  zxid: bigint;
  error: number;
  body: Reader;
}

export interface Session {
  id: bigint;
  password: Buffer;
  timeoutMs: number;
  readOnly: boolean | undefined;
}

export const Flags = { persistent: 0, ephemeral: 1, sequential: 2, ephemeralSequential: 3 } as const;
const WORLD_ACL = { permissions: 31, scheme: 'world', id: 'anyone' }; // language: the identifier of ZooKeeper's world scheme

interface Waiter<T> {
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

export class ZkTestClient {
  /** `event:3:/path` and `reply:7`, as they came. */
  readonly arrived: string[] = [];
  readonly events: { type: number; path: string }[] = [];
  session: Session | undefined;
  closed = false;
  private readonly send: (bytes: Uint8Array) => void;
  private readonly splitter = new FrameSplitter(1 << 24);
  private handshake: Waiter<Session> | undefined;
  private readonly waiting = new Map<number, Waiter<Answer>>();
  private xid = 0;

  constructor(send: (bytes: Uint8Array) => void) {
    this.send = send;
  }

  receive(chunk: Buffer): void {
    for (const bytes of this.splitter.push(chunk)) this.take(new Reader(bytes));
  }

  lost(): void {
    this.closed = true;
    const error = new Error('connection lost');
    this.handshake?.reject(error);
    for (const waiter of this.waiting.values()) waiter.reject(error);
    this.waiting.clear();
  }

  connect(
    options: { timeoutMs?: number; session?: Session; password?: Uint8Array; lastZxid?: bigint; readOnly?: boolean | 'absent' } = {},
  ): Promise<Session> {
    const { session, readOnly = false } = options;
    const answer = new Promise<Session>((resolve, reject) => (this.handshake = { resolve, reject }));
    this.write((writer) => {
      writer.int32(0);
      writer.int64(options.lastZxid ?? 0n);
      writer.int32(options.timeoutMs ?? 10_000);
      writer.int64(session?.id ?? 0n);
      writer.bytes(options.password ?? session?.password ?? new Uint8Array(16));
      if (readOnly !== 'absent') writer.bool(readOnly);
    });
    return answer;
  }

  call(type: number, body?: (writer: Writer) => void, xid = ++this.xid): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => this.waiting.set(xid, { resolve, reject }));
    this.write((writer) => {
      writer.int32(xid);
      writer.int32(type);
      body?.(writer);
    });
    return answer;
  }

  /** The path, or throws with the error's code. */
  async create(path: string, data: string | null = '', flags: number = Flags.persistent): Promise<string> {
    return readText((await this.ok(this.call(OpCode.create, (writer) => createBody(writer, path, data, flags)))).body);
  }

  async delete(path: string, version = -1): Promise<void> {
    await this.ok(
      this.call(
        OpCode.delete,
        pathAnd(path, (writer) => writer.int32(version)),
      ),
    );
  }

  async set(path: string, data: string, version = -1): Promise<Stat> {
    const { body } = await this.ok(
      this.call(
        OpCode.setData,
        pathAnd(path, (writer) => {
          writer.bytes(Buffer.from(data));
          writer.int32(version);
        }),
      ),
    );
    return readStat(body);
  }

  async get(path: string, watch = false): Promise<{ data: string | null; stat: Stat }> {
    const { body } = await this.ok(
      this.call(
        OpCode.getData,
        pathAnd(path, (writer) => writer.bool(watch)),
      ),
    );
    const data = body.nullableBytes();
    return { data: data === null ? null : data.toString(), stat: readStat(body) };
  }

  async children(path: string, watch = false): Promise<string[]> {
    return readTexts(
      (
        await this.ok(
          this.call(
            OpCode.getChildren,
            pathAnd(path, (writer) => writer.bool(watch)),
          ),
        )
      ).body,
    );
  }

  /** Null where there is none. */
  async exists(path: string, watch = false): Promise<Stat | null> {
    const answer = await this.call(
      OpCode.exists,
      pathAnd(path, (writer) => writer.bool(watch)),
    );
    if (answer.error === -101) return null;
    return readStat((await this.ok(Promise.resolve(answer))).body);
  }

  async sync(path = '/'): Promise<void> {
    await this.ok(this.call(OpCode.sync, pathAnd(path)));
  }

  addWatch(path: string, recursive: boolean): Promise<Answer> {
    return this.ok(
      this.call(
        OpCode.addWatch,
        pathAnd(path, (writer) => writer.int32(recursive ? 1 : 0)),
      ),
    );
  }

  setWatches(since: bigint, data: string[], missing: string[], children: string[]): Promise<Answer> {
    const body = (writer: Writer): void => {
      writer.int64(since);
      for (const list of [data, missing, children]) writeTexts(writer, list);
    };
    return this.ok(this.call(OpCode.setWatches, body, -8));
  }

  ping(): Promise<Answer> {
    return this.call(OpCode.ping, undefined, -2);
  }

  async close(): Promise<void> {
    await this.ok(this.call(OpCode.closeSession));
  }

  async ok(answer: Promise<Answer>): Promise<Answer> {
    const { error } = await answer;
    if (error !== 0) throw new ZkTestError(error);
    return answer;
  }

  private write(body: (writer: Writer) => void): void {
    this.send(Buffer.concat(frame(body)));
  }

  private take(reader: Reader): void {
    if (this.session === undefined) {
      reader.int32();
      const timeoutMs = reader.int32();
      const session = {
        timeoutMs,
        id: reader.int64(),
        password: reader.bytes(),
        readOnly: reader.remaining > 0 ? reader.bool() : undefined,
      };
      if (timeoutMs > 0) this.session = session;
      this.handshake?.resolve(session);
      return;
    }
    const xid = reader.int32();
    const zxid = reader.int64();
    const error = reader.int32();
    if (xid === -1) {
      const type = reader.int32();
      reader.int32();
      const path = readText(reader);
      this.events.push({ type, path });
      this.arrived.push(`event:${type}:${path}`);
      return;
    }
    this.arrived.push(`reply:${xid}`);
    this.waiting.get(xid)?.resolve({ xid, zxid, error, body: reader });
    this.waiting.delete(xid);
  }
}

export class ZkTestError extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`ZooKeeper error ${code}`);
    this.code = code;
  }
}

export function createBody(writer: Writer, path: string, data: string | null, flags: number): void {
  writeText(writer, path);
  writer.nullableBytes(data === null ? null : Buffer.from(data));
  writeAcl(writer, [WORLD_ACL]);
  writer.int32(flags);
}

export function pathAnd(path: string, rest?: (writer: Writer) => void): (writer: Writer) => void {
  return (writer) => {
    writeText(writer, path);
    rest?.(writer);
  };
}
