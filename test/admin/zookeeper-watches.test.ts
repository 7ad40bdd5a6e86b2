/** The watches that an event ends, and SetWatches of the remaining ones at the next server. */
import { expect, test } from 'vitest';
import { ZooKeeperWatches } from '../../electron/admin/zookeeper-watches.ts';
import { EventType } from '../../electron/admin/zookeeper-wire.ts';
import { Reader } from '../../electron/cluster/protocol/reader.ts';
import { Writer } from '../../electron/cluster/protocol/writer.ts';

function both(): ZooKeeperWatches {
  const watches = new ZooKeeperWatches();
  watches.add('/a', 'node', true);
  watches.add('/a', 'children', true);
  watches.add('/b', 'node', false);
  return watches;
}
const left = (watches: ZooKeeperWatches): string[] => watches.all.map(({ kind, path }) => `${kind} ${path}`);

test.each([
  ['deleted', ['node /b']],
  ['changed', ['children /a', 'node /b']],
  ['childrenChanged', ['node /a', 'node /b']],
] as const)('an event ends those that it is about: %s', (event, rest) => {
  const watches = both();
  const setAt = watches.all[0]?.since;
  expect(watches.fire(EventType[event], '/a')).toMatchObject({ event, setAt });
  expect(left(watches)).toEqual(rest);
});

test('an event without a node ends no watch; an event without a watch is returned all the same', () => {
  const watches = both();
  expect(watches.fire(-1, '/a')).toBeNull();
  const fired = watches.fire(EventType.created, '/c');
  expect(fired).toMatchObject({ event: 'created', setAt: fired?.at });
  expect(left(watches)).toHaveLength(3);
});

test('SetWatches names each watch in its own list, after the last zxid of the client', () => {
  const writer = new Writer();
  both().request(7n)?.(writer);
  const reader = new Reader(writer.finishBuffer());
  const texts = (): string[] => Array.from({ length: reader.int32() }, () => reader.bytes().toString('utf8'));
  expect([reader.int64(), texts(), texts(), texts()]).toEqual([7n, ['/a'], ['/b'], ['/a']]);
  expect(reader.remaining).toBe(0);
  expect(new ZooKeeperWatches().request(7n)).toBeNull();
});

test('a session holds twenty watches; one that exists may be set again', () => {
  const watches = new ZooKeeperWatches();
  for (let i = 0; i < 20; i += 1) watches.add(`/${i}`, 'node', true);
  expect(() => watches.makeRoom('/20', 'node')).toThrow('20 watches');
  expect(() => watches.makeRoom('/0', 'children')).toThrow('20 watches');
  watches.makeRoom('/0', 'node');
  expect(watches.clear()).toHaveLength(20);
  watches.makeRoom('/20', 'node');
  expect(watches.all).toEqual([]);
});
