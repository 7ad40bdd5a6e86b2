/**
 * The watches of one endpoint. One-shot watches are on a node's data and existence, or on its children, and end when they fire; persistent
 * watches remain, on one node or (recursive) on all its descendants too (ZOOKEEPER-1416). A watcher gets one event per change, regardless of
 * how many of its watches match.
 */
import { parentOf, type ZnodeChange } from '../quorum/zookeeper-state/state.ts';
import { EventType } from './wire.ts';

export interface Watcher {
  /** Called in order; must not change watches. */
  notify(type: number, path: string): void;
}

export const WATCH_KINDS = ['data', 'children', 'persistent', 'recursive'] as const;
export type WatchKind = (typeof WATCH_KINDS)[number];

export class Watches {
  private readonly byKind: Record<WatchKind, Map<string, Set<Watcher>>> = {
    data: new Map(),
    children: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };
  /** The reverse index, to remove all watches of a watcher. */
  private readonly byWatcher = new Map<Watcher, Map<string, Set<WatchKind>>>();
  private count = 0;

  /** Number of watches. */
  get size(): number {
    return this.count;
  }

  /** Watched paths, and their watchers. */
  get paths(): number {
    return new Set(WATCH_KINDS.flatMap((kind) => [...this.byKind[kind].keys()])).size;
  }
  get watchers(): number {
    return this.byWatcher.size;
  }

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const watchers = this.byKind[kind].get(path);
    if (watchers?.has(watcher) === true) return;
    if (watchers === undefined) this.byKind[kind].set(path, new Set([watcher]));
    else watchers.add(watcher);
    this.count++;
    const own = this.byWatcher.get(watcher) ?? new Map<string, Set<WatchKind>>();
    this.byWatcher.set(watcher, own);
    const kinds = own.get(path);
    if (kinds === undefined) own.set(path, new Set([kind]));
    else kinds.add(kind);
  }

  has(kind: WatchKind, path: string, watcher: Watcher): boolean {
    return this.byKind[kind].get(path)?.has(watcher) === true;
  }

  /** Number of paths that one watcher watches. */
  watchedBy(watcher: Watcher): number {
    return this.byWatcher.get(watcher)?.size ?? 0;
  }

  /** False for an unknown watch. */
  remove(kind: WatchKind, path: string, watcher: Watcher): boolean {
    const watchers = this.byKind[kind].get(path);
    if (watchers?.delete(watcher) !== true) return false;
    if (watchers.size === 0) this.byKind[kind].delete(path);
    this.count--;
    const own = this.byWatcher.get(watcher);
    const kinds = own?.get(path);
    kinds?.delete(kind);
    if (kinds?.size === 0) own?.delete(path);
    if (own?.size === 0) this.byWatcher.delete(watcher);
    return true;
  }

  /** Removes all watches of a watcher. */
  forget(watcher: Watcher): void {
    for (const [path, kinds] of [...(this.byWatcher.get(watcher) ?? [])]) for (const kind of [...kinds]) this.remove(kind, path, watcher);
  }

  /** Notifies all watchers, in the order of the changes. */
  fire(changes: Iterable<ZnodeChange>): void {
    if (this.count === 0) return;
    for (const { type, path } of changes) {
      switch (type) {
        case 'created':
          this.notify(EventType.created, path, ['data']);
          this.notifyParent(path);
          break;
        case 'deleted':
          this.notify(EventType.deleted, path, ['data', 'children']);
          this.notifyParent(path);
          break;
        case 'dataChanged':
          this.notify(EventType.dataChanged, path, ['data']);
          break;
      }
    }
  }

  private notify(type: number, path: string, oneShot: readonly WatchKind[]): void {
    const concerned = new Set<Watcher>();
    for (const kind of oneShot) {
      for (const watcher of [...(this.byKind[kind].get(path) ?? [])]) {
        concerned.add(watcher);
        this.remove(kind, path, watcher);
      }
    }
    for (const watcher of this.byKind.persistent.get(path) ?? []) concerned.add(watcher);
    if (this.byKind.recursive.size > 0) {
      for (let at = path; ; at = parentOf(at)) {
        for (const watcher of this.byKind.recursive.get(at) ?? []) concerned.add(watcher);
        if (at === '/') break;
      }
    }
    for (const watcher of concerned) watcher.notify(type, path);
  }

  /** Recursive watches fire for the child itself instead. */
  private notifyParent(path: string): void {
    const parent = parentOf(path);
    const concerned = new Set<Watcher>();
    for (const watcher of [...(this.byKind.children.get(parent) ?? [])]) {
      concerned.add(watcher);
      this.remove('children', parent, watcher);
    }
    for (const watcher of this.byKind.persistent.get(parent) ?? []) concerned.add(watcher);
    for (const watcher of concerned) watcher.notify(EventType.childrenChanged, parent);
  }
}
