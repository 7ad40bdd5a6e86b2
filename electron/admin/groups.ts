/**
 * Consumer groups, read so that a coordinator that is down hides only its own groups. The broker that lists a group is
 * its coordinator.
 */
import { consumerGroupDescribe } from '../cluster/protocol/apis/consumer-group-describe.ts';
import { deleteGroups } from '../cluster/protocol/apis/delete-groups.ts';
import { describeGroups } from '../cluster/protocol/apis/describe-groups.ts';
import { findCoordinator } from '../cluster/protocol/apis/find-coordinator.ts';
import { listGroups } from '../cluster/protocol/apis/list-groups.ts';
import { offsetFetch } from '../cluster/protocol/apis/offset-fetch.ts';
import { errorName } from '../cluster/protocol/error-codes.ts';
import { ProtocolError } from '../cluster/protocol/errors.ts';
import type { ResponseOf } from '../cluster/protocol/schema.ts';
import { decodeAssignment } from '../cluster/protocol/records/consumer-protocol.ts';
import type { GroupMember, GroupState } from '#shared/models/cluster';
import type { ClusterClient } from './cluster-client.ts';
import { AdminError, kafkaFailure, UnreachableError } from './errors.ts';
import { oncePerAnswer } from './answer-memo.ts';
import { chunked, pushTo } from './topics.ts';
import { appendAll } from '#shared/lists';

export interface ListedGroup {
  id: string;
  coordinator: number;
  protocolType: string;
  /** `classic`, `consumer` (KIP-848), `share`; classic where the broker does not say. */
  type: string;
}

export interface GroupDescription {
  id: string;
  coordinator: number;
  state: GroupState;
  protocolType: string;
  protocol: string | null;
  members: GroupMember[];
  /** Kafka's error name where it could not be described. */
  error: string | null;
}

export interface CommittedOffset {
  topic: string;
  partition: number;
  /** Null: no commit. */
  offset: bigint | null;
  metadata: string | null;
}

const GROUPS_A_REQUEST = 150;
/** Newer ones name topics by id only. */
const OFFSET_FETCH_VERSION = 9;
const FIRST_VERSION_OF_MANY = 8;
const COORDINATOR_TIMEOUT_MS = 5_000;

/** All groups of all brokers that answer; `failed` names the others. */
export async function listAllGroups(
  client: ClusterClient,
): Promise<{ groups: ListedGroup[]; failed: { broker: number; error: AdminError }[] }> {
  const answers = await client.everyBroker(listGroups, {});
  const groups: ListedGroup[] = [];
  const failed: { broker: number; error: AdminError }[] = [];
  for (const answer of answers) {
    if ('error' in answer) failed.push(answer);
    else if (answer.value.errorCode !== 0) failed.push({ broker: answer.broker, error: kafkaFailure(answer.value.errorCode, {}) });
    else appendAll(groups, groupsIn(answer.value, answer.broker));
  }
  return { groups, failed };
}

/** The groups that one broker coordinates. Rejects with its `AdminError`. */
export async function listGroupsOf(client: ClusterClient, broker: number): Promise<ListedGroup[]> {
  const answer = await client.onBroker(broker, listGroups, {});
  if (answer.errorCode !== 0) throw kafkaFailure(answer.errorCode, {});
  return groupsIn(answer, broker);
}

function groupsIn(answer: ResponseOf<typeof listGroups>, coordinator: number): ListedGroup[] {
  return answer.groups.map((group) => ({
    id: group.groupId,
    coordinator,
    protocolType: group.protocolType,
    type: group.groupType === '' ? 'classic' : group.groupType.toLowerCase(),
  }));
}

/** Describes groups at their coordinators. Groups whose coordinator fails are left out; the caller knows them as stale. */
export async function describeAllGroups(client: ClusterClient, groups: readonly ListedGroup[]): Promise<GroupDescription[]> {
  const byCoordinator = new Map<number, ListedGroup[]>();
  for (const group of groups) pushTo(byCoordinator, group.coordinator, group);
  const answers = await client.eachBroker([...byCoordinator.keys()], (broker) =>
    describeGroupsOf(client, broker, byCoordinator.get(broker) ?? []),
  );
  return answers.flatMap((answer) => ('error' in answer ? [] : answer.value));
}

