/**
 * Key 44, IncrementalAlterConfigs 0–1: changes single keys. Levels of this broker's loggers are changed here (KIP-412); the active controller
 * checks and writes the rest.
 */
import type { incrementalAlterConfigs } from '../../protocol/apis/incremental-alter-configs.ts';
import type { RequestContext } from '../../dispatch/request.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { authorizationError, isAllowed } from '../../security/authorizer.ts';
import { incrementalAlterConfigsApi } from '../../quorum/apis/incremental-alter-configs.ts';
import { ALTER_CONFIGS } from '../../quorum/controller/alter-configs.ts';
import { configRule, ResourceType } from '../../quorum/config-resources.ts';
import { alterLoggers, requireOwnLoggers } from '../broker-loggers.ts';
import type { BrokerApi, BrokerContext, Handler } from '../context.ts';
import { forward } from '../forward.ts';

type Resource = RequestOf<typeof incrementalAlterConfigs>['resources'][number];
type Result = ResponseIn<typeof incrementalAlterConfigs>['responses'][number];

export const handleIncrementalAlterConfigs: Handler<typeof incrementalAlterConfigs> = (request, context, broker) => {
  const loggers = request.resources.filter(isLoggers);
  if (loggers.length === 0) return forward(broker, incrementalAlterConfigsApi, request, context);
  const results = loggers.map((resource) => alter(resource, loggers, request.validateOnly, context, broker));
  const others = request.resources.filter((resource) => !isLoggers(resource));
  if (others.length === 0) return { responses: results };
  return forward(broker, incrementalAlterConfigsApi, { ...request, resources: others }, context).then((answer) => ({
    ...answer,
    responses: [...results, ...answer.responses],
  }));
};

function isLoggers({ resourceType }: Resource): boolean {
  return resourceType === ResourceType.BROKER_LOGGER;
}

function alter(
  resource: Resource,
  all: readonly Resource[],
  validateOnly: boolean,
  { session }: RequestContext,
  broker: BrokerContext,
): Result {
  const { nodeId, logger, authorizer } = broker;
  const { resourceType, resourceName, configs } = resource;
  try {
    const needed = configRule(ALTER_CONFIGS, resourceType, resourceName);
    if (needed !== undefined && !isAllowed(authorizer, session, needed.rule, needed.name)) throw authorizationError(needed.rule.resource);
    // Neither of the two is applied, since the intended one is unknown.
    if (all.filter((other) => other.resourceName === resourceName).length > 1) {
      throw new KafkaError(ErrorCode.INVALID_REQUEST, `The request names the loggers of broker ${resourceName} twice.`);
    }
    requireOwnLoggers(resourceName, nodeId);
    alterLoggers(logger.levels, configs, validateOnly);
    if (!validateOnly) logger.info('logger levels changed', { levels: configs.map(({ name, value }) => `${name}=${value ?? ''}`) });
    return { errorCode: ErrorCode.NONE, errorMessage: null, resourceType, resourceName };
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return { errorCode: error.code, errorMessage: error.message, resourceType, resourceName };
  }
}

export const forwardedIncrementalAlterConfigsApi: BrokerApi<typeof incrementalAlterConfigs> = {
  ...incrementalAlterConfigsApi,
  // The controller authorizes what is forwarded to it, with the principal of the client.
  authorization: { items: ALTER_CONFIGS },
  handle: handleIncrementalAlterConfigs,
};
