/** Rules of all HTTP servers of the app: response headers, time limits, and refusal of request lines that no browser sends. */
import { STATUS_CODES, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { ownValue } from '#shared/own-value';

/** For every response, errors included: no script, no framing, no type sniffing, no caching. A page overrides what it needs. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Without internal details, which are in the log only. */
export const INTERNAL_MESSAGE = 'An internal error occurred. The log of this process has the details.';

/** Limit of a request line with its headers, bytes; above it the answer is 431. */
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 512;

/** For `createServer`. `requestTimeoutMs`: for a whole request with its body; later the answer is 408. */
export function limitedBy(requestTimeoutMs = 30_000): ServerOptions {
  return {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: Math.min(10_000, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs),
  };
}

/** Answers requests that Node's parser refuses, with the same headers. */
export function refuseMalformed(server: Server): void {
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else refuseSocket(socket, ownValue(STATUSES, error.code ?? '') ?? 400);
  });
}

const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Writes a response without a body to a socket, and closes it. */
export function refuseSocket(socket: Duplex, status: number): void {
  const headers = Object.entries({ ...SECURITY_HEADERS, 'content-length': '0', connection: 'close' });
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  socket.end(`${lines.join('\r\n')}\r\n\r\n`, () => socket.destroy());
}

/**
 * The request's target as path and query, and the host that it is for. In absolute form (`GET http://host/path`) the target names the host,
 * and the Host header does not count (RFC 9112, 3.2.2). Null for any other form.
 */
export function targetOf(request: Pick<IncomingMessage, 'url' | 'headers'>): { host: string | undefined; url: URL } | null {
  const target = request.url ?? '';
  const absolute = /^http:\/\/([^/?#@\s]+)(.*)$/i.exec(target);
  const rest = absolute === null ? target : (absolute[2] ?? '');
  const path = rest === '' || rest.startsWith('?') ? `/${rest}` : rest;
  if (!path.startsWith('/') || (absolute === null && target === '')) return null;
  const url = URL.parse(`http://localhost${path}`);
  return url === null ? null : { host: absolute === null ? request.headers.host : absolute[1], url };
}
