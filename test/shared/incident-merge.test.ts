import { describe, expect, test } from 'vitest';
import type { Incident } from '#shared/incidents/incident';
import { mergeRuns } from '#shared/incidents/merge';
import { endObservation, incidentFromRecord, recordOf } from '#shared/incidents/record';
import { deriveIncidents } from '#shared/incidents/reducer';
import type { TimelineEvent } from '#shared/models/timeline';

type Part = Omit<TimelineEvent, 'id' | 'node'>;

/** The incidents of one run, by its events. */
const run = (...events: Part[]): readonly Incident[] => deriveIncidents(events.map((event, i) => ({ id: i + 1, node: null, ...event })));
/** As another process reads them from the file: what is open was not observed after `at`. */
const stored = (incidents: readonly Incident[], at: number): Incident[] =>
  incidents.map((incident) => incidentFromRecord(endObservation(recordOf(incident, 'other', at))));

const fenced = (at: number, broker = 2): Part => ({ type: 'cluster/brokerFenced', at, broker });
const unfenced = (at: number, broker = 2): Part => ({ type: 'cluster/brokerUnfenced', at, broker });
const times = (incidents: readonly Incident[]) =>
  incidents.map(({ startedAt, closedAt, unobservedAfter }) => [startedAt, closedAt, unobservedAfter]);

