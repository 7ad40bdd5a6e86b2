/**
 * Key 1, Fetch 4–18 of the metadata log, by which a voter or an observer replicates it (KIP-595). The data path of brokers has its own handler
 * (`broker/handlers/fetch.ts`); both fail with the same response.
 */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { fetch } from '../../protocol/apis/fetch.ts';
import { Operation } from '../../security/authorizer.ts';
import type { QuorumApi } from '../controller-api.ts';

export const metadataFetchApi: QuorumApi<typeof fetch> = {
  api: fetch,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  handle: (request, _context, { raft }) => raft.handleFetch(request),
  // Before v7 only partitions have an error code.
  failed: (request, { errorCode }, version) => ({
    errorCode,
    responses:
      version >= 7
        ? []
        : request.topics.map(({ topic, topicId, partitions }) => ({
            topic,
            topicId,
            partitions: partitions.map(({ partition }) => ({
              partitionIndex: partition,
              errorCode,
              highWatermark: -1n,
              abortedTransactions: null,
              records: null,
            })),
          })),
  }),
};
