/**
 * A remote cluster of any size that takes no disk and little memory: brokers that answer what the app reads, by the real codecs over TCP. Few of
 * its partitions receive records, and few of its groups commit, so that almost nothing changes from one poll to the next.
 */
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import type { Dispatch, IncomingRequest } from '../../electron/cluster/dispatch/request.ts';
import { Server } from '../../electron/cluster/network/server.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { apiVersions } from '../../electron/cluster/protocol/apis/api-versions.ts';
import { describeCluster } from '../../electron/cluster/protocol/apis/describe-cluster.ts';
import { describeConfigs } from '../../electron/cluster/protocol/apis/describe-configs.ts';
import { describeGroups } from '../../electron/cluster/protocol/apis/describe-groups.ts';
import { describeLogDirs } from '../../electron/cluster/protocol/apis/describe-log-dirs.ts';
import { describeQuorum } from '../../electron/cluster/protocol/apis/describe-quorum.ts';
import { findCoordinator } from '../../electron/cluster/protocol/apis/find-coordinator.ts';
import { listGroups } from '../../electron/cluster/protocol/apis/list-groups.ts';
import { listOffsets } from '../../electron/cluster/protocol/apis/list-offsets.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { offsetFetch } from '../../electron/cluster/protocol/apis/offset-fetch.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { ProtocolError } from '../../electron/cluster/protocol/errors.ts';
import { decodeRequest, encodeResponse } from '../../electron/cluster/protocol/frame.ts';
import { encodeAssignment } from '../../electron/cluster/protocol/records/consumer-protocol.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import { ZERO_UUID } from '../../electron/cluster/protocol/uuid.ts';

export interface LargeClusterOptions {
  brokers: number;
  topics: number;
  partitionsPerTopic: number;
  groups: number;
  /** Topics that each group has one member for and commits all partitions of. */
  topicsPerGroup: number;
  /** The first topics, whose partitions receive records. */
  activeTopics: number;
  /** The first groups, which commit. */
  activeGroups: number;
}

interface Handler {
  readonly api: Api;
  serve(incoming: IncomingRequest, broker: number): Uint8Array[];
}

const HOST = '127.0.0.1';
const EARLIEST = -2n;
const PARTITION_BYTES = 1_000_000n;
const FIRST_RECORDS = 10_000n;
/** How far a group that does not commit is behind. */
const LAG = 100n;

export class LargeCluster {
  /** Of every partition, as its leader has it; metadata may still name another one. */
  leaderEpoch = 1;
  /** Of every partition, by the metadata of brokers other than its leader. */
  newestEpoch = 1;
  /** Where brokers other than its coordinator look for a group, by id. */
  readonly movedGroups = new Map<string, number>();
  /** Of groups that are not stable, by id. */
  readonly groupStates = new Map<string, string>();
  /** Requests by API since the last `resetRequests`. */
  readonly requests = new Map<string, number>();
  private readonly options: LargeClusterOptions;
  private readonly servers: Server[] = [];
  private readonly ports: number[] = [];
  private readonly handlers = new Map<number, Handler>();
  /** Records that each partition of an active topic has received, and the active groups have read, beyond the first ones. */
  private written = 0n;
  private connections = 0;
  /** Of Metadata; they never change. */
  private readonly topics: ReturnType<LargeCluster['metadataTopics']>;
  private readonly sizes = new Map<number, ReturnType<LargeCluster['sizesOn']>>();

