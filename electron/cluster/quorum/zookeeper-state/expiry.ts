/**
 * Deletes containers that have lost their last child, and nodes whose time to live has expired (ZooKeeper's `ContainerManager`). The active
 * controller calls it periodically; each round is one record.
 */
import type { Decision } from '../controller/decision.ts';
import type { CoordinationChange } from './apply.ts';
import { ChangeKind, deletionBytes, findZnode, type CoordinationImage } from './state.ts';
import { ttlOf } from './node-kind.ts';
import { changeOf } from './transaction.ts';
import type { ZooKeeperContext } from './view.ts';

/** `znode.container.checkIntervalMs`. */
export const EXPIRY_INTERVAL_MS = 60_000;
/** `znode.container.maxPerMinute`. */
const MAX_DELETED = 10_000;
/** Of `deletionBytes` in one record. */
const MAX_DELETED_BYTES = 4 * 1024 ** 2;

/** Paths to delete at that wall-clock ms, at most `MAX_DELETED` and `MAX_DELETED_BYTES`. */
export function expiredNodes(image: CoordinationImage, now: bigint): string[] {
  const due: string[] = [];
  let bytes = 0;
  for (const path of image.expirable.keys()) {
    if (due.length >= MAX_DELETED) break;
    const node = findZnode(image.root, path);
    if (node === undefined || node.children.size > 0) continue;
    const ttlMs = ttlOf(node.owner);
    // A container that never had a child waits for its first one.
    const over = ttlMs === undefined ? node.created > 0 : Number(now) - node.mtime > ttlMs;
    if (!over) continue;
    bytes += deletionBytes(path);
    if (bytes > MAX_DELETED_BYTES) break;
    due.push(path);
  }
  return due;
}

export function deleteExpired(context: ZooKeeperContext, time: bigint): Decision<undefined> {
  const changes: CoordinationChange[] = expiredNodes(context.zookeeper, time).map((path) => changeOf(ChangeKind.delete, path));
  if (changes.length === 0) return { records: [], response: undefined, events: [] };
  const coordination = { zxid: context.nextOffset, time, changes };
  return { records: [{ type: 'NoOpRecord', value: { coordination } }], response: undefined, events: [] };
}
