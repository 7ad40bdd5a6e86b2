/**
 * Key 44, IncrementalAlterConfigs 0–1: changes single settings. Levels of this broker's loggers are changed here (KIP-412); the rest is checked
 * and written by the active controller.
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
    // Neither of the two, since which one was meant to be the last is not known.
    if (all.filter((other) => other.resourceName === resourceName).length > 1) {
      throw new KafkaError(ErrorCode.INVALID_REQUEST, `The request names the loggers of broker ${resourceName} twice.`);
    }
    requireOwnLoggers(resourceName, nodeId);
    alterLoggers(logger.levels, configs, validateOnly);
    if (!validateOnly)
      logger.info('levels of loggers were changed', { levels: configs.map(({ name, value }) => `${name}=${value ?? ''}`) });
    return { errorCode: ErrorCode.NONE, errorMessage: null, resourceType, resourceName };
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return { errorCode: error.code, errorMessage: error.message, resourceType, resourceName };
  }
}
