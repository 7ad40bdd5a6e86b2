/** The description of an API on one server: all that the dispatcher, ApiVersions and the network have to know of it. */
import type { Logger } from '../lib/logger.ts';
import type { RequestOf, ResponseIn, Api } from '../protocol/schema.ts';
import { CLUSTER_NAME, Resource, type Authorizer, type ItemRule, type Operation } from '../security/authorizer.ts';
import type { RequestContext } from './request.ts';

export type ListenerKind = 'broker' | 'controller';

/** An operation on a resource that follows from the request as a whole. */
export interface RequestRule<Request> {
  readonly operation: Operation;
  readonly resource: Resource;
  /** Name of the resource. */
  name(request: Request): string;
}

/** What a session needs for a request, as in Apache Kafka's table of operations and resources. */
export interface Authorization<Request> {
  /** The dispatcher checks it before it calls the handler; a refusal fails the whole request. */
  readonly request?: RequestRule<Request>;
  /** The handler checks them for each resource that the request names; a refusal fails that item only. */
  readonly items?: readonly ItemRule[];
}

export function onCluster(operation: Operation): Authorization<unknown> {
  return { request: { operation, resource: Resource.CLUSTER, name: () => CLUSTER_NAME } };
}

export function onGroup(operation: Operation): Authorization<{ readonly groupId: string }> {
  return { request: { operation, resource: Resource.GROUP, name: ({ groupId }) => groupId } };
}

/** The code and, where the response has a field for it, the message of a request that failed as a whole. */
export interface Failure {
  readonly errorCode: number;
  readonly errorMessage: string;
}

export interface ApiDescriptor<Request, Response, Server> {
  readonly api: Api<Request, never, unknown, Response>;
  /** The listeners that serve it. A broker forwards an API of the controller to the active controller. */
  readonly listeners: readonly ListenerKind[];
  /** A request may begin while responses to earlier ones of its connection are outstanding. */
  readonly pipelined?: boolean;
  /** The lowest version that ApiVersions lists, where it is below the lowest that is served. */
  readonly advertiseFrom?: number;
  readonly authorization: Authorization<Request>;
  /** Milliseconds that the sender waits: the field `timeoutMs` of the request. Absent where the request has none. */
  timeoutMs?(request: Request): number;
  /** Null sends nothing (acks=0). A thrown `KafkaError` fails the whole request. */
  handle(request: Request, context: RequestContext, server: Server): Response | null | Promise<Response | null>;
  /** The response to a request that failed as a whole. It may throw, which closes the connection. */
  failed(request: Request, failure: Failure, version: number): Response;
}

/** The descriptor of a schema, by the schema's type. */
export type DescriptorOf<A, Server> = ApiDescriptor<RequestOf<A>, ResponseIn<A>, Server>;

/** What the dispatcher needs of a server. */
export interface ApiServer {
  readonly logger: Logger;
  readonly authorizer: Authorizer;
}
