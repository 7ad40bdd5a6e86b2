/**
 * The history of one connection for time travel: the published patches of the view, active faults and loads, each with its time. The state
 * at a point in time is the last of each before it. Bounded by age and by bytes.
 */
import { diff } from '#shared/delta';
import type { ClusterPatch } from '#shared/ipc';
import type { HistoryRange, Moment } from '#shared/models/history';
import type { Fault } from '#shared/models/lab';
import type { LoadRow } from '#shared/models/load';
import type { ViewPatch } from '../view-diff.ts';
import { Block } from './block.ts';
import { ViewState, momentAfter, type Frame } from './frames.ts';

const KEEP_MS = 30 * 60_000;
const KEEP_BYTES = 64 * 1024 * 1024;
/** A block is full when its changes have twice the size of its initial state, and at least so many bytes … */
const BLOCK_WEIGHT = 2;
const BLOCK_BYTES = 64 * 1024;
/** … or with so many changes, since a read replays them from its start, if they are not small beside its initial state, … */
const BLOCK_FRAMES = 300;
const MIN_BLOCK_WEIGHT = 1 / 4;
/** … or if it spans this time, so that the history is dropped in small parts. */
const BLOCK_MS = 5 * 60_000;

export interface HistoryLimits {
  keepMs?: number;
  keepBytes?: number;
}

export class History {
  private readonly blocks: Block[] = [];
  private readonly state = new ViewState();
  private version = 0;
  private faults: Fault[] | null;
  private loads: LoadRow[] | null;
  private lastAt = 0;
  /** The block that is decoded. */
  private reading: Block | null = null;
  private readonly keepMs: number;
  private readonly keepBytes: number;
  private readonly onError: (what: string, error: unknown) => void;

  constructor(
    options: {
      /** Active at the start; null for a remote cluster, whose faults are unknown. */
      faults: readonly Fault[] | null;
      /** Loads at the start; null for a remote cluster, which has none. */
      loads: readonly LoadRow[] | null;
      onError: (what: string, error: unknown) => void;
    } & HistoryLimits,
  ) {
    this.faults = options.faults === null ? null : structuredClone([...options.faults]);
    this.loads = options.loads === null ? null : structuredClone([...options.loads]);
    this.onError = options.onError;
    this.keepMs = options.keepMs ?? KEEP_MS;
    this.keepBytes = options.keepBytes ?? KEEP_BYTES;
  }

  /** Records a published patch. Versions have no gaps; the first patch follows version 0, which is empty. */
  take(patch: ClusterPatch & Partial<Pick<ViewPatch, 'deltas'>>, at = Date.now()): void {
    if (patch.base !== this.version) throw new Error(`the record stands at version ${this.version}, the patch is of ${patch.base}`);
    const frame = this.state.advance(patch, this.inOrder(at));
    this.version = patch.version;
    this.add(frame);
  }

  takeFaults(faults: readonly Fault[], at = Date.now()): void {
    this.faults = structuredClone([...faults]);
    if (this.blocks.length > 0) this.add({ at: this.inOrder(at), version: this.version, faults: this.faults });
  }

  takeLoads(loads: readonly LoadRow[], at = Date.now()): void {
    const next = structuredClone([...loads]);
    const delta = diff(this.loads, next);
    this.loads = next;
    if (delta !== undefined && this.blocks.length > 0) this.add({ at: this.inOrder(at), version: this.version, loads: delta });
  }

  range(): HistoryRange {
    return {
      from: this.blocks[0]?.from ?? null,
      until: this.blocks.at(-1)?.until ?? null,
      bytes: this.blocks.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** The state at that time; null before the start of the history. */
  at(at: number): Moment | null {
    const block = this.blocks[lastNotAfter(this.blocks, ({ from }) => from, at)];
    if (block === undefined) return null;
    if (this.reading !== block) this.reading?.forget();
    this.reading = block;
    const { first, frames } = block.read();
    return momentAfter(first, frames, lastNotAfter(frames, (frame) => frame.at, at) + 1);
  }

  /** Keeps times ascending: after the clock was set back, entries have the last recorded time. */
  private inOrder(at: number): number {
    this.lastAt = Math.max(this.lastAt, at);
    return this.lastAt;
  }

  private add(frame: Frame): void {
    const last = this.blocks.at(-1);
    if (last !== undefined && !isFull(last)) {
      last.add(frame);
      return;
    }
    last?.pack().catch((error: unknown) => this.onError('packing the record', error));
    this.blocks.push(new Block({ at: frame.at, version: this.version, view: this.state.view(), faults: this.faults, loads: this.loads }));
    this.drop(frame.at);
  }

  /** Drops the oldest block when all of it is too old, or the history too large; the block that is written to stays. */
  private drop(now: number): void {
    let { bytes } = this.range();
    while (this.blocks.length > 1) {
      const [first, second] = this.blocks;
      if (first === undefined || second === undefined) return;
      if (second.from > now - this.keepMs && bytes <= this.keepBytes) return;
      bytes -= first.bytes;
      if (this.reading === first) this.reading = null;
      this.blocks.shift();
    }
  }
}

function isFull(block: Block): boolean {
  const { frames, deltaBytes, keyBytes } = block;
  if (deltaBytes >= BLOCK_WEIGHT * keyBytes + BLOCK_BYTES) return true;
  return frames >= BLOCK_FRAMES && (deltaBytes >= MIN_BLOCK_WEIGHT * keyBytes || block.until - block.from >= BLOCK_MS);
}

/** Index of the last item at or before `at`; −1 if there is none. */
function lastNotAfter<T>(items: readonly T[], atOf: (item: T) => number, at: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (atOf(items[middle] as T) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
