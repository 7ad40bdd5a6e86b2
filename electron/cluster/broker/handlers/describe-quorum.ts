/** Key 55, DescribeQuorum 0–2: only the leader of the quorum knows the log ends of the others. */
import { describeQuorum } from '../../protocol/apis/describe-quorum.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleDescribeQuorum: Handler<typeof describeQuorum> = (request, context, broker) =>
  forward(broker, describeQuorum, request, context, broker.settings.requestTimeoutMs);
