import { expect, test } from 'vitest';
import { CorruptionReports } from '../../../electron/cluster/broker/corruption-reports.ts';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import type { LogCorruption } from '../../../electron/cluster/log/corruption.ts';
import { EMPTY_IMAGE, type MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { ManualClock } from '../log/helpers.ts';

const CUT: LogCorruption = { foundBy: 'recovery', offset: 7n, segment: '0.log', position: 90, reason: 'checksum is 1', bytes: 120 };
const REFUSED: LogCorruption = { ...CUT, foundBy: 'read', bytes: 0 };

/** Reports of broker 1; topic `t` has one partition per list of replicas, led by the first replica. */
function reports(replicas: number[][]): { reports: CorruptionReports; events: NodeEvent[] } {
  const events: NodeEvent[] = [];
  const partitions = replicas.map((ids, partition) => ({ topic: 't', partition, replicas: ids, leader: ids[0] }));
  const image = { ...EMPTY_IMAGE, topics: new Map([['t', { name: 't', partitions }]]) } as unknown as MetadataImage;
  const made = new CorruptionReports({ brokerId: 1, clock: new ManualClock(), events: (event) => events.push(event), image: () => image });
  return { reports: made, events };
}

test('reports the bytes that recovery cut off once the metadata is known, with the consequence', () => {
  const { reports: corruption, events } = reports([[2, 1, 3], [1, 2], [1], [2, 3]]);
  for (const partition of [0, 1, 2, 3, 4]) corruption.report('t', partition, CUT);
  expect(events).toEqual([]);
  corruption.startReporting();
  expect(events[0]).toEqual({
    type: 'node/corruptionFound',
    at: expect.any(Number),
    broker: 1,
    topic: 't',
    partitions: [0],
    reason: '120 bytes from offset 7 on cut off (checksum is 1): fetched again from broker 2, the leader',
    details: {
      foundBy: 'recovery',
      offset: '7',
      segment: '0.log',
      position: 90,
      bytes: 120,
      defect: 'checksum is 1',
      follows: 'fetchedAgain',
    },
  });
  expect(events.map(({ details }) => details?.['follows'])).toEqual(['fetchedAgain', 'fetchedAgain', 'lost', 'dropped', 'dropped']);
  expect(events[1]?.reason).toContain('from the next leader');
  expect(events[2]?.reason).toContain('records are lost');
  corruption.startReporting();
  expect(events).toHaveLength(5);
});

test('reports a refused read at once, with the consequence', () => {
  const { reports: corruption, events } = reports([[1, 2, 3], [1]]);
  corruption.startReporting();
  corruption.report('t', 0, REFUSED);
  expect(events[0]?.reason).toBe(
    'the batch at offset 7 is not handed out (checksum is 1): reads are refused there until it is repaired from brokers 2 or 3',
  );
  corruption.report('t', 1, REFUSED);
  expect(events[1]?.reason).toContain('no other replica exists');
  expect(events.map(({ details }) => details?.['follows'])).toEqual(['repair', 'refused']);
});

test('reports records that cannot be decoded as skipped', () => {
  const { reports: corruption, events } = reports([[1, 2]]);
  corruption.startReporting();
  corruption.report('t', 0, { ...CUT, foundBy: 'decode', bytes: 0, records: 3, reason: 'record key of 1 bytes' });
  expect(events[0]).toMatchObject({
    type: 'node/corruptionFound',
    reason: '3 records from offset 7 on cannot be decoded (record key of 1 bytes): skipped',
    details: { foundBy: 'decode', offset: '7', records: 3, follows: 'skipped' },
  });
});

test('reports at most 20 torn logs one by one after a power cut', () => {
  const { reports: corruption, events } = reports([[2, 1]]);
  for (let i = 0; i < 500; i++) corruption.report('t', 0, CUT);
  corruption.startReporting();
  expect(events).toHaveLength(21);
  expect(events.at(-1)).toMatchObject({ reason: 'the same in 480 other logs, 57600 bytes in total', details: { logs: 480 } });
});
