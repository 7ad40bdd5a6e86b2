import type { brokerRegistration } from '../../protocol/apis/broker-registration.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { distrust, moveEvents, restarted } from './partition-moves.ts';
import type { ControllerEvent, Decision, DecisionContext } from './decision.ts';

/**
 * A broker makes itself known (KIP-631). It starts fenced, under an epoch that is the offset of its registration.
 *
 * While an older incarnation still has a session, the id is taken, unless that life is known to be over: it was let go by a controlled
 * shutdown, or this request names its epoch as the one under which it lost nothing (KIP-966, `broker/previous-run.ts`). `isAlive` is about
 * this controller's own reign: one that has never heard of a broker has no word of its life, and if an older incarnation lives after all,
 * its next heartbeat is answered with STALE_BROKER_EPOCH. Whatever the older one led moves with this very decision, under a new leader
 * epoch.
 *
 * A broker that may have lost records leaves every ISR and ELR, as long as there is anybody else in them. One that has lost none stays in
 * an ISR while nobody else of it is known to live: when all brokers come back at once, none of them is to be shut out for having been
 * the first.
 */
export function registerBroker(
  context: DecisionContext,
  request: RequestOf<typeof brokerRegistration>,
  isAlive: (broker: number) => boolean,
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
  if (!over && isAlive(request.brokerId)) {
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
  const how = clean ? 'it restarted' : 'it restarted, and may lack records that were not on disk';
  const joined: ControllerEvent = {
    type: 'cluster/brokerRegistered',
    broker: request.brokerId,
    reason: existing === undefined ? 'it joined the cluster' : how,
  };
  if (existing === undefined) return { records: [registration], response, events: [joined] };
  const moves = clean
    ? restarted(image, context.properties, request.brokerId, isAlive)
    : distrust(image, context.properties, request.brokerId);
  const why = clean
    ? `broker ${request.brokerId} restarted`
    : `broker ${request.brokerId} may lack records that were not on disk when it stopped`;
  const fenced: ControllerEvent = {
    type: 'cluster/brokerFenced',
    broker: request.brokerId,
    reason: how,
    details: { trigger: 'registration' },
  };
  return {
    records: [registration, ...moves.map((move) => move.record)],
    response,
    events: [...(existing.fenced ? [] : [fenced]), joined, ...moveEvents(moves, 'registration', why, request.brokerId)],
  };
}
