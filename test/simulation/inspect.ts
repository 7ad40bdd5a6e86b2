/** Reads internal state of a running node that no client could see. Never changes it. */
import type { Broker } from '../../electron/cluster/broker/broker.ts';
import type { Partition } from '../../electron/cluster/broker/partition.ts';
import type { ReplicaManager } from '../../electron/cluster/broker/replica-manager.ts';
import type { Node } from '../../electron/cluster/node.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { decodeRecords } from '../../electron/cluster/protocol/records-reader.ts';
import type { MetadataQuorum } from '../../electron/cluster/quorum/quorum.ts';
import type { RaftCore } from '../../electron/cluster/quorum/raft-core.ts';

export function quorumOf(node: Node): MetadataQuorum | undefined {
  return Reflect.get(node, 'quorum') as MetadataQuorum | undefined;
}

/** False for a voter that does not know its vote and epoch of an earlier run. */
export function mayVote(node: Node): boolean {
  const quorum = quorumOf(node);
  return quorum !== undefined && !(Reflect.get(quorum.raft, 'core') as RaftCore).isNonVoting;
}

export function replicasOf(node: Node): ReplicaManager | undefined {
  const broker = Reflect.get(node, 'broker') as Broker | undefined;
  return broker === undefined ? undefined : (Reflect.get(broker, 'replicas') as ReplicaManager);
}

export interface StoredRecord {
  readonly offset: bigint;
  /** '': none. */
  readonly key: string;
  readonly value: string;
  readonly epoch: number;
}

export interface StoredBatch {
  readonly offset: bigint;
  readonly epoch: number;
  readonly crc: number;
}

/** All records of a replica's log below `end`. */
export function readLog({ log }: Partition, end: bigint): { records: StoredRecord[]; batches: StoredBatch[] } {
  const records: StoredRecord[] = [];
  const batches: StoredBatch[] = [];
  let offset = log.logStartOffset;
  while (offset < end) {
    const read = log.read(offset, 1 << 20, { maxOffset: end, minOneMessage: true });
    if (read.sizeBytes === 0) break;
    for (const batch of iterateBatches(Buffer.concat(read.records))) {
      batches.push({ offset: batch.baseOffset, epoch: batch.partitionLeaderEpoch, crc: batch.crc });
      if (batch.isControl) continue;
      for (const record of decodeRecords(batch, 1 << 20)) {
        records.push({
          offset: record.offset,
          key: record.key?.toString() ?? '',
          value: record.value?.toString() ?? '',
          epoch: batch.partitionLeaderEpoch,
        });
      }
    }
    offset = read.nextOffset;
  }
  return { records, batches };
}
