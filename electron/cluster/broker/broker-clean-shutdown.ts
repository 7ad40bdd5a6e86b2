/**
 * What a broker that stopped in order leaves for its next life: the log manager's marker `.kafka_cleanshutdown`, with the broker epoch under
 * which it stopped. The controller compares that epoch with the last one it gave out: another one means that this disk may lack
 * acknowledged records, and the broker must not lead where it was the last in sync (KIP-966).
 */
import type { Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';

const NONE = -1n;

function marker(directory: string): string {
  return `${directory}/.kafka_cleanshutdown`;
}

/** To be called before the log manager opens, which removes the marker. −1 when the last stop was no clean one. */
export function readCleanShutdownEpoch(disk: Disk, directory: string, logger: Logger): bigint {
  const path = marker(directory);
  if (!disk.exists(path)) return NONE;
  try {
    const { brokerEpoch } = JSON.parse(disk.readFile(path).toString('utf8')) as { brokerEpoch?: unknown };
    return typeof brokerEpoch === 'number' && Number.isSafeInteger(brokerEpoch) ? BigInt(brokerEpoch) : NONE;
  } catch (error) {
    // Unclean is the safe reading of it.
    logger.warn('the marker of a clean shutdown cannot be read', { path, error });
    return NONE;
  }
}

/** To be called after the log manager closed. Where it left no marker, something went wrong and none is written. */
export function writeCleanShutdownEpoch(disk: Disk, directory: string, brokerEpoch: bigint): void {
  const path = marker(directory);
  if (disk.exists(path)) disk.writeFileAtomic(path, Buffer.from(`{"version":0,"brokerEpoch":${brokerEpoch}}`));
}
