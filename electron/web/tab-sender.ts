/**
 * Frames on their way to one tab, bounded in memory and in time. A frame of any size may be on its way: a view of 50,000 partitions is one.
 * Patches of the view are dropped while too much waits behind it. The last of them is sent once there is room: no later one may follow, as where
 * no broker answers any more. The page finds the gap in their versions and asks for the whole view.
 */
import type { WebSocket } from 'ws';

/** Patches are dropped where more bytes wait, not counting the frame that is being written. */
const MAX_WAITING_PATCH_BYTES = 16 * 1024 * 1024;
/** The tab is disconnected where more bytes wait, not counting the frame that is being written. It reconnects and asks for the whole view. */
const MAX_WAITING_BYTES = 128 * 1024 * 1024;
/** The tab is disconnected where it does not read one frame in this time. */
const MAX_WRITE_MS = 120_000;

type Socket = Pick<WebSocket, 'readyState' | 'OPEN' | 'send' | 'terminate'>;

export class TabSender {
  private readonly socket: Socket;
  private readonly now: () => number;
  /** Bytes of the frames that have not been written, oldest first. */
  private readonly unwritten: number[] = [];
  private unwrittenBytes = 0;
  /** When the oldest of them became the oldest, in ms of a monotonic clock. */
  private writingSince = 0;
  /** The last droppable frame that had no room. */
  private dropped: (() => string) | undefined;

  constructor(socket: Socket, now: () => number = () => performance.now()) {
    this.socket = socket;
    this.now = now;
  }

  /** Sends a frame that must not be missed. */
  send(text: string): void {
    if (!this.isWritable()) return;
    const bytes = Buffer.from(text);
    if (this.unwritten.length === 0) this.writingSince = this.now();
    this.unwritten.push(bytes.length);
    this.unwrittenBytes += bytes.length;
    this.socket.send(bytes, { binary: false }, () => {
      this.unwrittenBytes -= this.unwritten.shift() ?? 0;
      this.writingSince = this.now();
      const { dropped } = this;
      this.dropped = undefined;
      if (dropped !== undefined) this.sendDroppable(dropped);
    });
  }

  /** Sends a frame that a later one makes up for; where there is no room, the last of several such frames later. */
  sendDroppable(text: () => string): void {
    if (!this.isWritable()) return;
    if (this.waitingBytes <= MAX_WAITING_PATCH_BYTES) this.send(text());
    else this.dropped = text;
  }

  private get waitingBytes(): number {
    return this.unwrittenBytes - (this.unwritten[0] ?? 0);
  }

  private isWritable(): boolean {
    if (this.socket.readyState !== this.socket.OPEN) return false;
    const isStuck = this.unwritten.length > 0 && this.now() - this.writingSince > MAX_WRITE_MS;
    if (!isStuck && this.waitingBytes <= MAX_WAITING_BYTES) return true;
    this.socket.terminate();
    return false;
  }
}
