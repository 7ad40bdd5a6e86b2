/**
 * Decides on the changes of a client of the ZooKeeper endpoint: transactions in order, each on the state after those before it. Pure: a
 * transaction is checked as a whole before it becomes one record.
 */
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { ControllerEvent, Decision } from '../controller/decision.ts';
import type { coordinationWrite } from './apis.ts';
import { applyCoordination, type CoordinationChange } from './apply.ts';
import {
  ChangeKind,
  CONFIG_PATH,
  deletionDefect,
  findZnode,
  isSystemPath,
  nameOf,
  parentDefect,
  parentOf,
  pathDefect,
  Permission,
  type CoordinationImage,
  type CoordinationSession,
  type Znode,
} from './state.ts';
import { CONTAINER_OWNER, MAX_TTL_MS, sessionOf, ttlOwner } from './node-kind.ts';
import { statOf } from './stat.ts';
import { isTrigger, pullTrigger } from './triggers.ts';
import type { ZooKeeperContext } from './view.ts';
import { ZooKeeperCode, ZooKeeperError } from './zookeeper-codes.ts';

export const Operation = { create: 1, delete: 2, setData: 5, setAcl: 7, check: 13, createContainer: 19, createTtl: 21 } as const;

/** `jute.maxbuffer` of ZooKeeper: a node's data is less than a mebibyte. */
export const MAX_DATA_BYTES = 0xf_ffff;
/** Maximum of all clients together, by `znodeBytes`: each node of the cluster holds it in memory. */
export const MAX_TREE_BYTES = 128 * 1024 ** 2;

/** Of `ephemeralBytes`. The end of a session is one record, as in ZooKeeper, and has to fit into a batch. */
export const MAX_EPHEMERAL_BYTES = 8 * 1024 ** 2;

const SEQUENCE_DIGITS = 10;

type Request = RequestOf<typeof coordinationWrite>;
type Transaction = Request['transactions'][number];
type Asked = Transaction['operations'][number];
type Response = ResponseIn<typeof coordinationWrite>;
type TransactionResult = NonNullable<Response['transactions']>[number];
type Result = NonNullable<TransactionResult['results']>[number];

/** A transaction in progress: the image with its changes, which replaces the one before when all of them are valid. */
interface Draft {
  image: CoordinationImage;
  readonly zxid: bigint;
  readonly time: bigint;
  readonly changes: CoordinationChange[];
}

/** Throws `KafkaError` INVALID_REQUEST for a trigger beside other transactions: it is decided on the image as a whole. */
export function decideWrite(context: ZooKeeperContext, request: Request, time: bigint): Decision<Response> {
  const { zookeeper } = context;
  const refused = (response: Partial<Response>): Decision<Response> => ({
    records: [],
    response: { errorCode: ErrorCode.NONE, ...response },
    events: [],
  });
  const session = zookeeper.sessions.get(request.sessionId);
  if (session === undefined) return refused({ failure: ZooKeeperCode.SESSIONEXPIRED });
  if (session.holder !== request.holder) return refused({ failure: ZooKeeperCode.SESSIONMOVED });
  if (session.lastRequest === request.request) return refused({ errorCode: ErrorCode.DUPLICATE_SEQUENCE_NUMBER });

  const { transactions: asked } = request;
  const [only] = asked;
  const triggers = asked.some(isPulled);
  if (triggers && asked.length > 1) throw new KafkaError(ErrorCode.INVALID_REQUEST, 'A trigger is written beside other transactions.');
  const records: MetadataRecordIn[] = [];
  const events: ControllerEvent[] = [];
  const transactions: TransactionResult[] = [];
  let image = zookeeper;
  let lastZxid = context.image.offset;
  const decided = (changes: readonly CoordinationChange[], results: readonly Result[]): void => {
    lastZxid = context.nextOffset + BigInt(records.length);
    const own = { zxid: lastZxid, time, sessionId: session.id, request: request.request, changes: [...changes] };
    records.push({ type: 'NoOpRecord', value: { coordination: own } });
    transactions.push({ zxid: lastZxid, results: [...results] });
  };
  const failed = (error: unknown, count: number, at: number): void => {
    if (!(error instanceof ZooKeeperError)) throw error;
    transactions.push(failure(error.code, lastZxid, { count, at }));
  };
  if (triggers && only !== undefined) {
    try {
      const [operation] = only.operations;
      const path = operation?.path ?? '';
      const pulled = pullTrigger(context, path, operation?.data ?? null);
      for (const record of pulled.records) records.push(record);
      for (const event of pulled.events) events.push(event);
      // Recorded without a change too: a repeated request must not be decided twice.
      decided(pulled.lasting ? [] : [changeOf(ChangeKind.trigger, path)], [{ path }]);
    } catch (error) {
      failed(error, 1, 0);
    }
    return { records, response: { errorCode: ErrorCode.NONE, transactions }, events };
  }
  for (const { operations } of asked) {
    const draft: Draft = { image, zxid: context.nextOffset + BigInt(records.length), time, changes: [] };
    const results: Result[] = [];
    try {
      for (const operation of operations) results.push(decideOne(draft, session, operation));
      if (draft.image.sizeBytes > MAX_TREE_BYTES && draft.image.sizeBytes > image.sizeBytes) {
        const message = `clients keep ${image.sizeBytes} bytes here, and ${MAX_TREE_BYTES} is the most; delete nodes`;
        throw new ZooKeeperError(ZooKeeperCode.QUOTAEXCEEDED, message);
      }
      const before = image.sessions.get(session.id)?.ephemeralBytes ?? 0;
      const after = draft.image.sessions.get(session.id)?.ephemeralBytes ?? 0;
      if (after > MAX_EPHEMERAL_BYTES && after > before) {
        const message = `the paths of a session's ephemeral nodes take at most ${MAX_EPHEMERAL_BYTES} bytes; delete nodes`;
        throw new ZooKeeperError(ZooKeeperCode.QUOTAEXCEEDED, message);
      }
    } catch (error) {
      failed(error, operations.length, Math.min(results.length, operations.length - 1));
      continue;
    }
    if (draft.changes.length === 0) transactions.push({ zxid: lastZxid, results });
    else decided(draft.changes, results);
    image = draft.image;
  }
  return { records, response: { errorCode: ErrorCode.NONE, transactions }, events };
}

