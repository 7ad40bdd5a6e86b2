import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FigureHistory } from '../../../electron/services/figure-history/figure-history.ts';
import { FigureStore } from '../../../electron/services/figure-history/figure-store.ts';
import { MemoryPoints } from '../../../electron/services/figure-history/memory-points.ts';
import { IncidentLog, type IncidentStore } from '../../../electron/services/incidents/incident-log.ts';
import { parseIncident } from '../../../electron/services/incidents/stored-incident.ts';
import type { TimelineEvent } from '../../../shared/models/timeline.ts';

const START = Date.UTC(2026, 10, 30, 12);
const DAY = 86_400_000;

/** Broker 3 is killed at `at`, its leader of orders-0 moves after 3 s. */
const outage = (at: number, topic = 'orders'): TimelineEvent[] => [
  { id: 1, type: 'lab/nodeKilled', at, node: null, broker: 3 },
  { id: 2, type: 'cluster/brokerFenced', at: at + 3_000, node: 2, broker: 3, causeId: 1 },
  {
    id: 3,
    type: 'partition/leadersElected',
    at: at + 3_100,
    node: 2,
    broker: 3,
    causeId: 2,
    details: { trigger: 'fencing', moves: [{ topic, partition: 0, from: 3, to: 1 }] },
  },
];
const recovery = (at: number): TimelineEvent[] => [
  { id: 4, type: 'lab/nodeStarted', at, node: null, broker: 3 },
  { id: 5, type: 'cluster/brokerUnfenced', at: at + 1_000, node: 2, broker: 3, causeId: 4 },
];

describe('IncidentLog', () => {
  let points: FigureStore;
  let failing: boolean;
  let errors: string[];
  const store: IncidentStore = {
    async recordIncidents(incidents) {
      if (failing) throw new Error('the disk is full');
      incidents.forEach((incident) => points.putIncident(incident));
    },
    async incidents(from, until) {
      if (failing) throw new Error('the disk is full');
      return points.incidents(from, until);
    },
  };
  const open = (run: string): IncidentLog => new IncidentLog({ run, store, now: () => Date.now(), onError: (what) => errors.push(what) });
  const stored = () => points.incidents(0, START + 40 * DAY).map((row) => parseIncident(row));

  beforeEach(() => {
    vi.useFakeTimers({ now: START });
    points = new FigureStore(new MemoryPoints(), () => Date.now());
    failing = false;
    errors = [];
  });
  afterEach(() => vi.useRealTimers());

  test('stores an incident when it opens, at each phase and when it closes', async () => {
    const log = open('a');
    const [killed, fenced, elected] = outage(START) as [TimelineEvent, TimelineEvent, TimelineEvent];
    log.take([killed]);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(stored()).toMatchObject([{ detectedAt: null, failedOverAt: null, closedAt: null }]);
    log.take([fenced, elected]);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(stored()).toMatchObject([{ detectedAt: START + 3_000, failedOverAt: START + 3_100, closedAt: null }]);
    log.take(recovery(START + 20_000));
    await vi.advanceTimersByTimeAsync(1_100);
    expect(stored()).toMatchObject([{ closedAt: START + 21_000, unobservedAfter: null }]);
  });

  test('ends the observation of an open incident when it closes, and claims no recovery', async () => {
    const log = open('a');
    log.take(outage(START));
    log.observe(START + 25_000);
    log.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(stored()).toMatchObject([{ closedAt: null, recoveredAt: null, unobservedAfter: START + 25_000 }]);
    const next = open('b');
    await vi.advanceTimersByTimeAsync(0);
    expect((await next.list(0, START + DAY)).incidents).toMatchObject([{ run: 'a', closedAt: null, unobservedAfter: START + 25_000 }]);
  });

  test('ends the observation at a time of this clock after an event of a node whose clock is ahead', async () => {
    const log = open('a');
    log.take(outage(START - 10_000));
    log.take([{ id: 9, type: 'topic/created', at: START + DAY, node: 2, topic: 'x' }]);
    log.observe(START + 5_000);
    log.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(stored()).toMatchObject([{ unobservedAfter: START + 5_000 }]);
  });

  test('ends the incident of a run that was killed at the last observation that it stored', async () => {
    const killed = open('a');
    killed.take(outage(START));
    for (let at = START; at <= START + 100_000; at += 1_000) {
      killed.observe(at);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    const next = open('b');
    await vi.advanceTimersByTimeAsync(10);
    const [incident] = (await next.list(0, START + DAY)).incidents;
    expect(incident?.closedAt).toBeNull();
    // It is stored every 30 s.
    expect(incident?.unobservedAfter).toBeGreaterThan(START + 60_000);
    expect(incident?.unobservedAfter).toBeLessThanOrEqual(START + 100_000);
    expect(points.incidents(START + 20 * DAY, START + 21 * DAY)).toEqual([]);
    // The other process was not killed after all: what it observes counts again.
    killed.take(recovery(START + 110_000));
    await vi.advanceTimersByTimeAsync(1_100);
    expect((await next.list(0, START + DAY)).incidents).toMatchObject([{ run: 'a', closedAt: START + 111_000, unobservedAfter: null }]);
  });

  test('keeps incidents of two runs apart whose events have the same ids', async () => {
    const first = open('a');
    first.take([...outage(START), ...recovery(START + 20_000)]);
    first.close();
    await vi.advanceTimersByTimeAsync(0);
    const second = open('b');
    second.take(outage(START + 3_600_000));
    const { run, incidents, problem } = await second.list(0, START + DAY);
    expect([run, problem]).toEqual(['b', null]);
    expect(incidents.map((one) => [one.run, one.eventId, one.closedAt])).toEqual([
      ['a', 1, START + 21_000],
      ['b', 1, null],
    ]);
    expect((await second.list(START + 30_000, START + 60_000)).incidents).toEqual([]);
  });

  test('lists the incidents of this run and says why when the history is not available, then stores them', async () => {
    failing = true;
    const log = open('a');
    log.take(outage(START));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await log.list(0, START + DAY)).toMatchObject({ incidents: [{ run: 'a', eventId: 1 }], problem: 'the disk is full' });
    expect(errors).toHaveLength(1);
    failing = false;
    await vi.advanceTimersByTimeAsync(2_500);
    expect(stored()).toHaveLength(1);
  });

  test('leaves out names, not times, of an incident that is too large to store', async () => {
    const log = open('a');
    log.take(outage(START, 'x'.repeat(300_000)));
    await vi.advanceTimersByTimeAsync(1_100);
    expect(stored()).toMatchObject([{ failedOverAt: START + 3_100, ledPartitions: [], complete: false }]);
    expect(errors).toEqual([]);
  });

  test('keeps the groups, and the names of partitions that fit, of an incident that moved very many leaders', async () => {
    const log = open('a');
    const [killed, fenced, elected] = outage(START);
    if (killed === undefined || fenced === undefined || elected === undefined) throw new Error('no events');
    const details = { trigger: 'fencing', moves: [], ranges: [['orders', '0-19999']] };
    const moved: TimelineEvent = { id: 4, type: 'group/coordinatorMoved', at: START + 3_200, node: 1, group: 'billing', causeId: 3 };
    log.take([killed, fenced, { ...elected, details }, moved]);
    await vi.advanceTimersByTimeAsync(1_100);
    const [row] = points.incidents(0, START + 40 * DAY);
    const [record] = stored();
    expect(record).toMatchObject({ groups: [['billing', START + 3_200]], complete: false, root: { broker: 3 } });
    expect(record?.ledPartitions.slice(0, 2)).toEqual(['orders/0', 'orders/1']);
    expect(record?.ledPartitions.length).toBeGreaterThan(10_000);
    expect(row?.body.length).toBeLessThanOrEqual(200_000);
  });

  test('leaves out a row that is no incident', async () => {
    for (const [id, body] of [
      ['no-json', '{'],
      ['other', '{"run":1}'],
      ['type', JSON.stringify({ root: { id: 1, at: 1, type: 'x' } })],
    ] as const)
      points.putIncident({ id, startedAt: START, endedAt: null, body });
    const log = open('a');
    await vi.advanceTimersByTimeAsync(0);
    expect(await log.list(0, START + DAY)).toMatchObject({ incidents: [], problem: null });
    expect(errors).toEqual([]);
  });
});

