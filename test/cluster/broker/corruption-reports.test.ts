import { expect, test } from 'vitest';
import { DamageReports } from '../../../electron/cluster/broker/damage-reports.ts';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import type { LogDamage } from '../../../electron/cluster/log/damage.ts';
import { EMPTY_IMAGE, type MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { ManualClock } from '../log/helpers.ts';

const CUT: LogDamage = { foundBy: 'recovery', offset: 7n, segment: '0.log', position: 90, reason: 'checksum is 1', bytes: 120 };
const REFUSED: LogDamage = { ...CUT, foundBy: 'read', bytes: 0 };

/** Of broker 1; topic `t` has a partition for each list of replicas, led by its first. */
function reports(replicas: number[][]): { reports: DamageReports; events: NodeEvent[] } {
  const events: NodeEvent[] = [];
  const partitions = replicas.map((ids, partition) => ({ topic: 't', partition, replicas: ids, leader: ids[0] }));
  const image = { ...EMPTY_IMAGE, topics: new Map([['t', { name: 't', partitions }]]) } as unknown as MetadataImage;
  const made = new DamageReports({ brokerId: 1, clock: new ManualClock(), events: (event) => events.push(event), image: () => image });
  return { reports: made, events };
}

test('what recovery cut off is told when it is known what follows', () => {
  const { reports: damage, events } = reports([[2, 1, 3], [1, 2], [1], [2, 3]]);
  for (const partition of [0, 1, 2, 3, 4]) damage.found('t', partition, CUT);
  expect(events).toEqual([]);
  damage.tell();
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
  expect(events[1]?.reason).toContain('from the leader that is elected');
  expect(events[2]?.reason).toContain('is lost');
  damage.tell();
  expect(events).toHaveLength(5);
});

test('a refused read is reported at once, with what follows', () => {
  const { reports: damage, events } = reports([[1, 2, 3], [1]]);
  damage.tell();
  damage.found('t', 0, REFUSED);
  expect(events[0]?.reason).toBe(
    'the batch at offset 7 is not handed out (checksum is 1): reads are refused there until it is repaired from brokers 2 or 3',
  );
  damage.found('t', 1, REFUSED);
  expect(events[1]?.reason).toContain('no other replica exists');
  expect(events.map(({ details }) => details?.['follows'])).toEqual(['repair', 'refused']);
});

test('records that cannot be decoded are reported as skipped', () => {
  const { reports: damage, events } = reports([[1, 2]]);
  damage.tell();
  damage.found('t', 0, { ...CUT, foundBy: 'decode', bytes: 0, records: 3, reason: 'record key of 1 bytes' });
  expect(events[0]).toMatchObject({
    type: 'node/corruptionFound',
    reason: '3 records from offset 7 on cannot be decoded (record key of 1 bytes): skipped',
    details: { foundBy: 'decode', offset: '7', records: 3, follows: 'skipped' },
  });
});

test('after a power cut of a node with many logs the timeline is not flooded', () => {
  const { reports: damage, events } = reports([[2, 1]]);
  for (let i = 0; i < 500; i++) damage.found('t', 0, CUT);
  damage.tell();
  expect(events).toHaveLength(21);
  expect(events.at(-1)).toMatchObject({ reason: 'the same in 480 more logs, 57600 bytes in all', details: { logs: 480 } });
});
