/** The ZooKeeper tree on the ZooKeeper page: the paths that it reads, and a box for each node. */
import type { Znode } from '#shared/models/lab';
import type { DiagramBox, DiagramTone } from '../diagrams/diagram.ts';
import { plural } from '../format/numbers.ts';
import { childPath } from '../zookeeper/znodes.ts';
import type { LearnState } from './concept.ts';

export const OWN_ROOT = '/learn';
const MOST_OWN = 6;
const MOST_PATHS = 30;

/** Paths that the page polls. */
export function followedPaths(state: LearnState): string[] {
  const children = (path: string): string[] => (state.znodes.get(path)?.children ?? []).map((name) => childPath(path, name));
  const own = children(OWN_ROOT);
  return [
    ...new Set([
      '/',
      '/brokers/ids',
      ...state.brokers.map(({ id }) => `/brokers/ids/${id}`),
      ...children('/brokers/ids'),
      '/controller',
      '/controller_epoch',
      '/brokers/topics',
      OWN_ROOT,
      ...own.slice(0, MOST_OWN),
      ...(state.coordination?.own?.ephemerals ?? []),
      ...vanished(state),
    ]),
  ].slice(0, MOST_PATHS);
}

export interface TreeRow {
  path: string;
  depth: number;
  /** Null: the node does not exist. */
  node: Znode | null;
  /** Summary of its data or children. */
  note: string;
}

/** Paths of the user's nodes that may have been deleted: ephemeral, watched, or reported by a watch. */
function vanished(state: LearnState): string[] {
  const { coordination } = state;
  if (coordination === null) return [];
  const last = coordination.fired.at(-1);
  const paths = [
    ...(coordination.own?.ephemerals ?? []),
    ...(last?.event === 'deleted' && last.path.startsWith(`${OWN_ROOT}/`) ? [last.path] : []),
    ...coordination.watches.map(({ path }) => path).filter((path) => path.startsWith(`${OWN_ROOT}/`)),
  ];
  return [...new Set(paths)];
}

export const isRead = (state: LearnState, path: string): boolean => state.znodes.has(path);

export function treeRows(state: LearnState): TreeRow[] {
  const { znodes } = state;
  const rows: TreeRow[] = [];
  const add = (path: string, depth: number, note: (node: Znode) => string): void => {
    if (!isRead(state, path)) return;
    const node = znodes.get(path) ?? null;
    rows.push({ path, depth, node, note: node === null ? 'missing' : note(node) });
  };
  add('/controller', 0, (node) => `broker ${numberIn(node, 'brokerid') ?? '?'}`);
  add('/controller_epoch', 0, (node) => (node.data.encoding === 'utf8' ? node.data.text : '?'));
  add('/brokers/ids', 0, ({ children }) => `${children.length} registered`);
  const ids = new Set([...state.brokers.map(({ id }) => `${id}`), ...(znodes.get('/brokers/ids')?.children ?? [])]);
  for (const id of [...ids].sort((a, b) => Number(a) - Number(b))) add(`/brokers/ids/${id}`, 1, () => 'ephemeral');
  add('/brokers/topics', 0, ({ children }) => plural(children.length, 'topic'));
  const own = (znodes.get(OWN_ROOT)?.children ?? []).map((name) => childPath(OWN_ROOT, name)).slice(0, MOST_OWN);
  const all = [...new Set([...own, ...vanished(state)])].sort();
  if ((znodes.get(OWN_ROOT) ?? null) !== null || all.length > 0) add(OWN_ROOT, 0, ({ children }) => plural(children.length, 'node'));
  for (const path of all) add(path, 1, ({ stat }) => (stat.ephemeralOwner === null ? 'persistent' : 'ephemeral'));
  return rows;
}

function numberIn(node: Znode, field: string): number | null {
  if (node.data.encoding !== 'utf8') return null;
  const found = new RegExp(`"${field}"\\s*:\\s*(-?\\d+)`).exec(node.data.text)?.[1];
  return found === undefined ? null : Number(found);
}

export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function znodeBox(state: LearnState, { path, depth, node, note }: TreeRow, at: Place): DiagramBox {
  const watched = state.coordination?.watches.some((watch) => watch.path === path) ?? false;
  const own = state.coordination?.own?.sessionId ?? null;
  const mine = own !== null && node?.stat.ephemeralOwner === own;
  const tone: DiagramTone = node === null ? 'bad' : mine ? 'accent' : path === '/controller' ? 'control' : 'plain';
  const text = watched ? `${note}, watched` : note;
  return {
    id: `znode-${path}`,
    ...at,
    tone,
    dashed: node === null || node.stat.ephemeralOwner !== null,
    note: text,
    noteTone: watched ? 'accent' : node === null ? 'bad' : path === '/controller' ? 'control' : 'plain',
    lines: [{ text: short(depth === 0 ? path : `…/${path.slice(path.lastIndexOf('/') + 1)}`, at.width - 40 - text.length * 6.1) }],
    said: `${path}: ${node === null ? 'does not exist' : `${note}${node.stat.ephemeralOwner === null || note === 'ephemeral' ? '' : ', ephemeral'}${node.stat.ephemeralOwner === null ? '' : `, of session ${node.stat.ephemeralOwner}`}`}${watched ? ', watched' : ''}`,
    to: `/coordination/tree?path=${encodeURIComponent(path)}`,
    data: { znode: path, there: node === null ? 'no' : 'yes', owner: node?.stat.ephemeralOwner ?? 'none' },
  };
}

const short = (text: string, room: number): string => {
  const fits = Math.max(3, Math.floor(room / 6.1));
  return text.length <= fits ? text : `${text.slice(0, fits - 1)}…`;
};

export function nothingRead(state: LearnState, at: Place): DiagramBox {
  const why = state.embedded ? 'not read yet' : 'available for the embedded cluster only';
  return { id: 'unread', ...at, tone: 'faint', dashed: true, title: 'the tree', lines: [{ text: why }], said: `The tree is ${why}` };
}

export const ownerOf = (state: LearnState, path: string): string | null => state.znodes.get(path)?.stat.ephemeralOwner ?? null;
