/** Which broker coordinates a group, asked of any broker that answers, over a socket of its own. */
import { findCoordinator } from '../../electron/cluster/protocol/apis/find-coordinator.ts';
import { decodeResponse, encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import { RawClient } from './raw-client.ts';

const PATIENCE_MS = 2_000;

/** Null while there is none, or no broker answers. */
export async function coordinatorOf(brokers: readonly string[], group: string): Promise<number | null> {
  for (const broker of brokers) {
    const colon = broker.lastIndexOf(':');
    const client = await RawClient.open(Number(broker.slice(colon + 1)), broker.slice(0, colon)).catch(() => null);
    if (client === null) continue;
    try {
      client.send(...encodeRequest(findCoordinator, 2, { correlationId: 1, clientId: 'observer' }, { key: group, keyType: 0 }));
      await client.until(() => client.frames.length > 0 || client.closed, PATIENCE_MS);
      const [frame] = client.frames;
      if (frame === undefined) continue;
      const { errorCode, nodeId } = decodeResponse(findCoordinator, 2, frame).body;
      if (errorCode === 0) return nodeId;
    } finally {
      client.close();
    }
  }
  return null;
}
