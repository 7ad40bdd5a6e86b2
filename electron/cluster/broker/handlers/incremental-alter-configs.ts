/** Key 44, IncrementalAlterConfigs 0–1: changes single settings; the active controller checks and writes them. */
import { incrementalAlterConfigs } from '../../protocol/apis/incremental-alter-configs.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleIncrementalAlterConfigs: Handler<typeof incrementalAlterConfigs> = (request, context, broker) =>
  forward(broker, incrementalAlterConfigs, request, context, broker.settings.requestTimeoutMs);
