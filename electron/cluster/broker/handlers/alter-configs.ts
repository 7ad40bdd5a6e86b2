/** Key 33, AlterConfigs 0–2: replaces all settings of a resource; the active controller checks and writes them. */
import { alterConfigs } from '../../protocol/apis/alter-configs.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleAlterConfigs: Handler<typeof alterConfigs> = (request, context, broker) =>
  forward(broker, alterConfigs, request, context, broker.settings.requestTimeoutMs);
