/** Types of resources that have settings, as in DescribeConfigs and AlterConfigs, and the operations that they need. */
import type { Failure } from '../dispatch/api-descriptor.ts';
import { CLUSTER_NAME, Resource, type ItemRule, type Operation } from '../security/authorizer.ts';

export const ResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const;

type ConfigOperation = typeof Operation.DESCRIBE_CONFIGS | typeof Operation.ALTER_CONFIGS;

/** The operation on topics, on groups, and on the cluster for the settings of brokers and of client metrics. */
export function configRules(operation: ConfigOperation): readonly ItemRule[] {
  return [Resource.TOPIC, Resource.GROUP, Resource.CLUSTER].map((resource) => ({ operation, resource }));
}

/** The rule for one resource, and the name that it is authorized by; undefined for an unknown type, which is an invalid request. */
export function configRule(rules: readonly ItemRule[], type: number, name: string): { rule: ItemRule; name: string } | undefined {
  const known = (Object.values(ResourceType) as number[]).includes(type);
  const wanted = type === ResourceType.TOPIC ? Resource.TOPIC : type === ResourceType.GROUP ? Resource.GROUP : Resource.CLUSTER;
  const rule = rules.find(({ resource }) => resource === wanted);
  if (!known || rule === undefined) return undefined;
  return { rule, name: wanted === Resource.CLUSTER ? CLUSTER_NAME : name };
}

/** The response of AlterConfigs or IncrementalAlterConfigs that failed as a whole. */
export function failedResources(
  { resources }: { readonly resources: readonly { readonly resourceType: number; readonly resourceName: string }[] },
  failure: Failure,
) {
  return { responses: resources.map(({ resourceType, resourceName }) => ({ ...failure, resourceType, resourceName })) };
}
