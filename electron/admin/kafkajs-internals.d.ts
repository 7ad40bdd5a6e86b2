/** What we use of kafkajs 2.2.4 below its public surface. Its version is pinned exactly; it has no `exports` map. */

declare module 'kafkajs/src/loggers/index.js' {
  import type { logCreator, logLevel } from 'kafkajs';
  export interface InternalLogger {
    namespace(name: string): InternalLogger;
  }
  const loggers: {
    createLogger(options: { level: logLevel; logCreator: logCreator }): InternalLogger;
    LEVELS: Record<'NOTHING' | 'ERROR' | 'WARN' | 'INFO' | 'DEBUG', logLevel>;
  };
  export default loggers;
}

declare module 'kafkajs/src/network/connectionPool.js' {
  import type { ISocketFactory, SASLOptions } from 'kafkajs';
  import type { ConnectionOptions } from 'node:tls';
  import type Encoder from 'kafkajs/src/protocol/encoder.js';
  import type { InternalLogger } from 'kafkajs/src/loggers/index.js';

  export interface RawRequest<T> {
    request: {
      apiKey: number;
      apiVersion: number;
      apiName: string;
      encode(): Promise<Encoder>;
      expectResponse?(): boolean;
    };
    response: {
      decode(payload: Buffer): Promise<T>;
      parse(decoded: T): Promise<T>;
    };
    requestTimeout?: number;
    logResponseError?: boolean;
  }

  export default class ConnectionPool {
    constructor(options: {
      host: string;
      port: number;
      rack: string | null;
      ssl: ConnectionOptions | null;
      sasl: SASLOptions | null;
      clientId: string;
      socketFactory: ISocketFactory;
      connectionTimeout: number;
      requestTimeout: number;
      enforceRequestTimeout: boolean;
      maxInFlightRequests: number | null;
      logger: InternalLogger;
    });
    send<T>(request: RawRequest<T>): Promise<T>;
    destroy(): Promise<void>;
  }
}

declare module 'kafkajs/src/broker/index.js' {
  import type ConnectionPool from 'kafkajs/src/network/connectionPool.js';
  import type { InternalLogger } from 'kafkajs/src/loggers/index.js';
  export default class Broker {
    constructor(options: { connectionPool: ConnectionPool; logger: InternalLogger; authenticationTimeout?: number });
    readonly versions: Record<number, { minVersion: number; maxVersion: number }> | null;
    isConnected(): boolean;
    connect(): Promise<void>;
    disconnect(): Promise<void>;
  }
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    writeBufferInternal(buffer: Buffer): void;
    writeString(text: string | null | undefined): this;
    writeVarIntString(text: string | null | undefined): this;
    writeUVarIntString(text: string | null | undefined): this;
    readonly buffer: Buffer;
  }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(buffer: Buffer);
    readString(): string | null;
    readVarIntString(): string | null;
    readUVarIntString(): string | null;
  }
}

declare module 'kafkajs/src/consumer/assignerProtocol.js' {
  interface MemberAssignment {
    encode(value: { version: number; assignment: Partial<Record<string, number[]>>; userData?: Buffer }): Buffer;
    decode(buffer: Buffer): { version: number; assignment: object } | null;
  }
  const protocol: { MemberAssignment: MemberAssignment };
  export default protocol;
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  interface RequestQueue {
    pending: unknown[];
    throttledUntil: number;
    scheduleCheckPendingRequests(): void;
  }
  const requestQueue: { prototype: RequestQueue };
  export default requestQueue;
}

declare module 'kafkajs/src/consumer/runner.js' {
  import type { InternalLogger } from 'kafkajs/src/loggers/index.js';
  export interface RunnerOptions {
    logger: InternalLogger;
    consumerGroup: object;
    instrumentationEmitter: { emit(event: string, payload: unknown): void };
    concurrency: number;
    eachBatch(): Promise<void>;
    onCrash(reason: Error): void;
    retry?: { retries?: number; initialRetryTime?: number };
  }
  export default class Runner {
    constructor(options: RunnerOptions);
    running: boolean;
    start(): Promise<void>;
    stop(): Promise<void>;
    fetch(nodeId: string): Promise<unknown[]>;
  }
}
