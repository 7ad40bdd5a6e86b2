/** Key 44, IncrementalAlterConfigs 0–1: changes single settings (KIP-339). A broker changes its loggers itself (`broker/handlers/`). */
import { incrementalAlterConfigs } from '../../protocol/apis/incremental-alter-configs.ts';
import { failedResources } from '../config-resources.ts';
import { ALTER_CONFIGS, incrementalAlterConfigs as decide } from '../controller/alter-configs.ts';
import { decidedApi } from '../controller-api.ts';

export const incrementalAlterConfigsApi = decidedApi({
  api: incrementalAlterConfigs,
  listeners: ['broker', 'controller'],
  authorization: { items: ALTER_CONFIGS },
  decide,
  failed: failedResources,
});
