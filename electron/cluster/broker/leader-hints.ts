/** The current leaders that a response of a broker names which does not lead (KIP-951). */
import { ErrorCode } from '../protocol/error-codes.ts';
import type { MetadataImage } from '../quorum/image.ts';
import { aliveEndpoint, type BrokerEndpoint } from './cluster-view.ts';

export interface LeaderHint {
  readonly leaderId: number;
  readonly leaderEpoch: number;
}

export const NO_HINT: LeaderHint = { leaderId: -1, leaderEpoch: -1 };

/**
 * The current leader, for responses of a broker that does not lead (KIP-951): the client need not request metadata first.
 * Collects the endpoints of the leaders that it named.
 */
export class LeaderHints {
  private readonly image: MetadataImage;
  private readonly listener: string;
  private readonly named = new Map<number, BrokerEndpoint>();

  constructor(image: MetadataImage, listener: string) {
    this.image = image;
    this.listener = listener;
  }

  /** Undefined where the error is another, or no leader is alive. */
  hint(errorCode: number, topic: string | undefined, partition: number): LeaderHint | undefined {
    if (topic === undefined || (errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER && errorCode !== ErrorCode.FENCED_LEADER_EPOCH))
      return undefined;
    const state = this.image.topics.get(topic)?.partitions[partition];
    if (state === undefined) return undefined;
    const endpoint = aliveEndpoint(this.image, state.leader, this.listener);
    if (endpoint === undefined) return undefined;
    this.named.set(state.leader, endpoint);
    return { leaderId: state.leader, leaderEpoch: state.leaderEpoch };
  }

  get endpoints(): BrokerEndpoint[] {
    return [...this.named.values()];
  }
}
