import { expect, test } from 'vitest';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import { createLogger, silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { encodeMetadataRecord } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { MetadataDecoder } from '../../../electron/cluster/quorum/metadata-decoding.ts';
import { ManualClock } from '../log/helpers.ts';

test('metadata records that cannot be decoded are skipped, counted and reported once a batch', () => {
  const events: NodeEvent[] = [];
  const decoder = new MetadataDecoder({ nodeId: 2, clock: new ManualClock(), logger: silentLogger, events: (event) => events.push(event) });
  const good = encodeMetadataRecord({ type: 'NoOpRecord', version: 0, value: {} });
  const values = [good, Buffer.from([1, 2, 0, 5]), Buffer.alloc(0), good, Buffer.from([1, 20, 0, 0, 0])];
  expect(decoder.decode(values, 40n)).toHaveLength(2);
  expect(decoder.skipped).toBe(3);
  expect(events).toMatchObject([
    { type: 'node/corruptionFound', broker: 2, topic: '__cluster_metadata', details: { foundBy: 'decode', offset: '40', records: 3 } },
  ]);
  expect(decoder.decode([good], 41n)).toHaveLength(1);
  expect(events).toHaveLength(1);
});

test('metadata records of an unknown type or version are returned as bytes, in order, without a report of corruption', () => {
  const logged: string[] = [];
  const logger = createLogger((level, message, fields) => logged.push(`${level} ${message} ${String(fields['records'])}`), 'debug');
  const events: NodeEvent[] = [];
  const decoder = new MetadataDecoder({ nodeId: 2, clock: new ManualClock(), logger, events: (event) => events.push(event) });
  const values = [Buffer.from([1, 0xff, 0x7f, 0, 9]), encodeMetadataRecord({ type: 'NoOpRecord', value: {} }), Buffer.from([1, 2, 9, 4])];
  const records = decoder.decode(values, 40n);
  expect(records.map(({ type }) => type)).toEqual(['Unknown', 'NoOpRecord', 'Unknown']);
  expect(records.map(encodeMetadataRecord)).toEqual(values);
  expect(decoder.skipped).toBe(0);
  expect(events).toEqual([]);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatch(/^error .*newer release.* 2$/);
});
