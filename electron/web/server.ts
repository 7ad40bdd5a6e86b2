/**
 * Web mode: the renderer and its contract for a browser on this machine. Every request names this host by an address, by
 * `localhost` or as it was bound to, and the WebSocket wants the token and our own Origin, so that no page of another
 * site, and no other user of the machine, gets in.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ServerFrame } from '#shared/ipc';
import type { Invoke } from '../ipc/handle.ts';
import type { ClientSession, Deliver } from '../services/client-session.ts';
import { INTERNAL_MESSAGE, limitedBy, refuseMalformed, refuseSocket, SECURITY_HEADERS, targetOf } from '../services/http-safety.ts';
import { readStatic } from './static-files.ts';
import { TabSender } from './tab-sender.ts';

/** A frame holds at most one record to produce, with room to spare. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** Requests under way of one tab; the page itself stops at 256. */
const MAX_UNDER_WAY = 512;
const MAX_TABS = 32;
/** Connections take descriptors of the process, which its brokers need; one above it is closed at once. */
const MAX_CONNECTIONS = 128;
const SOCKET_PATH = '/ipc';
/** RFC 6455's "policy violation": the page takes it as "this token is not the server's" and does not come back. */
const REFUSED = 1008;

export interface WebServer {
  /** With the token in the fragment, which browsers never send anywhere. */
  readonly url: string;
  readonly token: string;
  close(): Promise<void>;
}

export async function startWebServer(options: {
  /** 0: any free one. */
  port: number;
  host: string;
  /** Directory of the built renderer. */
  root: string;
  invoke: Invoke;
  /** Makes the session of one more tab. */
  connect: (deliver: Deliver) => ClientSession;
  /** Receives errors of this server itself; their text is not sent to clients. */
  onError?: (error: unknown) => void;
  /** In which a request arrives as a whole. Default 30 s. */
  requestTimeoutMs?: number;
}): Promise<WebServer> {
  const token = randomBytes(24).toString('base64url');
  const { invoke, connect, root, host } = options;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });
  /** Sockets that have presented the token: only they receive events. */
  const tabs = new Set<WebSocket>();
  const server = createServer(limitedBy(options.requestTimeoutMs), (request, response) => {
    const target = targetOf(request);
    if (target === null) refuse(response, 400, 'The target of a request is a path.');
    else if (!isOurHost(target.host, host)) refuse(response, 403, 'This address is not served here.');
    else {
      serveFile(root, request, response, target).catch((error: unknown) => {
        options.onError?.(error);
        refuse(response, 500, INTERNAL_MESSAGE);
      });
    }
  });
  refuseMalformed(server);
  sockets.on('wsClientError', (_error, socket) => refuseSocket(socket, 400));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // From here on the socket is ours; one that breaks ends by itself.
    socket.on('error', () => socket.destroy());
    const target = targetOf(request);
    if (target?.url.pathname !== SOCKET_PATH || !isOurHost(target.host, host) || !isOurOrigin(request)) {
      refuseSocket(socket, 403);
      return;
    }
    const { url } = target;
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // A broken socket closes by itself right after; the tab reconnects.
      webSocket.on('error', () => webSocket.terminate());
      if (!hasToken(url, token)) webSocket.close(REFUSED, 'wrong token');
      else if (tabs.size >= MAX_TABS) webSocket.close(1013, 'too many tabs');
      else {
        const sender = new TabSender(webSocket);
        const session = connect((event, payload) => {
          if (event === 'cluster/patched') sender.sendDroppable(() => frameOf(event, payload));
          else sender.send(frameOf(event, payload));
        });
        tabs.add(webSocket);
        webSocket.once('close', () => {
          tabs.delete(webSocket);
          session.end();
        });
        serveSocket(webSocket, sender, session, invoke);
      }
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listen(server, options.port, host);
  const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return {
    url: `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${port}/#token=${token}`,
    token,
    async close() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function serveSocket(socket: WebSocket, sender: TabSender, session: ClientSession, invoke: Invoke): void {
  let underWay = 0;
  socket.on('message', (data: Buffer) => {
    const frame = parseFrame(data.toString('utf8'));
    if (frame === null) {
      socket.close(1003, 'not a request');
      return;
    }
    if (underWay >= MAX_UNDER_WAY) {
      socket.close(1013, 'too many requests at once');
      return;
    }
    underWay++;
    void invoke(session, frame.channel, frame.payload).then((result) => {
      underWay--;
      sender.send(JSON.stringify({ id: frame.id, result } satisfies ServerFrame));
    });
  });
}

/** An event is serialised once, however many tabs it is for. */
const frames = new WeakMap<object, string>();

const frameOf: (...of: Parameters<Deliver>) => string = (event, payload) => {
  let text = frames.get(payload);
  if (text === undefined) {
    text = JSON.stringify({ event, payload } satisfies ServerFrame);
    frames.set(payload, text);
  }
  return text;
};

function parseFrame(text: string): { id: number; channel: string; payload: unknown } | null {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    // Not JSON: the caller closes the socket and says so.
    return null;
  }
  if (typeof frame !== 'object' || frame === null) return null;
  const { id, channel, payload } = frame as { id?: unknown; channel?: unknown; payload?: unknown };
  return typeof id === 'number' && typeof channel === 'string' ? { id, channel, payload } : null;
}

/**
 * The Host header names us: a page that makes its own name point here does not get in. An address cannot be made to
 * point anywhere, so any is fine.
 */
function isOurHost(named: string | undefined, bound: string): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(named ?? '');
  const name = (match?.[1] ?? match?.[2] ?? '').toLowerCase();
  return name === 'localhost' || isIP(name) !== 0 || (name !== '' && name === bound.toLowerCase());
}

/** Browsers always send an Origin with a WebSocket; programs need not. */
function isOurOrigin(request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  return origin === undefined || origin === `http://${host}`;
}

function hasToken(url: URL, token: string): boolean {
  const given = Buffer.from(url.searchParams.get('token') ?? '');
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What has not been read of the request would be taken for the next one.
  if (!response.req.complete) response.setHeader('connection', 'close');
  response.writeHead(status, { ...SECURITY_HEADERS, 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

async function serveFile(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  { host, url }: { host: string | undefined; url: URL },
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    refuse(response, 405, 'Only GET.');
    return;
  }
  // Not every browser takes 'self' to cover WebSockets. The host has been checked: it is a name or address and a port.
  const file = await readStatic(root, url.pathname, `'self' ws://${host}`);
  if (file === null) {
    refuse(response, 404, 'Not found.');
    return;
  }
  response.writeHead(200, { ...SECURITY_HEADERS, ...file.headers, 'content-length': file.bytes.length });
  response.end(request.method === 'HEAD' ? undefined : file.bytes);
}
