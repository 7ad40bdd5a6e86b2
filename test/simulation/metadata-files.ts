/**
 * Damages the metadata of a node that is down: a file of it, or all of it. A minority of the voters at a time: with more the quorum could not
 * know what it had committed, and would elect no leader.
 */
import type { Random } from '../../electron/cluster/lib/random.ts';
import { ACKNOWLEDGED_END_FILE, readAcknowledgedEnd } from '../../electron/cluster/quorum/acknowledged-end.ts';
import { METADATA_DIRECTORY } from '../../electron/cluster/quorum/metadata-directory.ts';
import { damageMetadata } from '../helpers/metadata-damage.ts';
import { DATA, type Machine } from './machine.ts';

/** Returns what was done, for the trace. */
export function damageMetadataOf({ disk }: Machine, random: Random): string {
  const directory = `${DATA}/${METADATA_DIRECTORY}`;
  if (!disk.exists(directory)) return 'no metadata';
  // A start that ended early has not replaced the witness that was damaged before. Nothing is promised of a loss together with the witness's.
  if (readAcknowledgedEnd(disk, directory) === undefined) return 'no damage, since the metadata has no acknowledged end';
  const witness = `${directory}/${ACKNOWLEDGED_END_FILE}`;
  // A power cut that follows could take back what the witness says of the last second, and then nothing is promised.
  disk.writeFileAtomic(witness, disk.readFile(witness));
  return damageMetadata(disk, directory, random);
}
