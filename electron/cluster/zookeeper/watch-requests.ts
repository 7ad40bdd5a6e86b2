/** Requests about watches: set, set again after a reconnection, check and remove. */
import type { Reader } from '../protocol/reader.ts';
import { ZooKeeperCode, ZooKeeperError } from '../quorum/zookeeper-state/zookeeper-codes.ts';
import type { RequestContext } from './endpoint.ts';
import { OutcomeUnknown } from './session.ts';
import { nodeAt } from './tree.ts';
import { WATCH_KINDS, type WatchKind } from './watches.ts';
import { EventType, OpCode, readText, readTexts, type Reply } from './wire.ts';

/** A bound against a client that sets watches in a loop. */
const MAX_WATCHED = 100_000;
const OK: Reply = { error: ZooKeeperCode.OK };

export function watch({ endpoint, watcher }: RequestContext, kind: WatchKind, path: string): void {
  const { watches } = endpoint;
  if (watches.watchedBy(watcher) >= MAX_WATCHED) throw new OutcomeUnknown(`the client watches more than ${MAX_WATCHED} nodes`);
  watches.add(kind, path, watcher);
}

/** No node needs to be possible at the path: ZooKeeper does not check it. */
export function addWatch(context: RequestContext, reader: Reader): Reply {
  const path = readText(reader);
  const mode = reader.int32();
  if (mode !== 0 && mode !== 1) throw new ZooKeeperError(ZooKeeperCode.MARSHALLINGERROR, `a watch of mode ${mode}`);
  watch(context, mode === 0 ? 'persistent' : 'recursive', path);
  return { ...OK, body: (writer) => writer.int32(0) };
}

/** After a reconnection: changes since the client's last zxid are reported at once, other watches are set again. */
export function setWatches(context: RequestContext, type: number, reader: Reader): Reply {
  const { endpoint, watcher } = context;
  const view = endpoint.coordination.zookeeperView();
  const since = reader.int64();
  const [data, missing, children] = [readTexts(reader), readTexts(reader), readTexts(reader)];
  for (const path of data) {
    const node = nodeAt(view, path);
    if (node === undefined) watcher.notify(EventType.deleted, path);
    else if (node.stat.mzxid > since) watcher.notify(EventType.dataChanged, path);
    else watch(context, 'data', path);
  }
  for (const path of missing) {
    if (nodeAt(view, path) !== undefined) watcher.notify(EventType.created, path);
    else watch(context, 'data', path);
  }
  for (const path of children) {
    const node = nodeAt(view, path);
    if (node === undefined) watcher.notify(EventType.deleted, path);
    else if (node.stat.pzxid > since) watcher.notify(EventType.childrenChanged, path);
    else watch(context, 'children', path);
  }
  if (type === OpCode.setWatches2) {
    for (const path of readTexts(reader)) watch(context, 'persistent', path);
    for (const path of readTexts(reader)) watch(context, 'recursive', path);
  }
  return OK;
}

const REMOVED_BY_TYPE: Readonly<Record<number, readonly WatchKind[]>> = {
  1: ['children'],
  2: ['data'],
  3: WATCH_KINDS,
  4: ['persistent'],
  5: ['recursive'],
};

export function removeWatches({ endpoint, watcher }: RequestContext, type: number, reader: Reader): Reply {
  const path = readText(reader);
  const asked = reader.int32();
  const kinds = REMOVED_BY_TYPE[asked];
  if (kinds === undefined) throw new ZooKeeperError(ZooKeeperCode.MARSHALLINGERROR, `watches of type ${asked}`);
  const { watches } = endpoint;
  const found = kinds.filter((kind) => watches.has(kind, path, watcher));
  if (found.length === 0) throw new ZooKeeperError(ZooKeeperCode.NOWATCHER, `no such watch on ${path}`);
  if (type === OpCode.removeWatches) for (const kind of found) watches.remove(kind, path, watcher);
  return OK;
}
