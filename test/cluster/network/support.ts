/** A server on a free loopback port, an API for requests to it, and raw sockets for malformed ones. */
import { connect, type Socket } from 'node:net';
import { encodeRequest, encodeResponse, decodeRequest } from '../../../electron/cluster/protocol/frame.ts';
import { heartbeat } from '../../../electron/cluster/protocol/apis/heartbeat.ts';
import { PeerClient, type PeerClientOptions } from '../../../electron/cluster/network/client.ts';
import type { Dispatch, IncomingRequest } from '../../../electron/cluster/dispatch/request.ts';
import { Server, type ServerOptions } from '../../../electron/cluster/network/server.ts';
import { tcpNetwork } from '../../../electron/cluster/network/tcp.ts';
import { createLogger, type LogFields } from '../../../electron/cluster/lib/logger.ts';
import type { Network } from '../../../electron/cluster/lib/network.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { systemClock } from '../../../electron/cluster/lib/system-clock.ts';

export const HOST = '127.0.0.1';
export const VERSION = 4;

/** Answers a Heartbeat with its own generation as the error code, so that an answer can be matched with its request. */
export function echo(request: IncomingRequest): Uint8Array[] {
  const body = decodeRequest(heartbeat, request.header.apiVersion, request.reader);
  return encodeResponse(heartbeat, request.header.apiVersion, request.header.correlationId, { errorCode: body.generationId });
}

export function generationOf(request: IncomingRequest): number {
  return decodeRequest(heartbeat, request.header.apiVersion, request.reader).generationId;
}

export function answer(request: IncomingRequest, errorCode: number): Uint8Array[] {
  return encodeResponse(heartbeat, request.header.apiVersion, request.header.correlationId, { errorCode });
}

export function beat(generationId: number, memberId = 'm'): { groupId: string; generationId: number; memberId: string } {
  return { groupId: 'g', generationId, memberId };
}

export function requestBytes(generationId: number, correlationId = generationId, memberId = 'm'): Buffer {
  return Buffer.concat(encodeRequest(heartbeat, VERSION, { correlationId, clientId: 'test' }, beat(generationId, memberId)));
}

export class Rig implements AsyncDisposable {
  readonly logged: { level: string; message: string; fields: LogFields }[] = [];
  readonly network = tcpNetwork();
  private readonly servers: Server[] = [];
  private readonly clients: PeerClient[] = [];
  private readonly sockets: Socket[] = [];
  private ids = 0;

  async serve(dispatch: Dispatch, options: Partial<ServerOptions> = {}): Promise<{ server: Server; port: number }> {
    const server = new Server({
      network: this.network,
      clock: systemClock,
      logger: createLogger((level, message, fields) => this.logged.push({ level, message, fields }), 'debug'),
      listener: 'PLAINTEXT',
      address: { host: HOST, port: 0 },
      dispatch,
      nextConnectionId: () => ++this.ids,
      ...options,
    });
    this.servers.push(server);
    return { server, port: await server.start() };
  }

  client(port: number, options: Partial<PeerClientOptions> & { network?: Network } = {}): PeerClient {
    const client = new PeerClient({
      network: this.network,
      clock: systemClock,
      random: seededRandom(1),
      address: { host: HOST, port },
      clientId: 'test',
      ...options,
    });
    this.clients.push(client);
    return client;
  }

  async socket(port: number): Promise<Socket> {
    const socket = connect({ host: HOST, port, noDelay: true });
    this.sockets.push(socket);
    socket.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close();
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

export function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
    socket.resume();
  });
}

/** Waits until a condition holds that depends on received bytes. */
export async function until(holds: () => boolean, what: string, timeoutMs = 30_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not in ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
