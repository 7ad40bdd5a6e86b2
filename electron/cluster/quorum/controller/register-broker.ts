import type { brokerRegistration } from '../../protocol/apis/broker-registration.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { distrust, moveEvents, restarted } from './partition-moves.ts';
import type { ControllerEvent, Decision, DecisionContext } from './decision.ts';

/**
 * Registers a broker (KIP-631). It starts fenced; its broker epoch is the offset of its registration.
 *
 * While an older incarnation has a session, the id is in use, unless that incarnation is known to have ended: it completed a controlled
 * shutdown, or this request names its epoch with a clean-shutdown proof (KIP-966, `broker/previous-run.ts`). `isAlive` covers only this
 * controller's own epoch: without a heartbeat of the broker since then, its state is unknown, and if an older incarnation is still running, its
 * next heartbeat is answered with STALE_BROKER_EPOCH. The same decision moves all leaderships of the older incarnation, under new leader
 * epochs.
 *
 * A broker that may have lost records leaves every ISR and ELR that has other members. One that has lost none stays in an ISR while no other
 * member is known to be alive: when all brokers restart at once, the first of them must not be removed for being the first.
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
    reason: existing === undefined ? 'joined the cluster' : how,
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
