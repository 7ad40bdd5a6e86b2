/**
 * Sends requests of this node's broker to the active controller, on this node or over the network. It follows the leader of the quorum and
 * retries on NOT_CONTROLLER, a lost connection and a change of leader until the request times out.
 */
import type { Clock } from '../lib/clock.ts';
import { sleep } from '../lib/clock.ts';
import { runningTime, setRunningTimer } from '../lib/running-time.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { alterPartition } from '../protocol/apis/alter-partition.ts';
import { brokerHeartbeat } from '../protocol/apis/broker-heartbeat.ts';
import { brokerRegistration } from '../protocol/apis/broker-registration.ts';
import { envelope } from '../protocol/apis/envelope.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { Reader } from '../protocol/reader.ts';
import type { Api } from '../protocol/schema.ts';
import { Writer } from '../protocol/writer.ts';
import type { Session } from '../security/session.ts';
import { controllerApis } from './api-registry.ts';
import { unwrapResponse, wrapRequest, type ForwardedClient } from './forwarding.ts';
import type { PeerChannels, Purpose } from './peer-channels.ts';
import { coordinationTouch } from './zookeeper-state/apis.ts';

export interface ControllerChannelOptions {
  readonly nodeId: number;
  readonly peers: Pick<PeerChannels, 'send'>;
  /** The quorum's leader as this node knows it; −1 while unknown. */
  leaderId(): number;
  /**
   * Answers a decoded request on this node, for the node itself or for the session of a client. Rejects with NOT_CONTROLLER unless it is the
   * active controller.
   */
  local(apiKey: number, version: number, request: unknown, session?: Session): Promise<unknown>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const RETRY_MS = 30;

/** Requests that neither wait behind client requests nor fail with their connection. All others share one connection. */
const PURPOSES: ReadonlyMap<number, Purpose> = new Map([
  [brokerRegistration.key, { name: 'heartbeat', silentMs: 1_000 }],
  [brokerHeartbeat.key, { name: 'heartbeat', silentMs: 1_000 }],
  [alterPartition.key, { name: 'alter-partition', silentMs: 3_000 }],
  [coordinationTouch.key, { name: 'zookeeper-heartbeat', silentMs: 1_000 }],
]);
/** The controller answers these when the request's own timeout expires; the client's timeout may be shorter. */
const FORWARDING: Purpose = { name: 'forwarding', silentMs: 3_000 };

export class ControllerChannel {
  private readonly options: ControllerChannelOptions;
  private readonly waiting = new Set<() => void>();
  private closed = false;

  constructor(options: ControllerChannelOptions) {
    this.options = options;
  }

  /**
   * Rejects with `KafkaError` REQUEST_TIMED_OUT when no controller answered within `timeoutMs`: the change may have taken effect. Other error
   * codes are in the response. A request of a `client` is sent with the client's principal; it is the node's own if absent.
   */
  async send<Q, S>(
    api: Api<unknown, Q, S, never>,
    version: number,
    body: Q,
    { timeoutMs, client }: { timeoutMs: number; client?: ForwardedClient },
  ): Promise<S> {
    const { clock, random, logger } = this.options;
    const deadline = runningTime(clock) + timeoutMs;
    let last: unknown;
    for (let left = timeoutMs; left >= 1 && !this.closed; left = deadline - runningTime(clock)) {
      const leader = this.options.leaderId();
      if (leader >= 0) {
        try {
          const request = withTimeLeft(api.key, body, left);
          const answer = await this.whileItLeads(leader, left, this.ask(leader, api, version, request, left, client));
          if (answer !== undefined && !saysNotController(answer)) return answer;
          last = answer === undefined ? new Error('the controller has changed') : new Error(`node ${leader} is not the active controller`);
        } catch (error) {
          // The controller refused the broker, not the client: it will refuse the next attempt too.
          if (error instanceof KafkaError && error.code === ErrorCode.UNKNOWN_SERVER_ERROR) throw error;
          last = error;
          logger.debug('The controller did not answer', { controller: leader, api: api.name, error });
        }
      }
      const pause = Math.min(RETRY_MS * (0.7 + 0.6 * random.next()), deadline - runningTime(clock));
      if (pause > 0) await sleep(clock, pause);
    }
    if (this.closed) throw new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, 'This node is stopping.');
    const message = `No controller answered ${api.name} within ${Math.round(timeoutMs)} ms; a majority of the quorum's nodes may be down.`;
    throw new KafkaError(ErrorCode.REQUEST_TIMED_OUT, message, { cause: last });
  }

