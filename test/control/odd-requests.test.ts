/** Sends raw bytes to both HTTP servers of the app, with requests that no browser and no client library would send. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlServer, type ControlServer } from '../../electron/control/server.ts';
import { ScenariosService } from '../../electron/scenarios/service.ts';
import { EventBus } from '../../electron/services/event-bus.ts';
import { connectTo } from '../helpers/fake-session.ts';
import type { Lab } from '../../electron/services/lab.ts';
import { startWebServer, type WebServer } from '../../electron/web/server.ts';
import { FakeLoads } from '../helpers/fake-loads.ts';

const INTERNAL_PATH = '/secret/inside/cluster.ts';

let control: ControlServer;
let web: WebServer;
let directory: string;
const reported: unknown[] = [];

/** A lab in which every call fails with an internal error. */
const brokenLab = new Proxy({} as Lab, {
  get: () => () => {
    throw new Error(`ENOENT: no such file, open '${INTERNAL_PATH}'`);
  },
});

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'odd-requests-'));
  mkdirSync(join(directory, 'renderer'));
  writeFileSync(join(directory, 'renderer', 'index.html'), '<p>page</p>');
  const onError = (error: unknown): void => void reported.push(error);
  const scenarios = new ScenariosService({
    lab: brokenLab,
    loads: new FakeLoads(),
    bootstrap: () => '127.0.0.1:1',
    version: '0',
    onError: (_what, error) => onError(error),
    note: () => undefined,
  });
  control = await startControlServer({ lab: brokenLab, scenarios, port: 0, onError, requestTimeoutMs: 2_000 });
  web = await startWebServer({
    port: 0,
    host: '127.0.0.1',
    root: join(directory, 'renderer'),
    invoke: () => Promise.resolve({ ok: true, value: null }),
    connect: connectTo(new EventBus()),
    onError,
    requestTimeoutMs: 2_000,
  });
});
afterAll(async () => {
  await control.close();
  await web.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Answer {
  status: number;
  head: string;
  body: string;
}

/** Sends raw bytes and reads until the server has answered or closes the connection. */
function send(port: number, bytes: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes));
    let text = '';
    const done = (): void => {
      socket.destroy();
      const end = text.indexOf('\r\n\r\n');
      resolve({ status: Number(text.split(' ')[1] ?? 0), head: text.slice(0, end).toLowerCase(), body: text.slice(end + 4) });
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      const end = text.indexOf('\r\n\r\n');
      if (end >= 0 && (text.startsWith('HTTP/1.1 204') || (length !== undefined && text.length >= end + 4 + Number(length)))) done();
    });
    socket.once('close', done);
    socket.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? done() : reject(error)));
  });
}

const portOf = (url: string): number => Number(new URL(url).port);
const toControl = (line: string, headers: readonly string[] = [], body = ''): Promise<Answer> =>
  send(portOf(control.url), `${line} HTTP/1.1\r\n${['host: 127.0.0.1', ...headers].join('\r\n')}\r\n\r\n${body}`);
const toWeb = (line: string, headers: readonly string[] = [], body = ''): Promise<Answer> =>
  send(portOf(web.url), `${line} HTTP/1.1\r\n${['host: 127.0.0.1', ...headers].join('\r\n')}\r\n\r\n${body}`);
const withToken = (): string => `authorization: Bearer ${control.token}`;

function expectSafe({ head, body }: Answer): void {
  for (const header of ["content-security-policy: default-src 'none'", 'x-content-type-options: nosniff', 'referrer-policy: no-referrer']) {
    expect(head).toContain(header);
  }
  expect(head).toContain('cache-control: no-store');
  expect(head + body).not.toMatch(/\/secret\/|\.ts\b|node:|\bat .*:\d+/);
}

