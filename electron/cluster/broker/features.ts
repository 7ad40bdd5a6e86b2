import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';

/**
 * Features that this broker supports (KIP-584): the metadata versions of KRaft up to Apache Kafka 4.3's. `group.version` and
 * `transaction.version` come with their APIs.
 */
export const SUPPORTED_FEATURES = [
  { name: 'metadata.version', minVersion: 7, maxVersion: 30 },
  { name: 'eligible.leader.replicas.version', minVersion: 0, maxVersion: 1 },
] as const;

/** Throws UNSUPPORTED_VERSION: `group.version` is 0 on every cluster. */
export function refuseConsumerProtocol(): never {
  throw new KafkaError(
    ErrorCode.UNSUPPORTED_VERSION,
    'This cluster has no groups of the consumer protocol (KIP-848). Set group.protocol to classic.',
  );
}
