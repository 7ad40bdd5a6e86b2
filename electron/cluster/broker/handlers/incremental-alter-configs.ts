/**
 * Key 44, IncrementalAlterConfigs 0–1: changes single keys. Levels of this broker's loggers are changed here (KIP-412); the active controller
 * checks and writes the rest.
 */
import { incrementalAlterConfigs } from '../../protocol/apis/incremental-alter-configs.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { alterLoggers, requireOwnLoggers } from '../broker-loggers.ts';
import { ResourceType } from '../config-resources.ts';
import type { BrokerContext, Handler } from '../context.ts';
import { forward } from '../forward.ts';

type Resource = RequestOf<typeof incrementalAlterConfigs>['resources'][number];
type Result = ResponseIn<typeof incrementalAlterConfigs>['responses'][number];

export const handleIncrementalAlterConfigs: Handler<typeof incrementalAlterConfigs> = (request, context, broker) => {
  const { requestTimeoutMs } = broker.settings;
  const loggers = request.resources.filter(isLoggers);
  if (loggers.length === 0) return forward(broker, incrementalAlterConfigs, request, context, requestTimeoutMs);
  const results = loggers.map((resource) => alter(resource, loggers, request.validateOnly, broker));
  const others = request.resources.filter((resource) => !isLoggers(resource));
  if (others.length === 0) return { responses: results };
  return forward(broker, incrementalAlterConfigs, { ...request, resources: others }, context, requestTimeoutMs).then((answer) => ({
    ...answer,
    responses: [...results, ...answer.responses],
  }));
};

function isLoggers({ resourceType }: Resource): boolean {
  return resourceType === ResourceType.BROKER_LOGGER;
}

function alter(resource: Resource, all: readonly Resource[], validateOnly: boolean, { nodeId, logger }: BrokerContext): Result {
  const { resourceType, resourceName, configs } = resource;
  try {
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
