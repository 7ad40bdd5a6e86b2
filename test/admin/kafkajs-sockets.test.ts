/** Sockets as kafkajs uses them. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';
import { logLevel } from 'kafkajs';
import loggers from 'kafkajs/src/loggers/index.js';
import ConnectionPool from 'kafkajs/src/network/connectionPool.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { expect, test } from 'vitest';
import { KafkajsSockets } from '../../electron/admin/kafkajs-sockets.ts';

const FETCH = 1;

test('a socket that has closed gets no listeners while kafkajs tries again to reach its broker', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const factory = new KafkajsSockets().factory;
  const created: Socket[] = [];
  const recording: ISocketFactory = (options) => {
    const socket = factory(options);
    created.push(socket);
    return socket;
  };
  const pool = new ConnectionPool({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    rack: null,
    ssl: null,
    sasl: null,
    clientId: 'test',
    socketFactory: recording,
    connectionTimeout: 30_000,
    requestTimeout: 30_000,
    enforceRequestTimeout: false,
    maxInFlightRequests: null,
    logger: loggers.createLogger({ level: logLevel.NOTHING, logCreator: () => () => undefined }),
  });
  // The connection of fetches, which kafkajs opens again only after the other one.
  await pool.send({
    request: { apiKey: FETCH, apiVersion: 4, apiName: 'Fetch', encode: () => Promise.resolve(new Encoder()), expectResponse: () => false },
    response: { decode: () => Promise.resolve(null), parse: () => Promise.resolve(null) },
  });
  const [peer] = await accepted;
  const [socket] = created;
  if (socket === undefined) throw new Error('kafkajs opened no socket');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  peer.destroy();
  await closed;
  server.close();
  const before = socket.listenerCount('connect');
  for (let i = 0; i < 20; i++) await pool.destroy();
  expect(socket.listenerCount('connect')).toBe(before);
});
