/**
 * Producer ids, unique in the cluster: the controller assigns blocks to this broker (KIP-730), and the broker assigns ids.
 * The rest of a block is unused when the broker stops.
 */
import type { allocateProducerIds } from '../protocol/apis/allocate-producer-ids.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { RequestIn, ResponseOf } from '../protocol/schema.ts';

export interface ProducerIdsOptions {
  brokerId: number;
  /** This broker's epoch in the newest image. */
  brokerEpoch(): bigint;
  /** Sends AllocateProducerIds to the active controller; rejects when it cannot be reached in time. */
  send(request: RequestIn<typeof allocateProducerIds>): Promise<ResponseOf<typeof allocateProducerIds>>;
}

export class ProducerIds {
  private readonly options: ProducerIdsOptions;
  private nextId = 0n;
  private end = 0n;
  private allocating: Promise<void> | undefined;

  constructor(options: ProducerIdsOptions) {
    this.options = options;
  }

  /** A new, unique id. Rejects with COORDINATOR_LOAD_IN_PROGRESS, a retriable error, while there is no block. */
  async next(): Promise<bigint> {
    // Many requests may have waited for the same block: each checks again.
    while (this.nextId >= this.end) {
      this.allocating ??= this.allocate().finally(() => {
        this.allocating = undefined;
      });
      await this.allocating;
    }
    return this.nextId++;
  }

  private async allocate(): Promise<void> {
    const { options } = this;
    let response: ResponseOf<typeof allocateProducerIds>;
    try {
      response = await options.send({ brokerId: options.brokerId, brokerEpoch: options.brokerEpoch() });
    } catch (error) {
      throw new KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 'The controller did not allocate producer ids.', { cause: error });
    }
    if (response.errorCode !== ErrorCode.NONE || response.producerIdLen <= 0) {
      throw new KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 'The controller refused to allocate producer ids.', {
        cause: new KafkaError(response.errorCode),
      });
    }
    this.nextId = response.producerIdStart;
    this.end = response.producerIdStart + BigInt(response.producerIdLen);
  }
}
