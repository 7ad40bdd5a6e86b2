/**
 * Sends the writes at the head of a connection's queue in one request to the controller, where a commit takes milliseconds and a client may
 * pipeline thousands. None of them depends on the client having read a response.
 */
import { Reader } from '../protocol/reader.ts';
import { ZooKeeperCode, ZooKeeperError } from '../quorum/zookeeper-state/zookeeper-codes.ts';
import type { FrameInput } from './frame-input.ts';
import { decodeRequest, operationOf } from './request-decoding.ts';
import type { RequestContext } from './endpoint.ts';
import type { Reply } from './wire.ts';
import { decodeWrite, executeWrites, isWrite, type Write } from './writes.ts';

const MAX_BATCH_WRITES = 256;
const MAX_BATCH_BYTES = 1024 * 1024;

/** Takes the writes from the queue, and calls `reply` for each of them in order. */
export async function answerWrites(
  context: RequestContext,
  queue: Pick<FrameInput, 'first' | 'take'>,
  reply: (xid: number, reply: Reply) => void,
): Promise<void> {
  const asked: { xid: number; refusal: Reply | undefined }[] = [];
  const writes: Write[] = [];
  let bytes = 0;
  for (let head = queue.first; head !== undefined && isWrite(operationOf(head)); head = queue.first) {
    if (asked.length >= MAX_BATCH_WRITES || (asked.length > 0 && bytes + head.length > MAX_BATCH_BYTES)) break;
    const reader = new Reader(head);
    const xid = reader.int32();
    const decoded = decodeRequest(() => decodeWrite(context, reader.int32(), reader));
    const write = 'changes' in decoded ? decoded : undefined;
    if (write?.alone === true && writes.length > 0) break;
    queue.take();
    bytes += head.length;
    asked.push({ xid, refusal: 'changes' in decoded ? undefined : decoded });
    if (write !== undefined) writes.push(write);
    if (write?.alone === true) break;
  }
  const replies = await execute(context, writes);
  let next = 0;
  for (const { xid, refusal } of asked) reply(xid, refusal ?? replies[next++] ?? { error: ZooKeeperCode.SYSTEMERROR });
}

async function execute(context: RequestContext, writes: readonly Write[]): Promise<Reply[]> {
  if (writes.length === 0) return [];
  try {
    return await executeWrites(context, writes);
  } catch (error) {
    if (!(error instanceof ZooKeeperError)) throw error;
    return writes.map(() => ({ error: error.code }));
  }
}
