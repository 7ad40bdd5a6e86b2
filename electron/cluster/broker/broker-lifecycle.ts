/**
 * The lifecycle of a broker towards the controller (KIP-631): it registers and gets a broker epoch, reads the metadata up to its own
 * registration, asks to be unfenced, and from then on keeps its session with heartbeats. To stop, it requests a controlled shutdown and waits
 * until its leaderships have moved.
 *
 *   registering ──▶ catchingUp ──▶ running ◀──▶ fenced
 *        ▲               │            │
 *        └── the controller does not know this broker (any more)
 *   any ──▶ shuttingDown ──▶ stopped
 *
 * One request is in flight at a time. Retries are unlimited: a broker without a controller waits for one.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { brokerHeartbeat } from '../protocol/apis/broker-heartbeat.ts';
import { brokerRegistration } from '../protocol/apis/broker-registration.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import type { BrokerListener, MetadataImage } from '../quorum/image.ts';
import type { BrokerSettings } from '../quorum/config-definitions.ts';
import type { ControllerChannel } from './context.ts';

export type LifecycleState = 'registering' | 'catchingUp' | 'running' | 'fenced' | 'shuttingDown' | 'stopped';

export interface LifecycleOptions {
  readonly nodeId: number;
  readonly clusterId: string;
  /** New with every start of the process, so that the controller can distinguish a restart from a repeated request. */
  readonly incarnationId: string;
  /** The broker epoch of the previous run if that ended without a loss of records (`previous-run.ts`); −1 otherwise. */
  readonly previousBrokerEpoch: bigint;
  readonly listeners: readonly BrokerListener[];
  readonly rack: string | null;
  /** Ids of the data directories. */
  readonly directoryIds: readonly string[];
  readonly features: readonly { name: string; minSupportedVersion: number; maxSupportedVersion: number }[];
  readonly settings: BrokerSettings;
  readonly controller: ControllerChannel;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  image(): MetadataImage;
  /** Whether all other parts of this broker are ready to serve. */
  ready(): boolean;
  /** Called after every change of state. */
  onState?(state: LifecycleState): void;
}

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1000;
const DUPLICATE_RETRY_MS = 200;

export class BrokerLifecycle {
  private readonly options: LifecycleOptions;
  private current: LifecycleState = 'stopped';
  private epoch = -1n;
  private heartbeatAt: number | undefined;
  private timer: Timer | null = null;
  private busy = false;
  /** An event during the request in flight makes the next one urgent. */
  private urgent = false;
  private failures = 0;
  private leaving: { resolve: (handedOver: boolean) => void; timer: Timer } | null = null;

  constructor(options: LifecycleOptions) {
    this.options = options;
  }

  get state(): LifecycleState {
    return this.current;
  }

  /** The current broker epoch; −1 before the first registration. Fetches and AlterPartition carry it. */
  get brokerEpoch(): bigint {
    return this.epoch;
  }

  /** Monotonic ms at which the last accepted heartbeat was sent; undefined before the first. */
  get lastHeartbeatAt(): number | undefined {
    return this.heartbeatAt;
  }

  /** A controlled shutdown is under way. */
  get isLeaving(): boolean {
    return this.leaving !== null;
  }

  start(): void {
    if (this.current !== 'stopped') return;
    this.enter('registering');
    this.schedule(0);
  }

  /** The image has changed, or what `ready()` returns. */
  onImage(): void {
    if (this.current === 'catchingUp' && this.caughtUp()) this.wake();
  }

  /**
   * Asks the controller to move the leaderships of this broker. Resolves to true when none is left, to false when `timeoutMs` has passed
   * first. Heartbeats continue until then, so that the session does not expire meanwhile.
   */
  controlledShutdown(timeoutMs: number): Promise<boolean> {
    if (this.leaving !== null || this.current === 'stopped') return Promise.resolve(false);
    if (this.epoch < 0n) return Promise.resolve(true);
    this.enter('shuttingDown');
    return new Promise((resolve) => {
      const timer = this.options.clock.setTimer(timeoutMs, () => this.left(false));
      this.leaving = { resolve, timer };
      this.wake();
    });
  }

  /** Stops without a request. The controller notices when the session expires. */
  stop(): void {
    this.timer?.cancel();
    this.timer = null;
    this.left(false);
    if (this.current !== 'stopped') this.enter('stopped');
  }

  private enter(state: LifecycleState): void {
    if (this.current === state) return;
    this.options.logger.info('broker state', { from: this.current, to: state, brokerEpoch: this.epoch });
    this.current = state;
    this.options.onState?.(state);
  }

  /** This broker has read all metadata up to its registration. */
  private caughtUp(): boolean {
    const { options } = this;
    return options.image().brokers.get(options.nodeId)?.epoch === this.epoch && options.ready();
  }

  private wake(): void {
    if (this.busy) this.urgent = true;
    else this.schedule(0);
  }

