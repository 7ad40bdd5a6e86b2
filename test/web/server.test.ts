import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Invoke } from '../../electron/ipc/handle.ts';
import type { ClientSession, Deliver } from '../../electron/services/client-session.ts';
import { EventBus } from '../../electron/services/event-bus.ts';
import { startWebServer, type WebServer } from '../../electron/web/server.ts';
import { FakeConnections, fakeSession } from '../helpers/fake-session.ts';

let directory: string;
let events: EventBus;
let server: WebServer;
let asked: unknown[];
let port: number;

let sessions: ClientSession[];
let connections: FakeConnections;
const connectTab = (deliver: Deliver): ClientSession => {
  const session = fakeSession(events, deliver, connections);
  sessions.push(session);
  return session;
};
const invoke: Invoke = (_client, channel, payload) => {
  asked.push([channel, payload]);
  return Promise.resolve({ ok: true, value: { channel, payload } });
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'brokerdesk-web-'));
  mkdirSync(join(directory, 'renderer', 'assets'), { recursive: true });
  writeFileSync(join(directory, 'renderer', 'index.html'), '<p>page</p>');
  writeFileSync(join(directory, 'renderer', 'assets', 'a.js'), 'run()');
  writeFileSync(join(directory, 'secret.txt'), 'secret');
  asked = [];
  sessions = [];
  connections = new FakeConnections('embedded', 'other');
  events = new EventBus();
  server = await startWebServer({ port: 0, host: '127.0.0.1', root: join(directory, 'renderer'), invoke, connect: connectTab });
  port = Number(new URL(server.url).port);
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** As it stands: no path is tidied up before it is sent. */
function get(path: string, options: { headers?: Record<string, string>; method?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...options }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.once('error', reject);
    request.end();
  });
}

function open(options: { token?: string; path?: string; origin?: string; host?: string } = {}): WebSocket {
  const path = options.path ?? `/ipc?token=${encodeURIComponent(options.token ?? server.token)}`;
  return new WebSocket(`ws://127.0.0.1:${port}${path}`, {
    ...(options.origin === undefined ? {} : { origin: options.origin }),
    ...(options.host === undefined ? {} : { headers: { host: options.host } }),
  });
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
}

function closed(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined);
    socket.once('close', resolve);
  });
}

function refusedWith(socket: WebSocket): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    socket.once('open', () => reject(new Error('it was let in')));
    socket.on('error', () => undefined);
  });
}

function nextMessage(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve) => socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString()))));
}

