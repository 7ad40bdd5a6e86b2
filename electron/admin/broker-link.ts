/**
 * One broker, over kafkajs' connection (its TCP, TLS and SASL), with our own requests on top: encoded by
 * `cluster/protocol`, any version, flexible ones too. The only place that knows kafkajs' insides.
 */
import { logLevel } from 'kafkajs';
import Broker from 'kafkajs/src/broker/index.js';
import loggers from 'kafkajs/src/loggers/index.js';
import ConnectionPool from 'kafkajs/src/network/connectionPool.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { metadata } from '../cluster/protocol/apis/metadata.ts';
import { Reader } from '../cluster/protocol/reader.ts';
import type { Api } from '../cluster/protocol/schema.ts';
import { Writer } from '../cluster/protocol/writer.ts';
import { AnswerMemo, requestKey } from './answer-memo.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import { AdminError, UnreachableError } from './errors.ts';
import { afterIdle, countIdle } from './idle-timer.ts';
import { setUpKafkajs } from './kafkajs-setup.ts';
import { KafkajsSockets } from './kafkajs-sockets.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Above any timeout of ours, so that kafkajs never gives up first. */
const KAFKAJS_TIMEOUT_MS = 120_000;

/** kafkajs logs to the console by default. Its errors reach us as rejections, so the lines are of no use. */
const quietLogger = loggers.createLogger({ level: logLevel.NOTHING, logCreator: () => () => undefined });

export interface SendOptions {
  timeoutMs: number;
  /** The highest version to use, where a newer one would answer less (or differently). */
  maxVersion?: number;
  /** False for a Produce with acks=0, which no broker answers: it is over once it is handed to the socket, and what `send` resolves to is undefined. */
  isAnswered?: boolean;
  /** True: an answer of the same bytes as the last one to this request may be the same object, which must not be changed in place. */
  isRepeated?: boolean;
}

/** Time limit of one request over all of its steps: connecting, the request for the cluster id, and the response. */
interface Limit {
  readonly totalMs: number;
  readonly leftMs: () => number;
}

export class BrokerLink {
  readonly address: string;
  /** True from a request that timed out until the broker answers a request. */
  silent = false;
  /** The latest read that waits for its response. */
  private waiting: Promise<unknown> | undefined;
  private broker: Broker;
  private pool: ConnectionPool;
  private readonly sockets: KafkajsSockets;
  private readonly host: string;
  private readonly port: number;
  private readonly clientId: string;
  private readonly memo: AnswerMemo;
  private readonly identity: ClusterIdentity | undefined;
  /** Of the cluster that the broker reports; `connection`: the number of the last one to it. */
  private reported: { connection: number; clusterId: Promise<string | null> } | undefined;
  private closed = false;

  /**
   * `connectHost`: see `KafkajsSockets`. `memo`: shared by the links of one cluster, whose brokers return the same. `identity`: brokers of other
   * clusters are refused by it.
   */
  constructor(options: {
    host: string;
    port: number;
    clientId: string;
    connectHost?: string | undefined;
    memo?: AnswerMemo;
    identity?: ClusterIdentity | undefined;
  }) {
    this.identity = options.identity;
    setUpKafkajs();
    this.sockets = new KafkajsSockets(options.connectHost);
    this.host = options.host;
    this.port = options.port;
    this.clientId = options.clientId;
    this.memo = options.memo ?? new AnswerMemo();
    this.address = `${options.host}:${options.port}`;
    [this.broker, this.pool] = this.open();
  }

  private open(): [Broker, ConnectionPool] {
    const pool = new ConnectionPool({
      host: this.host,
      port: this.port,
      rack: null,
      ssl: null,
      sasl: null,
      clientId: this.clientId,
      socketFactory: this.sockets.factory,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: KAFKAJS_TIMEOUT_MS,
      enforceRequestTimeout: false,
      maxInFlightRequests: null,
      logger: quietLogger,
    });
    return [new Broker({ connectionPool: pool, logger: quietLogger }), pool];
  }

  /** Highest version that both sides speak; undefined when the broker lacks the API. Known once connected. */
  version(api: Api, atMost = Infinity): number | undefined {
    const range = this.broker.versions?.[api.key];
    if (range === undefined) return undefined;
    const version = Math.min(api.maxVersion, range.maxVersion, atMost);
    return version >= Math.max(api.minVersion, range.minVersion) ? version : undefined;
  }

  /**
   * Sends one request and decodes its answer. Rejects with `UnreachableError` when the broker refuses, resets or stays
   * silent for `timeoutMs`, with `OtherClusterError` when it belongs to another cluster, and with an `UNSUPPORTED_VERSION` `AdminError` when it
   * does not speak the API.
   */
  async send<In, Out>(api: Api<unknown, In, Out, never>, body: In, options: SendOptions): Promise<Out> {
    const limit: Limit = { totalMs: options.timeoutMs, leftMs: countIdle(options.timeoutMs) };
    if (this.closed) throw new UnreachableError(this.address, 'the connection was closed here');
    const { broker, pool } = this;
    // kafkajs counts a broker as connected from the TCP connection on; the versions arrive later.
    if (!broker.isConnected() || broker.versions === null) await this.withTimeout(broker.connect(), broker, limit);
    if (broker.versions === null) throw new UnreachableError(this.address, 'it did not report the versions of its APIs');
    this.identity?.check(this.address, await this.withTimeout(this.clusterIdOf(pool), broker, limit));
    const version = this.version(api, options.maxVersion);
    if (version === undefined) {
      throw new AdminError({ code: 'UNSUPPORTED_VERSION', message: `${this.address} does not speak ${api.name}.`, subject: this.address });
    }
    const answer = exchange(pool, api, version, body, {
      isAnswered: options.isAnswered !== false,
      memo: options.isRepeated === true ? this.memo : null,
    });
    const decoded = await this.withTimeout(answer, broker, limit);
    this.silent = false;
    return decoded;
  }

