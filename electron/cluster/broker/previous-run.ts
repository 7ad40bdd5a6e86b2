/**
 * What a broker can say of its last life when it registers: under which epoch that ended with nothing lost. The controller compares it with
 * the last epoch that it gave out. Where they differ, this disk may lack acknowledged records, and the broker is taken out of every ISR
 * and ELR before it may lead again (KIP-966).
 *
 * Two things vouch for the last life.
 *
 * 1. The log manager's marker `.kafka_cleanshutdown`, with the epoch: the logs were closed and synced. Apache Kafka knows this one only.
 * 2. A note of the life, `broker-life`, written when it got its epoch: it names the *power cycle* of the machine (`Disk.powerCycle`; on
 *    Linux the kernel's boot id). An append is in the page cache before anyone is told of it, and the page cache outlives the process. So
 *    while the machine has not lost power since, a broker that was killed holds every record that it ever acknowledged or counted for
 *    in a high watermark. Without this, a `kill -9` of all nodes at once would take each out of the ISR as it comes back, until the last
 *    one is left; were that one never to come back, partitions would stand still whose records the others hold in full.
 *
 * The note is void where recovery found less than what was written: a cut log is either torn by the kill, which is rare, or damaged, and
 * those two look alike. It is not synced, on purpose: it says nothing across a loss of power, and such a loss may as well take it away.
 */
import { DiskError, type Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';

const NONE = -1n;

function marker(directory: string): string {
  return `${directory}/.kafka_cleanshutdown`;
}

function note(directory: string): string {
  return `${directory}/broker-life`;
}

/** To be called before the log manager opens, which removes the marker. −1 when the last stop was no clean one. */
export function readCleanShutdownEpoch(disk: Disk, directory: string, logger: Logger): bigint {
  const epoch = readJson(disk, marker(directory), logger)?.brokerEpoch;
  return typeof epoch === 'number' && Number.isSafeInteger(epoch) ? BigInt(epoch) : NONE;
}

/** To be called after the log manager closed. Where it left no marker, something went wrong and none is written. */
export function writeCleanShutdownEpoch(disk: Disk, directory: string, brokerEpoch: bigint): void {
  const path = marker(directory);
  if (disk.exists(path)) disk.writeFileAtomic(path, Buffer.from(`{"version":0,"brokerEpoch":${brokerEpoch}}`));
}

/** The epoch of the last life, if the machine has had power ever since; else −1. */
export function readLifeEpoch(disk: Disk, directory: string, logger: Logger): bigint {
  const noted = readJson(disk, note(directory), logger);
  if (noted === undefined || disk.powerCycle === undefined || noted.powerCycle !== disk.powerCycle) return NONE;
  const { brokerEpoch } = noted;
  return typeof brokerEpoch === 'string' && /^\d{1,19}$/.test(brokerEpoch) ? BigInt(brokerEpoch) : NONE;
}

/** To be called as soon as the broker has an epoch, before it does anything under it. */
export function writeLifeEpoch(disk: Disk, directory: string, brokerEpoch: bigint): void {
  const { powerCycle } = disk;
  if (powerCycle === undefined) return;
  const bytes = Buffer.from(JSON.stringify({ version: 0, brokerEpoch: String(brokerEpoch), powerCycle }));
  const file = disk.open(note(directory), { create: true });
  try {
    // Half a note is none: a kill in between must not leave the old epoch with a new end.
    file.truncate(0);
    file.write([bytes], 0);
  } finally {
    file.close();
  }
}

/** What recovery found makes the note void, for this life and, should it end before it registers, for the next. */
export function forgetLife(disk: Disk, directory: string): void {
  if (!disk.exists(note(directory))) return;
  disk.remove(note(directory));
  disk.syncDirectory(directory);
}

function readJson(disk: Disk, path: string, logger: Logger): Readonly<Record<string, unknown>> | undefined {
  if (!disk.exists(path)) return undefined;
  try {
    const value: unknown = JSON.parse(disk.readFile(path).toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof DiskError)) throw error;
    // Unclean is the safe reading of it.
    logger.warn('what the last life of this broker left cannot be read', { path, error });
    return undefined;
  }
}
