/** The volume that a broker's log directory is on: how full it is, as text. Pure. */
import type { BrokerDisk, BrokerRow } from '#shared/models/cluster';
import { formatBytes, formatRanges } from '../format/numbers.ts';

/** From this used share on a disk needs attention. */
const NEARLY_FULL_PERCENT = 90;
/** The embedded cluster shares its volume with everything else on the machine: a used share alone means little there. */
const EMBEDDED_ROOM_BYTES = 5_000_000_000n;

/** Bytes that the broker cannot use any more, which includes what the system reserves. */
const usedBytes = ({ totalBytes, usableBytes }: BrokerDisk): bigint => {
  const used = BigInt(totalBytes) - BigInt(usableBytes);
  return used > 0n ? used : 0n;
};

/** 0 to 100, rounded down: 100 is full. */
export const usedPercent = (disk: BrokerDisk): number => Number((usedBytes(disk) * 100n) / BigInt(disk.totalBytes));

/** `180 GB`, to be shown before "of 252 GB". */
export const formatUsed = (disk: BrokerDisk): string => formatBytes(usedBytes(disk).toString());

/** `180 GB of 252 GB used, 72 GB left, in /data; the fullest of 3 log directories`. */
export function describeDisk(disk: BrokerDisk): string {
  const { directory, directories, totalBytes, usableBytes } = disk;
  const among = directories > 1 ? `; the fullest of ${directories} log directories` : '';
  return `${formatUsed(disk)} of ${formatBytes(totalBytes)} used, ${formatBytes(usableBytes)} left, in ${directory}${among}`;
}

export const DISK_UNKNOWN =
  'The broker does not report its volume: it does not answer DescribeLogDirs of version 4 or later, or refuses it.';
/** Why the bytes of a broker's replicas are unknown. */
export const LOG_SIZE_UNKNOWN = 'The broker does not answer DescribeLogDirs, refuses it, or cannot read one of its log directories.';

export function isNearlyFull({ disk, lab }: Pick<BrokerRow, 'disk' | 'lab'>): boolean {
  if (disk === null || usedPercent(disk) < NEARLY_FULL_PERCENT) return false;
  return lab === null || BigInt(disk.usableBytes) < EMBEDDED_ROOM_BYTES;
}

export interface FullDisk {
  /** Ids, ascending. */
  brokers: number[];
  /** `Broker 2: disk 92 % full`, `Brokers 1–3: disk 92 % full`. */
  what: string;
  /** `20 GB of 252 GB are left.` */
  left: string;
}

/** Nearly full disks, fullest first. Brokers whose disks have one size and one used share, as those of one machine, are one entry. */
export function fullDisks(brokers: readonly Pick<BrokerRow, 'id' | 'disk' | 'lab'>[]): FullDisk[] {
  const groups = new Map<string, { percent: number; disks: { id: number; disk: BrokerDisk }[] }>();
  for (const broker of brokers) {
    const { id, disk } = broker;
    if (disk === null || !isNearlyFull(broker)) continue;
    const percent = usedPercent(disk);
    const key = `${percent}/${disk.totalBytes}`;
    const group = groups.get(key) ?? { percent, disks: [] };
    groups.set(key, group);
    group.disks.push({ id, disk });
  }
  return [...groups.values()]
    .sort((a, b) => b.percent - a.percent)
    .flatMap(({ percent, disks }) => {
      const least = disks.reduce((a, b) => (BigInt(b.disk.usableBytes) < BigInt(a.disk.usableBytes) ? b : a)).disk;
      const ids = disks.map(({ id }) => id).sort((a, b) => a - b);
      return [
        {
          brokers: ids,
          what: `${ids.length === 1 ? 'Broker' : 'Brokers'} ${formatRanges(ids)}: disk ${percent} % full`,
          left: `${formatBytes(least.usableBytes)} of ${formatBytes(least.totalBytes)} are left.`,
        },
      ];
    });
}
