/**
 * Decides on sessions of the ZooKeeper endpoint, and keeps their expiry at the active controller. The expiry is not replicated: a new
 * controller gives every session a full timeout.
 */
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { Decision } from '../controller/decision.ts';
import { SessionAction, type coordinationTouch, type coordinationSession } from './apis.ts';
import { applyCoordination, type CoordinationChange } from './apply.ts';
import { ChangeKind, type CoordinationImage, type CoordinationSession } from './state.ts';
import { changeOf } from './transaction.ts';
import type { ZooKeeperContext } from './view.ts';

/** Bounds of a client's session timeout. ZooKeeper's defaults are 2 and 20 ticks of 2 s; the lower bound here is half of that. */
export const MIN_SESSION_TIMEOUT_MS = 2_000;
export const MAX_SESSION_TIMEOUT_MS = 40_000;
/** A bound against clients that open sessions in a loop. */
const MAX_SESSIONS = 10_000;
const PASSWORD_BYTES = 16;
/** One decision ends sessions up to so many `ephemeralBytes`, and at least one session. */
const MAX_ENDED_BYTES = 1024 ** 2;

type Request = RequestOf<typeof coordinationSession>;
type Response = ResponseIn<typeof coordinationSession>;
type SessionRequest = Request['sessions'][number];
type SessionAnswer = NonNullable<Response['sessions']>[number];

/** Each by a record of its own, on the state after those before it. */
export function decideSessions(context: ZooKeeperContext, request: Request, time: bigint): Decision<Response> {
  const records: MetadataRecordIn[] = [];
  const sessions: SessionAnswer[] = [];
  let image = context.zookeeper;
  let endedBytes = 0;
  for (const asked of request.sessions) {
    const ends = asked.action === SessionAction.close ? (image.sessions.get(asked.sessionId)?.ephemeralBytes ?? 0) : 0;
    if (ends > 0 && endedBytes > 0 && endedBytes + ends > MAX_ENDED_BYTES) {
      // The session expires instead.
      const errorMessage = `Session ${asked.sessionId} was not closed: other sessions with many nodes are closed first.`;
      sessions.push({ zxid: context.image.offset, errorCode: ErrorCode.THROTTLING_QUOTA_EXCEEDED, errorMessage });
      continue;
    }
    endedBytes += ends;
    const zxid = context.nextOffset + BigInt(records.length);
    const { answer, changes } = decideSession({ image, context, nodeId: request.nodeId, zxid }, asked);
    if (changes.length === 0) {
      sessions.push({ zxid: records.length === 0 ? context.image.offset : zxid - 1n, ...answer });
      continue;
    }
    const coordination = { zxid, time, changes };
    image = applyCoordination(image, { ...coordination, sessionId: 0n, request: 0n }).image;
    records.push({ type: 'NoOpRecord', value: { coordination } });
    sessions.push({ zxid, ...answer });
  }
  return { records, response: { errorCode: ErrorCode.NONE, sessions }, events: [] };
}

interface Draft {
  readonly image: CoordinationImage;
  readonly context: ZooKeeperContext;
  readonly nodeId: number;
  readonly zxid: bigint;
}

function decideSession(draft: Draft, request: SessionRequest): { answer: SessionAnswer; changes: CoordinationChange[] } {
  const { image, context, zxid } = draft;
  if (request.action === SessionAction.open) {
    if (image.sessions.size >= MAX_SESSIONS) {
      const errorMessage = `There are ${MAX_SESSIONS} sessions, which is the maximum.`;
      return { answer: { errorCode: ErrorCode.THROTTLING_QUOTA_EXCEEDED, errorMessage }, changes: [] };
    }
    // As in ZooKeeper: the server in the first byte, followed by a number that is unique at this server.
    const id = (BigInt(draft.nodeId) << 56n) | (zxid & 0x7f_ffff_ffff_ffffn);
    const timeoutMs = Math.min(Math.max(request.timeoutMs, MIN_SESSION_TIMEOUT_MS), MAX_SESSION_TIMEOUT_MS);
    const password = context.random.bytes(PASSWORD_BYTES);
    const change = { ...changeOf(ChangeKind.openSession), id, number: timeoutMs, data: password, holder: request.holder };
    return { answer: { sessionId: id, timeoutMs, password }, changes: [change] };
  }
  const session = image.sessions.get(request.sessionId);
  if (request.action === SessionAction.close) {
    // A connection cannot close a session that has moved to another one.
    const mine = session !== undefined && session.holder === request.holder;
    return { answer: { sessionId: request.sessionId }, changes: mine ? endOf(session) : [] };
  }
  if (session === undefined || !samePassword(session.password, request.password)) return { answer: {}, changes: [] };
  const { id, timeoutMs, password } = session;
  const change = { ...changeOf(ChangeKind.moveSession), id, holder: request.holder };
  return { answer: { sessionId: id, timeoutMs, password }, changes: [change] };
}

