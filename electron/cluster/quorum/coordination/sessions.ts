/**
 * Decides on sessions of the ZooKeeper endpoint, and knows at the active controller when each was last heard, by whatever node. That is
 * not replicated: a new controller gives everybody a full timeout.
 */
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { Decision, DecisionContext } from '../controller/decision.ts';
import { SessionAction, type coordinationHeard, type coordinationSession } from './apis.ts';
import type { CoordinationChange } from './apply.ts';
import { ChangeKind, type CoordinationImage, type CoordinationSession } from './coordination.ts';
import { changeOf } from './transaction.ts';

/** What a client may ask for: two and twenty ticks of two seconds are ZooKeeper's defaults, of which the lower is halved here. */
export const MIN_SESSION_TIMEOUT_MS = 2_000;
export const MAX_SESSION_TIMEOUT_MS = 40_000;
/** More would be a client that opens sessions in a loop. */
const MAX_SESSIONS = 10_000;
const PASSWORD_BYTES = 16;

type SessionRequest = RequestOf<typeof coordinationSession>;
type SessionResponse = ResponseIn<typeof coordinationSession>;

export function decideSession(context: DecisionContext, request: SessionRequest, time: bigint): Decision<SessionResponse> {
  const { coordination, offset } = context.image;
  const answer = (response: Partial<SessionResponse>, changes: CoordinationChange[] = []): Decision<SessionResponse> => {
    const zxid = changes.length === 0 ? offset : context.nextOffset;
    return {
      records: changes.length === 0 ? [] : [{ type: 'NoOpRecord', value: { coordination: { zxid, time, changes } } }],
      response: { errorCode: ErrorCode.NONE, zxid, ...response },
      events: [],
    };
  };
  if (request.action === SessionAction.open) {
    if (coordination.sessions.size >= MAX_SESSIONS) {
      throw new KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED, `There are ${MAX_SESSIONS} sessions, which is the most.`);
    }
    // As ZooKeeper makes them: the server in the first byte, then what no other session of it has.
    const id = (BigInt(request.nodeId) << 56n) | (context.nextOffset & 0x7f_ffff_ffff_ffffn);
    const timeoutMs = Math.min(Math.max(request.timeoutMs, MIN_SESSION_TIMEOUT_MS), MAX_SESSION_TIMEOUT_MS);
    const password = context.random.bytes(PASSWORD_BYTES);
    const change = { ...changeOf(ChangeKind.openSession), id, number: timeoutMs, data: password, holder: request.holder };
    return answer({ sessionId: id, timeoutMs, password }, [change]);
  }
  const session = coordination.sessions.get(request.sessionId);
  if (request.action === SessionAction.close) {
    // One that has gone on to another connection is not this one's to end.
    const mine = session !== undefined && session.holder === request.holder;
    return answer({ sessionId: request.sessionId }, mine ? endOf(session) : []);
  }
  if (session === undefined || !samePassword(session.password, request.password)) return answer({});
  const { id, timeoutMs, password } = session;
  return answer({ sessionId: id, timeoutMs, password }, [{ ...changeOf(ChangeKind.moveSession), id, holder: request.holder }]);
}

/** The session's ephemeral nodes go, then the session. */
function endOf(session: CoordinationSession): CoordinationChange[] {
  const nodes = [...session.ephemerals.keys()].map((path) => changeOf(ChangeKind.delete, path));
  return [...nodes, { ...changeOf(ChangeKind.closeSession), id: session.id }];
}

function samePassword(known: Uint8Array, given: Uint8Array | null): boolean {
  return given !== null && Buffer.compare(known, given) === 0;
}

/** Ends a session that was not heard in time. */
export function expireSession(context: DecisionContext, session: CoordinationSession, time: bigint): Decision<undefined> {
  const coordination = { zxid: context.nextOffset, time, changes: endOf(session) };
  return { records: [{ type: 'NoOpRecord', value: { coordination } }], response: undefined, events: [] };
}

export function decideHeard(
  context: DecisionContext,
  request: RequestOf<typeof coordinationHeard>,
): Decision<ResponseIn<typeof coordinationHeard>> {
  const { coordination, offset } = context.image;
  const ended = request.sessionIds.filter((id) => !coordination.sessions.has(id));
  return { records: [], response: { errorCode: ErrorCode.NONE, zxid: offset, ended }, events: [] };
}

/** When each session was last heard, on the active controller's own clock. */
export class SessionClock {
  private readonly heardAt = new Map<bigint, number>();

  reset(image: CoordinationImage, now: number): void {
    this.heardAt.clear();
    for (const id of image.sessions.keys()) this.heardAt.set(id, now);
  }

  heard(id: bigint, now: number): void {
    this.heardAt.set(id, now);
  }

  /** Sessions whose time is up. Forgets those that have ended. */
  expired(image: CoordinationImage, now: number): CoordinationSession[] {
    for (const id of this.heardAt.keys()) if (!image.sessions.has(id)) this.heardAt.delete(id);
    const over: CoordinationSession[] = [];
    for (const session of image.sessions.values()) {
      const heardAt = this.heardAt.get(session.id);
      if (heardAt === undefined) this.heardAt.set(session.id, now);
      else if (now - heardAt >= session.timeoutMs) over.push(session);
    }
    return over;
  }
}
