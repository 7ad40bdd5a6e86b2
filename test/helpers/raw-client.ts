/** A connection on which anything can be sent, right or wrong. */
import { connect, type Socket } from 'node:net';
import { FrameSplitter } from '../../electron/cluster/protocol/frame.ts';

export class RawClient {
  /** Frames that came back, without their lengths. */
  readonly frames: Buffer[] = [];
  /** True once the other side has closed or reset the connection. */
  closed = false;
  private readonly socket: Socket;
  private readonly splitter = new FrameSplitter(1 << 30);
  private readonly watchers = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.frames.push(...this.splitter.push(chunk));
      this.notify();
    });
    // A reset is one of the ways to be closed; `close` follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.notify();
    });
  }

  static open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  send(...chunks: Uint8Array[]): void {
    if (!this.closed) this.socket.write(Buffer.concat(chunks));
  }

  /** Sends and waits until the system has taken it, so that a sender of much does not hold it all. */
  async sendAll(chunk: Uint8Array): Promise<void> {
    if (this.closed || this.socket.write(chunk)) return;
    let drained = false;
    this.socket.once('drain', () => {
      drained = true;
      this.notify();
    });
    await this.until(() => drained || this.closed);
  }

  /** Resolves to true when `done` holds, to false when the time is up. */
  until(done: () => boolean, timeoutMs = 30_000): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (outcome: boolean): void => {
        clearTimeout(timer);
        this.watchers.delete(look);
        resolve(outcome);
      };
      const look = (): void => {
        if (done()) end(true);
      };
      const timer = setTimeout(() => end(false), timeoutMs);
      this.watchers.add(look);
      look();
    });
  }

  /** Whether the other side closes within the time. */
  isClosed(timeoutMs?: number): Promise<boolean> {
    return this.until(() => this.closed, timeoutMs);
  }

  /** Reads nothing more. */
  pause(): void {
    this.socket.pause();
  }

  close(): void {
    this.socket.destroy();
  }

  private notify(): void {
    for (const look of [...this.watchers]) look();
  }
}
