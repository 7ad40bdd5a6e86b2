/** Key 43, ElectLeaders 0–2: the active controller moves leaderships. */
import { electLeaders } from '../../protocol/apis/elect-leaders.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleElectLeaders: Handler<typeof electLeaders> = (request, context, broker) =>
  forward(broker, electLeaders, request, context, request.timeoutMs);
