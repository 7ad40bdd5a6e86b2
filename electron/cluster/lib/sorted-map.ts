/**
 * An immutable map in the order of its keys, which are text: a change makes a new map that shares all but the path to the change with the
 * old one. A weight-balanced tree (Adams; the balance of Hirai and Yamamoto, 3 and 2), so every change costs the logarithm of the size.
 */
interface Branch<V> {
  readonly key: string;
  readonly value: V;
  readonly left: Tree<V>;
  readonly right: Tree<V>;
  readonly size: number;
}

type Tree<V> = Branch<V> | undefined;

const MAX_RATIO = 3;
const SINGLE_ROTATION = 2;

export class SortedMap<V> {
  private readonly tree: Tree<V>;

  private constructor(tree: Tree<V>) {
    this.tree = tree;
  }

  static empty<V>(): SortedMap<V> {
    return new SortedMap<V>(undefined);
  }

  static of<V>(entries: Iterable<readonly [string, V]>): SortedMap<V> {
    let tree: Tree<V>;
    for (const [key, value] of entries) tree = insert(tree, key, value);
    return new SortedMap(tree);
  }

  get size(): number {
    return sizeOf(this.tree);
  }

  get(key: string): V | undefined {
    let tree = this.tree;
    while (tree !== undefined && tree.key !== key) tree = key < tree.key ? tree.left : tree.right;
    return tree?.value;
  }

  has(key: string): boolean {
    let tree = this.tree;
    while (tree !== undefined && tree.key !== key) tree = key < tree.key ? tree.left : tree.right;
    return tree !== undefined;
  }

  set(key: string, value: V): SortedMap<V> {
    return new SortedMap(insert(this.tree, key, value));
  }

  delete(key: string): SortedMap<V> {
    return this.has(key) ? new SortedMap(remove(this.tree, key)) : this;
  }

  *entries(): Generator<[string, V]> {
    for (const branch of walk(this.tree)) yield [branch.key, branch.value];
  }

  *keys(): Generator<string> {
    for (const branch of walk(this.tree)) yield branch.key;
  }

  *values(): Generator<V> {
    for (const branch of walk(this.tree)) yield branch.value;
  }
}

function sizeOf<V>(tree: Tree<V>): number {
  return tree === undefined ? 0 : tree.size;
}

function branch<V>(key: string, value: V, left: Tree<V>, right: Tree<V>): Branch<V> {
  return { key, value, left, right, size: sizeOf(left) + sizeOf(right) + 1 };
}

function insert<V>(tree: Tree<V>, key: string, value: V): Branch<V> {
  if (tree === undefined) return branch(key, value, undefined, undefined);
  if (key === tree.key) return { ...tree, value };
  return key < tree.key
    ? balance(tree.key, tree.value, insert(tree.left, key, value), tree.right)
    : balance(tree.key, tree.value, tree.left, insert(tree.right, key, value));
}

function remove<V>(tree: Tree<V>, key: string): Tree<V> {
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

/** A branch whose sides may be out of balance by one insertion or removal, put right. */
function balance<V>(key: string, value: V, left: Tree<V>, right: Tree<V>): Branch<V> {
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

function* walk<V>(tree: Tree<V>): Generator<Branch<V>> {
  const stack: Branch<V>[] = [];
  let at = tree;
  while (at !== undefined || stack.length > 0) {
    for (; at !== undefined; at = at.left) stack.push(at);
    const next = stack.pop() as Branch<V>;
    yield next;
    at = next.right;
  }
}
