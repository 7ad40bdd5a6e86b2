/**
 * Finds out whether the metadata here is as new as the active controller's, by its high watermark from DescribeQuorum. The controller, which
 * may have been stalled and replaced as well, answers only after a majority has confirmed it (`quorum/leadership-confirmation.ts`).
 */
import { describeQuorum } from '../protocol/apis/describe-quorum.ts';
import type { MetadataImage } from '../quorum/image.ts';
import type { ControllerChannel } from './context.ts';

export interface MetadataConfirmationOptions {
  readonly controller: ControllerChannel;
  readonly timeoutMs: number;
  image(): MetadataImage;
}

const METADATA_TOPIC = '__cluster_metadata';

export class MetadataConfirmation {
  private readonly options: MetadataConfirmationOptions;

  constructor(options: MetadataConfirmationOptions) {
    this.options = options;
  }

  /** Whether the metadata here is as new as the controller's was at some time after the call. Rejects with KafkaError REQUEST_TIMED_OUT. */
  async confirm(): Promise<boolean> {
    const { controller, timeoutMs } = this.options;
    const topics = [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0 }] }];
    const answer = await controller.send(describeQuorum, describeQuorum.maxVersion, { topics }, { timeoutMs });
    const quorum = answer.topics[0]?.partitions[0];
    // Unknown where no majority confirms the controller, or a newly elected one does not know the high watermark yet.
    if (quorum === undefined || quorum.errorCode !== 0 || quorum.highWatermark < 0n) return false;
    return this.options.image().offset + 1n >= quorum.highWatermark;
  }
}
