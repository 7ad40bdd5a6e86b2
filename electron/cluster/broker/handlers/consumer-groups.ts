/**
 * Keys 68 and 69, ConsumerGroupHeartbeat and ConsumerGroupDescribe 0–1, as Apache Kafka answers them with `group.version` 0: the new group
 * protocol (KIP-848) is unsupported. They are listed all the same: a client that does not find them may wait for a broker that has them.
 */
import type { consumerGroupDescribe } from '../../protocol/apis/consumer-group-describe.ts';
import type { consumerGroupHeartbeat } from '../../protocol/apis/consumer-group-heartbeat.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { OnError } from '../api-dispatch.ts';
import type { Handler } from '../context.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';

const MESSAGE = 'This cluster has no groups of the consumer protocol (KIP-848). Set group.protocol to classic.';

export const handleConsumerGroupHeartbeat: Handler<typeof consumerGroupHeartbeat> = () => {
  throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, MESSAGE);
};

export const onConsumerGroupHeartbeatError: OnError<RequestOf<typeof consumerGroupHeartbeat>, ResponseIn<typeof consumerGroupHeartbeat>> = (
  _request,
  errorCode,
  errorMessage,
) => ({ errorCode, errorMessage, memberEpoch: 0, heartbeatIntervalMs: 0 });

export const handleConsumerGroupDescribe: Handler<typeof consumerGroupDescribe> = () => {
  throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, MESSAGE);
};

export const onConsumerGroupDescribeError: OnError<RequestOf<typeof consumerGroupDescribe>, ResponseIn<typeof consumerGroupDescribe>> = (
  { groupIds },
  errorCode,
  errorMessage,
) => ({
  groups: groupIds.map((groupId) => ({
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
    authorizedOperations: -2_147_483_648,
  })),
});
