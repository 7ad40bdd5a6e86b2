/**
 * Features that this broker supports (KIP-584): the metadata versions of KRaft up to Apache Kafka 4.3's. `group.version` and
 * `transaction.version` come with their APIs.
 */
export const SUPPORTED_FEATURES = [
  { name: 'metadata.version', minVersion: 7, maxVersion: 30 },
  { name: 'eligible.leader.replicas.version', minVersion: 0, maxVersion: 1 },
] as const;
