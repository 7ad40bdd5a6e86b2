/** One request at a time of any API and version over one connection, which is opened again where the broker closes it. */
import { decodeResponse, encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import { RawClient } from './raw-client.ts';

export class ProtocolClient {
  private readonly port: number;
  private readonly clientId: string;
  private connection: RawClient | undefined;
  private correlationId = 0;

  constructor(port: number, clientId: string) {
    this.port = port;
    this.clientId = clientId;
  }

  /** Undefined where the broker closed the connection, or did not answer in time; it is left then. */
  async ask<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, timeoutMs = 15_000): Promise<S | undefined> {
    let { connection } = this;
    if (connection === undefined || connection.closed) connection = this.connection = await RawClient.open(this.port);
    const open = connection;
    const correlationId = ++this.correlationId;
    open.send(...encodeRequest(api, version, { correlationId, clientId: this.clientId }, body));
    await open.until(() => open.frames.length > 0 || open.closed, timeoutMs);
    const frame = open.frames.shift();
    if (frame !== undefined) return decodeResponse(api, version, frame).body;
    open.close();
    this.connection = undefined;
    return undefined;
  }

  close(): void {
    this.connection?.close();
  }
}