  /**
   * Asked once for each connection: at an address another broker may answer later. kafkajs reconnects by itself when a connection ended while
   * nothing was asked.
   */
  private clusterIdOf(pool: ConnectionPool): Promise<string | null> {
    const { reported } = this;
    const connection = this.sockets.count;
    if (reported?.connection === connection) return reported.clusterId;
    const version = this.version(metadata);
    // Before version 1 no topics means all of them, and before version 2 no cluster is named.
    if (this.identity === undefined || version === undefined || version < 2) return Promise.resolve(null);
    const asked = {
      connection,
      clusterId: exchange(pool, metadata, version, NO_TOPICS, { isAnswered: true, memo: null }).then(({ clusterId }) => clusterId),
    };
    this.reported = asked;
    asked.clusterId.catch(() => {
      if (this.reported === asked) this.reported = undefined;
    });
    return asked.clusterId;
  }

  /**
   * As `send`, for requests that another broker can answer too. While this broker is silent it receives one such request at a time, since
   * responses are ordered and more would queue up behind it. A queued request is not sent, and rejects, if the one before it fails or the
   * signal is aborted.
   */
  async read<In, Out>(api: Api<unknown, In, Out, never>, body: In, options: SendOptions, signal: AbortSignal): Promise<Out> {
    while (this.silent && this.waiting !== undefined) {
      await this.waiting;
      signal.throwIfAborted();
    }
    const answer = this.send(api, body, options);
    this.waiting = answer;
    try {
      return await answer;
    } finally {
      if (this.waiting === answer) this.waiting = undefined;
    }
  }

  /** A timeout destroys the socket: kafkajs would keep it, and later requests would wait behind the first one (kafkajs #919, #1163). */
  private async withTimeout<T>(answer: Promise<T>, broker: Broker, { totalMs, leftMs }: Limit): Promise<T> {
    let cancel: (() => void) | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      cancel = afterIdle(leftMs(), () => {
        this.silent = true;
        reject(new UnreachableError(this.address, `no answer in ${(totalMs / 1000).toFixed(1)} s`));
        this.reopen(broker);
      });
    });
    try {
      return await Promise.race([answer, silence]);
    } catch (error) {
      if (error instanceof AdminError) throw error;
      if (isConnectionFailure(error)) {
        this.reopen(broker);
        throw new UnreachableError(this.address, plainReason(error), { cause: error });
      }
      throw error;
    } finally {
      cancel?.();
      // The response may reject after the timeout, which was already reported.
      answer.catch(() => undefined);
    }
  }

  /** Starts afresh after a failure; several failures of the same broker object count once. */
  private reopen(failed: Broker): void {
    if (this.broker !== failed) return;
    this.sockets.end(undefined, 'closed after a failed request');
    if (!this.closed) [this.broker, this.pool] = this.open();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.sockets.end(undefined, 'closed');
  }
}

const NO_TOPICS = { topics: [], allowAutoTopicCreation: false };

function exchange<In, Out>(
  pool: ConnectionPool,
  api: Api<unknown, In, Out, never>,
  version: number,
  body: In,
  { isAnswered, memo }: { isAnswered: boolean; memo: AnswerMemo | null },
): Promise<Out> {
  const encoded = encodeBody(api, version, body);
  const decode = (payload: Buffer): Out => decodeBody(api, version, payload);
  const request = memo === null ? '' : requestKey(api.key, version, encoded.buffer);
  return pool.send<Out>({
    request: {
      apiKey: api.key,
      apiVersion: version,
      apiName: api.name,
      encode: () => Promise.resolve(encoded),
      expectResponse: () => isAnswered,
    },
    response: {
      decode: (payload) => Promise.resolve(memo === null ? decode(payload) : memo.decode(request, payload, decode)),
      parse: (decoded) => Promise.resolve(decoded),
    },
    logResponseError: false,
  });
}

function encodeBody<In>(api: Api<unknown, In, unknown, never>, version: number, body: In): Encoder {
  const writer = new Writer();
  // kafkajs writes header v1; one empty tag section makes it the v2 that flexible versions want.
  if (version >= api.flexibleFrom) writer.noTags();
  api.request.codec(version).encode(writer, body);
  const encoder = new Encoder();
  encoder.writeBufferInternal(writer.finishBuffer());
  return encoder;
}

function decodeBody<Out>(api: Api<unknown, never, Out, never>, version: number, payload: Buffer): Out {
  const reader = new Reader(payload);
  if (version >= api.flexibleFrom) reader.skipTags();
  return api.response.codec(version).decode(reader);
}

function isConnectionFailure(error: unknown): error is Error {
  return (
    error instanceof Error && /^KafkaJS(Connection|RequestTimeout|LockTimeout|BrokerNotFound)|^KafkaJSConnectionClosed/.test(error.name)
  );
}

function plainReason(error: Error): string {
  const { code } = error as { code?: unknown };
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'connection reset';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its host name is unknown';
  return error.message.replace(/^Connection error: /, '');
}