  constructor(options: LargeClusterOptions) {
    this.options = options;
    this.topics = this.metadataTopics();
    for (let broker = 1; broker <= options.brokers; broker++) this.sizes.set(broker, this.sizesOn(broker));
    this.handle(apiVersions, () => ({
      errorCode: 0,
      apiKeys: [...this.handlers.values()].map(({ api }) => ({ apiKey: api.key, minVersion: api.minVersion, maxVersion: api.maxVersion })),
    }));
    this.handle(metadata, ({ topics }) => ({
      brokers: this.brokers(),
      clusterId: 'large',
      controllerId: 1,
      topics: this.topicsOn(topics),
      errorCode: 0,
    }));
    this.handle(describeCluster, () => ({
      errorCode: 0,
      clusterId: 'large',
      controllerId: 1,
      brokers: this.brokers().map(({ nodeId, host, port }) => ({ brokerId: nodeId, host, port, isFenced: false })),
    }));
    this.handle(listOffsets, ({ topics }, broker) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp, currentLeaderEpoch }) => {
          const errorCode = this.leaderError(numberIn(name), partitionIndex, broker, currentLeaderEpoch);
          const offset = timestamp === EARLIEST ? 0n : this.endOf(numberIn(name));
          return { partitionIndex, errorCode, offset: errorCode === 0 ? offset : -1n };
        }),
      })),
    }));
    this.handle(listGroups, (_, broker) => ({
      errorCode: 0,
      groups: this.groupsOf(broker).map((group) => ({
        groupId: groupName(group),
        protocolType: 'consumer',
        groupState: 'Stable',
        groupType: 'classic',
      })),
    }));
    this.handle(describeGroups, ({ groups }) => ({ groups: groups.map((id) => this.description(id)) }));
    this.handle(findCoordinator, ({ coordinatorKeys }) => ({
      coordinators: coordinatorKeys.map((key) => {
        const nodeId = this.movedGroups.get(key) ?? (numberIn(key) % this.options.brokers) + 1;
        return { key, nodeId, host: HOST, port: this.ports[nodeId - 1] ?? 0, errorCode: 0 };
      }),
    }));
    this.handle(offsetFetch, ({ groups }) => ({
      groups: groups.map(({ groupId }) => ({ groupId, topics: this.committed(numberIn(groupId)) })),
    }));
    this.handle(describeConfigs, ({ resources }) => ({
      results: resources.map(({ resourceType, resourceName }) => ({
        errorCode: 0,
        resourceType,
        resourceName,
        configs: [config('cleanup.policy', 'delete'), config('min.insync.replicas', '2')],
      })),
    }));
    this.handle(describeLogDirs, (_, broker) => ({
      errorCode: 0,
      results: [{ errorCode: 0, logDir: '/data', topics: this.sizes.get(broker) ?? [] }],
    }));
    this.handle(describeQuorum, () => ({
      errorCode: 0,
      topics: [
        {
          topicName: '__cluster_metadata',
          partitions: [
            {
              partitionIndex: 0,
              errorCode: 0,
              leaderId: 1,
              leaderEpoch: 1,
              highWatermark: 1_000n,
              currentVoters: this.brokers().map(({ nodeId }) => ({
                replicaId: nodeId,
                replicaDirectoryId: directoryId(nodeId),
                logEndOffset: 1_000n,
              })),
              observers: [],
            },
          ],
        },
      ],
      nodes: [],
    }));
  }

  /** Resolves to the bootstrap addresses. */
  async start(): Promise<string> {
    for (let broker = 1; broker <= this.options.brokers; broker++) {
      const server = new Server({
        network: tcpNetwork(),
        clock: systemClock,
        logger: silentLogger,
        listener: 'PLAINTEXT',
        address: { host: HOST, port: 0 },
        dispatch: this.dispatchOn(broker),
        nextConnectionId: () => ++this.connections,
      });
      this.servers.push(server);
      this.ports.push(await server.start());
    }
    return this.ports.map((port) => `${HOST}:${port}`).join(',');
  }

  /** From now on metadata names another port for the broker. */
  redirect(broker: number, port: number): void {
    this.ports[broker - 1] = port;
  }

  async stopBroker(broker: number): Promise<void> {
    await this.servers[broker - 1]?.stop();
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  /** Each partition of an active topic receives that many records, and the active groups commit what they have read. */
  write(records: bigint): void {
    this.written += records;
  }

  resetRequests(): void {
    this.requests.clear();
  }

  private handle<In, Out>(api: Api<In, never, unknown, Out>, answer: (request: In, broker: number) => Out): void {
    this.handlers.set(api.key, {
      api,
      serve: ({ header, reader }, broker) =>
        encodeResponse(api, header.apiVersion, header.correlationId, answer(decodeRequest(api, header.apiVersion, reader), broker)),
    });
  }

  private dispatchOn(broker: number): Dispatch {
    return (incoming) => {
      const handler = this.handlers.get(incoming.header.apiKey);
      if (handler === undefined) throw new ProtocolError(`API ${incoming.header.apiKey} is not spoken here`);
      this.requests.set(handler.api.name, (this.requests.get(handler.api.name) ?? 0) + 1);
      return handler.serve(incoming, broker);
    };
  }

  private brokers(): { nodeId: number; host: string; port: number }[] {
    return this.ports.map((port, index) => ({ nodeId: index + 1, host: HOST, port }));
  }

  /** Null: all topics. */
  private topicsOn(wanted: readonly { name: string | null }[] | null) {
    const topics = wanted === null ? this.topics : wanted.flatMap(({ name }) => this.topics[numberIn(name ?? '')] ?? []);
    if (this.newestEpoch === 1) return topics;
    return topics.map((topic) => ({ ...topic, partitions: topic.partitions.map((one) => ({ ...one, leaderEpoch: this.newestEpoch })) }));
  }

  private metadataTopics() {
    return Array.from({ length: this.options.topics }, (_, topic) => ({
      errorCode: 0,
      name: topicName(topic),
      topicId: Buffer.from(`topic-${String(topic).padStart(10, '0')}`).toString('base64url'),
      partitions: this.partitions().map((partitionIndex) => {
        const replicas = this.replicasOf(topic, partitionIndex);
        return {
          errorCode: 0,
          partitionIndex,
          leaderId: replicas[0] ?? -1,
          leaderEpoch: 1,
          replicaNodes: replicas,
          isrNodes: replicas,
          offlineReplicas: [],
        };
      }),
    }));
  }

  private partitions(): number[] {
    return Array.from({ length: this.options.partitionsPerTopic }, (_, partition) => partition);
  }

  private replicasOf(topic: number, partition: number): number[] {
    const { brokers } = this.options;
    return Array.from({ length: Math.min(3, brokers) }, (_, replica) => ((topic + partition + replica) % brokers) + 1);
  }

  private leaderOf(topic: number, partition: number): number {
    return ((topic + partition) % this.options.brokers) + 1;
  }

  /** KIP-320: a request that names another leader epoch is refused. */
  private leaderError(topic: number, partition: number, broker: number, epoch: number): number {
    if (this.leaderOf(topic, partition) !== broker) return ErrorCode.NOT_LEADER_OR_FOLLOWER;
    if (epoch < 0 || epoch === this.leaderEpoch) return 0;
    return epoch < this.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
  }

  private endOf(topic: number): bigint {
    return FIRST_RECORDS + (topic < this.options.activeTopics ? this.written : 0n);
  }

  private groupsOf(broker: number): number[] {
    const all = Array.from({ length: this.options.groups }, (_, group) => group);
    return all.filter((group) => (group % this.options.brokers) + 1 === broker);
  }

  private topicsOf(group: number): number[] {
    const { topics, topicsPerGroup } = this.options;
    return Array.from({ length: topicsPerGroup }, (_, index) => (group * topicsPerGroup + index) % topics);
  }

  private description(id: string) {
    const assignment = this.topicsOf(numberIn(id)).map((topic) => ({ topic: topicName(topic), partitions: this.partitions() }));
    return {
      errorCode: 0,
      groupId: id,
      groupState: this.groupStates.get(id) ?? 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: assignment.map((one, index) => ({
        memberId: `member-${index}`,
        clientId: `client-${index}`,
        clientHost: '/127.0.0.1',
        memberMetadata: Buffer.alloc(0),
        memberAssignment: encodeAssignment({ assignedPartitions: [one] }),
      })),
    };
  }

  private committed(group: number) {
    const isActive = group < this.options.activeGroups;
    return this.topicsOf(group).map((topic) => ({
      name: topicName(topic),
      topicId: ZERO_UUID,
      partitions: this.partitions().map((partitionIndex) => ({
        partitionIndex,
        committedOffset: isActive ? this.endOf(topic) : FIRST_RECORDS - LAG,
        metadata: null,
        errorCode: 0,
      })),
    }));
  }

  private sizesOn(broker: number) {
    return Array.from({ length: this.options.topics }, (_, topic) => ({
      name: topicName(topic),
      partitions: this.partitions()
        .filter((partition) => this.replicasOf(topic, partition).includes(broker))
        .map((partitionIndex) => ({ partitionIndex, partitionSize: PARTITION_BYTES, offsetLag: 0n, isFutureKey: false })),
    }));
  }
}

const topicName = (topic: number): string => `topic-${String(topic).padStart(6, '0')}`;
const groupName = (group: number): string => `group-${String(group).padStart(6, '0')}`;
const numberIn = (name: string): number => Number(name.slice(-6));
const directoryId = (node: number): string => Buffer.from(`directory-${String(node).padStart(6, '0')}`).toString('base64url');

function config(name: string, value: string) {
  return { name, value, readOnly: false, configSource: 1, isSensitive: false, synonyms: [], documentation: null };
}
