/**
 * Key 0, Produce 3–13.
 *
 * v8: names refused records, with a message (KIP-467). v10: the new leader is named after a move (KIP-951). v13: topic ids (KIP-516).
 * With acks=0 there is no response; when such a request fails its connection is closed, which is all that a client can notice.
 */
import { sleep } from '../../lib/clock.ts';
import { produce } from '../../protocol/apis/produce.ts';
import { ErrorCode, errorName } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { iterateBatches, type BatchView } from '../../protocol/record-batch.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { authorizationError, isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import { appendFailure, type AppendEntry, type AppendParameters, type AppendResult } from '../append-results.ts';
import type { BrokerApi } from '../context.ts';
import type { DataContext, DataRequestContext } from '../data-context.ts';
import { LeaderHints, NO_HINT } from '../leader-hints.ts';
import { ADMIN_CLIENT_ID } from '../topic-rules.ts';

type Request = RequestOf<typeof produce>;
type Response = ResponseIn<typeof produce>;
type PartitionResponse = Response['responses'][number]['partitionResponses'][number];

const WRITE_TOPIC: ItemRule = { operation: Operation.WRITE, resource: Resource.TOPIC };
const WRITE_TRANSACTION: ItemRule = { operation: Operation.WRITE, resource: Resource.TRANSACTIONAL_ID };

/** From this version on a batch may be compressed with zstd (KIP-110). */
const ZSTD_SINCE = 7;
const ZSTD = 4;
/**
 * A request with more compressed batches is appended over several turns of the event loop. Their size is no measure: 12 KB of zstd
 * may hold 127 MiB.
 */
const COMPRESSED_BATCHES_IN_TURNS = 2;
/** Milliseconds of one such turn, beyond the batch in progress. */
const TURN_MS = 20;

export function handleProduce(
  request: Request,
  context: DataRequestContext,
  broker: DataContext,
): Response | null | Promise<Response | null> {
  const { acks } = request;
  if (acks !== 0 && acks !== 1 && acks !== -1) throw new KafkaError(ErrorCode.INVALID_REQUIRED_ACKS);
  let bytes = 0;
  let compressedBatches = 0;
  let transactional = false;
  for (const { partitionData } of request.topicData) {
    for (const { records } of partitionData) {
      if (records === null) continue;
      bytes += records.length;
      const batch = headerOf(records);
      if (batch === undefined) continue;
      if (batch.isTransactional) transactional = true;
      if (batch.compressionId !== 0) compressedBatches++;
    }
  }
  if (transactional) {
    if (request.transactionalId === null) {
      throw new KafkaError(
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        'Transactional records in a request without a transactional id.',
      );
    }
    if (!isAllowed(broker.authorizer, context.session, WRITE_TRANSACTION, request.transactionalId)) {
      throw authorizationError(Resource.TRANSACTIONAL_ID);
    }
    throw new KafkaError(ErrorCode.INVALID_TXN_STATE, 'This broker does not support transactions.');
  }
  const slow = broker.replicas.admit(bytes);
  const work = () => append(request, context, broker, compressedBatches);
  return slow === undefined ? work() : slow.then(work);
}

/** The first batch, where its attributes can be read. */
function headerOf(records: Buffer): BatchView | undefined {
  for (const batch of iterateBatches(records)) return batch.magic === 2 ? batch : undefined;
  return undefined;
}

function append(
  request: Request,
  context: DataRequestContext,
  broker: DataContext,
  compressedBatches: number,
): Response | null | Promise<Response | null> {
  const all = entriesOf(request, context, broker);
  const denied = deniedResults(all, context, broker);
  const entries = denied === undefined ? all : all.filter((_, index) => !denied.has(index));
  if (entries.length === 0 && denied !== undefined) return respond(request, context, broker, withDenied([], denied));
  const inTurns = compressedBatches + storedCompressed(entries, broker) >= COMPRESSED_BATCHES_IN_TURNS;
  const params: AppendParameters = {
    requiredAcks: request.acks,
    timeoutMs: request.timeoutMs,
    origin: 'client',
    internalTopicsAllowed: context.clientId === ADMIN_CLIENT_ID,
  };
  if (inTurns) return appendInTurns(request, context, broker, params, entries, denied);
  const results = broker.replicas.appends.append(params, entries);
  if (!(results instanceof Promise)) return respond(request, context, broker, withDenied(results, denied));
  // Its offsets are assigned, so the next write of this client need not wait for the replication of this one.
  dropRecords(request);
  context.connection.answerLater();
  return results.then((done) => respond(request, context, broker, withDenied(done, denied)));
}

/** Results of entries of topics that the client may not write to, by the place of the entry. */
type DeniedResults = ReadonlyMap<number, AppendResult>;

