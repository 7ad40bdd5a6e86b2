/**
 * Key 18, ApiVersions 0–4. A version above 4 never comes here: `api-dispatch.ts` answers it in version 0.
 *
 * v3 carries the name and version of the client's software (KIP-511); either, badly formed, is INVALID_REQUEST. Before v4 a feature whose
 * lowest version is 0 is left out, since older clients refuse it.
 */
import type { apiVersions } from '../../protocol/apis/api-versions.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { Handler } from '../context.ts';

/** Letters, digits, dashes and dots, with neither of the last two at an end. */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;

export const handleApiVersions: Handler<typeof apiVersions> = (request, { version }, broker) => {
  if (version >= 3 && !(SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion))) {
    return { errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [] };
  }
  const image = broker.image();
  const finalized = [...image.features].filter(([, level]) => level > 0);
  return {
    errorCode: ErrorCode.NONE,
    apiKeys: broker.advertised,
    supportedFeatures: SUPPORTED_FEATURES.filter(({ minVersion }) => version >= 4 || minVersion > 0),
    finalizedFeaturesEpoch: image.offset,
    finalizedFeatures: finalized.map(([name, level]) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
  };
};

/** What this broker could have finalized: KRaft's metadata up to Kafka 4.3's level; group.version and transaction.version come with their APIs. */
const SUPPORTED_FEATURES = [{ name: 'metadata.version', minVersion: 7, maxVersion: 30 }];
