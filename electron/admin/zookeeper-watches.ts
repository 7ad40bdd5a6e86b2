/** The watches of a session. Each is held by the server, ends with its connection, and fires once. */
import type { Writer } from '../cluster/protocol/writer.ts';
import { AdminError } from './errors.ts';
import { EventType, writeTexts } from './zookeeper-wire.ts';
import type { ZooKeeperWatch, FiredWatch, WatchKind } from '#shared/models/zookeeper-clients';
import { minOf } from '#shared/lists';

const MAX_WATCHES = 20;

export class ZooKeeperWatches {
  private readonly held = new Map<string, ZooKeeperWatch>();

  get all(): readonly ZooKeeperWatch[] {
    return [...this.held.values()];
  }

  /** Throws an `AdminError` when `MAX_WATCHES` are set. */
  makeRoom(path: string, kind: WatchKind): void {
    if (this.held.has(keyOf(kind, path)) || this.held.size < MAX_WATCHES) return;
    const message = `${MAX_WATCHES} watches are set already.`;
    throw new AdminError({
      code: 'INVALID_PAYLOAD',
      message,
      advice: 'Each watch ends when it fires. Or close the session that set them.',
    });
  }

  add(path: string, kind: WatchKind, existed: boolean): void {
    this.held.set(keyOf(kind, path), { path, kind, since: Date.now(), existed });
  }

  /** Ends all watches and returns them. */
  clear(): readonly ZooKeeperWatch[] {
    const { all } = this;
    this.held.clear();
    return all;
  }

  /** Ends the watches of a server's event and returns them; null for an event of no node. */
  fire(type: number, path: string): Pick<FiredWatch, 'at' | 'event' | 'setAt'> | null {
    const event = EVENTS[type];
    if (event === undefined) return null;
    // A deletion ends both kinds; any other event only its own kind.
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

  /** The body of SetWatches, which sets the watches at the next server with the client's last zxid; null: no watches. */
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
