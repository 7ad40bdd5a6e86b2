/**
 * The requests that the active controller answers: for each its decision, the response when it fails as a whole, and the sender's timeout.
 * One entry per API; the decisions are in `controller/`.
 */
import { allocateProducerIds } from '../protocol/apis/allocate-producer-ids.ts';
import { alterConfigs } from '../protocol/apis/alter-configs.ts';
import { alterPartitionReassignments } from '../protocol/apis/alter-partition-reassignments.ts';
import { alterPartition } from '../protocol/apis/alter-partition.ts';
import { brokerHeartbeat } from '../protocol/apis/broker-heartbeat.ts';
import { brokerRegistration } from '../protocol/apis/broker-registration.ts';
import { createPartitions } from '../protocol/apis/create-partitions.ts';
import { createTopics } from '../protocol/apis/create-topics.ts';
import { deleteTopics } from '../protocol/apis/delete-topics.ts';
import { electLeaders } from '../protocol/apis/elect-leaders.ts';
import { incrementalAlterConfigs } from '../protocol/apis/incremental-alter-configs.ts';
import { listPartitionReassignments } from '../protocol/apis/list-partition-reassignments.ts';
import { unregisterBroker } from '../protocol/apis/unregister-broker.ts';
import type { KafkaError } from '../protocol/kafka-error.ts';
import type { Api, RequestOf, ResponseIn } from '../protocol/schema.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';
import { allocateProducerIds as decideProducerIds } from './controller/allocate-producer-ids.ts';
import { alterConfigs as decideConfigs, incrementalAlterConfigs as decideIncrementalConfigs } from './controller/alter-configs.ts';
import { alterPartitionReassignments as decideReassignments } from './controller/alter-partition-reassignments.ts';
import { alterPartition as decideAlterPartition } from './controller/alter-partition.ts';
import { createPartitions as decideCreatePartitions } from './controller/create-partitions.ts';
import { createTopics as decideCreateTopics } from './controller/create-topics.ts';
import type { Decision, DecisionContext } from './controller/decision.ts';
import { deleteTopics as decideDeleteTopics } from './controller/delete-topics.ts';
import { electLeaders as decideElectLeaders } from './controller/elect-leaders.ts';
import { listPartitionReassignments as decideListReassignments } from './controller/list-partition-reassignments.ts';
import { unregisterBroker as decideUnregister } from './controller/unregister-broker.ts';
import { coordinationTouch, coordinationSession, coordinationWrite } from './zookeeper-state/apis.ts';

export interface Operation<Request, Response> {
  readonly api: Api<Request, never, unknown, Response>;
  decide(context: DecisionContext, request: Request): Decision<Response>;
  /** The response when the request fails as a whole. */
  failed(request: Request, error: KafkaError): Response;
  /** The sender's limit for the quorum, ms; undefined: the controller's own limit. */
  timeoutMs?(request: Request): number;
}

/** An operation with erased types; its input was decoded by the codec of the same API. */
export type AnyOperation = Operation<unknown, unknown>;

function operation<Request, Response>(
  api: Api<Request, never, unknown, Response>,
  parts: Omit<Operation<Request, Response>, 'api'>,
): [number, AnyOperation] {
  return [api.key, { api, ...parts }];
}

type DecideOf<A> = Operation<RequestOf<A>, ResponseIn<A>>['decide'];

/** Decisions that depend on sessions; `ControllerSessions` makes them. */
export interface SessionDecisions {
  register: DecideOf<typeof brokerRegistration>;
  heartbeat: DecideOf<typeof brokerHeartbeat>;
  coordinationWrite: DecideOf<typeof coordinationWrite>;
  coordinationSession: DecideOf<typeof coordinationSession>;
  coordinationTouch: DecideOf<typeof coordinationTouch>;
}

export function controllerOperations(sessions: SessionDecisions): ReadonlyMap<number, AnyOperation> {
  const code = (error: KafkaError): { errorCode: number; errorMessage: string } => ({ errorCode: error.code, errorMessage: error.message });
  return new Map([
    operation(brokerRegistration, { decide: (...asked) => sessions.register(...asked), failed: (_, error) => ({ errorCode: error.code }) }),
    operation(brokerHeartbeat, {
      decide: (...asked) => sessions.heartbeat(...asked),
      failed: (_, error) => ({ errorCode: error.code, shouldShutDown: false }),
    }),
    operation(alterPartition, { decide: decideAlterPartition, failed: (_, error) => ({ errorCode: error.code, topics: [] }) }),
    operation(allocateProducerIds, {
      decide: decideProducerIds,
      failed: (_, error) => ({ errorCode: error.code, producerIdStart: 0n, producerIdLen: 0 }),
    }),
    operation(createTopics, {
      decide: decideCreateTopics,
      failed: (request, error) => ({
        topics: request.topics.map(({ name }) => ({ name, topicId: ZERO_UUID, ...code(error), configs: null })),
      }),
      timeoutMs: (request) => request.timeoutMs,
    }),
    operation(deleteTopics, {
      decide: decideDeleteTopics,
      failed: (request, error) => ({
        responses: [...request.topics, ...request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))].map((topic) => ({
          name: topic.name,
          topicId: topic.topicId,
          ...code(error),
        })),
      }),
      timeoutMs: (request) => request.timeoutMs,
    }),
    operation(createPartitions, {
      decide: decideCreatePartitions,
      failed: (request, error) => ({ results: request.topics.map(({ name }) => ({ name, ...code(error) })) }),
      timeoutMs: (request) => request.timeoutMs,
    }),
    operation(alterConfigs, { decide: decideConfigs, failed: (request, error) => ({ responses: request.resources.map(resource(error)) }) }),
    operation(incrementalAlterConfigs, {
      decide: decideIncrementalConfigs,
      failed: (request, error) => ({ responses: request.resources.map(resource(error)) }),
    }),
    operation(electLeaders, {
      decide: decideElectLeaders,
      failed: (_, error) => ({ errorCode: error.code, replicaElectionResults: [] }),
      timeoutMs: (request) => request.timeoutMs,
    }),
    operation(alterPartitionReassignments, {
      decide: decideReassignments,
      failed: (_, error) => ({ ...code(error), responses: [] }),
      timeoutMs: (request) => request.timeoutMs,
    }),
    operation(listPartitionReassignments, {
      decide: decideListReassignments,
      failed: (_, error) => ({ ...code(error), topics: [] }),
      timeoutMs: (request) => request.timeoutMs,
    }),
    operation(unregisterBroker, { decide: decideUnregister, failed: (_, error) => code(error) }),
    operation(coordinationWrite, { decide: (...asked) => sessions.coordinationWrite(...asked), failed: (_, error) => code(error) }),
    operation(coordinationSession, { decide: (...asked) => sessions.coordinationSession(...asked), failed: (_, error) => code(error) }),
    operation(coordinationTouch, { decide: (...asked) => sessions.coordinationTouch(...asked), failed: (_, error) => code(error) }),
  ]);
}

function resource(error: KafkaError) {
  return ({ resourceType, resourceName }: { resourceType: number; resourceName: string }) => ({
    errorCode: error.code,
    errorMessage: error.message,
    resourceType,
    resourceName,
  });
}