describe('files', () => {
  test('the page is served, never kept, and may load from here only', async () => {
    const { status, headers, body } = await get('/');
    expect([status, body]).toEqual([200, '<p>page</p>']);
    expect(headers['cache-control']).toBe('no-store');
    const policy = headers['content-security-policy'] as string;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${port};`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  test('files with a hash in their name are kept, with their type', async () => {
    const { headers } = await get('/assets/a.js');
    expect(headers['content-type']).toContain('text/javascript');
    expect(headers['cache-control']).toContain('immutable');
  });

  test.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/../../secret.txt',
    '/assets/%2e%2e%2f%2e%2e%2fsecret.txt',
    '/%00',
    '/index.html%00.js',
    '/%',
    '//',
    '/assets',
    '/nothing.js',
  ])('%s is not found', async (path) => {
    const { status, body } = await get(path);
    expect([status, body]).toEqual([404, 'Not found.']);
  });

  test('only GET and HEAD', async () => {
    expect((await get('/', { method: 'POST' })).status).toBe(405);
    const { status, body, headers } = await get('/', { method: 'HEAD' });
    expect([status, body, headers['content-length']]).toEqual([200, '', '11']);
  });

  test.each(['evil.example', 'evil.example:80', 'localhost.evil.example', '127.0.0.1.evil.example', "127.0.0.1; script-src 'x'", '[::1'])(
    'Host %j is refused',
    async (host) => {
      expect((await get('/', { headers: { host } })).status).toBe(403);
    },
  );

  test.each(['localhost', 'LOCALHOST:1234', '127.0.0.1', '[::1]:80', '192.168.1.5:80'])('Host %j is ours', async (host) => {
    expect((await get('/', { headers: { host } })).status).toBe(200);
  });
});

describe('the socket', () => {
  test('carries requests, answers and events', async () => {
    const socket = open({ origin: `http://127.0.0.1:${port}` });
    await opened(socket);
    const answer = nextMessage(socket);
    socket.send(JSON.stringify({ id: 7, channel: 'lab/kill', payload: { node: 1 } }));
    expect(await answer).toEqual({ id: 7, result: { ok: true, value: { channel: 'lab/kill', payload: { node: 1 } } } });
    const event = nextMessage(socket);
    events.publish('app/commanded', { command: 'refresh' }, 'all');
    expect(await event).toEqual({ event: 'app/commanded', payload: { command: 'refresh' } });
    socket.terminate();
  });

  test('has a session of its own for each tab: events reach the tabs that they concern, and the session ends with its tab', async () => {
    const tabs = [open(), open()];
    const received: unknown[][] = [[], []];
    for (const [i, tab] of tabs.entries()) {
      await opened(tab);
      tab.on('message', (data: Buffer) =>
        received[i]?.push((JSON.parse(data.toString()) as { payload: { command: string } }).payload.command),
      );
    }
    await expect.poll(() => sessions.length).toBe(2);
    sessions[1]?.use('other');
    events.publish('app/commanded', { command: 'palette' }, { connectionId: 'other' });
    events.publish('app/commanded', { command: 'createTopic' }, { connectionId: 'embedded' });
    events.publish('app/commanded', { command: 'navigate' }, { clientId: sessions[0]?.id ?? '' });
    events.publish('app/commanded', { command: 'refresh' }, 'all');
    await expect
      .poll(() => received)
      .toEqual([
        ['createTopic', 'navigate', 'refresh'],
        ['palette', 'refresh'],
      ]);
    tabs[1]?.terminate();
    await expect.poll(() => connections.released).toEqual(['embedded', 'other']);
    tabs[0]?.terminate();
  });

  test.each(['', 'wrong', 'x'.repeat(32)])('token %j: is closed as a policy violation and receives no message', async (token) => {
    const socket = open({ token });
    let received = 0;
    socket.on('message', () => received++);
    socket.on('open', () => {
      socket.send(JSON.stringify({ id: 1, channel: 'app/info', payload: {} }));
      events.publish('app/commanded', { command: 'refresh' }, 'all');
    });
    expect(await closed(socket)).toBe(1008);
    expect([received, asked]).toEqual([0, []]);
  });

  test.each([
    ['another origin', { origin: 'http://evil.example' }],
    ['another port of this host', { origin: 'http://127.0.0.1:1' }],
    ['a file', { origin: 'null' }],
    ['a name that was made to point here', { host: 'evil.example', origin: 'http://evil.example' }],
  ])('%s is refused, token or not', async (_what, options) => {
    expect(await refusedWith(open(options))).toBe(403);
  });

  test('another path is refused', async () => {
    expect(await refusedWith(open({ path: `/?token=${server.token}` }))).toBe(403);
  });

  test('an address that is none does not end the server', async () => {
    const raw = connect(port, '127.0.0.1');
    raw.write('GET // HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const text = await new Promise<string>((resolve) => raw.once('data', (data: Buffer) => resolve(data.toString())));
    expect(text).toContain('403');
    raw.destroy();
    expect((await get('/')).status).toBe(200);
  });

  test.each(['', 'no json', '[]', 'null', '{"id":"1","channel":"a"}', '{"id":1}'])('%j is no request: closed', async (text) => {
    const socket = open();
    await opened(socket);
    socket.send(text);
    expect(await closed(socket)).toBe(1003);
    expect(asked).toEqual([]);
  });

  test('a frame beyond 4 MiB closes the socket and the server lives', async () => {
    const socket = open();
    await opened(socket);
    socket.send(JSON.stringify({ id: 1, channel: 'x', payload: 'x'.repeat(4 * 1024 * 1024) }));
    expect(await closed(socket)).toBe(1009);
    expect(asked).toEqual([]);
    expect((await get('/')).status).toBe(200);
  });

  test('more requests at once than a page makes close the socket', async () => {
    await server.close();
    const stuck: Invoke = () => new Promise(() => undefined);
    server = await startWebServer({ port: 0, host: '127.0.0.1', root: join(directory, 'renderer'), invoke: stuck, connect: connectTab });
    port = Number(new URL(server.url).port);
    const socket = open();
    await opened(socket);
    for (let id = 0; id < 600; id++) socket.send(JSON.stringify({ id, channel: 'app/info', payload: {} }));
    expect(await closed(socket)).toBe(1013);
  });

  test('closing the server ends open sockets', async () => {
    const socket = open();
    await opened(socket);
    const end = closed(socket);
    await server.close();
    expect(await end).toBe(1006);
  });
});

test('a taken port is an error that says so', async () => {
  const again = startWebServer({ port, host: '127.0.0.1', root: directory, invoke, connect: connectTab });
  await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