/** Describes groups of one coordinator; share groups have no description of this kind. Rejects with the broker's `AdminError`. */
export async function describeGroupsOf(client: ClusterClient, broker: number, groups: readonly ListedGroup[]): Promise<GroupDescription[]> {
  const ofType = (matches: (type: string) => boolean): ListedGroup[][] =>
    chunked(
      groups.filter(({ type }) => matches(type)),
      GROUPS_A_REQUEST,
    );
  const parts = await Promise.all([
    ...ofType((type) => type !== 'consumer' && type !== 'share').map((chunk) => describeClassic(client, broker, chunk)),
    ...ofType((type) => type === 'consumer').map((chunk) => describeConsumer(client, broker, chunk)),
  ]);
  return parts.flat();
}

async function describeClassic(client: ClusterClient, broker: number, groups: readonly ListedGroup[]): Promise<GroupDescription[]> {
  const answer = await client.onBroker(broker, describeGroups, { groups: groups.map(({ id }) => id) }, { isRepeated: true });
  return answer.groups.map((group) => oncePerAnswer(group, broker, () => classicDescription(group, broker)));
}

function classicDescription(group: ResponseOf<typeof describeGroups>['groups'][number], broker: number): GroupDescription {
  return {
    id: group.groupId,
    coordinator: broker,
    state: groupState(group.groupState),
    protocolType: group.protocolType,
    protocol: group.protocolData === '' ? null : group.protocolData,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost.replace(/^\//, ''),
      assignment: group.protocolType === 'consumer' ? readAssignment(member.memberAssignment) : [],
    })),
    error: group.errorCode === 0 ? null : errorName(group.errorCode),
  };
}

async function describeConsumer(client: ClusterClient, broker: number, groups: readonly ListedGroup[]): Promise<GroupDescription[]> {
  const answer = await client.onBroker(broker, consumerGroupDescribe, {
    groupIds: groups.map(({ id }) => id),
    includeAuthorizedOperations: false,
  });
  return answer.groups.map((group) => ({
    id: group.groupId,
    coordinator: broker,
    state: groupState(group.groupState),
    protocolType: 'consumer',
    protocol: group.assignorName === '' ? null : group.assignorName,
    members: group.members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      host: member.clientHost.replace(/^\//, ''),
      assignment: member.assignment.topicPartitions.map(({ topicName, partitions }) => ({ topic: topicName, partitions })),
    })),
    error: group.errorCode === 0 ? null : errorName(group.errorCode),
  }));
}

/** One group, asked of its coordinator; null where the coordinator does not know it. Rejects when it cannot be asked. */
export async function describeGroup(client: ClusterClient, id: string): Promise<GroupDescription | null> {
  return client.retrying(async () => {
    const coordinator = await coordinatorOf(client, id);
    const listing = await client.onBroker(coordinator, listGroups, {}, { timeoutMs: COORDINATOR_TIMEOUT_MS });
    if (listing.errorCode !== 0) throw kafkaFailure(listing.errorCode, { subject: id });
    const listed = listing.groups.find(({ groupId }) => groupId === id);
    if (listed === undefined) return null;
    const describe = listed.groupType.toLowerCase() === 'consumer' ? describeConsumer : describeClassic;
    const [group] = await describe(client, coordinator, [
      { id, coordinator, protocolType: listed.protocolType, type: listed.groupType.toLowerCase() },
    ]);
    if (group === undefined) return null;
    if (group.error !== null)
      throw new AdminError({ code: group.error, message: `Group ${id} was not described: ${group.error}.`, subject: id });
    return group;
  });
}

const STATES: readonly GroupState[] = ['Stable', 'PreparingRebalance', 'CompletingRebalance', 'Empty', 'Dead', 'Assigning', 'Reconciling'];

function groupState(name: string): GroupState {
  return STATES.find((state) => state === name) ?? 'Unknown';
}

/** An assignment is the members' own affair: bytes that are no consumer assignment are shown as none. */
function readAssignment(bytes: Uint8Array): GroupMember['assignment'] {
  if (bytes.length === 0) return [];
  try {
    return decodeAssignment(Buffer.from(bytes)).assignedPartitions.map(({ topic, partitions }) => ({ topic, partitions }));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return [];
  }
}

