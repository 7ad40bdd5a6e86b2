/**
 * Sessions of brokers and of ZooKeeper clients at the active controller, and the state of these clients with all decisions, also uncommitted
 * ones. Decides on their requests, which extend sessions, and on sessions that have expired. Expiry times are not replicated.
 */
import type { Clock } from '../lib/clock.ts';
import { runningTime } from '../lib/running-time.ts';
import { brokerHeartbeat } from '../protocol/apis/broker-heartbeat.ts';
import type { brokerRegistration } from '../protocol/apis/broker-registration.ts';
import type { MetadataRecord } from '../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../protocol/schema.ts';
import { BrokerSessions } from './broker-sessions.ts';
import type { SessionDecisions } from './controller-api.ts';
import { decideHeartbeat } from './controller/broker-heartbeat.ts';
import { isActive, type Decision, type DecisionContext } from './controller/decision.ts';
import { fenceBroker } from './controller/fence-broker.ts';
import { registerBroker } from './controller/register-broker.ts';
import { coordinationTouch, type coordinationSession, type coordinationWrite } from './zookeeper-state/apis.ts';
import { deleteExpired, EXPIRY_INTERVAL_MS, expiredNodes } from './zookeeper-state/expiry.ts';
import { decideTouch, decideSessions, expireSessions, SessionClock } from './zookeeper-state/sessions.ts';
import { decideWrite } from './zookeeper-state/transaction.ts';
import { applyZooKeeperRecords } from './zookeeper-state/log-state.ts';
import { EMPTY_COORDINATION, type CoordinationImage } from './zookeeper-state/state.ts';
import type { ZooKeeperContext } from './zookeeper-state/view.ts';
import type { AppliedAt } from './image-apply.ts';
import type { BrokerRegistration, ImageChange, MetadataImage } from './image.ts';

export interface SessionSettings {
  /** `broker.session.timeout.ms`. */
  readonly sessionTimeoutMs: number;
  /** How often `sweep` is called. */
  readonly sweepMs: number;
}

/** A decision of the controller without a request. */
export interface Due {
  /** As in "could not …". */
  readonly what: string;
  readonly decide: (context: DecisionContext) => Decision<unknown>;
}

export class ControllerSessions implements SessionDecisions {
  private readonly clock: Clock;
  private readonly settings: SessionSettings;
  private readonly brokers: BrokerSessions;
  private readonly clients = new SessionClock();
  /** As the controller's image: with all decisions. */
  private zookeeper = EMPTY_COORDINATION;
  private nodesExpireAt = 0;

  constructor(clock: Clock, settings: SessionSettings) {
    this.clock = clock;
    this.settings = settings;
    this.brokers = new BrokerSessions(settings.sessionTimeoutMs);
  }

  /** This controller became active: every session of the image is given its full timeout. */
  reset(image: MetadataImage, zookeeper: CoordinationImage): void {
    const now = runningTime(this.clock);
    this.brokers.reset(
      [...image.brokers.values()].filter((broker) => !broker.fenced).map((broker) => broker.id),
      now,
    );
    this.zookeeper = zookeeper;
    this.clients.reset(zookeeper, now);
    this.nodesExpireAt = now + EXPIRY_INTERVAL_MS;
  }

  /** Applies records of a decision, whose changes of the image are `change`, once the result is called. Throws where they do not fit. */
  prepare(records: readonly MetadataRecord[], change: ImageChange, at: AppliedAt): () => void {
    const { state } = applyZooKeeperRecords(this.zookeeper, records, change, at);
    return () => {
      this.zookeeper = state;
    };
  }

  /** Milliseconds since the last heartbeat, by broker. */
  ages(): ReadonlyMap<number, number> {
    return this.brokers.ages(runningTime(this.clock));
  }

  /**
   * A request arrived at the active controller, whose decided image is `image`. It extends sessions from its arrival, not from its decision,
   * which may wait for the disk (as `BrokerHeartbeatTracker` in Apache Kafka).
   */
  extendSessions(apiKey: number, request: unknown, image: MetadataImage): void {
    if (apiKey === brokerHeartbeat.key) {
      const { brokerId, brokerEpoch } = request as RequestOf<typeof brokerHeartbeat>;
      if (image.brokers.get(brokerId)?.epoch === brokerEpoch) this.brokers.extend(brokerId, runningTime(this.clock));
    } else if (apiKey === coordinationTouch.key) {
      for (const id of (request as RequestOf<typeof coordinationTouch>).sessionIds) this.renewClient(id);
    }
  }

  // ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────

  register(context: DecisionContext, request: RequestOf<typeof brokerRegistration>): Decision<ResponseIn<typeof brokerRegistration>> {
    const now = runningTime(this.clock);
    const decision = registerBroker(context, request, (id) => this.brokers.isAlive(id, now));
    this.brokers.open(request.brokerId, now);
    return decision;
  }

