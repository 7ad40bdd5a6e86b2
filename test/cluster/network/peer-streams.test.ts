import { expect, test } from 'vitest';
import { recognisePeers } from '../../../electron/cluster/network/peer-streams.ts';

test('recognisePeers: a stream belongs to a node if its port and its host are those of the node', () => {
  const owners = new Uint8Array(65_536);
  owners[40_000] = 2;
  const isPeer = recognisePeers(owners, new Set(['127.0.0.1', 'fd00::5']));
  expect(['127.0.0.1:40000', 'fd00::5:40000', '127.0.0.1:40001', '192.168.1.7:40000', 'fd00::6:40000'].map(isPeer)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(['127.0.0.1:40000', '127.0.0.1:40001'].map(recognisePeers(owners, undefined))).toEqual([true, false]);
  owners[40_000] = 0;
  expect(isPeer('127.0.0.1:40000')).toBe(false);
});
