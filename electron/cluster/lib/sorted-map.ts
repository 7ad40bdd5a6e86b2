/**
 * An immutable map in the order of its keys, which are text or bigints: a change makes a new map that shares all but the path to the change with the
 * old one. A weight-balanced tree (Adams; the balance of Hirai and Yamamoto, 3 and 2), so every change costs the logarithm of the size.
 */
type SortedKey = string | bigint;

interface Branch<V, K extends SortedKey> {
  readonly key: K;
  readonly value: V;
  readonly left: Tree<V, K>;
  readonly right: Tree<V, K>;
  readonly size: number;
}

type Tree<V, K extends SortedKey> = Branch<V, K> | undefined;

const MAX_RATIO = 3;
const SINGLE_ROTATION = 2;

export class SortedMap<V, K extends SortedKey = string> {
  private readonly tree: Tree<V, K>;

  private constructor(tree: Tree<V, K>) {
    this.tree = tree;
  }

  static empty<V, K extends SortedKey = string>(): SortedMap<V, K> {
    return new SortedMap<V, K>(undefined);
  }

  static of<V, K extends SortedKey = string>(entries: Iterable<readonly [K, V]>): SortedMap<V, K> {
    let tree: Tree<V, K>;
    for (const [key, value] of entries) tree = insert(tree, key, value);
    return new SortedMap(tree);
  }

  get size(): number {
    return sizeOf(this.tree);
  }

  get(key: K): V | undefined {
    let tree = this.tree;
    while (tree !== undefined && tree.key !== key) tree = key < tree.key ? tree.left : tree.right;
    return tree?.value;
  }

  has(key: K): boolean {
    let tree = this.tree;
    while (tree !== undefined && tree.key !== key) tree = key < tree.key ? tree.left : tree.right;
    return tree !== undefined;
  }

  set(key: K, value: V): SortedMap<V, K> {
    return new SortedMap(insert(this.tree, key, value));
  }

  delete(key: K): SortedMap<V, K> {
    return this.has(key) ? new SortedMap(remove(this.tree, key)) : this;
  }

  *entries(): Generator<[K, V]> {
    for (const branch of walk(this.tree)) yield [branch.key, branch.value];
  }

  *keys(): Generator<K> {
    for (const branch of walk(this.tree)) yield branch.key;
  }

  *values(): Generator<V> {
    for (const branch of walk(this.tree)) yield branch.value;
  }
}

function sizeOf<V, K extends SortedKey>(tree: Tree<V, K>): number {
  return tree === undefined ? 0 : tree.size;
}

function branch<V, K extends SortedKey>(key: K, value: V, left: Tree<V, K>, right: Tree<V, K>): Branch<V, K> {
  return { key, value, left, right, size: sizeOf(left) + sizeOf(right) + 1 };
}

function insert<V, K extends SortedKey>(tree: Tree<V, K>, key: K, value: V): Branch<V, K> {
  if (tree === undefined) return branch(key, value, undefined, undefined);
  if (key === tree.key) return { ...tree, value };
  return key < tree.key
    ? balance(tree.key, tree.value, insert(tree.left, key, value), tree.right)
    : balance(tree.key, tree.value, tree.left, insert(tree.right, key, value));
}

function remove<V, K extends SortedKey>(tree: Tree<V, K>, key: K): Tree<V, K> {
  if (tree === undefined) return undefined;
  if (key < tree.key) return balance(tree.key, tree.value, remove(tree.left, key), tree.right);
  if (key > tree.key) return balance(tree.key, tree.value, tree.left, remove(tree.right, key));
  const { left, right } = tree;
  if (left === undefined) return right;
  if (right === undefined) return left;
  let next = right;
  while (next.left !== undefined) next = next.left;
  return balance(next.key, next.value, left, remove(right, next.key));
}

/** Rebalances a branch whose sides differ by one insertion or removal. */
function balance<V, K extends SortedKey>(key: K, value: V, left: Tree<V, K>, right: Tree<V, K>): Branch<V, K> {
  const leftWeight = sizeOf(left) + 1;
  const rightWeight = sizeOf(right) + 1;
  if (right !== undefined && rightWeight > MAX_RATIO * leftWeight) {
    const inner = right.left;
    if (inner === undefined || sizeOf(inner) + 1 < SINGLE_ROTATION * (sizeOf(right.right) + 1)) {
      return branch(right.key, right.value, branch(key, value, left, inner), right.right);
    }
    const low = branch(key, value, left, inner.left);
    return branch(inner.key, inner.value, low, branch(right.key, right.value, inner.right, right.right));
  }
  if (left !== undefined && leftWeight > MAX_RATIO * rightWeight) {
    const inner = left.right;
    if (inner === undefined || sizeOf(inner) + 1 < SINGLE_ROTATION * (sizeOf(left.left) + 1)) {
      return branch(left.key, left.value, left.left, branch(key, value, inner, right));
    }
    const low = branch(left.key, left.value, left.left, inner.left);
    return branch(inner.key, inner.value, low, branch(key, value, inner.right, right));
  }
  return branch(key, value, left, right);
}

function* walk<V, K extends SortedKey>(tree: Tree<V, K>): Generator<Branch<V, K>> {
  const stack: Branch<V, K>[] = [];
  let at = tree;
  while (at !== undefined || stack.length > 0) {
    for (; at !== undefined; at = at.left) stack.push(at);
    const next = stack.pop() as Branch<V, K>;
    yield next;
    at = next.right;
  }
}
