import { GroupCoordinator } from '../../electron/cluster/coordinator/group/group-coordinator.ts';
import { DEFAULT_GROUP_SETTINGS, type GroupSettings } from '../../electron/cluster/coordinator/group/settings.ts';
import type { GroupRequestContext } from '../../electron/cluster/coordinator/group/types.ts';
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import type { joinGroup } from '../../electron/cluster/protocol/apis/join-group.ts';
import { encodeSubscription } from '../../electron/cluster/protocol/records/consumer-protocol.ts';
import { EMPTY_IMAGE, type MetadataImage, type TopicImage } from '../../electron/cluster/quorum/image.ts';
import type { ResponseIn } from '../../electron/cluster/protocol/schema.ts';
import { ZERO_UUID } from '../../electron/cluster/protocol/uuid.ts';
import { MemoryCoordinatorStorage } from './memory-coordinator-storage.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

export const GROUP = 'billing';

/** The client's side of a membership: the last response. */
export interface Client {
  clientId: string;
  instanceId: string | null;
  memberId: string;
  generation: number;
}

export interface JoinOptions {
  version?: number;
  protocols?: { name: string; metadata: Uint8Array }[];
  protocolType?: string;
  sessionTimeoutMs?: number;
  rebalanceTimeoutMs?: number;
  reason?: string;
  topics?: string[];
}

type Joined = ResponseIn<typeof joinGroup>;

/** One coordinator (or, after `failOver`, its successor) over storage in memory and time that tests move. */
export class GroupBench {
  readonly clock = new VirtualClock();
  readonly storage: MemoryCoordinatorStorage;
  readonly events: NodeEvent[] = [];
  readonly settings: GroupSettings;
  image: MetadataImage = imageOf(['orders', 'refunds', 'abandoned'].map((name) => topicImage(name)));
  coordinator: GroupCoordinator;
  private readonly seed: number;
  private brokers = 0;

  constructor(settings: Partial<GroupSettings> = {}, seed = 1, partitions: number | undefined = 1) {
    this.seed = seed;
    this.storage = new MemoryCoordinatorStorage(partitions);
    this.settings = { ...DEFAULT_GROUP_SETTINGS, brokerId: 0, ...settings };
    this.coordinator = this.create();
  }

  private create(): GroupCoordinator {
    const brokerId = ++this.brokers;
    return new GroupCoordinator({
      clock: this.clock,
      random: seededRandom(this.seed * 1000 + brokerId),
      logger: silentLogger,
      events: (event) => this.events.push(event),
      storage: this.storage,
      image: () => this.image,
      settings: { ...this.settings, brokerId },
    });
  }

  async elect(): Promise<void> {
    this.coordinator.onElection(0, this.storage.elect(0));
    await settle();
  }

  /** Another broker becomes coordinator; the old one is notified, or stays isolated. */
  async failOver(options: { keepUncommitted?: boolean; notifyOld?: boolean } = {}): Promise<GroupCoordinator> {
    const old = this.coordinator;
    const epoch = this.storage.elect(0, options.keepUncommitted ?? true);
    if (options.notifyOld !== false) old.onResignation(0, epoch);
    this.coordinator = this.create();
    this.coordinator.onElection(0, epoch);
    await settle();
    return old;
  }

  client(clientId: string, instanceId: string | null = null): Client {
    return { clientId, instanceId, memberId: '', generation: -1 };
  }

  context(client: { clientId: string }, version: number): GroupRequestContext {
    return { version, clientId: client.clientId, clientHost: '127.0.0.1' };
  }

  /** One JoinGroup, answered when it is answered. */
  joinOnce(client: Client, options: JoinOptions = {}): Promise<Joined> {
    return this.coordinator.joinGroup(
      {
        groupId: GROUP,
        sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
        rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
        memberId: client.memberId,
        groupInstanceId: client.instanceId,
        protocolType: options.protocolType ?? 'consumer',
        protocols: (options.protocols ?? [{ name: 'range', metadata: encodeSubscription({ topics: options.topics ?? ['orders'] }) }]).map(
          (p) => ({
            name: p.name,
            metadata: Buffer.from(p.metadata),
          }),
        ),
        reason: options.reason ?? null,
      },
      this.context(client, options.version ?? 9),
    );
  }

  /** Joins as clients do, a second time with the member id from the first response, and keeps the last response. */
  async join(client: Client, options: JoinOptions = {}): Promise<Joined> {
    let joined = await this.joinOnce(client, options);
    if (joined.errorCode === 79) {
      client.memberId = joined.memberId;
      joined = await this.joinOnce(client, options);
    }
    if (joined.errorCode === 0) {
      client.memberId = joined.memberId;
      client.generation = joined.generationId ?? -1;
    }
    return joined;
  }

  async sync(client: Client, assignments: Record<string, string> = {}): Promise<{ errorCode: number; assignment: string }> {
    const { errorCode, assignment } = await this.coordinator.syncGroup(
      {
        groupId: GROUP,
        generationId: client.generation,
        memberId: client.memberId,
        groupInstanceId: client.instanceId,
        protocolType: null,
        protocolName: null,
        assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
      },
      this.context(client, 5),
    );
    return { errorCode, assignment: Buffer.from(assignment).toString() };
  }

