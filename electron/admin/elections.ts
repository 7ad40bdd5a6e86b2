/** Leader elections on request (KIP-183, KIP-460). */
import { electLeaders } from '../cluster/protocol/apis/elect-leaders.ts';
import { ErrorCode } from '../cluster/protocol/error-codes.ts';
import type { ClusterClient } from './cluster-client.ts';
import { kafkaFailure, type AdminError } from './errors.ts';

const TYPES = { preferred: 0, unclean: 1 } as const;

/** Null: its leader was elected; else Kafka's error, of which "none was needed" (ELECTION_NOT_NEEDED) is one. */
type Outcome = AdminError | null;

/** Rejects with Kafka's error; that none is needed is one (ELECTION_NOT_NEEDED). */
export async function electLeader(
  client: ClusterClient,
  { topic, partition }: { topic: string; partition: number },
  type: keyof typeof TYPES,
): Promise<void> {
  const error = (await elect(client, topic, [partition], type)).get(partition) ?? null;
  if (error !== null) throw error;
}

/** Asks for the preferred leader of each; resolves to those that could not have it, and why. Led by it already is not among them. */
export async function electPreferred(
  client: ClusterClient,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, AdminError>> {
  const failed = new Map<number, AdminError>();
  for (const [partition, error] of await elect(client, topic, partitions, 'preferred'))
    if (error !== null && error.kafkaCode !== ErrorCode.ELECTION_NOT_NEEDED) failed.set(partition, error);
  return failed;
}

/** Rejects when the request was refused as a whole. */
async function elect(
  client: ClusterClient,
  topic: string,
  partitions: readonly number[],
  type: keyof typeof TYPES,
): Promise<Map<number, Outcome>> {
  const answer = await client.onController(
    electLeaders,
    { electionType: TYPES[type], topicPartitions: [{ topic, partitions: [...partitions] }], timeoutMs: 10_000 },
    (response) => response.errorCode,
  );
  if (answer.errorCode !== 0) throw kafkaFailure(answer.errorCode, { subject: topic });
  const results = answer.replicaElectionResults.find((result) => result.topic === topic)?.partitionResult ?? [];
  return new Map(
    results.map(({ partitionId, errorCode, errorMessage }) => [
      partitionId,
      errorCode === 0 ? null : kafkaFailure(errorCode, { message: errorMessage, subject: `${topic}-${partitionId}` }),
    ]),
  );
}
