/**
 * Key 18, ApiVersions 0–4. The dispatcher answers a version above 4 in version 0.
 *
 * v3 carries the name and version of the client's software (KIP-511); either, badly formed, is INVALID_REQUEST.
 */
import { apiVersions } from '../../protocol/apis/api-versions.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { controllerVersionsApi } from '../../quorum/apis/api-versions.ts';
import type { BrokerApi, Handler } from '../context.ts';
import { SUPPORTED_FEATURES } from '../features.ts';

/** Letters, digits, dashes and dots, with neither of the last two at an end. */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;

/** Clients that request a version below 4 fail at a minimum level of 0 (KAFKA-17011); they get 1. */
const SUPPORTED_FROM_1 = SUPPORTED_FEATURES.map((feature) => ({ ...feature, minVersion: Math.max(1, feature.minVersion) }));

export const handleApiVersions: Handler<typeof apiVersions> = (request, { version }, broker) => {
  if (version >= 3 && !(SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion))) {
    return { errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [] };
  }
  const image = broker.image();
  const finalized = [...image.features].filter(([, level]) => level > 0);
  return {
    errorCode: ErrorCode.NONE,
    apiKeys: broker.advertised,
    supportedFeatures: version >= 4 ? SUPPORTED_FEATURES : SUPPORTED_FROM_1,
    finalizedFeaturesEpoch: image.offset,
    finalizedFeatures: finalized.map(([name, level]) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
  };
};

export const apiVersionsApi: BrokerApi<typeof apiVersions> = {
  api: apiVersions,
  listeners: ['broker'],
  // Every client may ask, before it authenticates.
  authorization: {},
  handle: handleApiVersions,
  failed: (...refused) => controllerVersionsApi.failed(...refused),
};
