/** Key 69, ConsumerGroupDescribe 0–1: unsupported, as ConsumerGroupHeartbeat. */
import { consumerGroupDescribe } from '../../protocol/apis/consumer-group-describe.ts';
import { OPERATIONS_NOT_ASKED } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { refuseConsumerProtocol } from '../features.ts';

export const consumerGroupDescribeApi: BrokerApi<typeof consumerGroupDescribe> = {
  api: consumerGroupDescribe,
  listeners: ['broker'],
  authorization: {},
  handle: refuseConsumerProtocol,
  failed: ({ groupIds }, failure) => ({
    groups: groupIds.map((groupId) => ({
      ...failure,
      groupId,
      groupState: '',
      groupEpoch: 0,
      assignmentEpoch: 0,
      assignorName: '',
      members: [],
      authorizedOperations: OPERATIONS_NOT_ASKED,
    })),
  }),
};
