/** The whole tree at one offset: nodes of clients and nodes of the cluster under one root. */
import { findZnode, isSystemPath, partsOf, SYSTEM_ROOT_NAMES, type Znode } from '../quorum/zookeeper-state/state.ts';
import { statOf } from '../quorum/zookeeper-state/stat.ts';
import type { ZooKeeperView } from '../quorum/zookeeper-state/view.ts';
import { systemNode, type NodeView } from './system-tree.ts';

/** The node at the path; undefined for an unknown path. */
export function nodeAt(view: ZooKeeperView, path: string): NodeView | undefined {
  // The empty path is ZooKeeper's root too.
  if (path === '/' || path === '') return rootNode(view);
  if (isSystemPath(path)) return systemNode(view, partsOf(path));
  const found = findZnode(view.zookeeper.root, path);
  return found === undefined ? undefined : clientNode(found);
}

function clientNode(node: Znode): NodeView {
  return { data: node.data, stat: statOf(node), permissions: node.permissions, children: () => [...node.children.keys()] };
}

/** Clients own the root; the system's nodes are added to it. */
function rootNode(view: ZooKeeperView): NodeView {
  const { root, system } = view.zookeeper;
  const own = clientNode(root);
  const names = SYSTEM_ROOT_NAMES.filter((name) => systemNode(view, [name]) !== undefined);
  const controller = system.controller?.zxid ?? 0n;
  return {
    ...own,
    stat: {
      ...own.stat,
      // A change of controller deletes one child and creates another.
      cversion: own.stat.cversion + names.length + 2 * Math.max(0, (system.controller?.changes ?? 0) - 1),
      numChildren: own.stat.numChildren + names.length,
      pzxid: controller > own.stat.pzxid ? controller : own.stat.pzxid,
    },
    children: () => [...own.children(), ...names].sort(),
  };
}

/** The number of descendants of the path. */
export function countBelow(view: ZooKeeperView, path: string): number {
  let count = 0;
  for (const name of nodeAt(view, path)?.children() ?? [])
    count += 1 + countBelow(view, path === '/' || path === '' ? `/${name}` : `${path}/${name}`);
  return count;
}
