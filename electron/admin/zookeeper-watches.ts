/** The watches that a session holds. Each is the server's, ends with its connection, and fires once. */
import type { Writer } from '../cluster/protocol/writer.ts';
import { AdminError } from './errors.ts';
import { EventType, writeTexts } from './zookeeper-wire.ts';
import type { CoordinationWatch, FiredWatch, WatchKind } from '#shared/models/coordination';
import { minOf } from '#shared/lists';

const MAX_WATCHES = 20;

export class ZooKeeperWatches {
  private readonly held = new Map<string, CoordinationWatch>();

  get all(): readonly CoordinationWatch[] {
    return [...this.held.values()];
  }

  /** Throws an `AdminError` where one more would be too many. */
  makeRoom(path: string, kind: WatchKind): void {
    if (this.held.has(keyOf(kind, path)) || this.held.size < MAX_WATCHES) return;
    const message = `${MAX_WATCHES} watches are set already.`;
    throw new AdminError({ code: 'INVALID_PAYLOAD', message, advice: 'Each ends when it fires; or close the watching session.' });
  }

  add(path: string, kind: WatchKind, existed: boolean): void {
    this.held.set(keyOf(kind, path), { path, kind, since: Date.now(), existed });
  }

  /** Ends all; returns those that there were. */
  clear(): readonly CoordinationWatch[] {
    const { all } = this;
    this.held.clear();
    return all;
  }

  /** Ends those that an event of the server is about; null where it is none of a node's. */
  fire(type: number, path: string): Pick<FiredWatch, 'at' | 'event' | 'setAt'> | null {
    const event = EVENTS[type];
    if (event === undefined) return null;
    // The end of a node ends both; anything else the one it is about.
    const ended = this.all.filter(
      (one) => one.path === path && (event === 'deleted' || (one.kind === 'children') === (event === 'childrenChanged')),
    );
    for (const one of ended) this.held.delete(keyOf(one.kind, path));
    const at = Date.now();
    return {
      at,
      event,
      setAt: minOf(
        ended.map(({ since }) => since),
        at,
      ),
    };
  }

  /** The body of SetWatches, by which the next server is told of them, and of what the client saw last; null: there are none. */
  request(lastZxid: bigint): ((writer: Writer) => void) | null {
    if (this.held.size === 0) return null;
    const of = (kind: WatchKind, existed: boolean): string[] =>
      this.all.filter((one) => one.kind === kind && one.existed === existed).map(({ path }) => path);
    return (writer) => {
      writer.int64(lastZxid);
      writeTexts(writer, of('node', true));
      writeTexts(writer, of('node', false));
      writeTexts(writer, of('children', true));
    };
  }
}

const keyOf = (kind: WatchKind, path: string): string => `${kind}:${path}`;

const EVENTS: Readonly<Record<number, FiredWatch['event']>> = {
  [EventType.created]: 'created',
  [EventType.deleted]: 'deleted',
  [EventType.changed]: 'changed',
  [EventType.childrenChanged]: 'childrenChanged',
};