/** Committed offsets of groups at their coordinators; groups whose coordinator fails are absent from the map. */
export async function committedOffsets(
  client: ClusterClient,
  groups: readonly { id: string; coordinator: number }[],
): Promise<Map<string, CommittedOffset[]>> {
  const byCoordinator = new Map<number, string[]>();
  for (const group of groups) pushTo(byCoordinator, group.coordinator, group.id);
  const answers = await client.eachBroker([...byCoordinator.keys()], (broker) =>
    committedOffsetsOf(client, broker, byCoordinator.get(broker) ?? []),
  );
  return new Map(answers.flatMap((answer) => ('error' in answer ? [] : [...answer.value])));
}

/** Committed offsets at one coordinator; groups that it refuses are absent from the map. Rejects with the broker's `AdminError`. */
export async function committedOffsetsOf(
  client: ClusterClient,
  broker: number,
  groups: readonly string[],
): Promise<Map<string, CommittedOffset[]>> {
  const found = new Map<string, CommittedOffset[]>();
  for (const chunk of chunked(groups, GROUPS_A_REQUEST)) {
    for (const [id, offsets] of await fetchCommitted(client, broker, chunk)) found.set(id, offsets);
  }
  return found;
}

async function fetchCommitted(client: ClusterClient, broker: number, ids: readonly string[]): Promise<[string, CommittedOffset[]][]> {
  const [first = ''] = ids;
  // Versions below 8 take one group; the extra fields of the other form are not written.
  const answer = await client.onBroker(
    broker,
    offsetFetch,
    { groupId: first, topics: null, groups: ids.map((groupId) => ({ groupId, topics: null })), requireStable: false },
    { maxVersion: OFFSET_FETCH_VERSION, isRepeated: true },
  );
  if ((client.versionOn(broker, offsetFetch, OFFSET_FETCH_VERSION) ?? 0) >= FIRST_VERSION_OF_MANY) {
    return answer.groups
      .filter((group) => group.errorCode === 0)
      .map((group) => [group.groupId, oncePerAnswer(group.topics, broker, () => flatten(group.topics))]);
  }
  const results: [string, CommittedOffset[]][] = answer.errorCode === 0 ? [[first, flatten(answer.topics)]] : [];
  for (const id of ids.slice(1)) appendAll(results, await fetchCommitted(client, broker, [id]));
  return results;
}

function flatten(
  topics: readonly {
    name: string;
    partitions: readonly { partitionIndex: number; committedOffset: bigint; metadata: string | null; errorCode: number }[];
  }[],
): CommittedOffset[] {
  return topics.flatMap((topic) =>
    topic.partitions
      .filter((partition) => partition.errorCode === 0)
      .map((partition) => ({
        topic: topic.name,
        partition: partition.partitionIndex,
        offset: partition.committedOffset < 0n ? null : partition.committedOffset,
        metadata: partition.metadata === '' ? null : partition.metadata,
      })),
  );
}

export async function deleteGroup(client: ClusterClient, group: string): Promise<void> {
  await client.retrying(async () => {
    const coordinator = await coordinatorOf(client, group);
    const answer = await client.onBroker(coordinator, deleteGroups, { groupsNames: [group] }, { timeoutMs: COORDINATOR_TIMEOUT_MS });
    const code = answer.results[0]?.errorCode ?? 0;
    if (code !== 0) throw kafkaFailure(code, { subject: group });
  });
}

/** Rejects with `UnreachableError` while the coordinator moves to another broker. */
export async function coordinatorOf(client: ClusterClient, group: string): Promise<number> {
  await client.metadata([]);
  const answer = await client.anyBroker(findCoordinator, { key: group, keyType: 0, coordinatorKeys: [group] });
  const found = answer.coordinators[0] ?? answer;
  if (found.errorCode !== 0) throw kafkaFailure(found.errorCode, { message: found.errorMessage, subject: group });
  if (found.nodeId < 0) throw new UnreachableError(`The coordinator of ${group}`, 'it is moving');
  return found.nodeId;
}
