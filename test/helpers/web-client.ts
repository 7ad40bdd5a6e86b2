/** A program at web mode's WebSocket: the contract without a browser, over a connection of its own. */
import { WebSocket } from 'ws';
import type { Result } from '#shared/errors';
import type { ClusterPatch, EventChannel, Events, RequestChannel, Results, ServerFrame } from '#shared/ipc';
import { WholeRows } from './whole-rows.ts';
import { EMBEDDED, type TestPayload } from './embedded-payload.ts';

export class WebClient {
  private readonly socket: WebSocket;
  private readonly waiting = new Map<number, { settle: (result: Result<unknown>) => void; fail: (error: Error) => void }>();
  private readonly listeners = new Map<EventChannel, ((payload: never) => void)[]>();
  private nextId = 1;
  private rows = new WholeRows();
  /** Of `cluster/patched` as they were sent. */
  patchBytes = 0;
  /** That payloads are about which name none. */
  connectionId = EMBEDDED;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.receive(JSON.parse(data.toString('utf8')) as ServerFrame, data.length));
    socket.on('close', (code) => {
      for (const { fail } of this.waiting.values()) fail(new Error(`the socket was closed with code ${code}`));
      this.waiting.clear();
    });
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  static async open({ url, token }: { url: string; token: string }): Promise<WebClient> {
    const { host } = new URL(url);
    // One frame at a time: a caller of `ask` that registers a listener after its answer misses no event that came in the same segment.
    const socket = new WebSocket(`ws://${host}/ipc?token=${encodeURIComponent(token)}`, { allowSynchronousEvents: false });
    const client = new WebClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    await client.ask('connection/use', { id: EMBEDDED });
    return client;
  }

  /** Rejects where the answer is an error. About `connectionId` where the payload names no other connection. */
  async ask<C extends RequestChannel>(channel: C, payload: TestPayload<C>): Promise<Results[C]> {
    const id = this.nextId++;
    if (!this.isOpen) throw new Error(`${channel}: the socket is closed`);
    const result = await new Promise<Result<unknown>>((resolve, fail) => {
      const settle = (answer: Result<unknown>): void => {
        if (answer.ok) this.follow(channel, answer.value);
        resolve(answer);
      };
      this.waiting.set(id, { settle, fail });
      this.socket.send(JSON.stringify({ id, channel, payload: { connectionId: this.connectionId, ...payload } }));
    });
    if (!result.ok) throw new Error(`${channel}: ${result.error.code}: ${result.error.message}`);
    return result.value as Results[C];
  }

  on<E extends EventChannel>(event: E, listener: (payload: Events[E]) => void): void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
  }

  /** What is still waited for stays unanswered. */
  close(): void {
    this.waiting.clear();
    this.socket.terminate();
  }

  /** Before any frame that follows the answer is read. */
  private follow(channel: RequestChannel, answer: unknown): void {
    if (channel === 'connection/use') this.rows = new WholeRows();
    if (channel !== 'cluster/view') return;
    const { version, view } = answer as Results['cluster/view'];
    this.rows.takeView(version, view);
  }

  private receive(frame: ServerFrame, bytes: number): void {
    if ('event' in frame) {
      const { event, payload } = frame;
      if (event === 'connection/reopened') this.rows = new WholeRows();
      if (event === 'cluster/patched') this.patchBytes += bytes;
      const whole = event === 'cluster/patched' ? this.rows.expand(payload as ClusterPatch) : payload;
      for (const listener of this.listeners.get(event) ?? []) listener(whole as never);
      return;
    }
    this.waiting.get(frame.id)?.settle(frame.result);
    this.waiting.delete(frame.id);
  }
}
