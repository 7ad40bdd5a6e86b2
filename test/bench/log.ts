/** Appends and reads of one log, in a temporary directory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemDisk } from '../../electron/cluster/lib/system-disk.ts';
import { DEFAULT_LOG_CONFIG } from '../../electron/cluster/log/log-config.ts';
import { openLog, type Log } from '../../electron/cluster/log/log.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { measure, type Figure } from './table.ts';

/** Appends start a new log at this size, so that the disk is not filled. */
const RESTART_BYTES = 256 * 1024 * 1024;

export function benchLog(): Figure[] {
  const directory = mkdtempSync(join(tmpdir(), 'brokerdesk-bench-'));
  try {
    return [...appends(directory, 'batches of 1 MB', 9_000), ...appends(directory, 'batches of 1 kB', 9)];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function appends(directory: string, what: string, records: number): Figure[] {
  const batch = buildBatch({ records: Array.from({ length: records }, () => ({ timestamp: 1n, value: Buffer.alloc(100, 'x') })) });
  const leading = new Restarting(join(directory, `leader-${records}`));
  const following = new Restarting(join(directory, `follower-${records}`));
  const megabytes = batch.length / 1e6;
  const figures = [
    measure(`leader, ${what}`, 'MB', megabytes, () => {
      // The log owns what it is given, so each append has bytes of its own, as each request has.
      leading.room(batch.length).appendAsLeader(Buffer.from(batch), 0, { origin: 'client' });
    }),
    measure(`follower, ${what}`, 'MB', megabytes, () => {
      const log = following.room(batch.length);
      batch.writeBigInt64BE(log.logEndOffset, 0);
      log.appendAsFollower(batch);
    }),
    measure(`read at the tail, ${what}`, 'reads', 1, () => {
      const { log } = leading;
      log.read(log.logEndOffset - BigInt(records), 1_048_576, { maxOffset: log.logEndOffset, minOneMessage: true });
    }),
  ];
  leading.log.close();
  following.log.close();
  return figures;
}

class Restarting {
  readonly log: Log;

  constructor(directory: string) {
    const config = DEFAULT_LOG_CONFIG;
    this.log = openLog({ disk: systemDisk, directory, clock: systemClock, logger: silentLogger, config, cleanShutdown: true });
  }

  room(bytes: number): Log {
    if (this.log.sizeBytes + bytes > RESTART_BYTES) this.log.truncateFullyAndStartAt(0n);
    return this.log;
  }
}
