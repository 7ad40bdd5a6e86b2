/**
 * Corrupts the metadata of a node that is down: one of its files, or all of them. A minority of the voters at a time: with more, the quorum could
 * not know its committed records, and would elect no leader.
 */
import type { Random } from '../../electron/cluster/lib/random.ts';
import { ACKNOWLEDGED_END_FILE, readAcknowledgedEnd } from '../../electron/cluster/quorum/acknowledged-end.ts';
import { METADATA_DIRECTORY } from '../../electron/cluster/quorum/metadata-directory.ts';
import { damageMetadata } from '../helpers/metadata-damage.ts';
import { DATA, type Machine } from './machine.ts';

/** Returns a description of the change, for the trace. */
export function damageMetadataOf({ disk }: Machine, random: Random): string {
  const directory = `${DATA}/${METADATA_DIRECTORY}`;
  if (!disk.exists(directory)) return 'no metadata';
  // A start that ended early has not replaced the corrupt witness. Nothing is guaranteed for a loss together with that of the witness.
  if (readAcknowledgedEnd(disk, directory) === undefined) return 'no damage, since the metadata has no acknowledged end';
  const witness = `${directory}/${ACKNOWLEDGED_END_FILE}`;
  // A later power cut could take back the last second of the witness, and then nothing is guaranteed.
  disk.writeFileAtomic(witness, disk.readFile(witness));
  return damageMetadata(disk, directory, random);
}
