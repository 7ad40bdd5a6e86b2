import { describeQuorum } from '../cluster/protocol/apis/describe-quorum.ts';
import { ErrorCode } from '../cluster/protocol/error-codes.ts';
import type { QuorumReplica, QuorumView } from '#shared/models/cluster';
import type { ClusterClient } from './cluster-client.ts';
import { AdminError, kafkaFailure } from './errors.ts';

/** Clusters that keep their quorum from clients. */
const NOT_FOR_US: ReadonlySet<string> = new Set(['CLUSTER_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_REQUEST']);

/** The metadata quorum; null where the cluster has none (ZooKeeper mode), `unanswered` while it has no leader that could say. */
export async function readQuorum(client: ClusterClient): Promise<Omit<QuorumView, 'leaderSince'> | 'unanswered' | null> {
  try {
    const answer = await client.anyBroker(describeQuorum, {
      topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
    });
    const partition = answer.topics[0]?.partitions[0];
    const code = answer.errorCode !== 0 ? answer.errorCode : (partition?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    if (code !== 0) throw kafkaFailure(code, { message: answer.errorMessage });
    if (partition === undefined) return 'unanswered';
    const leaderEnd = partition.currentVoters.find(({ replicaId }) => replicaId === partition.leaderId)?.logEndOffset ?? null;
    const replica = (state: (typeof partition.currentVoters)[number]): QuorumReplica => ({
      id: state.replicaId,
      logEndOffset: known(state.logEndOffset)?.toString() ?? null,
      lag: leaderEnd === null || state.logEndOffset < 0n ? null : (leaderEnd - state.logEndOffset).toString(),
      lastFetchAt: time(state.lastFetchTimestamp),
      lastCaughtUpAt: time(state.lastCaughtUpTimestamp),
    });
    return {
      leaderId: partition.leaderId < 0 ? null : partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      highWatermark: known(partition.highWatermark)?.toString() ?? null,
      voters: partition.currentVoters.map(replica),
      observers: partition.observers.map(replica),
    };
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    return error.app.code === 'UNSUPPORTED_VERSION' || NOT_FOR_US.has(error.app.code) ? null : 'unanswered';
  }
}

function known(offset: bigint): bigint | null {
  return offset < 0n ? null : offset;
}

function time(timestamp: bigint): number | null {
  return timestamp < 0n ? null : Number(timestamp);
}
