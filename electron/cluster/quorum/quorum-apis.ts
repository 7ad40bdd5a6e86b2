/**
 * APIs of the CONTROLLER listener: Raft's own requests, DescribeQuorum, and the requests to the active controller. One table, used for
 * requests from the network and from the broker of the same node.
 */
import { addRaftVoter } from '../protocol/apis/add-raft-voter.ts';
import { apiVersions } from '../protocol/apis/api-versions.ts';
import { beginQuorumEpoch } from '../protocol/apis/begin-quorum-epoch.ts';
import { describeQuorum } from '../protocol/apis/describe-quorum.ts';
import { endQuorumEpoch } from '../protocol/apis/end-quorum-epoch.ts';
import { fetch } from '../protocol/apis/fetch.ts';
import { fetchSnapshot } from '../protocol/apis/fetch-snapshot.ts';
import { vote } from '../protocol/apis/vote.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { decodeRequest, encodeResponse, type RequestHeader } from '../protocol/frame.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Reader } from '../protocol/reader.ts';
import type { Api, RequestOf, ResponseIn } from '../protocol/schema.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';
import type { Controller } from './controller.ts';
import { isPrivateApi } from './zookeeper-state/apis.ts';
import { METADATA_TOPIC } from './raft-messages.ts';
import type { QuorumReplicaState, RaftNode } from './raft.ts';

/** The fields of the network layer's `Dispatch` request that are used here. */
export type ControllerDispatch = (request: {
  readonly header: RequestHeader;
  readonly reader: Reader;
  /** Monotonic ms at which the frame was complete; a request's own timeout counts from here. */
  readonly receivedAt?: number;
}) => Promise<Uint8Array[]>;

export interface QuorumDescription {
  /** −1 while unknown. */
  readonly leaderId: number;
  readonly leaderEpoch: number;
  /** −1n while unknown. */
  readonly highWatermark: bigint;
  /** Empty on a node that does not lead. */
  readonly voters: readonly QuorumReplicaState[];
  readonly observers: readonly QuorumReplicaState[];
}

export interface QuorumApis {
  /** The API of the key; undefined: not served here. */
  api(apiKey: number): Api<unknown, never> | undefined;
  /** Answers a decoded request. `receivedAt`: monotonic ms; now if absent. */
  answer(apiKey: number, request: unknown, receivedAt?: number): Promise<unknown>;
}

interface Entry {
  readonly api: Api<unknown, never>;
  answer(request: unknown, receivedAt?: number): unknown;
}

function entry<Q, S>(api: Api<Q, never, unknown, S>, answer: (request: Q) => S | Promise<S>): [number, Entry] {
  return [api.key, { api: api, answer: answer }];
}

export function quorumApis(parts: {
  raft: RaftNode;
  controller: Controller;
  voters: readonly { id: number; host: string; port: number }[];
}): QuorumApis {
  const { raft, controller, voters } = parts;
  const table = new Map<number, Entry>([
    entry(vote, (request) => raft.handleVote(request)),
    entry(beginQuorumEpoch, (request) => raft.handleBeginQuorumEpoch(request)),
    entry(endQuorumEpoch, (request) => raft.handleEndQuorumEpoch(request)),
    entry(fetch, (request) => raft.handleFetch(request)),
    entry(addRaftVoter, (request) => raft.handleAddRaftVoter(request)),
    entry(fetchSnapshot, (request) => raft.handleFetchSnapshot(request)),
    entry(describeQuorum, (request) => answerDescribeQuorum(raft, voters, request)),
  ]);
  for (const key of controller.apiKeys) {
    const operation = controller.operation(key);
    if (operation !== undefined)
      table.set(key, { api: operation.api, answer: (request, receivedAt) => controller.handle(key, request, receivedAt) });
  }
  table.set(
    ...entry(apiVersions, () => ({
      errorCode: ErrorCode.NONE,
      apiKeys: [...table.values()]
        .filter(({ api }) => !isPrivateApi(api.key))
        .map(({ api }) => ({ apiKey: api.key, minVersion: api.minVersion, maxVersion: api.maxVersion })),
    })),
  );
  return {
    api: (apiKey) => table.get(apiKey)?.api,
    async answer(apiKey, request, receivedAt) {
      const found = table.get(apiKey);
      if (found === undefined) throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `API ${apiKey} is not answered by the controller.`);
      return await found.answer(request, receivedAt);
    },
  };
}

/** Decodes, answers, encodes. A request that cannot be decoded rejects, which closes its connection. */
export function controllerDispatch(apis: QuorumApis): ControllerDispatch {
  return async ({ header, reader, receivedAt }) => {
    const { apiKey, apiVersion, correlationId } = header;
    const api = apis.api(apiKey);
    if (api === undefined || apiVersion < api.minVersion || apiVersion > api.maxVersion) {
      throw new ProtocolError(`the controller does not answer version ${apiVersion} of API ${apiKey}`);
    }
    const request = decodeRequest(api, apiVersion, reader);
    return encodeResponse(api, apiVersion, correlationId, await apis.answer(apiKey, request, receivedAt));
  };
}

/**
 * The high watermark is −1, unknown, unless a majority confirms this leader after the request arrived: a broker that was suspended compares
 * its metadata with it before it serves clients. Apache Kafka returns that of the answering node without a confirmation.
 */
async function answerDescribeQuorum(
  raft: RaftNode,
  voters: readonly { id: number; host: string; port: number }[],
  request: RequestOf<typeof describeQuorum>,
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
