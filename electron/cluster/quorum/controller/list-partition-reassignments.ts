import type { listPartitionReassignments as api } from '../../protocol/apis/list-partition-reassignments.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { isReassigning } from './reassignment-state.ts';

/** The reassignments in progress (KIP-455), of all or of the named partitions. The controller answers, so no caller sees a state before its own change. */
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
