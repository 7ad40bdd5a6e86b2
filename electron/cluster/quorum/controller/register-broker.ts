import type { brokerRegistration } from '../../protocol/apis/broker-registration.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { distrust, moveAwayFrom, moveEvents } from './election.ts';
import type { ControllerEvent, Decision, DecisionContext } from './decision.ts';

/**
 * A broker makes itself known (KIP-631). It starts fenced, under an epoch that is the offset of its registration.
 *
 * While an older incarnation still has a session, the id is taken, unless that life is known to be over: it was let go by a controlled
 * shutdown, or this request names its epoch as the one under which it closed its logs (KIP-966). `hasSession` is about this controller's
 * own reign: one that has never heard of the older incarnation has no word of its life, and if it lives after all, its next heartbeat is
 * answered with STALE_BROKER_EPOCH. Whatever the older one led moves with this very decision, under a new leader epoch.
 */
export function registerBroker(
  context: DecisionContext,
  request: RequestOf<typeof brokerRegistration>,
  hasSession: boolean,
): Decision<ResponseIn<typeof brokerRegistration>> {
  const { image } = context;
  if (request.clusterId !== image.clusterId) {
    throw new KafkaError(
      ErrorCode.INCONSISTENT_CLUSTER_ID,
      `Broker ${request.brokerId} belongs to cluster ${request.clusterId}, this is ${image.clusterId}; give it a data directory of its own.`,
    );
  }
  if (request.listeners.length === 0) {
    throw new KafkaError(ErrorCode.INVALID_REGISTRATION, `Broker ${request.brokerId} names no listener, so no client could reach it.`);
  }
  const existing = image.brokers.get(request.brokerId);
  const again = existing?.incarnationId === request.incarnationId;
  const clean = existing !== undefined && request.previousBrokerEpoch === existing.epoch;
  const over = existing === undefined || again || existing.fenced || existing.inControlledShutdown || clean;
  if (!over && hasSession) {
    throw new KafkaError(
      ErrorCode.DUPLICATE_BROKER_REGISTRATION,
      `Broker id ${request.brokerId} is in use until the session of its last run ends; try again in a few seconds.`,
    );
  }
  const brokerEpoch = again ? existing.epoch : context.nextOffset;
  const registration: MetadataRecordIn = {
    type: 'RegisterBrokerRecord',
    value: {
      brokerId: request.brokerId,
      incarnationId: request.incarnationId,
      brokerEpoch,
      endPoints: request.listeners,
      features: request.features,
      rack: request.rack,
      fenced: again ? existing.fenced : true,
      inControlledShutdown: again ? existing.inControlledShutdown : false,
      logDirs: request.logDirs,
    },
  };
  const response = { errorCode: ErrorCode.NONE, brokerEpoch };
  if (again) return { records: [registration], response, events: [] };
  const restarted = clean ? 'it restarted' : 'it restarted after a crash';
  const joined: ControllerEvent = {
    type: 'cluster/brokerRegistered',
    broker: request.brokerId,
    reason: existing === undefined ? 'it joined the cluster' : restarted,
  };
  if (existing === undefined) return { records: [registration], response, events: [joined] };
  const moves = (clean ? moveAwayFrom : distrust)(image, context.properties, request.brokerId);
  const why = clean
    ? `broker ${request.brokerId} restarted`
    : `broker ${request.brokerId} stopped without a clean shutdown and may lack records`;
  const fenced: ControllerEvent = { type: 'cluster/brokerFenced', broker: request.brokerId, reason: restarted };
  return {
    records: [registration, ...moves.map((move) => move.record)],
    response,
    events: [...(existing.fenced ? [] : [fenced]), joined, ...moveEvents(moves, why, request.brokerId)],
  };
}
