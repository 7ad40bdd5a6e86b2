/** Key 43, ElectLeaders 0–2: moves leaderships (KIP-183, KIP-460). v0 has a code on every partition only. */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { electLeaders } from '../../protocol/apis/elect-leaders.ts';
import { Operation } from '../../security/authorizer.ts';
import { electLeaders as decide } from '../controller/elect-leaders.ts';
import { decidedApi } from '../controller-api.ts';

export const electLeadersApi = decidedApi({
  api: electLeaders,
  listeners: ['broker', 'controller'],
  authorization: onCluster(Operation.ALTER),
  timeoutMs: ({ timeoutMs }) => timeoutMs,
  decide,
  failed: (request, failure) => ({
    errorCode: failure.errorCode,
    replicaElectionResults: (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, ...failure })),
    })),
  }),
});
