/** The whole tree of one image: nodes of clients and nodes of the cluster under one root. */
import { findZnode, isSystemPath, partsOf, SYSTEM_ROOT_NAMES, type Znode } from '../quorum/zookeeper-state/state.ts';
import { statOf } from '../quorum/zookeeper-state/stat.ts';
import type { MetadataImage } from '../quorum/image.ts';
import { systemNode, type NodeView } from './system-tree.ts';

/** The node at the path; undefined for an unknown path. */
export function nodeAt(image: MetadataImage, path: string): NodeView | undefined {
  // The empty path is ZooKeeper's root too.
  if (path === '/' || path === '') return rootNode(image);
  if (isSystemPath(path)) return systemNode(image, partsOf(path));
  const found = findZnode(image.coordination.root, path);
  return found === undefined ? undefined : clientNode(found);
}

function clientNode(node: Znode): NodeView {
  return { data: node.data, stat: statOf(node), permissions: node.permissions, children: () => [...node.children.keys()] };
}

/** Clients own the root; the system's nodes are added to it. */
function rootNode(image: MetadataImage): NodeView {
  const { root, system } = image.coordination;
  const own = clientNode(root);
  const names = SYSTEM_ROOT_NAMES.filter((name) => systemNode(image, [name]) !== undefined);
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
export function countBelow(image: MetadataImage, path: string): number {
  let count = 0;
  for (const name of nodeAt(image, path)?.children() ?? [])
    count += 1 + countBelow(image, path === '/' || path === '' ? `/${name}` : `${path}/${name}`);
  return count;
}
