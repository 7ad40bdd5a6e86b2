/**
 * Apache Kafka's own DumpLogSegments reads our metadata log and our snapshots of it, every record by its name. Needs Kafka's jars: set
 * KAFKA_JARS to their directory.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemDisk } from '../../electron/cluster/lib/system-disk.ts';
import {
  completeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecordIn,
} from '../../electron/cluster/protocol/records/metadata-records.ts';
import { ChangeKind, EMPTY_COORDINATION } from '../../electron/cluster/quorum/zookeeper-state/state.ts';
import { changeOf } from '../../electron/cluster/quorum/zookeeper-state/transaction.ts';
import { applyRecords } from '../../electron/cluster/quorum/image-apply.ts';
import { imageRecords } from '../../electron/cluster/quorum/image-records.ts';
import { EMPTY_IMAGE } from '../../electron/cluster/quorum/image.ts';
import { MetadataLog } from '../../electron/cluster/quorum/metadata-log.ts';
import { applyZooKeeperRecords } from '../../electron/cluster/quorum/zookeeper-state/log-state.ts';
import { coordinationRecords } from '../../electron/cluster/quorum/zookeeper-state/snapshot.ts';
import { randomImage, randomZooKeeperState } from '../helpers/random-image.ts';

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
    // Unknown records have a test of their own.
    const known = () => {
      const image = { ...randomImage(random), unappliedRecords: EMPTY_IMAGE.unappliedRecords };
      return [...imageRecords(image), ...coordinationRecords(randomZooKeeperState(random, image))];
    };
    while (new Set(records.map(({ type }) => type)).size < 6) records = known();
    // With what only this product's nodes read: the nodes that ZooKeeper's clients made, and since when the others are.
    const changes = [
      { ...changeOf(ChangeKind.openSession), id: 1n << 56n, number: 9_000, data: Buffer.alloc(16, 7), holder: -5n },
      { ...changeOf(ChangeKind.create, '/dump'), data: Buffer.from('data'), id: 1n << 56n, number: 31 },
      { ...changeOf(ChangeKind.controller), id: 2n, number: 4 },
    ];
    records.push({ type: 'NoOpRecord', value: { coordination: { zxid: 900n, time: 5n, sessionId: 1n << 56n, request: 3n, changes } } });
    const at = { offset: 900n, epoch: 1, timestamp: 5 };
    const complete = records.map(completeMetadataRecord);
    const { image, change } = applyRecords(EMPTY_IMAGE, complete, at);
    const { state } = applyZooKeeperRecords(EMPTY_COORDINATION, complete, change, at);
    records = [...imageRecords(image), ...coordinationRecords(state)];
    expect(records.filter(({ type }) => type === 'NoOpRecord').length).toBeGreaterThan(8);
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

  function dump(suffix: string, from = directory): string {
    const file = readdirSync(from).find((name) => name.endsWith(suffix));
    expect(file).toBeDefined();
    const options = ['--files', join(from, file as string), '--cluster-metadata-decoder', '--deep-iteration'];
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

  test('a snapshot with a record of an unknown type, which the tool skips by itself', { timeout: 60_000 }, () => {
    const unknown = [{ type: 'Unknown', value: Buffer.from('017f00aabb', 'hex') }] as const;
    const { image } = applyRecords(EMPTY_IMAGE, [...records.map(completeMetadataRecord), ...unknown], { offset: 901n, epoch: 1 });
    const written = [...imageRecords(image)];
    expect(written.at(-1)).toMatchObject({ type: 'Unknown' });
    const own = join(data, 'unknown');
    mkdirSync(own);
    const log = MetadataLog.open({ disk: systemDisk, dataDirectory: own, clock: systemClock, logger: silentLogger });
    const writer = log.writeSnapshot({ endOffset: 902n, epoch: 1 }, systemClock.now());
    writer.append(written.map(encodeMetadataRecord));
    writer.finish();
    log.close();
    const out = dump('.checkpoint', join(own, '__cluster_metadata-0'));
    expect(out.match(/skipping/g)).toHaveLength(1);
    expect(out).toContain('SnapshotFooter');
    expect(types(out)).toHaveLength(written.length - 1);
  });
});