  /** To be called when the leader of the quorum changes: pending requests are sent to the new one. */
  onLeaderChange(): void {
    for (const wake of [...this.waiting]) wake();
  }

  close(): void {
    this.closed = true;
    this.onLeaderChange();
  }

  private async ask<Q, S>(
    leader: number,
    api: Api<unknown, Q, S, never>,
    version: number,
    body: Q,
    timeoutMs: number,
    client: ForwardedClient | undefined,
  ): Promise<S> {
    if (leader === this.options.nodeId) return this.askLocally(api, version, body, client?.session);
    const { peers } = this.options;
    const purpose = PURPOSES.get(api.key) ?? FORWARDING;
    if (client === undefined) return peers.send(leader, purpose, { api, version, body, timeoutMs });
    const wrapped = { api: envelope, version: 0, body: wrapRequest(api, version, body, client), timeoutMs };
    return unwrapResponse(api, version, await peers.send(leader, purpose, wrapped));
  }

  /** Re-encodes the request as the network would: defaults are filled in, and fields that the version lacks are dropped. */
  private async askLocally<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, session: Session | undefined): Promise<S> {
    const request = new Writer();
    api.request.codec(version).encode(request, body);
    const answer = await this.options.local(
      api.key,
      version,
      api.request.codec(version).decode(new Reader(request.finishBuffer())),
      session,
    );
    const response = new Writer();
    const codec = api.response.codec(version) as unknown as { encode(writer: Writer, value: unknown): void; decode(reader: Reader): S };
    codec.encode(response, answer);
    return codec.decode(new Reader(response.finishBuffer()));
  }

  /** The response; undefined when the leader changed, this channel was closed or the request timed out first. */
  private async whileItLeads<S>(leader: number, timeoutMs: number, answer: Promise<S>): Promise<S | undefined> {
    const over = Promise.withResolvers<undefined>();
    const wake = (): void => {
      if (this.closed || this.options.leaderId() !== leader) over.resolve(undefined);
    };
    const timer = setRunningTimer(this.options.clock, timeoutMs, () => {
      over.resolve(undefined);
    });
    this.waiting.add(wake);
    try {
      return await Promise.race([answer, over.promise]);
    } finally {
      timer.cancel();
      this.waiting.delete(wake);
    }
  }
}

/** The controller counts a request's own timeout from its arrival, so the request carries what is left of it. */
function withTimeLeft<Q>(apiKey: number, body: Q, leftMs: number): Q {
  if (controllerApis.find(apiKey)?.descriptor.timeoutMs === undefined) return body;
  const { timeoutMs } = body as { timeoutMs?: unknown };
  return typeof timeoutMs === 'number' && timeoutMs > leftMs ? { ...body, timeoutMs: Math.max(1, Math.floor(leftMs)) } : body;
}

/** A controller that is not active answers NOT_CONTROLLER for the whole request, or for every item in it. */
function saysNotController(answer: unknown): boolean {
  const { errorCode, ...rest } = answer as { errorCode?: number };
  if (errorCode !== undefined) return errorCode === ErrorCode.NOT_CONTROLLER;
  const lists = Object.values(rest).filter((value): value is { errorCode?: number }[] => Array.isArray(value) && value.length > 0);
  return lists.length > 0 && lists.every((list) => list.every((item) => item.errorCode === ErrorCode.NOT_CONTROLLER));
}
