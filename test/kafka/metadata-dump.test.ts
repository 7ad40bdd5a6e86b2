/**
 * Apache Kafka's own DumpLogSegments reads our metadata log and our snapshots of it, every record by its name. Needs Kafka's jars: set
 * KAFKA_JARS to their directory.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemDisk } from '../../electron/cluster/lib/system-disk.ts';
import { encodeMetadataRecord, type MetadataRecordIn } from '../../electron/cluster/protocol/records/metadata-records.ts';
import { imageRecords } from '../../electron/cluster/quorum/image-records.ts';
import { MetadataLog } from '../../electron/cluster/quorum/metadata-log.ts';
import { randomImage } from '../helpers/random-image.ts';

const jars = process.env['KAFKA_JARS'];

describe.skipIf(jars === undefined)('Apache Kafka reads our metadata (KAFKA_JARS)', () => {
  let data: string;
  let directory: string;
  let records: MetadataRecordIn[];

  beforeAll(() => {
    data = mkdtempSync(join(tmpdir(), 'brokerdesk-metadata-'));
    directory = join(data, '__cluster_metadata-0');
    const random = seededRandom(5);
    records = [];
    while (new Set(records.map(({ type }) => type)).size < 6) records = [...imageRecords(randomImage(random))];
    const log = MetadataLog.open({ disk: systemDisk, dataDirectory: data, clock: systemClock, logger: silentLogger });
    log.appendLeaderChange(1, systemClock.now(), { leaderId: 1, voters: [1, 2, 3], grantingVoters: [1, 3] });
    log.append(1, systemClock.now(), records.map(encodeMetadataRecord));
    const writer = log.writeSnapshot({ endOffset: log.endOffset, epoch: 1 }, systemClock.now());
    writer.append(records.slice(0, 3).map(encodeMetadataRecord));
    writer.append(records.slice(3).map(encodeMetadataRecord));
    writer.finish();
    log.close();
  });
  afterAll(() => rmSync(data, { recursive: true, force: true }));

  function dump(suffix: string): string {
    const file = readdirSync(directory).find((name) => name.endsWith(suffix));
    expect(file).toBeDefined();
    const options = ['--files', join(directory, file as string), '--cluster-metadata-decoder', '--deep-iteration'];
    return execFileSync('java', ['-cp', `${jars}/*`, 'org.apache.kafka.tools.DumpLogSegments', ...options], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 28,
    });
  }

  /** Kafka's names of the record types, in order. */
  const types = (out: string): string[] => [...out.matchAll(/payload: \{"type":"([A-Z_]+)"/g)].map((match) => match[1] as string);
  const expected = (): string[] => records.map(({ type }) => type.replace(/(?<!^)([A-Z])/g, '_$1').toUpperCase());
  const complaints = /isvalid: false|invalid bytes|Could not|corrupt|skipping|Exception/i;

  test('the log', { timeout: 60_000 }, () => {
    const out = dump('.log');
    expect(out).not.toMatch(complaints);
    expect(out).toContain('LeaderChange');
    expect(types(out)).toEqual(expected());
  });

  test('a snapshot', { timeout: 60_000 }, () => {
    const out = dump('.checkpoint');
    expect(out).not.toMatch(complaints);
    expect(out).toContain('SnapshotHeader');
    expect(out).toContain('SnapshotFooter');
    expect(types(out)).toEqual(expected());
  });
});
