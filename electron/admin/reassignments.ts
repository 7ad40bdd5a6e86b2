/** Partition reassignments, and the unregistration of brokers. */
import { alterPartitionReassignments } from '../cluster/protocol/apis/alter-partition-reassignments.ts';
import { listPartitionReassignments } from '../cluster/protocol/apis/list-partition-reassignments.ts';
import { unregisterBroker } from '../cluster/protocol/apis/unregister-broker.ts';
import { ErrorCode } from '../cluster/protocol/error-codes.ts';
import type { ClusterClient } from './cluster-client.ts';
import { kafkaFailure } from './errors.ts';
import { partitionKey } from '#shared/keys';

export interface ReplicaMove {
  topic: string;
  partition: number;
  /** Broker ids, the preferred leader first. */
  replicas: readonly number[];
}

const MOVES_A_REQUEST = 1_000;

/** Starts the reassignments and returns before they complete. Throws `AdminError` for the first one that was refused. */
export async function moveReplicas(client: ClusterClient, moves: readonly ReplicaMove[]): Promise<void> {
  for (let first = 0; first < moves.length; first += MOVES_A_REQUEST) {
    const byTopic = new Map<string, ReplicaMove[]>();
    for (const move of moves.slice(first, first + MOVES_A_REQUEST)) byTopic.set(move.topic, [...(byTopic.get(move.topic) ?? []), move]);
    const body = {
      timeoutMs: 10_000,
      allowReplicationFactorChange: false,
      topics: [...byTopic].map(([name, partitions]) => ({
        name,
        partitions: partitions.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas: [...replicas] })),
      })),
    };
    const answer = await client.onController(alterPartitionReassignments, body, ({ errorCode }) => errorCode);
    if (answer.errorCode !== ErrorCode.NONE) throw kafkaFailure(answer.errorCode, { message: answer.errorMessage });
    for (const { name, partitions } of answer.responses) {
      const refused = partitions.find(({ errorCode }) => errorCode !== ErrorCode.NONE);
      if (refused === undefined) continue;
      throw kafkaFailure(refused.errorCode, { message: refused.errorMessage, subject: `${name}-${refused.partitionIndex}` });
    }
  }
}

/** Target replicas (broker ids, the preferred leader first) of each partition that is being reassigned, by `partitionKey`. Throws `AdminError`. */
export async function listReassignmentTargets(client: ClusterClient): Promise<Map<string, number[]>> {
  const answer = await client.onController(listPartitionReassignments, { timeoutMs: 10_000, topics: null }, ({ errorCode }) => errorCode);
  if (answer.errorCode !== ErrorCode.NONE) throw kafkaFailure(answer.errorCode, { message: answer.errorMessage });
  return new Map(
    answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, replicas, removingReplicas }): [string, number[]] => [
        partitionKey(name, partitionIndex),
        replicas.filter((id) => !removingReplicas.includes(id)),
      ]),
    ),
  );
}

/** Unregisters a broker (UnregisterBroker). Throws `AdminError`. */
export async function unregister(client: ClusterClient, broker: number): Promise<void> {
  const answer = await client.onController(unregisterBroker, { brokerId: broker }, ({ errorCode }) => errorCode);
  if (answer.errorCode === ErrorCode.NONE) return;
  throw kafkaFailure(answer.errorCode, { message: answer.errorMessage, subject: `broker ${broker}` });
}
