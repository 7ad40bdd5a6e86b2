/** Reads request frames. A refused or undecodable request is answered with its code, and the connection stays open. */
import { ProtocolError } from '../protocol/errors.ts';
import { ZooKeeperCode, ZooKeeperError } from '../quorum/zookeeper-state/zookeeper-codes.ts';
import type { Reply } from './wire.ts';

/** The operation of a frame; 0 for one that is too short. */
export function operationOf(frame: Buffer): number {
  return frame.length < 8 ? 0 : frame.readInt32BE(4);
}

/** The decoded request, or the reply that refuses it. */
export function decodeRequest<T extends object>(decode: () => T): T | Reply {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ZooKeeperError) return { error: error.code };
    if (error instanceof ProtocolError) return { error: ZooKeeperCode.MARSHALLINGERROR };
    throw error;
  }
}
