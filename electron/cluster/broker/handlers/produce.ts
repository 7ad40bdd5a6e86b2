/**
 * Key 0, Produce 3–13.
 *
 * v8: which record was refused, and a message (KIP-467). v10: the leader is named when it moved (KIP-951). v13: topic ids (KIP-516).
 * With acks=0 nothing is answered; when such a request fails its connection is closed, which is all that a client can notice.
 */
import type { produce } from '../../protocol/apis/produce.ts';
import { ErrorCode, errorName } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { LeaderHints, NO_HINT, type DataContext, type DataRequestContext } from '../replica-manager-context.ts';
import type { AppendEntry, AppendResult } from '../replica-manager-produce.ts';

type Request = RequestOf<typeof produce>;
type Response = ResponseIn<typeof produce>;
type PartitionResponse = Response['responses'][number]['partitionResponses'][number];

export function handleProduce(
  request: Request,
  context: DataRequestContext,
  broker: DataContext,
): Response | null | Promise<Response | null> {
  const { acks } = request;
  if (acks !== 0 && acks !== 1 && acks !== -1) throw new KafkaError(ErrorCode.INVALID_REQUIRED_ACKS);
  if (request.transactionalId !== null) {
    throw new KafkaError(ErrorCode.INVALID_TXN_STATE, 'This broker does not take part in transactions.');
  }
  let bytes = 0;
  for (const topic of request.topicData) for (const partition of topic.partitionData) bytes += partition.records?.length ?? 0;
  const slow = broker.replicas.admit(bytes);
  return slow === undefined ? append(request, context, broker) : slow.then(() => append(request, context, broker));
}

function append(request: Request, context: DataRequestContext, broker: DataContext): Response | null | Promise<Response | null> {
  const { topicsById } = broker.image();
  const byId = context.version >= 13;
  const entries: AppendEntry[] = [];
  for (const { name, topicId, partitionData } of request.topicData) {
    const topic = byId ? topicsById.get(topicId)?.name : name;
    for (const { index, records } of partitionData) {
      entries.push({ topic, topicId: byId ? topicId : undefined, partition: index, records });
    }
  }
  const results = broker.replicas.append({ requiredAcks: request.acks, timeoutMs: request.timeoutMs, origin: 'client' }, entries);
  if (!(results instanceof Promise)) return respond(request, context, broker, results);
  // Its place in the log is settled, so the next write of this client need not wait until this one is replicated.
  context.connection.answerLater();
  return results.then((done) => respond(request, context, broker, done));
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

/** The answer when the whole request was refused. */
export function onProduceError(request: Request, errorCode: number, errorMessage: string): Response {
  if (request.acks === 0) throw new ProtocolError(`a produce request that wants no answer failed: ${errorName(errorCode)}`);
  return {
    responses: request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, errorMessage, baseOffset: -1n })),
    })),
  };
}
