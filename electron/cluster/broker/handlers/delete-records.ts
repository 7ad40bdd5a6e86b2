/** Key 21, DeleteRecords 0–2 (KIP-107). Answered when every live replica has deleted the records. */
import { deleteRecords } from '../../protocol/apis/delete-records.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import type { DeleteResult } from '../record-deletions.ts';
import type { DataContext, DataRequestContext } from '../data-context.ts';

type Request = RequestOf<typeof deleteRecords>;
type Response = ResponseIn<typeof deleteRecords>;

const DELETE_TOPIC: ItemRule = { operation: Operation.DELETE, resource: Resource.TOPIC };

export async function handleDeleteRecords(request: Request, { session }: DataRequestContext, broker: DataContext): Promise<Response> {
  const denied = new Set(request.topics.filter(({ name }) => !isAllowed(broker.authorizer, session, DELETE_TOPIC, name)));
  const entries = request.topics.flatMap((topic) =>
    denied.has(topic)
      ? []
      : topic.partitions.map(({ partitionIndex, offset }) => ({ topic: topic.name, partition: partitionIndex, offset })),
  );
  const results = entries.length === 0 ? [] : await broker.replicas.deletions.delete(entries, request.timeoutMs);
  let next = 0;
  return respond(request, (topic) => (denied.has(topic) ? REFUSED : (results[next++] as DeleteResult)));
}

const REFUSED: DeleteResult = { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, lowWatermark: -1n };

function respond(request: Request, result: (topic: Request['topics'][number]) => DeleteResult): Response {
  return {
    topics: request.topics.map((topic) => ({
      name: topic.name,
      partitions: topic.partitions.map(({ partitionIndex }) => {
        const { errorCode, lowWatermark } = result(topic);
        return { partitionIndex, errorCode, lowWatermark };
      }),
    })),
  };
}

export const deleteRecordsApi: BrokerApi<typeof deleteRecords> = {
  api: deleteRecords,
  listeners: ['broker'],
  authorization: { items: [DELETE_TOPIC] },
  handle: handleDeleteRecords,
  failed: (request, { errorCode }) => respond(request, () => ({ errorCode, lowWatermark: -1n })),
};
