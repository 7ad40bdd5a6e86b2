/** DeleteRecords (KIP-107), sent to the leader of each partition. */
import { deleteRecords } from '../cluster/protocol/apis/delete-records.ts';
import { ErrorCode } from '../cluster/protocol/error-codes.ts';
import { isWorthRetrying, leaderOf, type ClusterClient } from './cluster-client.ts';
import { AdminError, kafkaFailure } from './errors.ts';
import { pushTo } from './topics.ts';

const TIMEOUT_MS = 5_000;
/** Time for the response beyond the timeout in the request. */
const GRACE_MS = 1_000;
/** A broker may not know a new topic or partition for so long; after that it counts as missing. */
const UNKNOWN_MS = 1_500;
/** The offset −1 of DeleteRecords: the high watermark. */
const HIGH_WATERMARK = -1n;

/** The new log start offset of a partition, or why it was not changed. */
export type Deleted = { startOffset: bigint } | { error: AdminError };

/**
 * Sets the log start offset of each partition on every live replica to the given offset (null: the high watermark). Retries with fresh
 * metadata while leaders move; a repeated request changes nothing. Rejects if no request could be sent.
 */
export async function deleteRecordsBefore(
  client: ClusterClient,
  topic: string,
  before: ReadonlyMap<number, bigint | null>,
): Promise<Map<number, Deleted>> {
  const done = new Map<number, Deleted>();
  const left = new Map(before);
  const unknownUntil = performance.now() + UNKNOWN_MS;
  const isFinal = (error: AdminError): boolean =>
    !isWorthRetrying(error) || (error.kafkaCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION && performance.now() > unknownUntil);
  const attempt = async (): Promise<void> => {
    for (const [partition, result] of await deleteOnce(client, topic, left)) {
      done.set(partition, result);
      if ('startOffset' in result || isFinal(result.error)) left.delete(partition);
    }
    for (const partition of left.keys()) {
      const again = done.get(partition);
      if (again !== undefined && 'error' in again) throw again.error;
    }
  };
  try {
    await client.retrying(attempt);
  } catch (error) {
    // Partitions that were changed stay changed; the others have their error in `done`.
    if (done.size === 0 || !(error instanceof AdminError)) throw error;
  }
  return done;
}

async function deleteOnce(client: ClusterClient, topic: string, before: ReadonlyMap<number, bigint | null>): Promise<Map<number, Deleted>> {
  const meta = await client.metadata([topic]);
  const results = new Map<number, Deleted>();
  const byLeader = new Map<number, number[]>();
  for (const partition of before.keys()) {
    try {
      pushTo(byLeader, leaderOf(meta, topic, partition), partition);
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      results.set(partition, { error });
    }
  }
  const answers = await client.eachBroker([...byLeader.keys()], async (leader) => {
    const partitions = (byLeader.get(leader) ?? []).map((partition) => ({
      partitionIndex: partition,
      offset: before.get(partition) ?? HIGH_WATERMARK,
    }));
    const answer = await client.onBroker(
      leader,
      deleteRecords,
      { topics: [{ name: topic, partitions }], timeoutMs: TIMEOUT_MS },
      { timeoutMs: TIMEOUT_MS + GRACE_MS },
    );
    return new Map(answer.topics[0]?.partitions.map((result) => [result.partitionIndex, result]));
  });
  for (const answer of answers) {
    for (const partition of byLeader.get(answer.broker) ?? []) {
      const result = 'error' in answer ? undefined : answer.value.get(partition);
      const subject = `${topic}-${partition}`;
      if ('error' in answer) results.set(partition, { error: answer.error });
      else if (result === undefined)
        results.set(partition, { error: new AdminError({ code: 'INTERNAL', message: `Nothing was said of ${subject}.`, subject }) });
      else if (result.errorCode !== 0) results.set(partition, { error: kafkaFailure(result.errorCode, { subject }) });
      else results.set(partition, { startOffset: result.lowWatermark });
    }
  }
  return results;
}