function isPulled({ operations }: Transaction): boolean {
  const [only] = operations;
  return only?.type === Operation.create && operations.length === 1 && isTrigger(only.path);
}

/** As ZooKeeper answers a multi: operations before the failed one succeed, those after it were not checked. */
function failure(code: number, zxid: bigint, { count, at }: { count: number; at: number }): TransactionResult {
  const results = Array.from({ length: count }, (_, index) => ({
    failure: index < at ? 0 : index === at ? code : ZooKeeperCode.RUNTIMEINCONSISTENCY,
  }));
  return { zxid, failure: code, results };
}

/** Adds the change of the operation to the draft. Throws `ZooKeeperError`. */
function decideOne(draft: Draft, session: CoordinationSession, asked: Asked): Result {
  const { path, version } = asked;
  if ((asked.data?.length ?? 0) > MAX_DATA_BYTES) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `${path}: too much data`);
  switch (asked.type) {
    case Operation.create:
    case Operation.createContainer:
    case Operation.createTtl:
      return create(draft, session, asked);
    case Operation.delete: {
      refuseDefect(path, deletionDefect(path));
      const node = existing(draft, path);
      permitted(existing(draft, parentOf(path)), Permission.delete, parentOf(path));
      sameVersion(version, node.version, path);
      if (node.children.size > 0) throw new ZooKeeperError(ZooKeeperCode.NOTEMPTY, `${path} has children`);
      change(draft, changeOf(ChangeKind.delete, path));
      return {};
    }
    case Operation.setData: {
      const node = changeable(draft, path);
      permitted(node, Permission.write, path);
      sameVersion(version, node.version, path);
      change(draft, { ...changeOf(ChangeKind.setData, path), data: asked.data });
      return { stat: statOf(existing(draft, path)) };
    }
    case Operation.setAcl: {
      const node = changeable(draft, path);
      permitted(node, Permission.admin, path);
      sameVersion(version, node.aversion, path);
      change(draft, { ...changeOf(ChangeKind.setAcl, path), number: asked.permissions });
      return { stat: statOf(existing(draft, path)) };
    }
    case Operation.check: {
      refuseDefect(path, pathDefect(path));
      const node = existing(draft, path);
      permitted(node, Permission.read, path);
      sameVersion(version, node.version, path);
      return {};
    }
    default:
      throw new ZooKeeperError(ZooKeeperCode.UNIMPLEMENTED, `operation ${asked.type}`);
  }
}

