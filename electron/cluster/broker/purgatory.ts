/**
 * Holds requests that wait. An operation waits for one or more keys (partitions, in a broker) and for a timeout; a change
 * of a key wakes the operations that wait for it, and nothing is ever polled.
 *
 * A wake costs one call per operation that the change may concern: with `ordered`, operations behind the first that has to keep
 * waiting are not called (produce requests of a partition wait for growing offsets). An operation answers its
 * request itself, once; the purgatory only keeps the lists and the timers.
 */
import type { Clock, Timer } from '../lib/clock.ts';

/**
 * The result of a wake: the operation keeps waiting for this key; it no longer waits for this key (with the
 * last of its keys it is done); it has answered and is done with all of them.
 */
export type Waking = 'waiting' | 'keyDone' | 'done';

export interface DelayedOperation<Key> {
  /** Called when `key` changed. Must not watch another operation on the same key. */
  wake(key: Key): Waking;
  /** Called once when the timeout has passed, or when the purgatory is full; not after it was done. */
  expire(): void;
}

export interface PurgatoryOptions {
  clock: Clock;
  /** Maximum number of waiting operations; one more expires at once. */
  maxOperations: number;
  /** See above. */
  ordered: boolean;
}

interface Waiting<Key> {
  readonly operation: DelayedOperation<Key>;
  readonly keys: readonly Key[];
  /** Number of its `keys` that it still waits for; 0 when it is done. */
  listed: number;
  timer: Timer | null;
}

export class Purgatory<Key> {
  private readonly byKey = new Map<Key, Set<Waiting<Key>>>();
  private readonly waiting = new Set<Waiting<Key>>();
  private readonly options: PurgatoryOptions;
  private closed = false;

  constructor(options: PurgatoryOptions) {
    this.options = options;
  }

  /** Number of waiting operations. */
  get size(): number {
    return this.waiting.size;
  }

  /**
   * Adds `operation` under `keys` for at most `timeoutMs`. The caller has just checked that it cannot complete, and nothing has
   * changed since (all of this is synchronous).
   */
  watch(operation: DelayedOperation<Key>, keys: readonly Key[], timeoutMs: number): void {
    if (this.closed || keys.length === 0 || timeoutMs <= 0 || this.waiting.size >= this.options.maxOperations) {
      operation.expire();
      return;
    }
    const entry: Waiting<Key> = { operation, keys, listed: 0, timer: null };
    this.waiting.add(entry);
    for (const key of keys) {
      let set = this.byKey.get(key);
      if (set === undefined) this.byKey.set(key, (set = new Set()));
      if (set.has(entry)) continue;
      set.add(entry);
      entry.listed++;
    }
    entry.timer = this.options.clock.setTimer(timeoutMs, () => {
      entry.timer = null;
      this.remove(entry);
      operation.expire();
    });
  }

  /** Wakes the operations that wait for `key`, which changed. */
  wake(key: Key): void {
    this.walk(key, this.options.ordered);
  }

  /** As `wake`, but calls every one of them: for changes without an order of offsets, such as a lost leadership. */
  wakeAll(key: Key): void {
    this.walk(key, false);
  }

  /** Expires all waiting operations; later ones expire at once. */
  close(): void {
    this.closed = true;
    for (const entry of [...this.waiting]) {
      if (entry.listed === 0) continue;
      this.remove(entry);
      entry.operation.expire();
    }
  }

  private walk(key: Key, stopAtFirstWaiting: boolean): void {
    const set = this.byKey.get(key);
    if (set === undefined) return;
    // A set may lose entries while it is iterated: its iterator skips those.
    for (const entry of set) {
      const waking = entry.operation.wake(key);
      if (waking === 'waiting') {
        if (stopAtFirstWaiting) break;
      } else if (waking === 'done' || entry.listed <= 1) {
        this.remove(entry);
      } else {
        set.delete(entry);
        entry.listed--;
      }
    }
    if (set.size === 0 && this.byKey.get(key) === set) this.byKey.delete(key);
  }

  private remove(entry: Waiting<Key>): void {
    this.waiting.delete(entry);
    entry.timer?.cancel();
    entry.timer = null;
    entry.listed = 0;
    for (const key of entry.keys) {
      const set = this.byKey.get(key);
      if (set?.delete(entry) && set.size === 0) this.byKey.delete(key);
    }
  }
}
