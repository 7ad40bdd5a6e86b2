/** Elections that a person asks for (KIP-183, KIP-460). */
import { electLeaders } from '../cluster/protocol/apis/elect-leaders.ts';
import type { ClusterClient } from './cluster-client.ts';
import { kafkaFailure } from './errors.ts';

const TYPES = { preferred: 0, unclean: 1 } as const;

/** Rejects with Kafka's error; that none is needed is one (ELECTION_NOT_NEEDED). */
export async function electLeader(
  client: ClusterClient,
  { topic, partition }: { topic: string; partition: number },
  type: keyof typeof TYPES,
): Promise<void> {
  const answer = await client.onController(
    electLeaders,
    { electionType: TYPES[type], topicPartitions: [{ topic, partitions: [partition] }], timeoutMs: 10_000 },
    (response) => response.errorCode,
  );
  const result = answer.replicaElectionResults[0]?.partitionResult[0];
  const code = answer.errorCode !== 0 ? answer.errorCode : (result?.errorCode ?? 0);
  if (code !== 0) throw kafkaFailure(code, { message: result?.errorMessage ?? null, subject: `${topic}-${partition}` });
}
