/** Decides what a client of the ZooKeeper endpoint asks to change. Pure: everything is checked on the image first, then it is one record. */
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { ControllerEvent, Decision, DecisionContext } from '../controller/decision.ts';
import type { coordinationWrite } from './apis.ts';
import { applyCoordination, type CoordinationChange } from './apply.ts';
import {
  ChangeKind,
  findZnode,
  isSystemPath,
  nameOf,
  parentOf,
  pathDefect,
  Permission,
  type CoordinationImage,
  type CoordinationSession,
  type Znode,
} from './coordination.ts';
import { statOf } from './stat.ts';
import { isTrigger, pullTrigger } from './triggers.ts';
import { ZooKeeperCode, ZooKeeperError } from './zookeeper-codes.ts';

export const Operation = { create: 1, delete: 2, setData: 5, setAcl: 7, check: 13 } as const;

/** `jute.maxbuffer` of ZooKeeper: a node's data is less than a mebibyte. */
export const MAX_DATA_BYTES = 0xf_ffff;

const SEQUENCE_DIGITS = 10;

type Request = RequestOf<typeof coordinationWrite>;
type Asked = Request['operations'][number];
type Response = ResponseIn<typeof coordinationWrite>;
type Result = NonNullable<Response['results']>[number];

interface Draft {
  image: CoordinationImage;
  readonly zxid: bigint;
  readonly time: bigint;
  readonly changes: CoordinationChange[];
}

export function decideWrite(context: DecisionContext, request: Request, time: bigint): Decision<Response> {
  const { coordination, offset } = context.image;
  const unchanged = (response: Partial<Response>): Decision<Response> => ({
    records: [],
    response: { errorCode: ErrorCode.NONE, zxid: offset, ...response },
    events: [],
  });
  const session = coordination.sessions.get(request.sessionId);
  if (session === undefined) return unchanged({ failure: ZooKeeperCode.SESSIONEXPIRED });
  if (session.holder !== request.holder) return unchanged({ failure: ZooKeeperCode.SESSIONMOVED });
  if (session.lastRequest === request.request) return unchanged({ errorCode: ErrorCode.DUPLICATE_SEQUENCE_NUMBER });

  const [only] = request.operations;
  let records: readonly MetadataRecordIn[] = [];
  let events: readonly ControllerEvent[] = [];
  const results: Result[] = [];
  const draft: Draft = { image: coordination, zxid: context.nextOffset, time, changes: [] };
  try {
    if (only !== undefined && request.operations.length === 1 && only.type === Operation.create && isTrigger(only.path)) {
      const pulled = pullTrigger(context, only.path, only.data);
      ({ records, events } = pulled);
      results.push({ path: only.path });
      if (!pulled.lasting) draft.changes.push(changeOf(ChangeKind.trigger, only.path));
    } else {
      for (const asked of request.operations) results.push(decideOne(draft, session, asked));
    }
  } catch (error) {
    if (!(error instanceof ZooKeeperError)) throw error;
    // Those before it were right, those after it were not looked at.
    const after = request.operations.slice(results.length + 1).map(() => ({ failure: ZooKeeperCode.RUNTIMEINCONSISTENCY }));
    const failed = [...results.map(() => ({})), { failure: error.code }, ...after];
    return unchanged({ failure: error.code, errorMessage: error.message, results: failed });
  }
  const zxid = context.nextOffset + BigInt(records.length);
  const own = { zxid, time, sessionId: session.id, request: request.request, changes: draft.changes };
  return {
    // Written without a change too: what was done for a request is not done for it again.
    records: draft.changes.length + records.length === 0 ? [] : [...records, { type: 'NoOpRecord', value: { coordination: own } }],
    response: {
      errorCode: ErrorCode.NONE,
      zxid: draft.changes.length + records.length === 0 ? offset : zxid,
      results,
    },
    events,
  };
}

/** Adds to the draft what the operation changes. Throws `ZooKeeperError`. */
function decideOne(draft: Draft, session: CoordinationSession, asked: Asked): Result {
  const { path, version } = asked;
  const defect = pathDefect(path);
  if (defect !== undefined) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `${path}: ${defect}`);
  if ((asked.data?.length ?? 0) > MAX_DATA_BYTES) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `${path}: too much data`);
  switch (asked.type) {
    case Operation.create:
      return create(draft, session, asked);
    case Operation.delete: {
      if (path === '/') throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, 'the root stays');
      const node = existing(draft, path);
      permitted(existing(draft, parentOf(path)), Permission.delete, parentOf(path));
      sameVersion(version, node.version, path);
      if (node.children.size > 0) throw new ZooKeeperError(ZooKeeperCode.NOTEMPTY, `${path} has children`);
      change(draft, changeOf(ChangeKind.delete, path));
      return {};
    }
    case Operation.setData: {
      const node = existing(draft, path);
      permitted(node, Permission.write, path);
      sameVersion(version, node.version, path);
      change(draft, { ...changeOf(ChangeKind.setData, path), data: asked.data });
      return { stat: statOf(existing(draft, path)) };
    }
    case Operation.setAcl: {
      const node = existing(draft, path);
      permitted(node, Permission.admin, path);
      sameVersion(version, node.aversion, path);
      change(draft, { ...changeOf(ChangeKind.setAcl, path), number: asked.permissions });
      return { stat: statOf(existing(draft, path)) };
    }
    case Operation.check: {
      const node = existing(draft, path);
      permitted(node, Permission.read, path);
      sameVersion(version, node.version, path);
      return {};
    }
    default:
      throw new ZooKeeperError(ZooKeeperCode.UNIMPLEMENTED, `operation ${asked.type}`);
  }
}

const EPHEMERAL = 1;
const SEQUENTIAL = 2;

function create(draft: Draft, session: CoordinationSession, asked: Asked): Result {
  const { flags } = asked;
  if (flags < 0 || flags > (EPHEMERAL | SEQUENTIAL)) throw new ZooKeeperError(ZooKeeperCode.UNIMPLEMENTED, `nodes of kind ${flags}`);
  if (asked.path === '/') throw new ZooKeeperError(ZooKeeperCode.NODEEXISTS, 'the root exists');
  const parentPath = parentOf(asked.path);
  const parent = existing(draft, parentPath);
  permitted(parent, Permission.create, parentPath);
  const sequential = (flags & SEQUENTIAL) !== 0;
  const path = sequential ? asked.path + String(parent.created).padStart(SEQUENCE_DIGITS, '0') : asked.path;
  if (parent.children.has(nameOf(path))) throw new ZooKeeperError(ZooKeeperCode.NODEEXISTS, `${path} exists`);
  // At the top a name may be one that the system has taken.
  refuseSystem(path, parentPath === '/' ? ZooKeeperCode.NODEEXISTS : ZooKeeperCode.NOAUTH);
  if (parent.owner !== 0n) throw new ZooKeeperError(ZooKeeperCode.NOCHILDRENFOREPHEMERALS, `${parentPath} is ephemeral`);
  const id = (flags & EPHEMERAL) === 0 ? 0n : session.id;
  change(draft, { ...changeOf(ChangeKind.create, path), data: asked.data, id, number: asked.permissions });
  return { path, stat: statOf(existing(draft, path)) };
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
