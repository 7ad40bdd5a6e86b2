/**
 * Records how far a node's metadata log is durable: the end offset and the epoch of the last record at the last flush. Without it, a log that
 * lost its tail is indistinguishable from one whose last append a crash tore. It is written after each flush, before the flush is acknowledged,
 * and synced at most once a second. So it costs one small write per flush and survives the end of the process; after a power cut it may be a
 * second old, which is still a lower bound. It is lowered durably before the log is truncated on purpose.
 *
 * Two slots are written in turn: after a torn write the other slot is intact. Text with a CRC-32C. Apache Kafka has no such file.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { DiskError, type Disk, type DiskFile } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import { crc32c } from '../protocol/crc32c.ts';

export const ACKNOWLEDGED_END_FILE = 'acknowledged-end';

export interface AcknowledgedEnd {
  readonly endOffset: bigint;
  /** Epoch of the record before `endOffset`. */
  readonly epoch: number;
}

const SLOT_BYTES = 512;
const SYNC_INTERVAL_MS = 1_000;

interface Slot extends AcknowledgedEnd {
  readonly sequence: number;
}

export class AcknowledgedEndFile {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private file: DiskFile | undefined;
  private last: Slot | undefined;
  /** Monotonic ms. */
  private syncedAt = -Infinity;
  private synced = true;
  /** Runs while the last write is not synced. */
  private timer: Timer | undefined;

  constructor(disk: Disk, directory: string, options: { clock: Clock; logger: Logger }) {
    this.disk = disk;
    this.directory = directory;
    this.clock = options.clock;
    this.logger = options.logger;
    this.last = readSlots(disk, directory).newest;
  }

  /** The end offset that was written last; 0: none. */
  get endOffset(): bigint {
    return this.last?.endOffset ?? 0n;
  }

  /** Records that everything below `endOffset` is durable. `durable`: returns once this record itself is synced. Throws DiskError. */
  write(endOffset: bigint, epoch: number, durable = false): void {
    const { last } = this;
    const isNew = last?.endOffset !== endOffset || last.epoch !== epoch;
    // Nothing was acknowledged yet: an empty file would only look like a loss.
    if (last === undefined && endOffset === 0n) return;
    if (isNew) this.writeSlot({ sequence: (last?.sequence ?? 0) + 1, endOffset, epoch });
    if (this.synced) return;
    const dueInMs = SYNC_INTERVAL_MS - (this.clock.monotonic() - this.syncedAt);
    if (durable || dueInMs <= 0) this.sync();
    else this.timer ??= this.clock.setTimer(dueInMs, () => this.onDue());
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.file?.close();
    this.file = undefined;
  }

  private sync(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.file?.sync();
    this.synced = true;
    this.syncedAt = this.clock.monotonic();
  }

  private onDue(): void {
    this.timer = undefined;
    try {
      this.sync();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // The next flush syncs it, or fails and stops the node.
      this.logger.warn('Could not sync the end of the metadata log; an older, lower one is durable', { error });
    }
  }

  private writeSlot(slot: Slot): void {
    const path = `${this.directory}/${ACKNOWLEDGED_END_FILE}`;
    if (this.file === undefined) {
      const isMade = !this.disk.exists(path);
      this.file = this.disk.open(path, { create: true });
      if (isMade) this.disk.syncDirectory(this.directory);
    }
    this.file.write([encodeSlot(slot)], (slot.sequence % 2) * SLOT_BYTES);
    this.last = slot;
    this.synced = false;
  }
}

/** Content of the file; undefined where the file is missing or cannot be read. Throws DiskError. */
export function readAcknowledgedEnd(disk: Disk, directory: string): AcknowledgedEnd | undefined {
  return readSlots(disk, directory).newest;
}

function readSlots(disk: Disk, directory: string): { newest: Slot | undefined } {
  const path = `${directory}/${ACKNOWLEDGED_END_FILE}`;
  if (!disk.exists(path)) return { newest: undefined };
  const bytes = disk.readFile(path);
  const slots = [0, 1].map((index) => decodeSlot(bytes.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES)));
  const [newest] = slots.filter((slot) => slot !== undefined).sort((a, b) => b.sequence - a.sequence);
  return { newest };
}

function encodeSlot({ sequence, endOffset, epoch }: Slot): Buffer {
  const body = `${sequence} ${endOffset} ${epoch}`;
  return Buffer.from(`${body} ${crc32c(Buffer.from(body))}`.padEnd(SLOT_BYTES - 1).concat('\n'));
}

function decodeSlot(bytes: Buffer): Slot | undefined {
  const match = /^((\d{1,15}) (\d{1,19}) (\d{1,10})) (\d{1,10}) *\n$/.exec(bytes.toString('latin1'));
  if (match === null || Number(match[5]) !== crc32c(Buffer.from(match[1] as string))) return undefined;
  return { sequence: Number(match[2]), endOffset: BigInt(match[3] as string), epoch: Number(match[4]) };
}
