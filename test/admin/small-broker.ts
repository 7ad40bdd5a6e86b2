/** A Kafka server just large enough to answer ApiVersions, DescribeCluster and Metadata, and to misbehave on demand. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { apiVersions } from '../../electron/cluster/protocol/apis/api-versions.ts';
import { describeCluster } from '../../electron/cluster/protocol/apis/describe-cluster.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import type { ResponseIn } from '../../electron/cluster/protocol/schema.ts';
import { Writer } from '../../electron/cluster/protocol/writer.ts';

/** What it does with a request other than ApiVersions. */
export type Manner = 'answers' | 'silent' | 'resets' | 'garbage' | 'closes';

export class SmallBroker {
  manner: Manner = 'answers';
  /** What it says of brokers and topics. */
  metadata: Partial<ResponseIn<typeof metadata>> = {};
  /** Of Metadata, the newest that it speaks. */
  metadataVersion = 12;
  /** Requests other than ApiVersions that came, answered or not. */
  requests = 0;
  /** Silent even to ApiVersions, as a frozen broker whose kernel still accepts. */
  frozen = false;
  connections = 0;
  /** ApiVersions requests that came. */
  versionRequests = 0;
  private heldVersions: (() => void)[] | undefined;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor() {
    this.server = createServer((socket) => this.serve(socket));
  }

  listen(port = 0): Promise<number> {
    return new Promise((resolve) => {
      this.server.listen(port, '127.0.0.1', () => resolve((this.server.address() as AddressInfo).port));
    });
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  /** ApiVersions is not answered until the function that this returns is called. */
  holdVersions(): () => void {
    this.heldVersions = [];
    return () => {
      const held = this.heldVersions ?? [];
      this.heldVersions = undefined;
      for (const answer of held) answer();
    };
  }

  private serve(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const size = pending.readInt32BE(0);
        this.answer(socket, pending.subarray(4, 4 + size));
        pending = pending.subarray(4 + size);
      }
    });
  }

  private answer(socket: Socket, request: Buffer): void {
    const key = request.readInt16BE(0);
    const version = request.readInt16BE(2);
    const correlationId = request.readInt32BE(4);
    if (key !== apiVersions.key) this.requests++;
    if (this.frozen) return;
    const writer = new Writer();
    if (key === apiVersions.key) {
      this.versionRequests++;
      apiVersions.response.codec(version).encode(writer, {
        errorCode: 0,
        apiKeys: [
          { apiKey: apiVersions.key, minVersion: 0, maxVersion: 2 },
          { apiKey: metadata.key, minVersion: 0, maxVersion: this.metadataVersion },
          { apiKey: describeCluster.key, minVersion: 0, maxVersion: 0 },
        ],
      });
      const answer = (): void => send(socket, correlationId, writer.finishBuffer());
      if (this.heldVersions === undefined) answer();
      else this.heldVersions.push(answer);
      return;
    }
    if (this.manner === 'silent') return;
    if (this.manner === 'resets') return void socket.resetAndDestroy();
    if (this.manner === 'closes') return void socket.end();
    if (this.manner === 'garbage') {
      send(socket, correlationId, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2]));
      return;
    }
    if (key === metadata.key) {
      if (version >= metadata.flexibleFrom) writer.noTags();
      metadata.response.codec(version).encode(writer, { brokers: [], topics: [], errorCode: 0, ...this.metadata });
    } else {
      writer.noTags();
      describeCluster.response.codec(version).encode(writer, { errorCode: 0, clusterId: 'small', controllerId: 1, brokers: [] });
    }
    send(socket, correlationId, writer.finishBuffer());
  }
}

function send(socket: Socket, correlationId: number, body: Buffer): void {
  const header = Buffer.alloc(8);
  header.writeInt32BE(4 + body.length, 0);
  header.writeInt32BE(correlationId, 4);
  socket.write(Buffer.concat([header, body]));
}