describe('control API', () => {
  it.each([
    ['GET //', 401, 404],
    ['GET ///nodes', 401, 404],
    ['GET /%00', 401, 404],
    ['GET /nodes/%00', 401, 404],
    ['GET /%', 401, 404],
    ['GET /../nodes', 401, 500],
    ['GET http://127.0.0.1/nope', 401, 404],
    ['GET http://127.0.0.1', 401, 404],
    ['GET http://evil.example/nodes', 403, 403],
    ['GET ftp://127.0.0.1/nodes', 400, 400],
    ['GET nodes', 400, 400],
    ['OPTIONS *', 400, 400],
    ['GET /nodes/99999999999999999999', 401, 404],
    ['PUT /nodes', 401, 405],
    ['TRACE /nodes', 401, 405],
    ['HEAD /nodes', 401, 405],
    ['NONSENSE /nodes', 400, 400],
    ['GET /nodes', 401, 500],
    [`GET /${'x'.repeat(8_000)}`, 401, 404],
    [`GET /${'x'.repeat(100_000)}`, 431, 431],
  ])('%s is answered %i without the token and %i with it', async (line, without, withIt) => {
    const before = await toControl(line, ['connection: close']);
    expect(before.status).toBe(without);
    expectSafe(before);
    const after = await toControl(line, ['connection: close', withToken()]);
    expect(after.status).toBe(withIt);
    expectSafe(after);
  });

  it('reports details of internal errors to the log only', async () => {
    reported.length = 0;
    const answer = await toControl('GET /faults', [withToken()]);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      500,
      { error: { code: 'INTERNAL', message: 'An internal error occurred. The log of this process has the details.' } },
    ]);
    expect(String(reported[0])).toContain(INTERNAL_PATH);
  });

  it.each([
    ['declares too many bytes', ['content-length: 99999999999'], '{', 413],
    ['has too many bytes', ['transfer-encoding: chunked'], `20000\r\n${'x'.repeat(0x20000)}\r\n0\r\n\r\n`, 413],
    ['has an unsupported media type', ['content-length: 2', 'content-type: image/png'], '{}', 415],
    ['is a form with files', ['content-length: 2', 'content-type: multipart/form-data; boundary=x'], '{}', 415],
    ['is not JSON', ['content-length: 1', 'content-type: application/json'], '{', 400],
    [
      'is an invalid fault with the default media type of curl',
      ['content-length: 2', 'content-type: application/x-www-form-urlencoded'],
      '{}',
      400,
    ],
  ])('a body that %s is refused', async (_what, headers, body, status) => {
    reported.length = 0;
    const answer = await toControl('POST /faults', [withToken(), ...headers], body);
    expect(answer.status).toBe(status);
    expectSafe(answer);
    expect(reported).toEqual([]);
  });

  it('a body that the route ignores is limited as well', async () => {
    expect((await toControl('POST /nodes', [withToken(), 'content-length: 99999999999'], 'x')).status).toBe(413);
  });

  it.each([
    ['a body', (): Promise<Answer> => toControl('POST /faults', [withToken(), 'content-length: 100'], '{"ty')],
    ['headers', (): Promise<Answer> => send(portOf(control.url), 'GET /nodes HTTP/1.1\r\nhost: 127.0.0.1\r\n')],
  ])('incomplete %s: answered 408, and nothing is logged', async (_what, request) => {
    reported.length = 0;
    const answer = await request();
    expect(answer.status).toBe(408);
    expectSafe(answer);
    expect(reported).toEqual([]);
  });

  it.each(['nonsense\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET /nodes HTTP/1.1\r\nbad header\r\n\r\n'])(
    '%j is a bad request',
    async (bytes) => {
      const answer = await send(portOf(control.url), bytes);
      expect(answer.status).toBe(400);
      expectSafe(answer);
    },
  );
});

describe('web mode', () => {
  it.each([
    ['GET //', 404],
    ['GET /%00', 404],
    ['GET /..%2f..%2fetc/passwd', 404],
    [`GET /${'x'.repeat(5_000)}`, 404],
    [`GET /${'x'.repeat(100_000)}`, 431],
    ['GET http://127.0.0.1/nothing', 404],
    ['GET http://evil.example/', 403],
    ['GET index.html', 400],
    ['OPTIONS *', 400],
    ['POST /', 405],
    ['DELETE /index.html', 405],
    ['NONSENSE /', 400],
  ])('%s is answered %i', async (line, status) => {
    const answer = await toWeb(line, ['connection: close']);
    expect(answer.status).toBe(status);
    expectSafe(answer);
    if (status === 405) expect(answer.head).toContain('allow: get, head');
  });

  it('a file that cannot be read shows nothing of where it is', async () => {
    // No permission stops root, so the file is a link to itself.
    const { symlinkSync } = await import('node:fs');
    symlinkSync('loop.js', join(directory, 'renderer', 'loop.js'));
    reported.length = 0;
    const answer = await toWeb('GET /loop.js');
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain(directory);
    expectSafe(answer);
    expect(String(reported[0])).toContain('ELOOP');
  });

  it.each([
    ['another path', 'GET /other?token=x', [], 403],
    ['no path', 'GET ipc', [], 400],
    ['a foreign origin', 'GET /ipc?token=x', ['origin: http://evil.example'], 403],
    ['no key', 'GET /ipc?token=x', [], 400],
  ])('an upgrade with %s is refused', async (_what, line, headers, status) => {
    const answer = await toWeb(line, ['connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13', ...headers]);
    expect(answer.status).toBe(status);
    expectSafe(answer);
  });

  it('headers that do not arrive are answered 408', async () => {
    const answer = await send(portOf(web.url), 'GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n');
    expect(answer.status).toBe(408);
    expectSafe(answer);
  });

  it('the page is served in absolute form as well', async () => {
    const answer = await toWeb(`GET http://127.0.0.1:${portOf(web.url)}/`);
    expect([answer.status, answer.body]).toEqual([200, '<p>page</p>']);
  });
});
