/** Key 18, ApiVersions 0–4, of the CONTROLLER listener. Every client may ask for it, before it authenticates. */
import { apiVersions } from '../../protocol/apis/api-versions.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { QuorumApi } from '../controller-api.ts';

export const controllerVersionsApi: QuorumApi<typeof apiVersions> = {
  api: apiVersions,
  listeners: ['controller'],
  authorization: {},
  handle: (_request, _context, { registry }) => ({ errorCode: ErrorCode.NONE, apiKeys: registry.advertised }),
  failed: (_request, { errorCode }) => ({ errorCode, apiKeys: [] }),
};