test('IncidentLog: incidents are in the file after the app was closed and started again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'incidents-'));
  const connection = { id: 'c', name: 'c', kind: 'remote', bootstrap: 'h:1', colour: 'warn' } as const;
  const problems: string[] = [];
  const start = () => {
    const history = new FigureHistory({
      directory,
      clusterDirectory: null,
      onError: (what, error) => problems.push(`${what}: ${String(error)}`),
      onNotice: (text) => problems.push(text),
    });
    const recorder = history.record(connection);
    const log = new IncidentLog({
      run: `${Math.random()}`,
      store: recorder,
      now: () => Date.now(),
      onError: (what) => problems.push(what),
    });
    const close = async (): Promise<void> => {
      log.close();
      recorder.close();
      await history.close();
    };
    return { log, close };
  };
  try {
    const at = Date.now() - 60_000;
    const first = start();
    first.log.take([...outage(at, '\uD800 \u0000 "quoted"'), ...recovery(at + 20_000)]);
    first.log.take([{ id: 6, type: 'lab/nodeKilled', at: at + 40_000, node: null, broker: 2 }]);
    // The worker has started: what waits when the app closes is written within a bound of time.
    expect((await first.log.list(0, Date.now())).problem).toBeNull();
    await first.close();
    const second = start();
    const { incidents } = await second.log.list(0, Date.now());
    expect(incidents).toMatchObject([
      { eventId: 1, closedAt: at + 21_000, unobservedAfter: null, ledPartitions: ['\uD800 \u0000 "quoted"/0'] },
      { eventId: 6, closedAt: null, unobservedAfter: at + 40_000 },
    ]);
    await second.close();
    expect(problems).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
