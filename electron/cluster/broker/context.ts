/**
 * The context of a handler. A handler reads the image and calls the parts named here; it never uses a socket, another handler or a file.
 */
import type { ApiServer, DescriptorOf } from '../dispatch/api-descriptor.ts';
import type { AdvertisedApi } from '../dispatch/api-registry.ts';
import type { RequestContext } from '../dispatch/request.ts';
import type { Clock } from '../lib/clock.ts';
import type { EventSink } from '../lib/events.ts';
import type { Random } from '../lib/random.ts';
import type { deleteGroups } from '../protocol/apis/delete-groups.ts';
import type { describeGroups } from '../protocol/apis/describe-groups.ts';
import type { heartbeat } from '../protocol/apis/heartbeat.ts';
import type { joinGroup } from '../protocol/apis/join-group.ts';
import type { leaveGroup } from '../protocol/apis/leave-group.ts';
import type { listGroups } from '../protocol/apis/list-groups.ts';
import type { offsetDelete } from '../protocol/apis/offset-delete.ts';
import type { offsetCommit } from '../protocol/apis/offset-commit.ts';
import type { offsetFetch } from '../protocol/apis/offset-fetch.ts';
import type { syncGroup } from '../protocol/apis/sync-group.ts';
import type { Api, RequestOf, ResponseIn } from '../protocol/schema.ts';
import type { BrokerSettings, Properties } from '../quorum/config-definitions.ts';
import type { ForwardedClient } from '../quorum/forwarding.ts';
import type { MetadataImage } from '../quorum/image.ts';
import type { FetchSessionCache } from './fetch-session.ts';
import type { ProducerIds } from './producer-ids.ts';
import type { ReplicaManager } from './replica-manager.ts';

/** One per node, for as long as it runs. */
export interface BrokerContext extends ApiServer {
  readonly nodeId: number;
  readonly clusterId: string;
  readonly settings: BrokerSettings;
  /** The properties that `settings` were read from, with those of the node's own configuration (`node.id`, `listeners` …). */
  readonly properties: Properties;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
  /** The newest metadata that this node has applied. */
  image(): MetadataImage;
  readonly replicas: ReplicaManager;
  readonly fetchSessions: FetchSessionCache;
  readonly producerIds: ProducerIds;
  readonly groups: GroupApis;
  readonly controller: ControllerChannel;
  readonly quorum: QuorumInfo;
  readonly autoTopics: TopicCreator;
  /** The versions that ApiVersions lists, by key. */
  readonly advertised: readonly AdvertisedApi[];
}

type Answer<A> = ResponseIn<A> | null;

/**
 * Answers one decoded request. Null sends nothing (acks=0). A thrown `KafkaError` becomes the API's own error answer
 * (`failed` of its descriptor).
 */
export type Handler<A> = (request: RequestOf<A>, context: RequestContext, broker: BrokerContext) => Answer<A> | Promise<Answer<A>>;

/** The descriptor of a schema, by the schema's type. */
export type BrokerApi<A> = DescriptorOf<A, BrokerContext>;

/** Sends requests to the active controller, whichever node that is (`quorum/controller-channel.ts`). */
export interface ControllerChannel {
  /**
   * Rejects with `KafkaError` REQUEST_TIMED_OUT when no controller answered within `timeoutMs`, or with the reason why no request was
   * sent. Error codes in the response are left to the caller. `client`: the client whose request is forwarded; absent for the broker's own.
   */
  send<Q, S>(
    api: Api<unknown, Q, S, never>,
    version: number,
    body: Q,
    options: { timeoutMs: number; client?: ForwardedClient },
  ): Promise<S>;
}

/** The state of the quorum as this node's voter knows it. */
export interface QuorumInfo {
  /** Node id of the active controller; −1 while there is none. */
  readonly leaderId: number;
  readonly leaderEpoch: number;
}

/** Creates topics for clients that have named them (`broker/auto-topics.ts`). */
export interface TopicCreator {
  /**
   * Requests the topics from the controller, once while in flight, with this broker's defaults or those of the internal topic of that
   * name. Resolves, when the controller has answered, to an error code per topic: 0 means created, or already existing.
   */
  create(names: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** Properties of the client that a group coordinator gets beside the request. */
export interface GroupClient {
  readonly clientId: string;
  readonly clientHost: string;
  readonly version: number;
}

type GroupApi<A> = (request: RequestOf<A>, client: GroupClient) => ResponseIn<A> | Promise<ResponseIn<A>>;

/**
 * The group coordinator of this broker (`coordinator/group/`). It answers NOT_COORDINATOR for groups of partitions that it does not
 * lead. OffsetCommit and OffsetFetch identify topics by name; handlers map ids.
 */
export interface GroupApis {
  readonly joinGroup: GroupApi<typeof joinGroup>;
  readonly syncGroup: GroupApi<typeof syncGroup>;
  readonly heartbeat: GroupApi<typeof heartbeat>;
  readonly leaveGroup: GroupApi<typeof leaveGroup>;
  readonly offsetCommit: GroupApi<typeof offsetCommit>;
  readonly offsetFetch: GroupApi<typeof offsetFetch>;
  readonly offsetDelete: GroupApi<typeof offsetDelete>;
  readonly listGroups: GroupApi<typeof listGroups>;
  readonly describeGroups: GroupApi<typeof describeGroups>;
  readonly deleteGroups: GroupApi<typeof deleteGroups>;
}
