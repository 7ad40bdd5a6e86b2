import { expect, test } from 'vitest';
import type { Address } from '../../../electron/cluster/lib/network.ts';
import { apiVersions } from '../../../electron/cluster/protocol/apis/api-versions.ts';
import { ErrorCode as E } from '../../../electron/cluster/protocol/error-codes.ts';
import { PeerChannels, type Peer, type Purpose } from '../../../electron/cluster/quorum/peer-channels.ts';

interface Connection {
  address: Address;
  silentMs: number | undefined;
  timeouts: number[];
  closed: boolean;
}

const MARKERS: Purpose = { name: 'markers', silentMs: 3000 };
const OTHER: Purpose = { name: 'other' };

function setup(): {
  channels: PeerChannels;
  connections: Connection[];
  addresses: Map<number, Address>;
  send(id: number, purpose: Purpose, timeoutMs?: number): Promise<unknown>;
} {
  const connections: Connection[] = [];
  const addresses = new Map([
    [1, { host: 'a', port: 1 }],
    [2, { host: 'b', port: 2 }],
  ]);
  const channels = new PeerChannels({
    addressOf: (id) => addresses.get(id),
    connectPeer: (address, options): Peer => {
      const connection: Connection = { address, silentMs: options?.silentMs, timeouts: [], closed: false };
      connections.push(connection);
      return {
        send: (_api, _version, _body, { timeoutMs }) => {
          connection.timeouts.push(timeoutMs);
          return Promise.reject(new Error(`sent to ${address.host}`));
        },
        close: () => {
          connection.closed = true;
        },
      };
    },
  });
  const request = (id: number, purpose: Purpose, timeoutMs = 100): Promise<unknown> =>
    channels.send(id, purpose, {
      api: apiVersions,
      version: 3,
      body: { clientSoftwareName: 'x', clientSoftwareVersion: '1' },
      timeoutMs,
    });
  return { channels, connections, addresses, send: request };
}

test('each peer and purpose has one connection, which is kept', async () => {
  const { connections, send } = setup();
  await expect(send(1, MARKERS, 100)).rejects.toThrow('sent to a');
  await expect(send(1, MARKERS, 200)).rejects.toThrow('sent to a');
  await expect(send(1, OTHER)).rejects.toThrow('sent to a');
  await expect(send(2, MARKERS)).rejects.toThrow('sent to b');
  expect(connections.map(({ address, silentMs, timeouts }) => [address.host, silentMs, timeouts])).toEqual([
    ['a', 3000, [100, 200]],
    ['a', undefined, [100]],
    ['b', 3000, [100]],
  ]);
});

test('a peer that moved is connected to at its new address, and its old connection is closed', async () => {
  const { addresses, connections, send } = setup();
  await expect(send(1, MARKERS)).rejects.toThrow('sent to a');
  addresses.set(1, { host: 'c', port: 1 });
  await expect(send(1, MARKERS)).rejects.toThrow('sent to c');
  expect(connections.map(({ closed }) => closed)).toEqual([true, false]);
});

test('requests are refused without an address, also of a peer that had one, and after the close', async () => {
  const { addresses, channels, connections, send } = setup();
  await expect(send(9, MARKERS)).rejects.toMatchObject({ code: E.BROKER_NOT_AVAILABLE });
  await expect(send(1, MARKERS)).rejects.toThrow('sent to a');
  addresses.delete(1);
  await expect(send(1, MARKERS)).rejects.toMatchObject({ code: E.BROKER_NOT_AVAILABLE });
  await expect(send(2, MARKERS)).rejects.toThrow('sent to b');
  channels.close();
  await expect(send(2, MARKERS)).rejects.toMatchObject({ code: E.BROKER_NOT_AVAILABLE });
  expect(connections.map(({ closed }) => closed)).toEqual([true, true]);
});
