import { expect, test } from 'vitest';
import { SuspensionWatch } from '../../electron/cluster/suspension-watch.ts';
import type { TimelineEventType } from '../../shared/models/timeline.ts';
import { Timeline } from '../../electron/cluster/timeline.ts';
import { VirtualClock } from '../helpers/virtual-clock.ts';

function watching() {
  const clock = new VirtualClock();
  const found: number[] = [];
  const processor = { ms: 0 };
  const watch = new SuspensionWatch({ clock, processorMs: () => processor.ms, suspended: (forMs) => void found.push(forMs) });
  watch.start();
  return { clock, found, processor, watch };
}

test('SuspensionWatch: reports how long the process did not run, once', async () => {
  const { clock, found, watch } = watching();
  await clock.advance(5_000);
  expect(found).toEqual([]);
  clock.stall(90_000);
  // A message of a thread is read before the timer runs.
  watch.look();
  await clock.advance(1_000);
  expect(found).toHaveLength(1);
  expect(found[0]).toBeGreaterThanOrEqual(90_000);
  expect(found[0]).toBeLessThan(91_000);
  watch.stop();
  clock.stall(90_000);
  watch.look();
  await clock.advance(1_000);
  expect(found).toHaveLength(1);
});

test('SuspensionWatch: a busy thread and a short delay are no suspension', async () => {
  const { clock, found, processor } = watching();
  clock.stall(1_500);
  await clock.advance(1_000);
  clock.stall(60_000);
  processor.ms += 59_000;
  await clock.advance(1_000);
  expect(found).toEqual([]);
});

test('Timeline: links the effects of a suspension to it, and no event with another cause', () => {
  const timeline = new Timeline();
  const at = 1_000_000;
  const suspended = timeline.record(null, { type: 'cluster/processSuspended', at, details: { forMs: 90_000 } });
  const causeOf = (type: TimelineEventType, afterMs: number, more: object = {}) =>
    timeline.record(1, { type, at: at + afterMs, ...more })?.causeId;
  expect(causeOf('quorum/leaderElected', 500, { broker: 2, details: { epoch: 7 } })).toBe(suspended?.id);
  expect(causeOf('cluster/brokerFenced', 900, { broker: 3 })).toBe(suspended?.id);
  const joined = timeline.record(1, { type: 'group/memberJoined', at: at + 1_000, group: 'g', details: { memberId: 'a' } });
  expect(joined?.causeId).toBe(suspended?.id);
  expect(causeOf('group/rebalanceStarted', 1_001, { group: 'g' })).toBe(joined?.id);
  expect(causeOf('group/memberExpired', 45_000, { group: 'g', details: { memberId: 'b', silentMs: 45_000 } })).toBe(suspended?.id);
  expect(causeOf('group/memberExpired', 45_000, { group: 'h', details: { memberId: 'c', silentMs: 10_000 } })).toBeUndefined();
  const killed = timeline.record(null, { type: 'lab/nodeKilled', at: at + 46_000, broker: 2 });
  expect(causeOf('quorum/leaderElected', 48_000, { broker: 1, details: { epoch: 8 } })).toBe(killed?.id);
  expect(causeOf('quorum/leaderElected', 59_000, { broker: 3, details: { epoch: 9 } })).toBeUndefined();
});
