/**
 * `replication-offset-checkpoint`: the high watermark of each replica, as Apache Kafka writes it. It gives a replica a head
 * start after a restart; an old or absent one costs nothing but a moment until the leader's word arrives.
 */
import type { Disk } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';

const FILE = 'replication-offset-checkpoint';
const LINE = /^(\S+) (\d+) (\d+)$/;

/** High watermarks by `topic partition`. A file that makes no sense is logged and passed over. */
export function readHighWatermarks(disk: Disk, directory: string, logger: Logger): Map<string, bigint> {
  const found = new Map<string, bigint>();
  const path = `${directory}/${FILE}`;
  if (!disk.exists(path)) return found;
  const [version, count, ...lines] = disk.readFile(path).toString('utf8').trimEnd().split('\n');
  if (version === '0' && Number(count) === lines.length) {
    for (const line of lines) {
      const match = LINE.exec(line);
      if (match !== null) found.set(`${match[1]} ${match[2]}`, BigInt(match[3] as string));
    }
  }
  if (found.size !== Number(count)) {
    logger.warn('the high watermark checkpoint is damaged and not used', { path });
    found.clear();
  }
  return found;
}

export function writeHighWatermarks(disk: Disk, directory: string, highWatermarks: ReadonlyMap<string, bigint>, logger: Logger): void {
  const lines = ['0', String(highWatermarks.size)];
  for (const [key, offset] of highWatermarks) lines.push(`${key} ${offset}`);
  try {
    disk.writeFileAtomic(`${directory}/${FILE}`, Buffer.from(`${lines.join('\n')}\n`));
  } catch (error) {
    logger.warn('the high watermark checkpoint was not written', { error: String(error) });
  }
}
