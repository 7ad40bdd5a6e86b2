import type { electLeaders as api } from '../../protocol/apis/elect-leaders.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { PartitionImage } from '../image.ts';
import { electionRules, movePartition, type ElectionRules, type PartitionMove } from './election.ts';
import { moveEvents } from './partition-moves.ts';
import type { Decision, DecisionContext } from './decision.ts';

const PREFERRED = 0;
const UNCLEAN = 1;

interface Outcome {
  errorCode: number;
  errorMessage: string | null;
  move?: PartitionMove;
}

/**
 * ElectLeaders (KIP-183, KIP-460): elects the preferred replica or, for a partition without a leader and at the price of lost records, any live
 * replica. Without a list: all partitions; the response names only those that needed an election.
 */
export function electLeaders(context: DecisionContext, request: RequestOf<typeof api>): Decision<ResponseIn<typeof api>> {
  const { electionType, topicPartitions } = request;
  if (electionType !== PREFERRED && electionType !== UNCLEAN) {
    throw new KafkaError(ErrorCode.INVALID_REQUEST, `There is no election of type ${electionType}; 0 is preferred, 1 is unclean.`);
  }
  const rules = electionRules(context.image, context.properties);
  const all = topicPartitions === null;
  const wanted = all
    ? [...context.image.topics.values()].map((topic) => ({ topic: topic.name, partitions: topic.partitions.map((one) => one.partition) }))
    : topicPartitions;
  const moves: PartitionMove[] = [];
  const results = [];
  for (const { topic, partitions } of wanted) {
    const partitionResult = [];
    for (const partitionId of new Set(partitions)) {
      const partition = context.image.topics.get(topic)?.partitions[partitionId];
      const { errorCode, errorMessage, move } =
        partition === undefined
          ? failed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no partition ${topic}-${partitionId}.`)
          : electionType === PREFERRED
            ? electPreferred(partition, rules(topic))
            : electUnclean(partition, rules(topic));
      if (all && errorCode === ErrorCode.ELECTION_NOT_NEEDED) continue;
      if (move !== undefined) moves.push(move);
      partitionResult.push({ partitionId, errorCode, errorMessage });
    }
    if (partitionResult.length > 0) results.push({ topic, partitionResult });
  }
  return {
    records: moves.map((move) => move.record),
    response: { errorCode: ErrorCode.NONE, replicaElectionResults: results },
    events: moveEvents(moves, 'request', electionType === PREFERRED ? 'preferred leader election' : 'unclean leader election'),
  };
}

function electPreferred(partition: PartitionImage, rules: ElectionRules): Outcome {
  const [preferred] = partition.replicas;
  const name = `${partition.topic}-${partition.partition}`;
  if (partition.leader === preferred) return failed(ErrorCode.ELECTION_NOT_NEEDED, `${name} is already led by its preferred replica.`);
  const move = movePartition(
    partition,
    { preferred: true },
    { acceptable: rules.acceptable, minInsyncReplicas: rules.minInsyncReplicas, unclean: false },
  );
  if (move === undefined || move.after.leader !== preferred) {
    return failed(
      ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
      `Broker ${preferred}, the preferred leader of ${name}, is down or not in sync.`,
    );
  }
  return { errorCode: ErrorCode.NONE, errorMessage: null, move };
}

function electUnclean(partition: PartitionImage, rules: ElectionRules): Outcome {
  const name = `${partition.topic}-${partition.partition}`;
  if (partition.leader >= 0) return failed(ErrorCode.ELECTION_NOT_NEEDED, `${name} has a leader, broker ${partition.leader}.`);
  const { acceptable, minInsyncReplicas } = rules;
  const move = movePartition(partition, {}, { acceptable, minInsyncReplicas, unclean: true });
  if (move === undefined || move.after.leader < 0) {
    return failed(
      ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE,
      `No broker with a replica of ${name} is up; start one of ${partition.replicas.join(', ')}.`,
    );
  }
  return { errorCode: ErrorCode.NONE, errorMessage: null, move };
}

function failed(errorCode: number, errorMessage: string): Outcome {
  return { errorCode, errorMessage };
}
