/**
 * Key 68, ConsumerGroupHeartbeat 0–1, as Apache Kafka answers it with `group.version` 0: the new group protocol (KIP-848) is unsupported, which
 * is checked before any authorization. It is listed all the same: a client that does not find it may wait for a broker that has it.
 */
import { consumerGroupHeartbeat } from '../../protocol/apis/consumer-group-heartbeat.ts';
import type { BrokerApi } from '../context.ts';
import { refuseConsumerProtocol } from '../features.ts';

export const consumerGroupHeartbeatApi: BrokerApi<typeof consumerGroupHeartbeat> = {
  api: consumerGroupHeartbeat,
  listeners: ['broker'],
  authorization: {},
  handle: refuseConsumerProtocol,
  failed: (_request, failure) => ({ ...failure, memberEpoch: 0, heartbeatIntervalMs: 0 }),
};
