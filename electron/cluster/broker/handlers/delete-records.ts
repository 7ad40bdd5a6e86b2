/** Key 21, DeleteRecords 0–2 (KIP-107). Answered when every live replica has deleted the records. */
import type { deleteRecords } from '../../protocol/apis/delete-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { DataContext, DataRequestContext } from '../replica-manager-context.ts';
import type { DeleteResult } from '../replica-manager-delete.ts';

type Request = RequestOf<typeof deleteRecords>;
type Response = ResponseIn<typeof deleteRecords>;

export async function handleDeleteRecords(request: Request, _context: DataRequestContext, broker: DataContext): Promise<Response> {
  const entries = request.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, offset }) => ({ topic: name, partition: partitionIndex, offset })),
  );
  const results = await broker.replicas.deletions.delete(entries, request.timeoutMs);
  let next = 0;
  return respond(request, () => results[next++] as DeleteResult);
}

/** The answer when the whole request was refused. */
export function onDeleteRecordsError(request: Request, errorCode: number): Response {
  return respond(request, () => ({ errorCode, lowWatermark: -1n }));
}

function respond(request: Request, result: () => DeleteResult): Response {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const { errorCode, lowWatermark } = result();
        return { partitionIndex, errorCode, lowWatermark };
      }),
    })),
  };
}
