/**
 * The broker epoch under which the previous run of this broker ended without a loss of records, sent with its registration. The controller
 * compares it with the last epoch that it assigned. Where they differ, this disk may lack acknowledged records, and the controller removes
 * the broker from every ISR and ELR before it may lead again (KIP-966).
 *
 * There are two proofs, which `run-proof.ts` reads and writes in their order.
 *
 * 1. The log manager's marker `.kafka_cleanshutdown`, with the epoch: the logs were closed and synced. Apache Kafka has only this one.
 * 2. A note of the run, `broker-life`, written when the broker got its epoch: it names the *power cycle* of the machine (`Disk.powerCycle`;
 *    on Linux the kernel's boot id). An append is in the page cache before it is acknowledged, and the page cache outlives the process. So
 *    while the machine has not lost power since, a broker that was killed holds every record that it ever acknowledged or counted for
 *    in a high watermark. Without this, a `kill -9` of all nodes at once would remove each from the ISR as it returns, until the last
 *    one is left; if that one never returned, partitions would stay offline though the other replicas hold all of their records.
 *
 * The note is invalid where recovery found less than was written: a truncated log was either torn by the kill, which is rare, or is corrupt,
 * and the two cannot be distinguished. The note is deliberately not synced: it proves nothing after a loss of power, which may remove it.
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

/** The epoch in the marker, which the log manager removes when it opens. −1 when the last stop was not clean. */
export function readCleanShutdownEpoch(disk: Disk, directory: string, logger: Logger): bigint {
  const epoch = readJson(disk, marker(directory), logger)?.brokerEpoch;
  return typeof epoch === 'number' && Number.isSafeInteger(epoch) ? BigInt(epoch) : NONE;
}

/** Writes the epoch into the marker of the log manager. Without one the stop was not clean, and no epoch is written. */
export function writeCleanShutdownEpoch(disk: Disk, directory: string, brokerEpoch: bigint): void {
  const path = marker(directory);
  if (disk.exists(path)) disk.writeFileAtomic(path, Buffer.from(`{"version":0,"brokerEpoch":${brokerEpoch}}`));
}

/** The epoch of the previous run, if the machine has had power ever since; −1 otherwise. */
export function readRunEpoch(disk: Disk, directory: string, logger: Logger): bigint {
  const noted = readJson(disk, note(directory), logger);
  if (noted === undefined || disk.powerCycle === undefined || noted.powerCycle !== disk.powerCycle) return NONE;
  const { brokerEpoch } = noted;
  return typeof brokerEpoch === 'string' && /^\d{1,19}$/.test(brokerEpoch) ? BigInt(brokerEpoch) : NONE;
}

/** Writes the note of this run. */
export function writeRunEpoch(disk: Disk, directory: string, brokerEpoch: bigint): void {
  const { powerCycle } = disk;
  if (powerCycle === undefined) return;
  const bytes = Buffer.from(JSON.stringify({ version: 0, brokerEpoch: String(brokerEpoch), powerCycle }));
  const file = disk.open(note(directory), { create: true });
  try {
    // A partial note is invalid: a kill in between must not leave the old epoch with a new end.
    file.truncate(0);
    file.write([bytes], 0);
  } finally {
    file.close();
  }
}

/** Recovery has lost records, which makes the note invalid for this run and, should it end before it registers, for the next. */
export function removeRunNote(disk: Disk, directory: string): void {
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
    // Unclean is the safe interpretation.
    logger.warn('state of the previous run of this broker cannot be read', { path, error });
    return undefined;
  }
}
