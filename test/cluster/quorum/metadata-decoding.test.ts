import { expect, test } from 'vitest';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { encodeMetadataRecord } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { MetadataDecoder } from '../../../electron/cluster/quorum/metadata-decoding.ts';
import { ManualClock } from '../log/helpers.ts';

test('metadata records that cannot be decoded are skipped, counted and reported once a batch', () => {
  const events: NodeEvent[] = [];
  const decoder = new MetadataDecoder({ nodeId: 2, clock: new ManualClock(), logger: silentLogger, events: (event) => events.push(event) });
  const good = encodeMetadataRecord({ type: 'NoOpRecord', version: 0, value: {} });
  const values = [good, Buffer.from([1, 0xff, 0x7f, 0]), Buffer.alloc(0), good, Buffer.from('noise')];
  expect(decoder.decode(values, 40n)).toHaveLength(2);
  expect(decoder.skipped).toBe(3);
  expect(events).toMatchObject([
    { type: 'node/corruptionFound', broker: 2, topic: '__cluster_metadata', details: { foundBy: 'decode', offset: '40', records: 3 } },
  ]);
  expect(decoder.decode([good], 41n)).toHaveLength(1);
  expect(events).toHaveLength(1);
});
