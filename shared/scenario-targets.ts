/**
 * How a scenario names a broker that is only known when it runs: by what it is at that moment. `leader of orders-0`,
 * `a follower of orders-0`, `controller`, `coordinator of readers`, `a broker`, `broker 2` (or just `2`), a name given
 * before (`as: victim`); and any of them `but victim` or `but first and second`.
 */

export type TargetBase =
  | { kind: 'id'; id: number }
  | { kind: 'controller' }
  | { kind: 'leader'; topic: string; partition: number }
  | { kind: 'follower'; topic: string; partition: number }
  | { kind: 'coordinator'; group: string }
  | { kind: 'any' }
  | { kind: 'name'; name: string };

export interface Target {
  base: TargetBase;
  /** Names of brokers that it may not be. */
  but: string[];
}

const NAME = /^[a-z][a-z0-9-]{0,40}$/;
/** Words that would be taken for something else. */
const RESERVED = new Set(['controller', 'clients', 'none', 'all', 'start']);

export function isName(text: string): boolean {
  return NAME.test(text) && !RESERVED.has(text);
}

/** Null for what cannot be read. */
export function parseTarget(text: string | number): Target | null {
  if (typeof text === 'number') return { base: { kind: 'id', id: text }, but: [] };
  const [what = '', without, ...more] = text.trim().split(/\s+but\s+/);
  if (more.length > 0) return null;
  const base = parseBase(what);
  const but = without === undefined ? [] : without.split(/\s*(?:,|\band\b)\s*/);
  return base === null || !but.every((name) => isName(name) || name === 'controller') ? null : { base, but };
}

function parseBase(text: string): TargetBase | null {
  const id = /^(?:broker )?(\d{1,9})$/.exec(text)?.[1];
  if (id !== undefined) return Number(id) < 1 ? null : { kind: 'id', id: Number(id) };
  if (text === 'controller' || text === 'the controller') return { kind: 'controller' };
  if (/^(?:a|any|another) broker$/.test(text)) return { kind: 'any' };
  const replica = /^(?:(leader)|(?:a |another )?(follower)) of (\S+)$/.exec(text);
  if (replica !== null) {
    const partition = parsePartition(replica[3] ?? '');
    return partition === null ? null : { kind: replica[1] === undefined ? 'follower' : 'leader', ...partition };
  }
  const group = /^coordinator of (\S+)$/.exec(text)?.[1];
  if (group !== undefined) return { kind: 'coordinator', group };
  return isName(text) ? { kind: 'name', name: text } : null;
}

/** `orders-0`; null for what names no partition. */
export function parsePartition(text: string): { topic: string; partition: number } | null {
  const match = /^([A-Za-z0-9._-]{1,249})-(\d{1,6})$/.exec(text);
  return match === null ? null : { topic: match[1] ?? '', partition: Number(match[2]) };
}
