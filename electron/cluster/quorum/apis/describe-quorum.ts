/**
 * Key 55, DescribeQuorum 0–2: leader, epoch and log ends of the metadata quorum. Only its leader knows the log ends of the others.
 *
 * The high watermark is −1, unknown, unless a majority confirms this leader after the request arrived: a broker that was suspended compares
 * its metadata with it before it serves clients. Apache Kafka returns that of the answering node without a confirmation.
 */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { describeQuorum } from '../../protocol/apis/describe-quorum.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import { Operation } from '../../security/authorizer.ts';
import type { ControllerServer, QuorumApi } from '../controller-api.ts';
import { METADATA_TOPIC } from '../raft-messages.ts';
import type { QuorumReplicaState } from '../raft.ts';

export const describeQuorumApi: QuorumApi<typeof describeQuorum> = {
  api: describeQuorum,
  listeners: ['broker', 'controller'],
  authorization: onCluster(Operation.DESCRIBE),
  handle: (request, _context, server) => answerDescribeQuorum(request, server),
  failed: (_request, failure) => ({ ...failure, topics: [], nodes: [] }),
};

async function answerDescribeQuorum(
  request: RequestOf<typeof describeQuorum>,
  { raft, voters }: ControllerServer,
): Promise<ResponseIn<typeof describeQuorum>> {
  const confirmed = await raft.confirmLeadership();
  const replicas = raft.describeReplicas();
  const { leaderId, epoch } = raft.status;
  const nodes = voters.map((voter) => ({
    nodeId: voter.id,
    listeners: [{ name: 'CONTROLLER', host: voter.host, port: voter.port }],
  }));
  const describe = (topicName: string, partitionIndex: number) => {
    const base = { partitionIndex, leaderId, leaderEpoch: epoch, observers: [] };
    if (topicName !== METADATA_TOPIC || partitionIndex !== 0) {
      const errorMessage = `The quorum keeps ${METADATA_TOPIC}-0 only.`;
      return { ...base, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage, highWatermark: -1n, currentVoters: [] };
    }
    if (replicas === undefined) {
      const errorMessage = 'This node does not lead the quorum; ask the leader.';
      return { ...base, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, errorMessage, highWatermark: -1n, currentVoters: [] };
    }
    const state = (replica: QuorumReplicaState) => ({ ...replica, replicaDirectoryId: ZERO_UUID });
    return {
      ...base,
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      highWatermark: confirmed ? raft.describedHighWatermark : -1n,
      currentVoters: replicas.voters.map(state),
      observers: replicas.observers.map(state),
    };
  };
  return {
    // At the top level too, so that the caller retries at the leader.
    errorCode: replicas === undefined ? ErrorCode.NOT_CONTROLLER : ErrorCode.NONE,
    topics: request.topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => describe(topicName, partitionIndex)),
    })),
    nodes,
  };
}
