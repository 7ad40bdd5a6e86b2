import type { brokerRegistration } from '../../protocol/apis/broker-registration.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { distrust, moveEvents } from './election.ts';
import type { Decision, DecisionContext } from './decision.ts';

/**
 * A broker makes itself known (KIP-631). It starts fenced, under an epoch that is the offset of its registration. While an
 * older incarnation still has a session, the id is taken: that session has to end first, so that whatever the old one led has moved.
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
  if (existing !== undefined && !again && hasSession && !existing.fenced) {
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
  const unclean = existing !== undefined && !again && request.previousBrokerEpoch !== existing.epoch;
  const moves = unclean ? distrust(image, context.properties, request.brokerId) : [];
  return {
    records: [registration, ...moves.map((move) => move.record)],
    response: { errorCode: ErrorCode.NONE, brokerEpoch },
    events: again
      ? []
      : [
          {
            type: 'cluster/brokerRegistered',
            broker: request.brokerId,
            reason: existing === undefined ? 'it joined the cluster' : unclean ? 'it restarted after a crash' : 'it restarted',
          },
          ...moveEvents(moves, `broker ${request.brokerId} stopped without a clean shutdown and may lack records`, request.brokerId),
        ],
  };
}
