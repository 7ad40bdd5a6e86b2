/**
 * Serves the lab over HTTP and JSON to test suites. Listens on loopback only. Every request needs the bearer token, except for
 * the OpenAPI document, and a loopback name as Host, which prevents DNS rebinding by web pages.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toAppError } from '../services/errors.ts';
import { INTERNAL_MESSAGE, limitedBy, refuseMalformed, SECURITY_HEADERS, targetOf } from '../services/http-safety.ts';
import type { ScenariosService } from '../scenarios/service.ts';
import type { Lab } from '../services/lab.ts';
import { openApi } from './openapi.ts';
import { ControlError, ROUTES, sinceOf, type Route } from './routes.ts';

export interface ControlServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly token: string;
  /** Ends open event streams too. */
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
/** The brokers share the file descriptors of the process. A connection above the limit is closed at once. */
const MAX_CONNECTIONS = 128;
const LOOPBACK_NAMES = new Set(['127.0.0.1', 'localhost', '[::1]']);
const MAX_BODY_BYTES = 64 * 1024;
const STATUSES: Readonly<Record<string, number>> = { INTERNAL: 500, NOT_FOUND: 404, INVALID_PAYLOAD: 400 };
/** A client of the event stream with more unsent data is disconnected; it can continue with `since`. */
const MAX_STREAM_BYTES = 4 * 1024 * 1024;

/** Port 0: any free port. Rejects with EADDRINUSE when the port is in use. */
export async function startControlServer(options: {
  lab: Lab;
  scenarios: ScenariosService;
  port: number;
  onError: (error: unknown) => void;
  /** Time in which a whole request must arrive. Default 30 s. */
  requestTimeoutMs?: number;
}): Promise<ControlServer> {
  const { lab, scenarios, port, onError, requestTimeoutMs } = options;
  // Hexadecimal: a token that begins with "-" would be an option on a command line.
  const token = randomBytes(24).toString('hex');
  let url = '';
  const server = createServer(limitedBy(requestTimeoutMs), (request, response) => {
    answer({ lab, scenarios, token, url }, request, response).catch((error: unknown) => {
      // The client disconnected, or the server has already answered a request that was too slow.
      if (!request.complete && request.destroyed) response.destroy();
      else fail(response, error, onError);
    });
  });
  refuseMalformed(server);
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve();
    });
  });
  url = `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { lab, scenarios, token, url }: { lab: Lab; scenarios: ScenariosService; token: string; url: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = targetOf(request);
  if (target === null) throw new ControlError(400, 'INVALID_REQUEST', 'The target of a request is a path.');
  if (!isLoopbackHost(target.host)) throw new ControlError(403, 'FORBIDDEN', 'The control API is served under loopback names only.');
  const { pathname, searchParams } = target.url;
  if (pathname === '/openapi.json') {
    if (request.method !== 'GET') throw notAllowed(['GET']);
    sendJson(response, 200, openApi(ROUTES, url));
    return;
  }
  if (!hasToken(request.headers.authorization, token)) {
    response.setHeader('www-authenticate', 'Bearer');
    throw new ControlError(401, 'UNAUTHORIZED', 'Send the token as "Authorization: Bearer TOKEN".');
  }
  const { route, id } = match(request.method ?? '', pathname, response);
  if (route.events === true && (request.headers.accept ?? '').includes('text/event-stream')) {
    stream(lab, request, response, searchParams);
    return;
  }
  const bytes = await readBytes(request, route.yaml?.maxBytes ?? MAX_BODY_BYTES);
  const body = route.body === undefined ? undefined : parseBody(bytes, request.headers['content-type'], route);
  const result = await route.handle(lab, { id, query: searchParams, body, scenarios });
  if (route.answer !== undefined) sendJson(response, 200, result);
  else response.writeHead(204, SECURITY_HEADERS).end();
}

const YAML = /^(?:application|text)\/(?:x-)?yaml\b/i;

/** Media types of JSON bodies; the last two are the defaults of browsers and curl. */
const JSON_LIKE = /^(?:application\/(?:[\w.-]+\+)?json|text\/plain|application\/x-www-form-urlencoded)\b/i;

/** Reads the whole body, which the connection needs before the next request, even if the route ignores it. */
async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLong = new ControlError(413, 'INVALID_PAYLOAD', `The body is too large: at most ${maxBytes} bytes are accepted.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLong;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // An iterator would destroy the connection when it is left, before the response is sent.
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else {
        request.pause();
        reject(tooLong);
      }
    });
    request.once('end', resolve);
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client disconnected')));
  });
  return Buffer.concat(chunks);
}