/** Undefined where the client may write to all topics. */
function deniedResults(
  entries: readonly AppendEntry[],
  { session }: DataRequestContext,
  { authorizer }: DataContext,
): DeniedResults | undefined {
  let denied: Map<number, AppendResult> | undefined;
  let last: string | undefined;
  let isWritable = true;
  for (let index = 0; index < entries.length; index++) {
    const topic = entries[index]?.topic;
    if (topic === undefined) continue;
    if (topic !== last) {
      last = topic;
      isWritable = isAllowed(authorizer, session, WRITE_TOPIC, topic);
    }
    if (!isWritable) (denied ??= new Map()).set(index, appendFailure(authorizationError(Resource.TOPIC), topic, undefined));
  }
  return denied;
}

/** The results of all entries, in their order. */
function withDenied(results: readonly AppendResult[], denied: DeniedResults | undefined): readonly AppendResult[] {
  if (denied === undefined) return results;
  let next = 0;
  return Array.from({ length: results.length + denied.size }, (_, index) => denied.get(index) ?? (results[next++] as AppendResult));
}

/** Batches that their producer did not compress and that this broker does (`compression.type`). */
function storedCompressed(entries: readonly AppendEntry[], { replicas }: DataContext): number {
  let count = 0;
  for (const { topic, partition, records } of entries) {
    if (topic === undefined || records === null || replicas.partition(topic, partition)?.log.compresses !== true) continue;
    if (headerOf(records)?.compressionId === 0) count++;
  }
  return count;
}

/** Decompressing and checking a batch may take 100 ms, and a request may hold hundreds: other work runs in between. */
async function appendInTurns(
  request: Request,
  context: DataRequestContext,
  broker: DataContext,
  params: AppendParameters,
  entries: AppendEntry[],
  denied: DeniedResults | undefined,
): Promise<Response | null> {
  const { clock, replicas } = broker;
  const results: AppendResult[] = [];
  let turnEnd = clock.monotonic() + TURN_MS;
  // Taken out, so that this function does not keep the records in memory while replication is awaited.
  for (const entry of entries.splice(0)) {
    if (clock.monotonic() >= turnEnd) {
      await sleep(clock, 0);
      turnEnd = clock.monotonic() + TURN_MS;
    }
    results.push(replicas.appends.appendEntry(params, entry));
  }
  dropRecords(request);
  context.connection.answerLater();
  return respond(request, context, broker, withDenied(await replicas.appends.awaitCommits(params, results), denied));
}

function entriesOf(request: Request, { version }: DataRequestContext, broker: DataContext): AppendEntry[] {
  const { topicsById } = broker.image();
  const byId = version >= 13;
  const entries: AppendEntry[] = [];
  for (const { name, topicId, partitionData } of request.topicData) {
    const topic = byId ? topicsById.get(topicId)?.name : name;
    for (const { index, records } of partitionData) {
      const tooNew = version < ZSTD_SINCE && records !== null && headerOf(records)?.compressionId === ZSTD;
      entries.push({
        topic,
        topicId: byId ? topicId : undefined,
        partition: index,
        records,
        ...(tooNew && { refused: zstdRefused(version) }),
      });
    }
  }
  return entries;
}

function zstdRefused(version: number): KafkaError {
  return new KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `Produce version ${version} cannot carry zstd; version ${ZSTD_SINCE} can.`);
}

/** The records are in the log: while replication is awaited the request must not keep its frame in memory, nor count against others. */
function dropRecords(request: Request): void {
  for (const { partitionData } of request.topicData) for (const data of partitionData) data.records = null;
}

function respond(request: Request, context: DataRequestContext, broker: DataContext, results: readonly AppendResult[]): Response | null {
  if (request.acks === 0) {
    const failed = results.find(({ errorCode }) => errorCode !== ErrorCode.NONE);
    if (failed !== undefined) throw new KafkaError(failed.errorCode, failed.errorMessage ?? undefined);
    return null;
  }
  const hints = new LeaderHints(broker.image(), context.listener);
  let next = 0;
  const responses = request.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }): PartitionResponse => {
      const result = results[next++] as AppendResult;
      const { errorCode, errorMessage, baseOffset, logAppendTimeMs, logStartOffset, recordErrors } = result;
      const currentLeader = hints.hint(errorCode, result.topic, index) ?? NO_HINT;
      return { index, errorCode, errorMessage, baseOffset, logAppendTimeMs, logStartOffset, recordErrors, currentLeader };
    }),
  }));
  return { responses, nodeEndpoints: hints.endpoints };
}

export const produceApi: BrokerApi<typeof produce> = {
  api: produce,
  listeners: ['broker'],
  pipelined: true,
  // librdkafka 2.0.2 assumes that a broker without Produce 0 cannot decompress; such a request still closes its connection.
  advertiseFrom: 0,
  authorization: { items: [WRITE_TOPIC, WRITE_TRANSACTION] },
  handle: handleProduce,
  failed: (request, failure) => {
    if (request.acks === 0) throw new ProtocolError(`a produce request without a response failed: ${errorName(failure.errorCode)}`);
    return {
      responses: request.topicData.map(({ name, topicId, partitionData }) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index }) => ({ index, ...failure, baseOffset: -1n })),
      })),
    };
  },
};