  heartbeat(context: DecisionContext, request: RequestOf<typeof brokerHeartbeat>): Decision<ResponseIn<typeof brokerHeartbeat>> {
    const { image } = context;
    const { brokerId } = request;
    const others = [...image.brokers.values()].filter((broker) => broker.id !== brokerId && isActive(broker));
    const offsets = others.map((broker) => this.brokers.metadataOffset(broker.id));
    const lowestActiveOffset = offsets.length === 0 ? undefined : offsets.reduce((a, b) => (a < b ? a : b));
    const registered = image.brokers.get(brokerId);
    const session =
      registered?.epoch === request.brokerEpoch
        ? this.brokers.recordHeartbeat(brokerId, request.currentMetadataOffset, runningTime(this.clock))
        : undefined;
    if (registered?.inControlledShutdown === true && session !== undefined) session.shutdownOffset ??= image.offset;
    const decision = decideHeartbeat(context, request, { shutdownOffset: session?.shutdownOffset, lowestActiveOffset });
    if (request.wantShutDown && session !== undefined) {
      if (decision.response.shouldShutDown) this.brokers.close(brokerId);
      else if (decision.records.length > 0) session.shutdownOffset = context.nextOffset + BigInt(decision.records.length) - 1n;
    }
    return decision;
  }

  /** Whether `heartbeat` changes more of the session than the time and metadata offset of the last heartbeat. */
  changesWith(request: unknown, image: MetadataImage): boolean {
    const { brokerId, wantShutDown } = request as RequestOf<typeof brokerHeartbeat>;
    return wantShutDown && image.brokers.get(brokerId)?.fenced === false;
  }

  coordinationWrite(
    context: DecisionContext,
    request: RequestOf<typeof coordinationWrite>,
  ): Decision<ResponseIn<typeof coordinationWrite>> {
    this.renewClient(request.sessionId);
    return decideWrite(this.withClients(context), request, wallTime(this.clock));
  }

  coordinationSession(
    context: DecisionContext,
    request: RequestOf<typeof coordinationSession>,
  ): Decision<ResponseIn<typeof coordinationSession>> {
    const decision = decideSessions(this.withClients(context), request, wallTime(this.clock));
    const now = runningTime(this.clock);
    for (const { sessionId = 0n, timeoutMs = 0 } of decision.response.sessions ?? []) {
      if (timeoutMs > 0) this.clients.renew(sessionId, timeoutMs, now);
    }
    return decision;
  }

  coordinationTouch(
    context: DecisionContext,
    request: RequestOf<typeof coordinationTouch>,
  ): Decision<ResponseIn<typeof coordinationTouch>> {
    for (const id of request.sessionIds) this.renewClient(id);
    return decideTouch(this.withClients(context), request);
  }

  private withClients(context: DecisionContext): ZooKeeperContext {
    return { ...context, zookeeper: this.zookeeper };
  }

  private renewClient(id: bigint): void {
    const session = this.zookeeper.sessions.get(id);
    if (session !== undefined) this.clients.renew(id, session.timeoutMs, runningTime(this.clock));
  }

  // ── expiry ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Decisions on the sessions that have expired in `image`, in order. Sessions count running time, and after a stall the caller's timer runs
   * once the sockets have been read: heartbeats that arrived meanwhile extend their sessions.
   */
  sweep(image: MetadataImage): Due[] {
    const now = runningTime(this.clock);
    const silent = this.clients.expired(this.zookeeper, now);
    const clients = silent.length === 0 ? [] : [this.endClients(silent.slice(0, MAX_ENDED), now)];
    const brokers = [...image.brokers.values()].filter((broker) => !broker.fenced && !this.brokers.isValid(broker.id, now));
    return [...clients, ...brokers.map((broker) => this.fence(broker, now)), ...this.expireNodes(now)];
  }

  private fence({ id, epoch }: BrokerRegistration, now: number): Due {
    const seconds = (Math.min(this.brokers.timeSinceHeartbeat(id, now), this.settings.sessionTimeoutMs) / 1000).toFixed(1);
    return {
      what: 'fence a broker',
      decide: (context) => {
        const current = context.image.brokers.get(id);
        if (current === undefined || current.epoch !== epoch || this.brokers.isValid(id, now)) return NOTHING;
        this.brokers.close(id);
        return fenceBroker(context, current, `its session expired: no heartbeat for ${seconds} s`);
      },
    };
  }

  private endClients(ids: readonly bigint[], now: number): Due {
    return {
      what: 'end the sessions of silent ZooKeeper clients',
      decide: (context) => {
        const { sessions } = this.zookeeper;
        const over = ids.map((id) => (this.clients.isExpired(id, now) ? sessions.get(id) : undefined));
        return expireSessions(
          this.withClients(context),
          over.filter((session) => session !== undefined),
          wallTime(this.clock),
        );
      },
    };
  }

  /** Every `EXPIRY_INTERVAL_MS`: deletes containers without children and nodes whose TTL has expired. */
  private expireNodes(now: number): Due[] {
    if (now < this.nodesExpireAt) return [];
    this.nodesExpireAt = now + EXPIRY_INTERVAL_MS;
    if (expiredNodes(this.zookeeper, wallTime(this.clock)).length === 0) return [];
    return [
      {
        what: 'delete expired nodes of ZooKeeper clients',
        decide: (context) => deleteExpired(this.withClients(context), wallTime(this.clock)),
      },
    ];
  }
}

/** Sessions that one decision ends; the next sweep ends the others. */
const MAX_ENDED = 500;

const NOTHING: Decision<undefined> = { records: [], response: undefined, events: [] };

/** Wall-clock ms, the unit of ZooKeeper's `ctime` and `mtime`. */
export const wallTime = (clock: Clock): bigint => BigInt(Math.trunc(clock.now()));
