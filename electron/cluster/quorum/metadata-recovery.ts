/**
 * The start of a node whose metadata lacks acknowledged records, or whose vote is unknown: the corrupt directory is moved aside as a whole,
 * and the node follows without a vote until it has fetched snapshot and log from a leader that was elected without it
 * (`raft-rejoining.ts`). A quorum of one voter has no such leader, so that node does not start.
 */
import type { Clock } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { prepareMetadataDirectory, replaceMetadataDirectory } from './metadata-directory.ts';
import { inspectMetadata } from './metadata-inspection.ts';
import { METADATA_TOPIC } from './raft-messages.ts';

/** Returns whether it found corruption. To be called before any metadata is opened. Throws KafkaError KAFKA_STORAGE_ERROR, DiskError. */
export function recoverMetadata(options: {
  disk: Disk;
  dataDirectory: string;
  nodeId: number;
  voters: readonly number[];
  clock: Clock;
  logger: Logger;
  events: EventSink;
}): boolean {
  const { disk, dataDirectory, nodeId, voters, clock, logger, events } = options;
  prepareMetadataDirectory(disk, dataDirectory);
  const damage = inspectMetadata(disk, dataDirectory);
  if (damage === undefined) return false;
  const { file, reason, epoch } = damage;
  if (voters.length === 1 && voters.includes(nodeId)) {
    const text = `${file} ${reason}. No other voter has the metadata. Nothing was changed. Restore the file, or the whole data directory as it was at the last stop (an older copy is not noticed)`;
    throw new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, text);
  }
  const aside = replaceMetadataDirectory(disk, dataDirectory, voters, epoch);
  logger.error('Metadata is damaged: moved aside, to be fetched again from the leader', { file, reason, aside });
  const isVoter = voters.includes(nodeId);
  const follows = `moved to ${aside} and fetched again from the leader${isVoter ? '; this node does not vote until then' : ''}`;
  events({
    type: 'node/corruptionFound',
    at: clock.now(),
    broker: nodeId,
    topic: METADATA_TOPIC,
    partitions: [0],
    reason: `${file} ${reason}: ${follows}`,
    details: { foundBy: 'open', file, defect: reason, follows: 'fetchedAgain' },
  });
  return true;
}
