/** The state of the ZooKeeper endpoint as records of a snapshot; applied in order to an empty image they restore it. */
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { CoordinationChangeIn } from './apply.ts';
import { ChangeKind, EMPTY_COORDINATION, type CoordinationImage, type Znode } from './state.ts';
import { encodeSystemEntries } from './system-snapshot.ts';

export function* coordinationRecords(image: CoordinationImage): Generator<MetadataRecordIn, void, undefined> {
  if (image === EMPTY_COORDINATION) return;
  for (const { id, timeoutMs, password, holder, lastRequest } of image.sessions.values()) {
    // Sessions first: nodes refer to them.
    yield record({ kind: ChangeKind.session, id, number: timeoutMs, data: password, holder, stat: { ...NO_STAT, czxid: lastRequest } });
  }
  yield* nodeRecords('/', image.root);
  for (const [path, data] of encodeSystemEntries(image.system)) yield record({ kind: ChangeKind.system, path, data });
}

function* nodeRecords(path: string, node: Znode): Generator<MetadataRecordIn> {
  const { data, owner, permissions, czxid, mzxid, pzxid, ctime, mtime, version, created, aversion } = node;
  const stat = { czxid, mzxid, pzxid, ctime: BigInt(ctime), mtime: BigInt(mtime), version, created, aversion };
  yield record({ kind: ChangeKind.node, path, data, id: owner, number: permissions, stat });
  for (const [name, child] of node.children.entries()) yield* nodeRecords(path === '/' ? `/${name}` : `${path}/${name}`, child);
}

const NO_STAT = { czxid: 0n, mzxid: 0n, pzxid: 0n, ctime: 0n, mtime: 0n, version: 0, created: 0, aversion: 0 };

function record(change: CoordinationChangeIn): MetadataRecordIn {
  return { type: 'NoOpRecord', value: { coordination: { zxid: 0n, time: 0n, changes: [change] } } };
}
