import type { listPartitionReassignments as api } from '../../protocol/apis/list-partition-reassignments.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { isReassigning } from './reassignment-state.ts';

/** The moves of replicas under way (KIP-455), of all partitions or of those named. The controller answers, so that nobody sees an older state than the one they made. */
export function listPartitionReassignments({ image }: DecisionContext, request: RequestOf<typeof api>): Decision<ResponseIn<typeof api>> {
  const asked = request.topics ?? [...image.topics.keys()].map((name) => ({ name, partitionIndexes: undefined }));
  const topics = asked.map(({ name, partitionIndexes }) => {
    const all = image.topics.get(name)?.partitions ?? [];
    const wanted = partitionIndexes === undefined ? all : [...new Set(partitionIndexes)].flatMap((index) => all[index] ?? []);
    const partitions = wanted.filter(isReassigning).map(({ partition, replicas, addingReplicas, removingReplicas }) => ({
      partitionIndex: partition,
      replicas,
      addingReplicas,
      removingReplicas,
    }));
    return { name, partitions };
  });
  return {
    records: [],
    response: { errorCode: ErrorCode.NONE, errorMessage: null, topics: topics.filter(({ partitions }) => partitions.length > 0) },
    events: [],
  };
}
