/** JoinGroup and SyncGroup responses that are only an error. */
import type { JoinResponse, SyncResponse } from './types.ts';

/** Before v7 the protocol name could not be null. */
export function joinError(version: number, errorCode: number, memberId = ''): JoinResponse {
  return { errorCode, protocolName: version >= 7 ? null : '', leader: '', memberId, members: [] };
}

export function syncError(errorCode: number): SyncResponse {
  return { errorCode, assignment: Buffer.alloc(0) };
}
