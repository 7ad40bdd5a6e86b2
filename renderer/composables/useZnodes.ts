/** The ZooKeeper tree as far as it has been opened: each node is requested when it is first needed, and again on refresh. */
import { computed, ref, shallowRef, watch, type Ref } from 'vue';
import type { AppError } from '#shared/errors';
import type { Znode } from '#shared/models/lab';
import { useScope } from '../scope.ts';
import { ancestorsOf, childPath, nameOf } from '../zookeeper/znodes.ts';

export interface ZnodeEntry {
  state: 'loading' | 'ready' | 'error';
  /** The last that was known, also while it is asked for again or could not be. */
  node: Znode | null;
  error: AppError | null;
}

export interface ZnodeRow {
  path: string;
  name: string;
  level: number;
  /** Null: it has no children. */
  expanded: boolean | null;
  entry: ZnodeEntry | null;
  position: number;
  siblings: number;
}

export function useZnodes(selected: Ref<string>) {
  const scope = useScope();
  const entries = shallowRef<ReadonlyMap<string, ZnodeEntry>>(new Map());
  const expanded = shallowRef<ReadonlySet<string>>(new Set(['/']));
  const refreshing = ref(false);

  const put = (path: string, entry: ZnodeEntry): void => void (entries.value = new Map([...entries.value, [path, entry]]));

  async function load(path: string): Promise<void> {
    const before = entries.value.get(path);
    if (before?.state === 'loading') return;
    put(path, { state: 'loading', node: before?.node ?? null, error: null });
    const answer = await scope.request('zookeeper/znode', { path });
    if (answer.ok) put(path, { state: 'ready', node: answer.value, error: null });
    else put(path, { state: 'error', node: before?.node ?? null, error: answer.error });
  }

  const known = (path: string): boolean => entries.value.has(path);

  async function expand(path: string): Promise<void> {
    expanded.value = new Set([...expanded.value, path]);
    if (!known(path)) await load(path);
    // Whether a child has children itself is seen once it is known: ask for those that come into sight, a few at a time.
    const children = (entries.value.get(path)?.node?.children ?? []).slice(0, EAGER).map((name) => childPath(path, name));
    await Promise.all(children.filter((child) => !known(child)).map(load));
  }

  function collapse(path: string): void {
    expanded.value = new Set([...expanded.value].filter((one) => one !== path));
  }

  /** Reloads the open nodes and the selected one. */
  async function refresh(): Promise<void> {
    refreshing.value = true;
    const seen = new Set([...rows.value.slice(0, MAX_REFRESH).map(({ path }) => path), selected.value]);
    await Promise.all([...seen].map(load));
    refreshing.value = false;
  }

  watch(
    selected,
    async (path) => {
      for (const ancestor of ancestorsOf(path)) await expand(ancestor);
      await load(path);
    },
    { immediate: true },
  );

  const rows = computed<ZnodeRow[]>(() => {
    const list: ZnodeRow[] = [];
    const add = (path: string, level: number, position: number, siblings: number): void => {
      const entry = entries.value.get(path) ?? null;
      const children = entry?.node?.children ?? null;
      const open = expanded.value.has(path);
      list.push({
        path,
        name: nameOf(path),
        level,
        // Not known yet: it may have some.
        expanded: children?.length === 0 ? null : open,
        entry,
        position,
        siblings,
      });
      if (open) children?.forEach((name, i) => add(childPath(path, name), level + 1, i + 1, children.length));
    };
    add('/', 1, 1, 1);
    return list;
  });

  return { entries, rows, refreshing, load, expand, collapse, refresh };
}

/** Children asked for along with their parent. */
const EAGER = 40;
const MAX_REFRESH = 60;
