/** Fetches records for a repair from another replica, as a consumer does: only committed records. */
import { sleep, type Clock } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { SegmentRepair } from '../log/segment-repair.ts';
import { fetch } from '../protocol/apis/fetch.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Partition } from './partition.ts';
import type { Peer } from './replica-fetcher.ts';

const FETCH_BYTES = 1024 * 1024;
const WAIT_MS = 100;

export interface SegmentFetchEnvironment {
  readonly clock: Clock;
  readonly disk: Pick<Disk, 'admit'>;
  /** Timeout of a fetch from the other replica, in ms. */
  readonly timeoutMs: number;
  connect(broker: number): Peer | undefined;
}

export interface SegmentFetch {
  readonly source: number;
  readonly partition: Partition;
  readonly repair: SegmentRepair;
  /** Number of responses without progress that are waited out, 100 ms each. */
  readonly waits: number;
  /** Called after every wait: false ends the fetch. */
  isWanted(): boolean;
}

/**
 * Returns the other replica's log start offset when the repair is complete; undefined when that replica does not have all offsets yet, or
 * the records are not needed any more. Throws KafkaError, NetworkError, DiskError.
 */
export async function fetchRepair(
  environment: SegmentFetchEnvironment,
  request: SegmentFetch,
): Promise<{ readonly startOffset: bigint } | undefined> {
  const { clock, disk, timeoutMs } = environment;
  const { partition, repair, source, waits } = request;
  const peer = environment.connect(source);
  if (peer === undefined) return undefined;
  let waited = 0;
  let startOffset = -1n;
  try {
    while (!repair.isComplete) {
      const from = repair.nextOffset;
      const { records, highWatermark, logStartOffset } = await fetchOnce(peer, partition, from, timeoutMs);
      if (!request.isWanted()) return undefined;
      startOffset = logStartOffset;
      if (records !== null && records.length > 0) {
        await disk.admit(records.length);
        if (!request.isWanted()) return undefined;
        repair.append(records);
      } else if (highWatermark >= repair.endOffset) repair.skipTo(repair.endOffset);
      if (repair.nextOffset > from) continue;
      if (waited++ >= waits) return undefined;
      await sleep(clock, WAIT_MS);
      if (!request.isWanted()) return undefined;
    }
    return { startOffset };
  } finally {
    peer.close();
  }
}

async function fetchOnce(peer: Peer, { topicId, index, name }: Partition, fetchOffset: bigint, timeoutMs: number) {
  const partitions = [{ partition: index, fetchOffset, partitionMaxBytes: FETCH_BYTES }];
  const body = { maxWaitMs: 0, minBytes: 1, maxBytes: FETCH_BYTES, topics: [{ topicId, partitions }] };
  const response = await peer.send(fetch, fetch.maxVersion, body, { timeoutMs });
  const answer = response.responses[0]?.partitions[0];
  const errorCode = response.errorCode !== ErrorCode.NONE ? response.errorCode : (answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR);
  if (answer === undefined || errorCode !== ErrorCode.NONE) {
    throw new KafkaError(errorCode, `${name} from offset ${fetchOffset}: ${errorName(errorCode)}`);
  }
  return answer;
}
