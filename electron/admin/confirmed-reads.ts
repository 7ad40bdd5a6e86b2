/**
 * Offsets that another broker confirms. A leader or coordinator that is isolated answers as before until it receives the metadata that names its
 * successor, and the metadata that it was chosen by may be as old. So the leader is read from another broker after the answer, and offsets of a
 * former leader are unknown.
 */
import { findCoordinator } from '../cluster/protocol/apis/find-coordinator.ts';
import { metadata } from '../cluster/protocol/apis/metadata.ts';
import type { ClusterClient } from './cluster-client.ts';
import { AdminError } from './errors.ts';
import { afterIdle } from './idle-timer.ts';
import { committedOffsetsOf, type CommittedOffset } from './groups.ts';
import { chunked, innerMap, readLogBounds, type LedPartition, type LogBounds } from './topics.ts';

/**
 * Larger answers would cost the broker and this thread more than the offsets themselves. Bounds of more partitions are not confirmed: the next
 * metadata names the successor, and metadata with an earlier leader epoch is not taken after it.
 */
const MAX_PARTITIONS = 2_000;
const MAX_GROUPS = 500;
/** Below the time after which a round counts the leader itself as late (`BrokerLanes`): its offsets would be unknown because another broker is slow. */
const CONFIRMATION_MS = 700;
const GROUP = 0;

/** As `readLogBounds`; FENCED_LEADER_EPOCH where another broker reports a later leader epoch. */
export async function readConfirmedBounds(
  client: ClusterClient,
  leader: number,
  keys: readonly LedPartition[],
  withStable: boolean,
): Promise<Map<string, Map<number, LogBounds>>> {
  const bounds = await readLogBounds(client, leader, keys, withStable);
  if (keys.length > MAX_PARTITIONS) return bounds;
  const names = [...new Set(keys.map(({ topic }) => topic))];
  const body = { topics: names.map((name) => ({ name })), allowAutoTopicCreation: false };
  const answer = await askOther(client, leader, () => client.anyBroker(metadata, body, { isRepeated: true, except: leader }));
  if (answer === null) return bounds;
  const epochs = new Map<string, Map<number, number>>();
  for (const { name, partitions } of answer.topics)
    for (const { partitionIndex, leaderEpoch } of partitions) innerMap(epochs, name ?? '').set(partitionIndex, leaderEpoch);
  for (const { topic, partition, leaderEpoch } of keys)
    if (leaderEpoch >= 0 && (epochs.get(topic)?.get(partition) ?? -1) > leaderEpoch)
      innerMap(bounds, topic).set(partition, { error: 'FENCED_LEADER_EPOCH' });
  return bounds;
}

interface Confirmations {
  /** Of which each took one part of the groups. */
  count: number;
  /** The last one found a group that has moved: until none has, one part is not enough. */
  hasMoved: boolean;
}

/** By coordinator. */
const confirmations = new WeakMap<ClusterClient, Map<number, Confirmations>>();

/**
 * As `committedOffsetsOf`; without the groups for which another broker reports another coordinator. Of more than 500 groups one part of 500 is
 * confirmed, the next part by the next call; where one of its groups has moved, all parts are, and by each call until none has. So a former
 * coordinator is found after as many calls as it has parts at most, and what was found does not count again.
 */
export async function readConfirmedCommitted(
  client: ClusterClient,
  coordinator: number,
  groups: readonly string[],
): Promise<Map<string, CommittedOffset[]>> {
  const committed = await committedOffsetsOf(client, coordinator, groups);
  const parts = chunked(groups, MAX_GROUPS);
  const own = confirmationsOf(client, coordinator);
  const turn = own.count++ % Math.max(1, parts.length);
  const first = own.hasMoved ? [] : await movedGroups(client, coordinator, parts[turn] ?? []);
  const others = own.hasMoved ? parts : first.length === 0 ? [] : parts.filter((_, i) => i !== turn);
  const rest = await Promise.all(others.map((part) => movedGroups(client, coordinator, part)));
  const moved = [first, ...rest].flat();
  own.hasMoved = moved.length > 0;
  for (const group of moved) committed.delete(group);
  return committed;
}

function confirmationsOf(client: ClusterClient, coordinator: number): Confirmations {
  const byCoordinator = confirmations.get(client) ?? new Map<number, Confirmations>();
  confirmations.set(client, byCoordinator);
  const own = byCoordinator.get(coordinator) ?? { count: 0, hasMoved: false };
  byCoordinator.set(coordinator, own);
  return own;
}

/** Those for which another broker reports another coordinator. */
async function movedGroups(client: ClusterClient, coordinator: number, groups: readonly string[]): Promise<string[]> {
  if (groups.length === 0) return [];
  const body = { key: groups[0] ?? '', keyType: GROUP, coordinatorKeys: groups };
  const answer = await askOther(client, coordinator, () =>
    client.anyBroker(findCoordinator, body, { isRepeated: true, except: coordinator }),
  );
  // Brokers before KIP-699 answer for one key, and in other fields.
  return (answer?.coordinators ?? []).flatMap(({ key, nodeId, errorCode }) =>
    errorCode === 0 && nodeId >= 0 && nodeId !== coordinator ? [key] : [],
  );
}

/** Null where there is no other broker, or none that answers in time. */
async function askOther<T>(client: ClusterClient, asked: number, ask: () => Promise<T>): Promise<T | null> {
  if (client.knownBrokers.every(({ id }) => id === asked)) return null;
  const answer = ask().catch((error: unknown) => {
    if (error instanceof AdminError) return null;
    throw error;
  });
  let cancel: (() => void) | undefined;
  const limit = new Promise<null>((resolve) => (cancel = afterIdle(CONFIRMATION_MS, () => resolve(null))));
  try {
    return await Promise.race([answer, limit]);
  } finally {
    cancel?.();
    // It may still fail after the limit.
    answer.catch(() => undefined);
  }
}