  heartbeat(client: Client): number {
    return this.coordinator.heartbeat({
      groupId: GROUP,
      generationId: client.generation,
      memberId: client.memberId,
      groupInstanceId: client.instanceId,
    }).errorCode;
  }

  leave(client: Client): number {
    const { errorCode, members } = this.coordinator.leaveGroup(
      { groupId: GROUP, memberId: '', members: [{ memberId: client.memberId, groupInstanceId: client.instanceId, reason: null }] },
      this.context(client, 5),
    );
    return errorCode === 0 ? (members[0]?.errorCode ?? 0) : errorCode;
  }

  /** Commits one partition of `orders` and gives its error code. */
  async commit(
    client: Pick<Client, 'memberId' | 'generation' | 'instanceId'> | null,
    offset: bigint,
    options: {
      partition?: number;
      topic?: string;
      metadata?: string | null;
      version?: number;
      retentionTimeMs?: bigint;
      topicId?: string;
    } = {},
  ): Promise<number> {
    const response = await this.coordinator.offsetCommit(
      {
        groupId: GROUP,
        generationIdOrMemberEpoch: client?.generation ?? -1,
        memberId: client?.memberId ?? '',
        groupInstanceId: client?.instanceId ?? null,
        retentionTimeMs: options.retentionTimeMs ?? -1n,
        topics: [
          {
            name: options.topic ?? 'orders',
            topicId: options.topicId ?? ZERO_UUID,
            partitions: [
              {
                partitionIndex: options.partition ?? 0,
                committedOffset: offset,
                committedLeaderEpoch: 3,
                committedMetadata: options.metadata === undefined ? 'm' : options.metadata,
              },
            ],
          },
        ],
      },
      { version: options.version ?? 9, clientId: 'c', clientHost: '127.0.0.1' },
    );
    return response.topics[0]?.partitions[0]?.errorCode ?? -1;
  }

  /** The committed offset of one partition, −1 if there is none; throws on an error. */
  committed(partition = 0, topic = 'orders', options: { topicId?: string; groupId?: string } = {}): bigint {
    const response = this.coordinator.offsetFetch(
      {
        groupId: '',
        topics: [],
        groups: [
          {
            groupId: options.groupId ?? GROUP,
            memberId: null,
            memberEpoch: -1,
            topics: [{ name: topic, topicId: options.topicId ?? ZERO_UUID, partitionIndexes: [partition] }],
          },
        ],
        requireStable: false,
      },
      { version: 9, clientId: 'c', clientHost: '127.0.0.1' },
    );
    const group = response.groups?.[0];
    const found = group?.topics[0]?.partitions[0];
    if (group?.errorCode !== 0 || found === undefined || found.errorCode !== 0)
      throw new Error(`error ${group?.errorCode} ${found?.errorCode}`);
    return found.committedOffset;
  }

  status(): { state: string; generation: number; members: string[]; leader: string | null } | undefined {
    const group = this.coordinator.status().groups.find(({ groupId }) => groupId === GROUP);
    return (
      group && {
        state: group.state,
        generation: group.generation,
        members: group.members.map(({ memberId }) => memberId),
        leader: group.leader,
      }
    );
  }

  /** Brings clients into one stable generation; each is assigned `for <client id>`. */
  async form(...clients: Client[]): Promise<void> {
    const joins = clients.map((client) => this.join(client));
    await settle();
    // The initial delay, extended once for those who came within it.
    if (this.status()?.state === 'PreparingRebalance' && clients.every(({ generation }) => generation < 0)) await this.clock.advance(7000);
    await Promise.all(joins);
    await this.syncAll(...clients);
  }

  async syncAll(...clients: Client[]): Promise<void> {
    const assignments = Object.fromEntries(clients.map((client) => [client.memberId, `for ${client.clientId}`]));
    const leader = this.status()?.leader;
    const answers = await Promise.all(clients.map((client) => this.sync(client, client.memberId === leader ? assignments : {})));
    for (const [i, answer] of answers.entries()) {
      if (answer.errorCode !== 0 || answer.assignment !== `for ${clients[i]?.clientId}`) throw new Error(`sync: ${JSON.stringify(answer)}`);
    }
  }

  /** The image without these topics; each coordinator gets the change, unless `options.notify` is false. */
  deleteTopics(names: readonly string[], options: { notify?: boolean } = {}): void {
    const deletedTopics = names.flatMap((name) => this.image.topics.get(name) ?? []);
    this.image = imageOf([...this.image.topics.values()].filter(({ name }) => !names.includes(name)));
    if (options.notify !== false) this.coordinator.onImage({ deletedTopics });
  }

  createTopic(name: string, id: string): void {
    this.image = imageOf([...this.image.topics.values(), topicImage(name, id)]);
  }

  eventTypes(): string[] {
    return this.events.map(({ type }) => type);
  }
}

/** Topics have the id of most commits here, which name them by name only. */
function topicImage(name: string, id = ZERO_UUID): TopicImage {
  return { id, name, partitions: [] };
}

function imageOf(topics: readonly TopicImage[]): MetadataImage {
  return {
    ...EMPTY_IMAGE,
    topics: new Map(topics.map((topic) => [topic.name, topic])),
    topicsById: new Map(topics.map((topic) => [topic.id, topic])),
  };
}
