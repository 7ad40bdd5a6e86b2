/** Sets committed offsets of a group as a client that is not a member. */
import { offsetCommit } from '../cluster/protocol/apis/offset-commit.ts';
import { ErrorCode } from '../cluster/protocol/error-codes.ts';
import type { ClusterClient } from './cluster-client.ts';
import { AdminError, kafkaFailure } from './errors.ts';
import { coordinatorOf } from './groups.ts';

/** Newer ones name topics by id only. */
const OFFSET_COMMIT_VERSION = 9;
const COORDINATOR_TIMEOUT_MS = 5_000;
/** For a commit by a client that is not a member: the coordinator accepts it only while the group has no members. */
const NO_GENERATION = -1;

/** Rejects with Kafka's error of the first partition that was refused: UNKNOWN_MEMBER_ID while the group has members. */
export async function setCommitted(
  client: ClusterClient,
  group: string,
  topic: string,
  offsets: ReadonlyMap<number, bigint>,
): Promise<void> {
  await client.retrying(async () => {
    const answer = await client.onBroker(
      await coordinatorOf(client, group),
      offsetCommit,
      {
        groupId: group,
        generationIdOrMemberEpoch: NO_GENERATION,
        memberId: '',
        topics: [
          {
            name: topic,
            partitions: [...offsets].map(([partitionIndex, committedOffset]) => ({
              partitionIndex,
              committedOffset,
              committedMetadata: null,
            })),
          },
        ],
      },
      { maxVersion: OFFSET_COMMIT_VERSION, timeoutMs: COORDINATOR_TIMEOUT_MS },
    );
    for (const { partitionIndex, errorCode } of answer.topics[0]?.partitions ?? [])
      if (errorCode !== 0) throw failureOf(errorCode, group, `${topic}-${partitionIndex}`);
  });
}

/** Replaces the text of UNKNOWN_MEMBER_ID, which is about the requesting member: this client is none. */
function failureOf(code: number, group: string, partition: string): AdminError {
  if (code !== ErrorCode.UNKNOWN_MEMBER_ID) return kafkaFailure(code, { subject: partition });
  return new AdminError(
    {
      code: 'UNKNOWN_MEMBER_ID',
      message: `Group ${group} has members, so its coordinator takes commits from them alone.`,
      advice: 'Stop its consumers first.',
      subject: group,
    },
    { kafkaCode: code },
  );
}
