/**
 * The nodes under /admin by which ZooKeeper-era tools send requests to the controller: they are decided as Kafka's own requests are. A request
 * in progress is shown as a node (`/admin/reassign_partitions`); one that completes at once leaves no node.
 */
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { ControllerEvent, Decision, DecisionContext } from '../controller/decision.ts';
import { alterPartitionReassignments } from '../controller/alter-partition-reassignments.ts';
import { deleteTopics } from '../controller/delete-topics.ts';
import { electLeaders } from '../controller/elect-leaders.ts';
import type { ZooKeeperContext } from './view.ts';
import { ZooKeeperCode, ZooKeeperError } from './zookeeper-codes.ts';

export const REASSIGN_PATH = '/admin/reassign_partitions';
export const ELECTION_PATH = '/admin/preferred_replica_election';
export const DELETE_TOPICS_PATH = '/admin/delete_topics';

export function isTrigger(path: string): boolean {
  return (
    path === ELECTION_PATH ||
    path === REASSIGN_PATH ||
    (path.startsWith(`${DELETE_TOPICS_PATH}/`) && !path.includes('/', DELETE_TOPICS_PATH.length + 1))
  );
}

/** `lasting`: the node exists while its request is in progress. */
export interface Pulled extends Pick<Decision<unknown>, 'records' | 'events'> {
  readonly lasting: boolean;
}

/** Throws `ZooKeeperError` BADARGUMENTS when no part of the request is possible. */
export function pullTrigger(context: ZooKeeperContext, path: string, data: Uint8Array | null): Pulled {
  try {
    if (path === REASSIGN_PATH) return move(context, data);
    return path === ELECTION_PATH ? elect(context, data) : removeTopic(context, path.slice(DELETE_TOPICS_PATH.length + 1));
  } catch (cause) {
    if (!(cause instanceof KafkaError)) throw cause;
    throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, cause.message, { cause });
  }
}

/** One at a time, as in Kafka: its node exists while the reassignment is in progress. */
function move(context: ZooKeeperContext, data: Uint8Array | null): Pulled {
  if (context.zookeeper.system.reassignment !== undefined) {
    throw new ZooKeeperError(ZooKeeperCode.NODEEXISTS, 'partitions are being moved');
  }
  const topics = byTopic(readPartitions(data ?? new Uint8Array())).map(({ topic, asked }) => ({
    name: topic,
    partitions: asked.map(({ partition, replicas }) => {
      if (replicas === undefined) throw malformed();
      return { partitionIndex: partition, replicas };
    }),
  }));
  const request = { timeoutMs: 0, allowReplicationFactorChange: true, topics };
  const { records, events, response } = alterPartitionReassignments(context, request);
  refuseAll(response.responses.flatMap(({ partitions }) => partitions));
  const lasting = records.some(
    ({ type, value }) =>
      type === 'PartitionChangeRecord' && (value.addingReplicas?.length ?? 0) + (value.removingReplicas?.length ?? 0) > 0,
  );
  return { records, events: nameNode(events, REASSIGN_PATH), lasting };
}

function elect(context: DecisionContext, data: Uint8Array | null): Pulled {
  const wanted = data === null || data.length === 0 ? null : byTopic(readPartitions(data));
  const { records, events, response } = electLeaders(context, { electionType: 0, topicPartitions: wanted, timeoutMs: 0 });
  refuseAll(response.replicaElectionResults.flatMap(({ partitionResult }) => [...partitionResult]));
  return { records, events, lasting: false };
}

function removeTopic(context: DecisionContext, topic: string): Pulled {
  const { records, events, response } = deleteTopics(context, { topics: [], topicNames: [topic], timeoutMs: 0 });
  refuseAll(response.responses);
  return { records, events: nameNode(events, `${DELETE_TOPICS_PATH}/${topic}`), lasting: false };
}

/** Events whose reason is the Kafka request, which no client has sent here. */
const REQUESTED: ReadonlySet<string> = new Set(['topic/deleted', 'partition/reassignmentStarted']);

function nameNode(events: readonly ControllerEvent[], path: string): ControllerEvent[] {
  return events.map((event) => (REQUESTED.has(event.type) ? { ...event, reason: `ZooKeeper node ${path}` } : event));
}

/** Throws the first error when every part of the request fails. */
function refuseAll(results: readonly { errorCode: number; errorMessage?: string | null | undefined }[]): void {
  const harmless = (code: number): boolean => code === ErrorCode.NONE || code === ErrorCode.ELECTION_NOT_NEEDED;
  const [first] = results;
  if (first === undefined || results.some(({ errorCode }) => harmless(errorCode))) return;
  throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, first.errorMessage ?? `it failed with error ${first.errorCode}`);
}

interface AskedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Of a reassignment. */
  readonly replicas?: number[];
}

function malformed(cause?: unknown): ZooKeeperError {
  return new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, 'not {"version":1,"partitions":[{"topic":…,"partition":…}]}', { cause });
}

/** `{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2]},…]}`, of an election without replicas. */
function readPartitions(data: Uint8Array): AskedPartition[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(data).toString('utf8'));
  } catch (cause) {
    throw malformed(cause);
  }
  const { partitions } = (value ?? {}) as { partitions?: unknown };
  if (!Array.isArray(partitions)) throw malformed();
  return partitions.map((one: unknown) => {
    const { topic, partition, replicas } = (one ?? {}) as { topic?: unknown; partition?: unknown; replicas?: unknown };
    if (typeof topic !== 'string' || !isInt32(partition)) throw malformed();
    if (replicas === undefined) return { topic, partition };
    if (!Array.isArray(replicas) || !replicas.every((id) => isInt32(id))) throw malformed();
    return { topic, partition, replicas };
  });
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0x7fff_ffff;
}

function byTopic(asked: readonly AskedPartition[]): { topic: string; partitions: number[]; asked: AskedPartition[] }[] {
  const topics = new Map<string, AskedPartition[]>();
  for (const one of asked) {
    const list = topics.get(one.topic);
    if (list === undefined) topics.set(one.topic, [one]);
    else list.push(one);
  }
  return [...topics].map(([topic, list]) => ({ topic, partitions: list.map(({ partition }) => partition), asked: list }));
}
