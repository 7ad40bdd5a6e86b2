/**
 * Key 74, ListConfigResources 0–1. v0 lists client metrics subscriptions alone (KIP-1000), of which there are none here; v1 any type
 * (KIP-1142), an empty list all of them.
 */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { listConfigResources } from '../../protocol/apis/list-config-resources.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { ResourceType } from '../../quorum/config-resources.ts';
import { Operation } from '../../security/authorizer.ts';
import type { BrokerApi, Handler } from '../context.ts';

const LISTED: ReadonlySet<number> = new Set(Object.values(ResourceType));

export const handleListConfigResources: Handler<typeof listConfigResources> = (request, { version }, broker) => {
  const asked = version === 0 ? [ResourceType.CLIENT_METRICS] : request.resourceTypes.length === 0 ? [...LISTED] : request.resourceTypes;
  if (asked.some((type) => !LISTED.has(type))) return { errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] };
  const image = broker.image();
  const brokers = [...image.brokers.keys()].sort((a, b) => a - b).map(String);
  const names = (type: number): Iterable<string> => {
    if (type === ResourceType.TOPIC) return image.topics.keys();
    // The loggers of a broker have the name of the broker.
    return type === ResourceType.BROKER || type === ResourceType.BROKER_LOGGER ? brokers : [];
  };
  const configResources = [...new Set(asked)].flatMap((resourceType) =>
    [...names(resourceType)].map((resourceName) => ({ resourceName, resourceType })),
  );
  return { errorCode: ErrorCode.NONE, configResources };
};

export const listConfigResourcesApi: BrokerApi<typeof listConfigResources> = {
  api: listConfigResources,
  listeners: ['broker'],
  authorization: onCluster(Operation.DESCRIBE_CONFIGS),
  handle: handleListConfigResources,
  failed: (_request, { errorCode }) => ({ errorCode, configResources: [] }),
};
