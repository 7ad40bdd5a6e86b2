/**
 * Key 1, Fetch 4–18.
 *
 * v7: fetch sessions (KIP-227), whose errors are top-level. v11: consumers send their rack, and read from followers (KIP-392). v12: a response
 * to a replica names the diverging epoch (KIP-595). v13: topic ids (KIP-516). v15: a replica sends its broker epoch (KIP-903). v16: the new
 * leader is named after a move (KIP-951). Records are returned as views of the log, never copied.
 */
import { fetch } from '../../protocol/apis/fetch.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { metadataFetchApi } from '../../quorum/apis/fetch.ts';
import { CLUSTER_NAME, isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import type { FetchContext, FetchEntry, FetchResult } from '../fetch-session.ts';
import { fetchError, type FetchParameters } from '../partition-reads.ts';
import type { DataContext, DataRequestContext } from '../data-context.ts';
import { LeaderHints } from '../leader-hints.ts';

type Request = RequestOf<typeof fetch>;
type Response = ResponseIn<typeof fetch>;

const READ_TOPIC: ItemRule = { operation: Operation.READ, resource: Resource.TOPIC };
/** Of a replica; it reads every topic. */
const REPLICATE: ItemRule = { operation: Operation.CLUSTER_ACTION, resource: Resource.CLUSTER };

export function handleFetch(request: Request, context: DataRequestContext, broker: DataContext): Response | Promise<Response> {
  const { version } = context;
  const replicaId = version >= 15 ? request.replicaState.replicaId : request.replicaId;
  const { topicsById } = broker.image();
  const session = broker.fetchSessions.open(request, version, replicaId, (id) => topicsById.get(id)?.name);
  if ('errorCode' in session) return { errorCode: session.errorCode, responses: [] };
  const maxBytes = Math.min(request.maxBytes, broker.settings.fetchMaxBytes);
  const params: FetchParameters = {
    replicaId,
    replicaEpoch: request.replicaState.replicaEpoch,
    maxWaitMs: request.maxWaitMs,
    minBytes: Math.min(request.minBytes, maxBytes),
    maxBytes,
    readCommitted: request.isolationLevel === 1,
    readsFollowers: replicaId < 0 && version >= 11,
    clientRack: request.rackId,
    memory: context.connection,
  };
  const { entries } = session;
  const denied = deniedEntries(entries, replicaId, context, broker);
  if (denied !== undefined) return fetchAllowed(session, denied, params, context, broker);
  const results = broker.replicas.fetches.fetch(params, entries);
  return results instanceof Promise
    ? results.then((done) => respond(session, done, context, broker))
    : respond(session, results, context, broker);
}

function respond(session: FetchContext, results: readonly FetchResult[], context: DataRequestContext, broker: DataContext): Response {
  const answer = session.respond(results);
  if (context.version < 16) return { errorCode: ErrorCode.NONE, ...answer };
  let hints: LeaderHints | undefined;
  for (const { entry, response } of results) {
    if (response.errorCode === ErrorCode.NONE) continue;
    hints ??= new LeaderHints(broker.image(), context.listener);
    const hint = hints.hint(response.errorCode, entry.topic, entry.partition);
    if (hint !== undefined) response.currentLeader = hint;
  }
  return { errorCode: ErrorCode.NONE, ...answer, nodeEndpoints: hints?.endpoints ?? [] };
}

/** The entries of topics that the client may not read; undefined where there are none. */
function deniedEntries(
  entries: readonly FetchEntry[],
  replicaId: number,
  { session }: DataRequestContext,
  { authorizer }: DataContext,
): ReadonlySet<FetchEntry> | undefined {
  if (replicaId >= 0) return isAllowed(authorizer, session, REPLICATE, CLUSTER_NAME) ? undefined : new Set(entries);
  let denied: Set<FetchEntry> | undefined;
  let topic: string | undefined;
  let isReadable = true;
  for (const entry of entries) {
    if (entry.topic === undefined) continue;
    if (entry.topic !== topic) {
      topic = entry.topic;
      isReadable = isAllowed(authorizer, session, READ_TOPIC, topic);
    }
    if (!isReadable) (denied ??= new Set()).add(entry);
  }
  return denied;
}

async function fetchAllowed(
  session: FetchContext,
  denied: ReadonlySet<FetchEntry>,
  params: FetchParameters,
  context: DataRequestContext,
  broker: DataContext,
): Promise<Response> {
  const { entries } = session;
  const allowed = entries.filter((entry) => !denied.has(entry));
  const results = allowed.length === 0 ? [] : await broker.replicas.fetches.fetch(params, allowed);
  let next = 0;
  const all = entries.map((entry): FetchResult => {
    if (!denied.has(entry)) return results[next++] as FetchResult;
    return { entry, response: fetchError(entry.partition, ErrorCode.TOPIC_AUTHORIZATION_FAILED) };
  });
  return respond(session, all, context, broker);
}

export const fetchApi: BrokerApi<typeof fetch> = {
  api: fetch,
  listeners: ['broker'],
  authorization: { items: [READ_TOPIC, REPLICATE] },
  handle: handleFetch,
  failed: (...refused) => metadataFetchApi.failed(...refused),
};