/** `CreateMode` of ZooKeeper. */
const CreateFlag = { persistent: 0, ephemeral: 1, sequential: 2, ephemeralSequential: 3, container: 4, ttl: 5, ttlSequential: 6 } as const;
const EPHEMERAL: readonly number[] = [CreateFlag.ephemeral, CreateFlag.ephemeralSequential];
const SEQUENTIAL: readonly number[] = [CreateFlag.sequential, CreateFlag.ephemeralSequential, CreateFlag.ttlSequential];

/** Checks in ZooKeeper's order, which determines the error when several apply. */
function create(draft: Draft, session: CoordinationSession, asked: Asked): Result {
  const owner = ownerOf(session, asked);
  refuseDefect(asked.path, parentDefect(asked.path));
  const sequential = SEQUENTIAL.includes(asked.flags);
  if (asked.path === '/' && !sequential) throw new ZooKeeperError(ZooKeeperCode.NODEEXISTS, 'the root exists');
  const parentPath = parentOf(asked.path);
  const parent = existing(draft, parentPath);
  permitted(parent, Permission.create, parentPath);
  const path = sequential ? asked.path + String(parent.created).padStart(SEQUENCE_DIGITS, '0') : asked.path;
  refuseDefect(path, pathDefect(path));
  if (parent.children.has(nameOf(path))) throw new ZooKeeperError(ZooKeeperCode.NODEEXISTS, `${path} exists`);
  // At the top level the system may have taken the name.
  refuseSystem(path, parentPath === '/' ? ZooKeeperCode.NODEEXISTS : ZooKeeperCode.NOAUTH);
  if (sessionOf(parent.owner) !== 0n) throw new ZooKeeperError(ZooKeeperCode.NOCHILDRENFOREPHEMERALS, `${parentPath} is ephemeral`);
  change(draft, { ...changeOf(ChangeKind.create, path), data: asked.data, id: owner, number: asked.permissions });
  return { path, stat: statOf(existing(draft, path)) };
}

/** The operation, not the flag, makes a container; a time to live needs both. */
function ownerOf(session: CoordinationSession, { type, flags, ttlMs, path }: Asked): bigint {
  const timed = flags === CreateFlag.ttl || flags === CreateFlag.ttlSequential;
  const known = Object.values(CreateFlag).some((flag) => flag === flags);
  if (!known || timed !== (type === Operation.createTtl)) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `${path}: flags ${flags}`);
  if (timed) {
    if (ttlMs <= 0n || ttlMs > MAX_TTL_MS) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `${path}: a time to live of ${ttlMs} ms`);
    return ttlOwner(ttlMs);
  }
  if (type === Operation.createContainer) return CONTAINER_OWNER;
  return EPHEMERAL.includes(flags) ? session.id : 0n;
}

function changeable(draft: Draft, path: string): Znode {
  refuseDefect(path, pathDefect(path));
  if (path === CONFIG_PATH) throw new ZooKeeperError(ZooKeeperCode.NOAUTH, `${path} is changed by reconfig alone`);
  return existing(draft, path);
}

function refuseDefect(path: string, defect: string | undefined): void {
  if (defect !== undefined) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `${path}: ${defect}`);
}

function existing(draft: Draft, path: string): Znode {
  refuseSystem(path, ZooKeeperCode.NOAUTH);
  const node = findZnode(draft.image.root, path);
  if (node === undefined) throw new ZooKeeperError(ZooKeeperCode.NONODE, `there is no ${path}`);
  return node;
}

function refuseSystem(path: string, code: number): void {
  if (path !== '/' && isSystemPath(path)) throw new ZooKeeperError(code, `${path} is the cluster's own`);
}

function permitted(node: Znode, permission: number, path: string): void {
  if ((node.permissions & permission) === 0) throw new ZooKeeperError(ZooKeeperCode.NOAUTH, `${path} does not allow it`);
}

function sameVersion(asked: number, version: number, path: string): void {
  if (asked !== -1 && asked !== version) throw new ZooKeeperError(ZooKeeperCode.BADVERSION, `${path} is at version ${version}`);
}

function change(draft: Draft, one: CoordinationChange): void {
  draft.changes.push(one);
  const { zxid, time } = draft;
  draft.image = applyCoordination(draft.image, { zxid, time, sessionId: 0n, request: 0n, changes: [one] }).image;
}

export function changeOf(kind: number, path = ''): CoordinationChange {
  return { kind, path, data: null, id: 0n, number: 0, holder: 0n, stat: null };
}