/** The JSON value, or the text of YAML where the route accepts it. */
function parseBody(bytes: Buffer, mediaType: string | undefined, { yaml }: Route): unknown {
  const text = bytes.toString('utf8');
  if (yaml !== undefined && YAML.test(mediaType ?? '')) return text;
  if (mediaType !== undefined && !JSON_LIKE.test(mediaType)) {
    const types = yaml === undefined ? 'application/json' : 'application/json or application/yaml';
    throw new ControlError(415, 'UNSUPPORTED_MEDIA_TYPE', `The body must be ${types}, not ${mediaType.slice(0, 100)}.`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ControlError(400, 'INVALID_PAYLOAD', `The body is not JSON: ${cause.message}`);
  }
}

function match(method: string, pathname: string, response: ServerResponse): { route: Route; id: number } {
  const found = ROUTES.flatMap((route) => {
    const id = idIn(route.path, pathname);
    return id === undefined ? [] : [{ route, id }];
  });
  if (found.length === 0) throw new ControlError(404, 'NOT_FOUND', `There is nothing at ${pathname}. /openapi.json lists the paths.`);
  const hit = found.find(({ route }) => route.method === method);
  if (hit !== undefined) return hit;
  const methods = found.map(({ route }) => route.method);
  response.setHeader('allow', methods.join(', '));
  throw notAllowed(methods);
}

/** The `{id}` of a matching path; −1 where the pattern has none, undefined where the path does not match. */
function idIn(pattern: string, pathname: string): number | undefined {
  const expression = new RegExp(`^${pattern.replace('{id}', '(\\d{1,9})')}$`);
  const fit = expression.exec(pathname);
  return fit === null ? undefined : Number(fit[1] ?? -1);
}

/** Sends the events after `since` (or Last-Event-ID, of a client that reconnects), then new events. */
function stream(lab: Lab, request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
  const last = request.headers['last-event-id'];
  const since = typeof last === 'string' && /^\d{1,15}$/.test(last) ? Number(last) : sinceOf(query);
  response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream' });
  const send = (event: ReturnType<Lab['timeline']>[number]): void => {
    if (response.writableLength > MAX_STREAM_BYTES) response.destroy();
    else response.write(`id: ${event.id}\nevent: timeline\ndata: ${JSON.stringify(event)}\n\n`);
  };
  for (const event of lab.timeline(since)) send(event);
  // No event is lost between the two: both are in the same turn of the event loop.
  const unsubscribe = lab.onEvent(send);
  response.flushHeaders();
  response.once('close', unsubscribe);
}

function fail(response: ServerResponse, error: unknown, onError: (error: unknown) => void): void {
  const { status, code, message } = describe(error);
  if (status === 500) onError(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // The unread rest of the body would be parsed as the next request.
  if (!response.req.complete) response.setHeader('connection', 'close');
  sendJson(response, status, { error: { code, message } });
}

function describe(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof ControlError) return error;
  const { code, message } = toAppError(error);
  const status = STATUSES[code] ?? 409;
  return { status, code, message: status === 500 ? INTERNAL_MESSAGE : message };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { ...SECURITY_HEADERS, 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
}

function notAllowed(methods: readonly string[]): ControlError {
  return new ControlError(405, 'METHOD_NOT_ALLOWED', `The path supports ${methods.join(', ')} only.`);
}

function isLoopbackHost(host: string | undefined): boolean {
  return host !== undefined && LOOPBACK_NAMES.has(host.replace(/:\d+$/, '').toLowerCase());
}

function hasToken(header: string | undefined, token: string): boolean {
  const given = Buffer.from(/^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? '');
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