  private schedule(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.options.clock.setTimer(delayMs, () => void this.step());
  }

  private async step(): Promise<void> {
    if (this.busy || this.silent()) return;
    this.busy = true;
    let delayMs: number;
    try {
      delayMs = await (this.epoch < 0n ? this.register() : this.heartbeat());
    } catch (error) {
      delayMs = this.backoff();
      this.options.logger.warn('no response from the controller', { state: this.current, retryMs: delayMs, error });
    }
    this.busy = false;
    const urgent = this.takeUrgent();
    if (!this.silent()) this.schedule(urgent ? 0 : delayMs);
  }

  private takeUrgent(): boolean {
    const { urgent } = this;
    this.urgent = false;
    return urgent;
  }

  /** Stopped, or released by the controller: no request is sent any more. */
  private silent(): boolean {
    return this.current === 'stopped' || (this.current === 'shuttingDown' && this.leaving === null);
  }

  /** Sends one request. Returns the delay of the next one, in ms. */
  private async register(): Promise<number> {
    const { nodeId, clusterId, incarnationId, previousBrokerEpoch, listeners, rack, directoryIds, features } = this.options;
    const { controller, settings, logger } = this.options;
    const request = {
      brokerId: nodeId,
      clusterId,
      incarnationId,
      listeners,
      features,
      rack,
      logDirs: directoryIds,
      previousBrokerEpoch,
    };
    const answer = await controller.send(brokerRegistration, brokerRegistration.maxVersion, request, {
      timeoutMs: settings.requestTimeoutMs,
    });
    if (this.silent()) return 0;
    if (answer.errorCode !== ErrorCode.NONE) {
      // The session of the previous run may still be active; the retry should follow its end closely.
      const duplicate = answer.errorCode === ErrorCode.DUPLICATE_BROKER_REGISTRATION;
      const delayMs = duplicate ? DUPLICATE_RETRY_MS : this.backoff();
      logger[duplicate ? 'debug' : 'warn']('registration refused', { code: errorName(answer.errorCode), retryMs: delayMs });
      return delayMs;
    }
    this.epoch = answer.brokerEpoch;
    this.failures = 0;
    if (this.leaving === null) this.enter('catchingUp');
    return 0;
  }

  private async heartbeat(): Promise<number> {
    const { nodeId, controller, settings } = this.options;
    const catchingUp = this.current === 'catchingUp' && !this.caughtUp();
    const request = {
      brokerId: nodeId,
      brokerEpoch: this.epoch,
      currentMetadataOffset: this.options.image().offset,
      wantFence: catchingUp,
      wantShutDown: this.leaving !== null,
    };
    const sentAt = this.options.clock.monotonic();
    const answer = await controller.send(brokerHeartbeat, brokerHeartbeat.maxVersion, request, { timeoutMs: settings.brokerSessionHalfMs });
    if (answer.errorCode === ErrorCode.NONE) this.heartbeatAt = sentAt;
    return this.silent() ? 0 : this.onHeartbeat(answer, request.wantFence);
  }

  private onHeartbeat(answer: ResponseOf<typeof brokerHeartbeat>, wantedFence: boolean): number {
    const { settings, logger } = this.options;
    switch (answer.errorCode) {
      case ErrorCode.NONE:
        break;
      case ErrorCode.STALE_BROKER_EPOCH:
      case ErrorCode.BROKER_ID_NOT_REGISTERED:
        logger.warn('the controller does not know this registration', { code: errorName(answer.errorCode), brokerEpoch: this.epoch });
        return this.registerAgain();
      default: {
        const delayMs = this.backoff();
        logger.warn('heartbeat refused', { code: errorName(answer.errorCode), retryMs: delayMs });
        return delayMs;
      }
    }
    this.failures = 0;
    if (answer.shouldShutDown) this.left(true);
    if (this.current === 'catchingUp') {
      // The values that this heartbeat sent count: the image may have caught up while it was in flight.
      if (!answer.isFenced) this.enter('running');
      else if (wantedFence && this.caughtUp()) return 0;
    } else if (this.current === 'running' || this.current === 'fenced') {
      this.enter(answer.isFenced ? 'fenced' : 'running');
    }
    return settings.brokerHeartbeatIntervalMs;
  }

  /** Registers again; a broker that is shutting down has no leadership left to hand over. */
  private registerAgain(): number {
    this.epoch = -1n;
    if (this.leaving !== null) this.left(true);
    else this.enter('registering');
    return this.backoff();
  }

  private left(handedOver: boolean): void {
    const { leaving } = this;
    this.leaving = null;
    leaving?.timer.cancel();
    leaving?.resolve(handedOver);
  }

  private backoff(): number {
    const base = Math.min(FIRST_BACKOFF_MS * 2 ** this.failures, MAX_BACKOFF_MS);
    this.failures = Math.min(this.failures + 1, 10);
    return Math.round(base * (0.8 + 0.4 * this.options.random.next()));
  }
}
