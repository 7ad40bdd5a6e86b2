/** The description of an API of the CONTROLLER listener: of the quorum, or a request that the active controller decides. */
import type { ApiDescriptor, ApiServer, DescriptorOf } from '../dispatch/api-descriptor.ts';
import type { ApiRegistry } from '../dispatch/api-registry.ts';
import type { RequestContext } from '../dispatch/request.ts';
import type { brokerHeartbeat } from '../protocol/apis/broker-heartbeat.ts';
import type { brokerRegistration } from '../protocol/apis/broker-registration.ts';
import type { Api, RequestOf, ResponseIn } from '../protocol/schema.ts';
import type { Decision, DecisionContext } from './controller/decision.ts';
import type { RaftNode } from './raft.ts';
import type { coordinationSession, coordinationTouch, coordinationWrite } from './zookeeper-state/apis.ts';

type Decide<A> = (context: DecisionContext, request: RequestOf<A>) => Decision<ResponseIn<A>>;

/** Decisions that depend on sessions; `ControllerSessions` makes them. */
export interface SessionDecisions {
  readonly register: Decide<typeof brokerRegistration>;
  readonly heartbeat: Decide<typeof brokerHeartbeat>;
  readonly coordinationWrite: Decide<typeof coordinationWrite>;
  readonly coordinationSession: Decide<typeof coordinationSession>;
  readonly coordinationTouch: Decide<typeof coordinationTouch>;
}

/** The controller as its APIs use it (`controller.ts`). */
export interface DecisionQueue {
  /** Rejects with the `KafkaError` that fails the request as a whole. */
  handle<Request, Response>(api: DecidedApi<Request, Response>, request: Request, context: DecidedRequest): Promise<Response>;
}

/** The part of a request's context that the controller reads. */
export type DecidedRequest = Pick<RequestContext, 'receivedAt' | 'session'>;

/** The node as the APIs of its CONTROLLER listener use it. */
export interface ControllerServer extends ApiServer {
  readonly raft: Pick<
    RaftNode,
    | 'handleVote'
    | 'handleBeginQuorumEpoch'
    | 'handleEndQuorumEpoch'
    | 'handleFetch'
    | 'handleFetchSnapshot'
    | 'handleAddRaftVoter'
    | 'confirmLeadership'
    | 'describeReplicas'
    | 'describedHighWatermark'
    | 'status'
  >;
  readonly controller: DecisionQueue;
  readonly voters: readonly { readonly id: number; readonly host: string; readonly port: number }[];
  readonly registry: ApiRegistry<ControllerServer>;
}

/** An API that the node's voter answers by itself, by the type of its schema. */
export type QuorumApi<A> = DescriptorOf<A, ControllerServer>;

/** An API that the active controller decides, in order with all others. */
export interface DecidedApi<Request, Response> extends ApiDescriptor<Request, Response, ControllerServer> {
  decide(context: DecisionContext, request: Request, sessions: SessionDecisions): Decision<Response>;
  /** Brokers depend on the request: it is not refused for the number of client requests. */
  readonly ofBrokers?: boolean;
}

/** Completes the description of an API that the active controller decides. */
export function decidedApi<Request, Response>(
  parts: { readonly api: Api<Request, never, unknown, Response> } & NoInfer<Omit<DecidedApi<Request, Response>, 'handle' | 'api'>>,
): DecidedApi<Request, Response> {
  const api: DecidedApi<Request, Response> = {
    ...parts,
    handle: (request, context, { controller }) => controller.handle(api, request, context),
  };
  return api;
}
