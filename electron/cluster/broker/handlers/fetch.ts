/**
 * Key 1, Fetch 4–18.
 *
 * v7: fetch sessions (KIP-227), whose errors are top-level. v11: consumers send their rack, and read from followers (KIP-392). v12: a response
 * to a replica names the diverging epoch (KIP-595). v13: topic ids (KIP-516). v15: a replica sends its broker epoch (KIP-903). v16: the new
 * leader is named after a move (KIP-951). Records are returned as views of the log, never copied.
 */
import type { fetch } from '../../protocol/apis/fetch.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { FetchContext, FetchResult } from '../fetch-session.ts';
import { LeaderHints, type DataContext, type DataRequestContext } from '../replica-manager-context.ts';
import type { FetchParameters } from '../replica-manager-fetch.ts';

type Request = RequestOf<typeof fetch>;
type Response = ResponseIn<typeof fetch>;

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
  const results = broker.replicas.fetch(params, session.entries);
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

/** The response when the whole request was refused. Before v7 only partitions have an error code. */
export function onFetchError(request: Request, errorCode: number, _message: string, version: number): Response {
  if (version >= 7) return { errorCode, responses: [] };
  return {
    errorCode,
    responses: request.topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition }) => ({
        partitionIndex: partition,
        errorCode,
        highWatermark: -1n,
        abortedTransactions: null,
        records: null,
      })),
    })),
  };
}