/** Deletes the session's ephemeral nodes, then the session. */
function endOf(session: CoordinationSession): CoordinationChange[] {
  const nodes = [...session.ephemerals.keys()].map((path) => changeOf(ChangeKind.delete, path));
  return [...nodes, { ...changeOf(ChangeKind.closeSession), id: session.id }];
}

function samePassword(known: Uint8Array, given: Uint8Array | null): boolean {
  return given !== null && Buffer.compare(known, given) === 0;
}

/** Ends sessions without a request for their whole timeout, each by a record of its own; a later call ends those that do not fit. */
export function expireSessions(context: ZooKeeperContext, sessions: readonly CoordinationSession[], time: bigint): Decision<undefined> {
  const records: MetadataRecordIn[] = [];
  let bytes = 0;
  for (const session of sessions) {
    bytes += session.ephemeralBytes;
    if (records.length > 0 && bytes > MAX_ENDED_BYTES) break;
    const coordination = { zxid: context.nextOffset + BigInt(records.length), time, changes: endOf(session) };
    records.push({ type: 'NoOpRecord', value: { coordination } });
  }
  return { records, response: undefined, events: [] };
}

export function decideTouch(
  context: ZooKeeperContext,
  request: RequestOf<typeof coordinationTouch>,
): Decision<ResponseIn<typeof coordinationTouch>> {
  const { zookeeper, image } = context;
  const ended = request.sessionIds.filter((id) => !zookeeper.sessions.has(id));
  return { records: [], response: { errorCode: ErrorCode.NONE, zxid: image.offset, ended }, events: [] };
}

/**
 * Expiry time of each session, in the running time of the active controller. Sessions with nearly the same expiry share a bucket, as in
 * ZooKeeper's `ExpiryQueue`: a request costs one lookup, and a sweep reads only expired buckets, regardless of the number of sessions.
 */
export class SessionClock {
  private readonly buckets = new Map<number, Set<bigint>>();
  /** The bucket of each session: multiples of `BUCKET_MS`, never before the session's own expiry. */
  private readonly bucketOf = new Map<bigint, number>();

  reset(image: CoordinationImage, now: number): void {
    this.buckets.clear();
    this.bucketOf.clear();
    for (const session of image.sessions.values()) this.renew(session.id, session.timeoutMs, now);
  }

  /** The session's client was active: its timeout starts again. */
  renew(id: bigint, timeoutMs: number, now: number): void {
    const bucket = Math.ceil((now + timeoutMs) / BUCKET_MS) * BUCKET_MS;
    const before = this.bucketOf.get(id);
    if (before === bucket) return;
    if (before !== undefined) this.leave(id, before);
    this.bucketOf.set(id, bucket);
    const members = this.buckets.get(bucket);
    if (members === undefined) this.buckets.set(bucket, new Set([id]));
    else members.add(id);
  }

  /** The session has ended. */
  forget(id: bigint): void {
    const bucket = this.bucketOf.get(id);
    if (bucket === undefined) return;
    this.leave(id, bucket);
    this.bucketOf.delete(id);
  }

  isExpired(id: bigint, now: number): boolean {
    const bucket = this.bucketOf.get(id);
    return bucket !== undefined && bucket <= now;
  }

  /** Sessions of the image that have expired. Removes those that have ended. */
  expired(image: CoordinationImage, now: number): bigint[] {
    const over: bigint[] = [];
    for (const [bucket, members] of this.buckets) {
      if (bucket > now) continue;
      for (const id of members) {
        if (image.sessions.has(id)) over.push(id);
        else this.forget(id);
      }
    }
    return over;
  }

  private leave(id: bigint, bucket: number): void {
    const members = this.buckets.get(bucket);
    members?.delete(id);
    if (members?.size === 0) this.buckets.delete(bucket);
  }
}

/** The maximum time that a session outlives its timeout. */
const BUCKET_MS = 250;
