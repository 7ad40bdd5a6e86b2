/** Finds out whether the metadata here is as new as the active controller's: by its high watermark, from DescribeQuorum. */
import type { Clock } from '../lib/clock.ts';
import { describeQuorum } from '../protocol/apis/describe-quorum.ts';
import type { MetadataImage } from '../quorum/image.ts';
import type { ControllerChannel } from './context.ts';

export interface MetadataConfirmationOptions {
  readonly nodeId: number;
  readonly controller: ControllerChannel;
  readonly clock: Clock;
  readonly timeoutMs: number;
  image(): MetadataImage;
}

const METADATA_TOPIC = '__cluster_metadata';

export class MetadataConfirmation {
  private readonly options: MetadataConfirmationOptions;
  /** Of a stall: wall-clock ms at which this node, as controller, first had a majority's fetches after it. */
  private majority: { readonly since: number; readonly seenAt: number } | undefined;

  constructor(options: MetadataConfirmationOptions) {
    this.options = options;
  }

  /** `since`: monotonic ms. Rejects with KafkaError REQUEST_TIMED_OUT. */
  async confirm(since: number): Promise<boolean> {
    const { controller, clock, nodeId, timeoutMs } = this.options;
    const wallSince = clock.now() - (clock.monotonic() - since);
    const topics = [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0 }] }];
    const answer = await controller.send(describeQuorum, describeQuorum.maxVersion, { topics }, { timeoutMs });
    const quorum = answer.topics[0]?.partitions[0];
    if (quorum === undefined || quorum.errorCode !== 0) return false;
    if (quorum.leaderId === nodeId && !this.isLed(since, wallSince, quorum.currentVoters)) return false;
    // A controller that was just elected does not know what is committed.
    if (quorum.highWatermark < 0n) return false;
    return this.options.image().offset + 1n >= quorum.highWatermark;
  }

  /**
   * A controller may itself be replaced. It is not, if a majority has fetched from it twice since: the first fetch of each may have been waiting
   * in its socket, and the second follows an answer to it.
   */
  private isLed(since: number, wallSince: number, voters: readonly { replicaId: number; lastFetchTimestamp: bigint }[]): boolean {
    const after = this.majority?.since === since ? this.majority.seenAt : wallSince;
    const fetched = voters.filter(
      ({ replicaId, lastFetchTimestamp }) => replicaId === this.options.nodeId || Number(lastFetchTimestamp) > after,
    );
    if (fetched.length * 2 <= voters.length) return false;
    if (this.majority?.since === since) return true;
    this.majority = { since, seenAt: this.options.clock.now() };
    return voters.length === 1;
  }
}