describe('mergeRuns', () => {
  test('lists an outage once that two processes observed at their own polls', () => {
    const [own, other] = [run(fenced(1_000), unfenced(9_000)), run(fenced(400), unfenced(9_700))];
    expect(times(mergeRuns([own, other]))).toEqual([[400, 9_000, null]]);
    expect(times(mergeRuns([other, own]))).toEqual([[400, 9_000, null]]);
    // Each was over at the time at which the other began.
    expect(times(mergeRuns([run(fenced(1_000), unfenced(2_000)), run(fenced(2_000), unfenced(3_000))]))).toEqual([[1_000, 2_000, null]]);
  });

  test('keeps the ids and events of the first run, so that its timeline still leads to them', () => {
    const own = run({ type: 'topic/deleted', at: 1, topic: 'old' }, fenced(1_000), unfenced(9_000));
    const [merged] = mergeRuns([own, run(fenced(400))]);
    expect([merged?.id, merged?.eventIds, merged?.root.at]).toEqual([own[0]?.id, own[0]?.eventIds, 1_000]);
  });

  test('an incident that this run still observes stays open, whatever another run stored', () => {
    const own = run(fenced(1_000));
    expect(times(mergeRuns([own, stored(run(fenced(900)), 5_000)]))).toEqual([[900, null, null]]);
    expect(times(mergeRuns([own, stored(run(fenced(900), unfenced(4_000)), 5_000)]))).toEqual([[900, null, null]]);
    expect(mergeRuns([own, stored(run(fenced(900), unfenced(4_000)), 5_000)])[0]).toMatchObject({ lasts: true });
  });

  test('takes the observed end of one run where another run ended first, and of two that ended first the longer observation', () => {
    const lost = stored(run(fenced(1_000)), 3_000);
    expect(times(mergeRuns([run(fenced(1_200), unfenced(8_000)), lost]))).toEqual([[1_000, 8_000, null]]);
    expect(times(mergeRuns([stored(run(fenced(1_200)), 2_000), lost]))).toEqual([[1_000, null, 3_000]]);
  });

  test('keeps apart what does not overlap, is about another subject or has another cause', () => {
    const own = run(fenced(1_000), unfenced(2_000));
    expect(mergeRuns([own, run(fenced(2_001), unfenced(3_000))])).toHaveLength(2);
    expect(mergeRuns([own, run(fenced(1_000, 3), unfenced(2_000, 3))])).toHaveLength(2);
    expect(mergeRuns([own, run({ type: 'node/logDirectoryFailed', at: 1_000, broker: 2 })])).toHaveLength(2);
    expect(mergeRuns([own, run({ type: 'lab/nodeKilled', at: 1_000, broker: 2 })])).toHaveLength(2);
    expect(
      mergeRuns([run({ type: 'group/memberExpired', at: 1, group: 'a' }), run({ type: 'group/memberExpired', at: 1, group: 'b' })]),
    ).toHaveLength(2);
    // Not observed any more when the next one began.
    expect(mergeRuns([run(fenced(5_000)), stored(run(fenced(1_000)), 4_999)])).toHaveLength(2);
  });

  test('never merges incidents of one run, and merges one that spans two of them with the one that it overlaps for longest', () => {
    const own = run(fenced(1_000), unfenced(2_000), fenced(2_000), unfenced(9_000));
    expect(own).toHaveLength(2);
    expect(mergeRuns([own])).toEqual(own);
    const coarse = run(fenced(1_500), unfenced(9_500));
    expect(times(mergeRuns([own, coarse]))).toEqual([
      [1_000, 2_000, null],
      [1_500, 9_000, null],
    ]);
  });

  test('merges an incident that was open at a past time with what overlapped until then, and with no later one', () => {
    // As the events until 1,500 give the first, and as it is known now the second.
    const own = [...run(fenced(1_000)), ...run({ type: 'topic/deleted', at: 1, topic: 'old' }, fenced(5_000), unfenced(9_000))];
    const other = run(fenced(1_100), unfenced(2_100), fenced(5_100), unfenced(9_100));
    expect(times(mergeRuns([own, other], 1_500))).toEqual([
      [1_000, null, null],
      [5_000, 9_000, null],
    ]);
  });

  test('loses no outage of a run that observed two where this one observed one', () => {
    const coarse = run(fenced(1_000), unfenced(9_000));
    const fine = run(fenced(1_500), unfenced(2_000), fenced(3_000), unfenced(8_000));
    expect(times(mergeRuns([coarse, fine]))).toEqual([
      [1_000, 8_000, null],
      [1_500, 2_000, null],
    ]);
  });

  test('merges incidents of partitions where they share one, named by the root or by an election', () => {
    const lost = (at: number, partition: number): Part => ({
      type: 'partition/leadersLost',
      at,
      details: { moves: [{ topic: 'orders', partition, from: 1, to: -1 }] },
    });
    expect(mergeRuns([run(lost(1_000, 0)), stored(run(lost(900, 0)), 2_000)])).toHaveLength(1);
    expect(mergeRuns([run(lost(1_000, 0)), stored(run(lost(900, 1)), 2_000)])).toHaveLength(2);
  });

  test('recognises an election by its epoch, at whatever poll each process observed it', () => {
    const elected = (at: number, epoch: number): Part => ({
      type: 'quorum/leaderElected',
      at,
      broker: 2,
      details: { epoch, previousLeader: 1 },
    });
    expect(mergeRuns([run(elected(1_000, 7)), run(elected(40_000, 7))])).toHaveLength(1);
    expect(mergeRuns([run(elected(1_000, 7)), run(elected(40_000, 8))])).toHaveLength(2);
    // Within two polls.
    expect(mergeRuns([run(elected(1_000, 7)), run(elected(3_000, 8))])).toHaveLength(2);
  });

  test('takes an incident without a duration for one within two polls', () => {
    const unclean = (at: number): Part => ({
      type: 'partition/uncleanlyElected',
      at,
      details: { moves: [{ topic: 'orders', partition: 0, from: -1, to: 2 }] },
    });
    expect(mergeRuns([run(unclean(1_000)), run(unclean(3_500))])).toHaveLength(1);
    expect(mergeRuns([run(unclean(1_000)), run(unclean(60_000))])).toHaveLength(2);
  });

  test('unites what the runs observed, and states no phase that the better one has not reached', () => {
    const base = run(fenced(1_000))[0] as Incident;
    const own: Incident = {
      ...base,
      underReplicated: 3,
      brokers: new Set([2]),
      ledPartitions: new Set(['a/0']),
      groups: new Map([['g', null]]),
    };
    const other: Incident = {
      ...base,
      startedAt: 500,
      detectedAt: 600,
      failedOverAt: 2_000,
      recoveredAt: 3_000,
      unobservedAfter: 4_000,
      brokers: new Set([2, 3]),
      ledPartitions: new Set(['a/1']),
      groups: new Map([['g', 7], ['h', 8]]), // prettier-ignore
      complete: false,
    };
    expect(mergeRuns([[own], [other]])).toEqual([
      {
        ...own,
        startedAt: 500,
        detectedAt: 600,
        failedOverAt: 2_000,
        recoveredAt: null,
        brokers: new Set([2, 3]),
        ledPartitions: new Set(['a/0', 'a/1']),
        groups: new Map([['h', 8], ['g', null]]), // prettier-ignore
        complete: false,
      },
    ]);
    expect(mergeRuns([[{ ...own, leaderless: 1 }], [other]])[0]?.failedOverAt).toBeNull();
  });

  test('lists the incidents of three runs ascending by start', () => {
    const three = mergeRuns([
      run(fenced(5_000), unfenced(9_000)),
      run(fenced(4_000)),
      run(fenced(1_000), unfenced(2_000), fenced(4_500), unfenced(9_100)),
    ]);
    expect(three.map(({ startedAt }) => startedAt)).toEqual([1_000, 4_000]);
  });
});
