import type { alterPartitionReassignments as api } from '../../protocol/apis/alter-partition-reassignments.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { MetadataImage, PartitionImage } from '../image.ts';
import type { ControllerEvent, Decision, DecisionContext } from './decision.ts';
import { electionRules, movePartition, type ElectionRules, type PartitionMove } from './election.ts';
import { moveEvents } from './partition-moves.ts';
import { isReassigning, originalReplicas, reassign, targetReplicas, type Assignment } from './reassignment-state.ts';

/** Bounded by the size of a metadata batch. */
const MAX_PARTITIONS = 10_000;

type Request = RequestOf<typeof api>;

interface Change {
  readonly move: PartitionMove | undefined;
  readonly cancelled: boolean;
}

/**
 * Reassigns replicas to other brokers or, without a list of brokers, cancels a reassignment (KIP-455). An error in one partition fails that
 * partition only. A reassignment without data to copy, such as another order of the same brokers, completes at once; others complete with the
 * AlterPartition by which the last added replica joins the ISR (`reassignment-state.ts`).
 */
export function alterPartitionReassignments(context: DecisionContext, request: Request): Decision<ResponseIn<typeof api>> {
  const { image } = context;
  if (request.topics.reduce((sum, { partitions }) => sum + partitions.length, 0) > MAX_PARTITIONS) {
    throw new KafkaError(ErrorCode.INVALID_REQUEST, `One request can move ${MAX_PARTITIONS} partitions; split it.`);
  }
  const rules = electionRules(image, context.properties);
  const changes: Change[] = [];
  const seen = new Set<PartitionImage>();
  const responses = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => {
      try {
        const partition = image.topics.get(name)?.partitions[partitionIndex];
        if (partition === undefined) {
          throw new KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no partition ${name}-${partitionIndex}.`);
        }
        if (seen.has(partition)) throw new KafkaError(ErrorCode.INVALID_REQUEST, `The request names ${name}-${partitionIndex} twice.`);
        seen.add(partition);
        changes.push(
          replicas === null
            ? cancel(partition, rules(name))
            : start(image, partition, replicas, request.allowReplicationFactorChange, rules(name)),
        );
        return { partitionIndex, errorCode: ErrorCode.NONE, errorMessage: null };
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        return { partitionIndex, errorCode: error.code, errorMessage: error.message };
      }
    }),
  }));
  const moves = changes.flatMap(({ move }) => move ?? []);
  return {
    records: moves.map(({ record }) => record),
    response: {
      allowReplicationFactorChange: request.allowReplicationFactorChange,
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      responses,
    },
    events: [...describeChanges(changes), ...moveEvents(moves, 'reassignment', 'replicas were reassigned')],
  };
}

function start(
  image: MetadataImage,
  partition: PartitionImage,
  wanted: readonly number[],
  factorMayChange: boolean,
  rules: ElectionRules,
): Change {
  const name = `${partition.topic}-${partition.partition}`;
  const refuse = (message: string): never => {
    throw new KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message);
  };
  if (wanted.length === 0) refuse(`${name} is assigned to no broker.`);
  if (new Set(wanted).size !== wanted.length) refuse(`${name} is assigned to a broker twice.`);
  const unknown = wanted.find((broker) => !image.brokers.has(broker));
  if (unknown !== undefined) refuse(`${name} is assigned to broker ${unknown}, which is not in this cluster.`);
  const now = isReassigning(partition) ? originalReplicas(partition) : partition.replicas;
  if (!factorMayChange && wanted.length !== now.length) {
    throw new KafkaError(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `${name} has ${now.length} replicas and would get ${wanted.length}, which the request does not allow.`,
    );
  }
  const assignment = reassign(partition, wanted);
  const isr = partition.isr.filter((broker) => assignment.replicas.includes(broker));
  if (isr.length === 0 && partition.isr.length > 0) {
    refuse(`Only brokers that ${name} would leave at once (${partition.isr.join(', ')}) have all of its records; keep one of them.`);
  }
  if (tooFew(partition, isr, assignment.replicas, rules)) {
    const leavers = partition.isr.filter((broker) => !isr.includes(broker)).join(', ');
    refuse(
      `${name} would leave ${leavers} at once, and too few others are in sync for min.insync.replicas; keep them, or try again later.`,
    );
  }
  return { move: movePartition(partition, { assignment, isr }, rules), cancelled: false };
}

function cancel(partition: PartitionImage, rules: ElectionRules): Change {
  const name = `${partition.topic}-${partition.partition}`;
  if (!isReassigning(partition)) throw new KafkaError(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, `${name} is not being moved.`);
  const replicas = originalReplicas(partition);
  const isr = partition.isr.filter((broker) => replicas.includes(broker));
  if (isr.length === 0) {
    throw new KafkaError(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `The move of ${name} cannot be taken back: only brokers that it added (${partition.isr.join(', ')}) have all of its records.`,
    );
  }
  if (tooFew(partition, isr, replicas, rules)) {
    throw new KafkaError(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `The move of ${name} cannot be taken back yet: of its brokers before, too few are in sync for min.insync.replicas.`,
    );
  }
  const assignment: Assignment = { replicas, addingReplicas: [], removingReplicas: [] };
  return { move: movePartition(partition, { assignment, isr }, rules), cancelled: true };
}

/** Whether the replicas that leave at once leave too few replicas that have all acknowledged records. */
function tooFew(partition: PartitionImage, isr: readonly number[], replicas: readonly number[], rules: ElectionRules): boolean {
  return isr.length < partition.isr.length && isr.length < Math.min(rules.minInsyncReplicas, replicas.length);
}

function describeChanges(changes: readonly Change[]): ControllerEvent[] {
  const of = (cancelled: boolean): PartitionMove[] =>
    changes.flatMap(({ move, cancelled: was }) => (move !== undefined && was === cancelled && !move.reassigned ? [move] : []));
  const events: ControllerEvent[] = [];
  const started = of(false).filter(({ after }) => isReassigning(after));
  if (started.length > 0) {
    const list = started.map(({ before, after }) => ({
      topic: before.topic,
      partition: before.partition,
      from: originalReplicas(after),
      to: targetReplicas(after),
    }));
    events.push({
      type: 'partition/reassignmentStarted',
      reason: 'AlterPartitionReassignments request',
      ...sole(list),
      details: { changes: list },
    });
  }
  const cancelled = of(true);
  if (cancelled.length > 0) {
    const list = cancelled.map(({ before, after }) => ({
      topic: before.topic,
      partition: before.partition,
      from: targetReplicas(before),
      to: after.replicas,
    }));
    events.push({
      type: 'partition/reassignmentCancelled',
      reason: 'AlterPartitionReassignments request',
      ...sole(list),
      details: { changes: list },
    });
  }
  return events;
}

/** Topic and partitions, if all are of one topic. */
function sole(list: readonly { topic: string; partition: number }[]): { topic?: string; partitions?: number[] } {
  const [first] = list;
  if (first === undefined || list.some(({ topic }) => topic !== first.topic)) return {};
  return { topic: first.topic, partitions: list.map(({ partition }) => partition) };
}
