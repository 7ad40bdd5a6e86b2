/** Key 33, AlterConfigs 0–2: replaces all settings of a resource. */
import { alterConfigs } from '../../protocol/apis/alter-configs.ts';
import { failedResources } from '../config-resources.ts';
import { ALTER_CONFIGS, alterConfigs as decide } from '../controller/alter-configs.ts';
import { decidedApi } from '../controller-api.ts';

export const alterConfigsApi = decidedApi({
  api: alterConfigs,
  listeners: ['broker', 'controller'],
  authorization: { items: ALTER_CONFIGS },
  decide,
  failed: failedResources,
});
