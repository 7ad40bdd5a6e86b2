import type { brokerHeartbeat } from '../../protocol/apis/broker-heartbeat.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import type { BrokerRegistration, MetadataImage } from '../image.ts';
import { moveAwayFrom, moveEvents } from './partition-moves.ts';
import { currentBroker, type Decision, type DecisionContext } from './decision.ts';
import { fenceBroker } from './fence-broker.ts';
import { unfenceBroker } from './unfence-broker.ts';

/** State of the sessions that the image does not hold. */
export interface ShutdownProgress {
  /** Offset up to which other brokers must have read before a broker may shut down; undefined: not recorded yet. */
  readonly shutdownOffset: bigint | undefined;
  /** Lowest metadata offset reported by an active broker; undefined without another active broker. */
  readonly lowestActiveOffset: bigint | undefined;
}

type Answer = ResponseIn<typeof brokerHeartbeat>;

/**
 * Decides on a broker's heartbeat (KIP-631). A controlled shutdown has two steps: leadership moves to other brokers, and the broker may shut
 * down once they have read of that.
 */
export function decideHeartbeat(
  context: DecisionContext,
  request: RequestOf<typeof brokerHeartbeat>,
  progress: ShutdownProgress,
): Decision<Answer> {
  const broker = currentBroker(context.image, request.brokerId, request.brokerEpoch);
  const isCaughtUp = request.currentMetadataOffset >= broker.epoch;
  const answer = (isFenced: boolean, shouldShutDown: boolean): Answer => ({
    errorCode: ErrorCode.NONE,
    isCaughtUp,
    isFenced,
    shouldShutDown,
  });

  if (broker.fenced) {
    if (request.wantShutDown) return { records: [], response: answer(true, true), events: [] };
    if (request.wantFence || !isCaughtUp) return { records: [], response: answer(true, false), events: [] };
    return { ...unfenceBroker(context, broker), response: answer(false, false) };
  }
  if (request.wantShutDown) {
    if (broker.inControlledShutdown) {
      const { shutdownOffset, lowestActiveOffset } = progress;
      const othersKnow = lowestActiveOffset === undefined || (shutdownOffset !== undefined && lowestActiveOffset >= shutdownOffset);
      if (leadsAnything(context.image, broker.id) || !othersKnow) return { records: [], response: answer(false, false), events: [] };
      return { ...fenceBroker(context, broker, 'controlled shutdown is complete'), response: answer(true, true) };
    }
    if (!leadsAnything(context.image, broker.id))
      return { ...fenceBroker(context, broker, 'controlled shutdown is complete'), response: answer(true, true) };
    return beginShutdown(context, broker, answer(false, false));
  }
  if (request.wantFence) return { ...fenceBroker(context, broker, 'the broker requested to be fenced'), response: answer(true, false) };
  return { records: [], response: answer(false, false), events: [] };
}

function beginShutdown(context: DecisionContext, broker: BrokerRegistration, response: Answer): Decision<Answer> {
  const moves = moveAwayFrom(context.image, context.properties, broker.id);
  return {
    records: [
      {
        type: 'BrokerRegistrationChangeRecord',
        value: { brokerId: broker.id, brokerEpoch: broker.epoch, fenced: 0, inControlledShutdown: 1 },
      },
      ...moves.map((move) => move.record),
    ],
    response,
    events: [
      { type: 'cluster/controlledShutdown', broker: broker.id, reason: 'shutdown was requested; leaderships move first' },
      ...moveEvents(moves, 'shutdown', `broker ${broker.id} shuts down`, broker.id),
    ],
  };
}

function leadsAnything(image: MetadataImage, broker: number): boolean {
  for (const topic of image.topics.values()) {
    if (topic.partitions.some((partition) => partition.leader === broker)) return true;
  }
  return false;
}
