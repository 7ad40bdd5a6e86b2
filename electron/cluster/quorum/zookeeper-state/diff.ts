/** The difference of the clients' tree between two states of which the second was loaded from a snapshot. */
import type { CoordinationImage, Znode, ZnodeChange } from './state.ts';

export function diffCoordination(before: CoordinationImage, after: CoordinationImage): ZnodeChange[] {
  const changes: ZnodeChange[] = [...compare('', before.root, after.root)];
  const [was, is] = [before.system.controller, after.system.controller];
  if (was?.zxid !== is?.zxid) {
    if (was !== undefined) changes.push({ type: 'deleted', path: '/controller' });
    if (is !== undefined) changes.push({ type: 'created', path: '/controller' });
    changes.push({ type: was === undefined ? 'created' : 'dataChanged', path: '/controller_epoch' });
  }
  return changes;
}

/** Sessions that ended or moved to another connection. */
export function diffSessions({ sessions: before }: CoordinationImage, { sessions: after }: CoordinationImage): bigint[] {
  return [...before.entries()].filter(([id, session]) => after.get(id)?.holder !== session.holder).map(([id]) => id);
}

function* compare(path: string, before: Znode, after: Znode): Generator<ZnodeChange> {
  if (before === after) return;
  if (before.mzxid !== after.mzxid) yield { type: 'dataChanged', path: path === '' ? '/' : path };
  for (const [name, child] of before.children.entries()) {
    if (after.children.get(name)?.czxid !== child.czxid) yield* deletions(`${path}/${name}`, child);
  }
  for (const [name, child] of after.children.entries()) {
    const old = before.children.get(name);
    if (old?.czxid === child.czxid) yield* compare(`${path}/${name}`, old, child);
    else yield* creations(`${path}/${name}`, child);
  }
}

function* deletions(path: string, node: Znode): Generator<ZnodeChange> {
  for (const [name, child] of node.children.entries()) yield* deletions(`${path}/${name}`, child);
  yield { type: 'deleted', path };
}

function* creations(path: string, node: Znode): Generator<ZnodeChange> {
  yield { type: 'created', path };
  for (const [name, child] of node.children.entries()) yield* creations(`${path}/${name}`, child);
}
