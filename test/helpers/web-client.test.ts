import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { ServerFrame } from '#shared/ipc';
import { WebClient } from './web-client.ts';

test('WebClient: a listener that is registered after an answer receives the event behind it', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const event: ServerFrame = { event: 'lab/faultsChanged', payload: { faults: [] } };
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const { id } = JSON.parse(data.toString('utf8')) as { id: number };
      // Both arrive in one segment: this thread reads after it has written.
      for (const frame of [{ id, result: { ok: true, value: {} } }, event]) socket.send(JSON.stringify(frame));
    });
  });
  const { port } = server.address() as AddressInfo;
  const client = await WebClient.open({ url: `http://127.0.0.1:${port}/`, token: 'token' });
  await client.ask('lab/faults', {});
  const received: unknown[] = [];
  client.on('lab/faultsChanged', (payload) => received.push(payload));
  await expect.poll(() => received).toEqual([{ faults: [] }]);
  client.close();
  server.close();
});
