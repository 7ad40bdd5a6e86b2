import type { alterPartition as api } from '../../protocol/apis/alter-partition.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { MetadataImage, PartitionImage } from '../image.ts';
import { electionRules, movePartition, type PartitionMove } from './election.ts';
import { moveEvents } from './partition-moves.ts';
import { currentBroker, isActive, type ControllerEvent, type Decision, type DecisionContext } from './decision.ts';

type Request = RequestOf<typeof api>;
type AskedPartition = Request['topics'][number]['partitions'][number];

/**
 * A leader changes its ISR: a compare-and-set on leader epoch and partition epoch (KIP-497). A joining replica's broker must be registered
 * under the epoch that the leader saw, unfenced and not shutting down (KIP-841, KIP-903): else a broker whose old incarnation lost data could
 * count as in sync.
 *
 * An ISR without the leader moves leadership to its first broker (`broker/leadership-handover.ts`); Apache Kafka refuses such a request. The
 * election is clean: the new leader is in the ISR or eligible (KIP-966), so it has every committed record, and the others are members of the
 * ISR that stay in it. The old leader is no longer known to be in sync: it rejoins the ISR once it has caught up.
 */
export function alterPartition(context: DecisionContext, request: Request): Decision<ResponseIn<typeof api>> {
  const { image } = context;
  currentBroker(image, request.brokerId, request.brokerEpoch);
  const rules = electionRules(image, context.properties);
  const moves: PartitionMove[] = [];
  const handovers: PartitionMove[] = [];
  const topics = request.topics.map(({ topicId, partitions }) => ({
    topicId,
    partitions: partitions.map((asked) => {
      const topic = image.topicsById.get(topicId);
      if (topic === undefined) return refused(asked, ErrorCode.UNKNOWN_TOPIC_ID);
      const partition = topic.partitions[asked.partitionIndex];
      if (partition === undefined) return refused(asked, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
      const isr = asked.newIsrWithEpochs.length > 0 ? asked.newIsrWithEpochs.map((member) => member.brokerId) : asked.newIsr;
      const errorCode = defect(image, request.brokerId, partition, asked, isr);
      if (errorCode !== ErrorCode.NONE) return refused(asked, errorCode);
      const ordered = inOrder(isr, partition);
      const handover = !isr.includes(request.brokerId);
      const wanted = {
        isr: ordered,
        leaderRecoveryState: asked.leaderRecoveryState,
        ...(handover ? { distrust: request.brokerId, successor: isr[0] } : {}),
      };
      const move = movePartition(partition, wanted, rules(topic.name));
      if (move !== undefined) (handover ? handovers : moves).push(move);
      const { leader, leaderEpoch, isr: newIsr, leaderRecoveryState, partitionEpoch } = move?.after ?? partition;
      // As in Apache Kafka: a handover and the end of a reassignment may also elect another leader.
      const outcome = leader === partition.leader ? ErrorCode.NONE : ErrorCode.NEW_LEADER_ELECTED;
      return {
        partitionIndex: asked.partitionIndex,
        errorCode: outcome,
        leaderId: leader,
        leaderEpoch,
        isr: newIsr,
        leaderRecoveryState,
        partitionEpoch,
      };
    }),
  }));
  const ends = moves.filter(({ reassigned }) => reassigned);
  return {
    records: [...moves, ...handovers].map((move) => move.record),
    response: { errorCode: ErrorCode.NONE, topics },
    events: [
      ...isrEvents(moves),
      ...moveEvents(ends, 'reassignment', 'the reassignment is complete'),
      ...moveEvents(handovers, 'repair', `broker ${request.brokerId} cannot read its log, and no replica can repair it`),
    ],
  };
}

function defect(image: MetadataImage, brokerId: number, partition: PartitionImage, asked: AskedPartition, isr: readonly number[]): number {
  // The leader's epoch is newer than this controller's image: the controller is the older one, not the leader.
  if (asked.leaderEpoch > partition.leaderEpoch || asked.partitionEpoch > partition.partitionEpoch) return ErrorCode.NOT_CONTROLLER;
  if (asked.leaderEpoch < partition.leaderEpoch) return ErrorCode.FENCED_LEADER_EPOCH;
  if (brokerId !== partition.leader) return ErrorCode.INVALID_REQUEST;
  if (asked.partitionEpoch < partition.partitionEpoch) return ErrorCode.INVALID_UPDATE_VERSION;
  if (isr.length === 0 || new Set(isr).size !== isr.length) return ErrorCode.INVALID_REQUEST;
  if (!isr.every((member) => partition.replicas.includes(member))) return ErrorCode.INVALID_REQUEST;
  if (!isr.includes(brokerId) && !isSuccessor(partition, isr)) return ErrorCode.INVALID_REQUEST;
  if (asked.leaderRecoveryState !== 0 && (isr.length > 1 || partition.leaderRecoveryState === 0)) return ErrorCode.INVALID_REQUEST;
  const eligible = isr.every((member) => {
    const broker = image.brokers.get(member);
    const epoch = asked.newIsrWithEpochs.find((one) => one.brokerId === member)?.brokerEpoch ?? -1n;
    return isActive(broker) && (epoch < 0n || epoch === broker.epoch);
  });
  return eligible ? ErrorCode.NONE : ErrorCode.INELIGIBLE_REPLICA;
}

/** Whether an ISR without the leader begins with a broker that has every committed record, and adds no other broker that is out of sync. */
function isSuccessor({ isr, elr }: PartitionImage, wanted: readonly number[]): boolean {
  return wanted.every((broker, index) => isr.includes(broker) || (index === 0 && elr.includes(broker)));
}

/** ISRs are kept in the order of the replicas, so that equal ISRs compare as equal. */
function inOrder(isr: readonly number[], partition: PartitionImage): number[] {
  return partition.replicas.filter((replica) => isr.includes(replica));
}

function refused(
  { partitionIndex }: AskedPartition,
  errorCode: number,
): {
  partitionIndex: number;
  errorCode: number;
  leaderId: number;
  leaderEpoch: number;
  isr: number[];
  partitionEpoch: number;
} {
  return { partitionIndex, errorCode, leaderId: 0, leaderEpoch: 0, isr: [], partitionEpoch: 0 };
}

function isrEvents(moves: readonly PartitionMove[]): ControllerEvent[] {
  const describe = ({ before, after }: PartitionMove): Record<string, unknown> => ({
    topic: before.topic,
    partition: before.partition,
    from: before.isr,
    to: after.isr,
    leader: after.leader,
  });
  const leaving = ({ before, after }: PartitionMove): number[] =>
    before.isr.filter((member) => !after.isr.includes(member) && after.replicas.includes(member));
  const joining = ({ before, after }: PartitionMove): number[] => after.isr.filter((member) => !before.isr.includes(member));
  const events: ControllerEvent[] = [];
  const shrunk = moves.filter((move) => leaving(move).length > 0);
  const expanded = moves.filter((move) => joining(move).length > 0);
  if (shrunk.length > 0) {
    const reason = `${brokers(shrunk.flatMap(leaving))} did not keep up with the leader`;
    events.push({ type: 'partition/isrShrunk', reason, details: { trigger: 'lag', changes: shrunk.map(describe) } });
  }
  if (expanded.length > 0) {
    const reason = `${brokers(expanded.flatMap(joining))} caught up with the leader`;
    events.push({ type: 'partition/isrExpanded', reason, details: { changes: expanded.map(describe) } });
  }
  return events;
}

function brokers(ids: readonly number[]): string {
  const unique = [...new Set(ids)].sort((a, b) => a - b);
  return `${unique.length === 1 ? 'broker' : 'brokers'} ${unique.join(', ')}`;
}
