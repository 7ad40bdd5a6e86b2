import { describe, expect, it } from 'vitest';
import { incidentAt, isOpen, type Incident } from '#shared/incidents/incident';
import { endObservation, incidentFromRecord, recordOf } from '#shared/incidents/record';
import { deriveIncidents } from '#shared/incidents/reducer';
import type { TimelineEvent } from '#shared/models/timeline';
import {
  headlineOf,
  outagesOfCluster,
  outagesOfGroup,
  phasesOf,
  summarizeIncident,
  timedPhasesOf,
} from '../../../renderer/incidents/incidents.ts';

const move = (topic: string, partition: number, from: number, to: number) => ({ topic, partition, from, to });
const changes = [0, 1].map((partition) => ({ topic: 'orders', partition, from: [1, 3], to: [1] }));
const killed: TimelineEvent = { id: 1, type: 'lab/nodeKilled', at: 1_000, node: null, broker: 3 };
const OUTAGE: TimelineEvent[] = [
  killed,
  { id: 2, type: 'cluster/brokerFenced', at: 4_000, node: 1, broker: 3, causeId: 1 },
  {
    id: 3,
    type: 'partition/leadersElected',
    at: 4_000,
    node: 1,
    broker: 3,
    causeId: 2,
    count: 1,
    details: { moves: [move('orders', 0, 3, 1)] },
  },
  { id: 4, type: 'partition/isrShrunk', at: 4_000, node: 1, broker: 3, causeId: 2, count: 2, details: { changes } },
  { id: 5, type: 'group/coordinatorMoved', at: 4_200, node: 1, group: 'billing', causeId: 3 },
  { id: 6, type: 'group/rebalanceStarted', at: 4_300, node: 1, group: 'billing', causeId: 5 },
  { id: 7, type: 'group/rebalanced', at: 4_400, node: 1, group: 'billing', causeId: 6 },
];
const RESTART: TimelineEvent[] = [
  { id: 8, type: 'lab/nodeStarted', at: 10_000, node: null, broker: 3 },
  { id: 9, type: 'cluster/brokerUnfenced', at: 11_000, node: 1, broker: 3, causeId: 8 },
  {
    id: 10,
    type: 'partition/isrExpanded',
    at: 14_000,
    node: 1,
    causeId: 9,
    count: 2,
    details: { changes: changes.map(({ topic, partition, from, to }) => ({ topic, partition, from: to, to: from })) },
  },
];
const summaries = (events: TimelineEvent[], now: number): string[] =>
  deriveIncidents(events).map((incident) => summarizeIncident(incident, now));

describe('incidents as text', () => {
  it('describes an open incident as undetected, then by its effects, without recovery while replicas are missing', () => {
    expect(summaries([killed], 2_500)).toEqual(['broker 3 killed · 1.5 s · not detected yet']);
    expect(summaries(OUTAGE, 121_000)).toEqual(['broker 3 killed · 2 min · 2 partitions under-replicated · failed over in 3.0 s']);
    expect(summaries([...OUTAGE, ...RESTART.slice(0, 2)], 13_000)).toEqual([
      'broker 3 killed · 12 s · 2 partitions under-replicated · failed over in 3.0 s',
    ]);
  });

  it('gives a closed incident the same times of failover and recovery whenever it is read', () => {
    for (const now of [15_000, 900_000])
      expect(summaries([...OUTAGE, ...RESTART], now)).toEqual(['broker 3 killed · failed over in 3.0 s · recovered in 13 s']);
  });

  it('does not call a slow link undetected, and a freeze that ended unnoticed neither failed over nor recovered', () => {
    const fault = { type: 'slowLink', between: [1, 2], direction: 'both', latencyMs: 100, jitterMs: 0, bytesPerSecond: 0 };
    expect(summaries([{ id: 1, type: 'lab/faultInjected', at: 0, node: null, details: { faultId: 1, fault } }], 60_000)).toEqual([
      'link 1 ↔ 2 slow: 100 ms · 1 min',
    ]);
    const frozen: TimelineEvent[] = [
      { id: 1, type: 'lab/nodeFrozen', at: 0, node: null, broker: 3 },
      { id: 2, type: 'lab/nodeThawed', at: 1_500, node: null, broker: 3 },
    ];
    expect(summaries(frozen, 120_000)).toEqual(['broker 3 frozen · ended undetected after 1.5 s']);
  });

  it('gives no duration to an incident that ended when it began', () => {
    const expired: TimelineEvent = { id: 1, type: 'group/memberExpired', at: 1_000, node: 1, group: 'billing' };
    const ended = (at: number): TimelineEvent[] => [
      expired,
      { id: 2, type: 'group/rebalanceStarted', at: 1_000, node: 1, group: 'billing', causeId: 1 },
      { id: 3, type: 'group/rebalanced', at, node: 1, group: 'billing', causeId: 2 },
    ];
    expect(summaries(ended(1_040), 5_000)[0]).not.toContain('0.0 s');
    expect(outagesOfCluster(deriveIncidents(ended(1_040)))).toMatchObject([{ until: 1_040, healed: null }]);
    expect(outagesOfCluster(deriveIncidents(ended(1_300)))).toMatchObject([{ until: 1_300, healed: 'ended after 0.3 s' }]);
  });

  it('marks an observed incident as without a recorded cause', () => {
    expect(summaries([{ id: 1, type: 'cluster/brokerFenced', at: 0, node: 1, broker: 2 }], 1_000)).toEqual([
      'broker 2 fenced · no recorded cause · 1.0 s',
    ]);
  });

  it('does not call an open incident recovered, and names the group that keeps it open', () => {
    const unstable = [...OUTAGE.slice(0, 6), ...RESTART];
    expect(summaries(unstable, 61_000)).toEqual([
      'broker 3 killed · 1 min · failed over in 3.0 s · ISRs recovered in 13 s · group billing not stable yet',
    ]);
    const second: TimelineEvent = { id: 11, type: 'group/rebalanceStarted', at: 14_000, node: 1, group: 'audit', causeId: 5 };
    expect(summaries([...unstable, second], 61_000)[0]).toMatch(/ · 2 groups not stable yet$/);
    const stable: TimelineEvent = { id: 12, type: 'group/rebalanced', at: 15_000, node: 1, group: 'billing', causeId: 6 };
    expect(summaries([...unstable, stable], 61_000)[0]).toMatch(/ · recovered in 13 s · ended after 14 s$/);
  });

  it('does not call the group of a paused member unstable before its coordinator has noticed', () => {
    const paused: TimelineEvent = { id: 1, type: 'load/memberPaused', at: 0, node: null, group: 'billing', details: { memberId: 'm' } };
    expect(summaries([paused], 5_000)[0]).not.toContain('not stable');
    const expired: TimelineEvent = { id: 2, type: 'group/memberExpired', at: 6_000, node: 1, group: 'billing', causeId: 1 };
    expect(summaries([paused, expired], 7_000)[0]).toMatch(/ · not stable yet$/);
  });

  it('warns while partitions have no leader', () => {
    const lost: TimelineEvent = {
      id: 8,
      type: 'partition/leadersLost',
      at: 4_000,
      node: 1,
      causeId: 2,
      count: 1,
      details: { partitions: [move('audit', 0, 3, -1)] },
    };
    const [incident] = deriveIncidents([...OUTAGE, lost]);
    if (incident === undefined) throw new Error('no incident');
    expect(phasesOf(incident, 5_000)).toContainEqual({ text: '1 partition without a leader', tone: 'bad' });
    expect(
      phasesOf(incident, 5_000)
        .map(({ text }) => text)
        .join(),
    ).not.toContain('failed over');
  });
});

describe('bands of a chart', () => {
  const reads = (id: string, topic: string, ...partitions: number[]) => ({
    id,
    partitions: partitions.map((partition) => ({ topic, partition })),
  });

  it('mark an incident whose broker leaves the group without a leader while no event reports it, until it is over', () => {
    const missing = new Set([3]);
    const group = { ...reads('billing', 'orders', 0), missing };
    expect(outagesOfGroup(group, deriveIncidents([killed]))).toEqual([
      { from: 1_000, until: null, label: 'broker 3 killed', healed: null },
    ]);
    expect(outagesOfGroup({ ...group, missing: new Set([2]) }, deriveIncidents([killed]))).toEqual([]);
    // It has failed over: a later outage of another broker does not prolong it.
    expect(outagesOfGroup(group, deriveIncidents(OUTAGE))).toEqual([
      { from: 1_000, until: 4_400, label: 'broker 3 killed', healed: 'group stable after 3.4 s' },
    ]);
    expect(outagesOfGroup({ ...group, id: 'other' }, deriveIncidents([killed, ...RESTART]))).toEqual([]);
    const slow = { fault: { type: 'slowDisk', node: 3 }, faultId: 1 };
    expect(outagesOfGroup(group, deriveIncidents([{ id: 1, type: 'lab/faultInjected', at: 0, node: null, details: slow }]))).toEqual([]);
  });

  it('mark an incident that moved a leader or the coordinator of that group, until the group is served again', () => {
    const [open, closed] = [deriveIncidents(OUTAGE), deriveIncidents([...OUTAGE, ...RESTART])];
    expect(outagesOfGroup(reads('billing', 'orders', 0), deriveIncidents(OUTAGE.slice(0, 6)))).toEqual([
      { from: 1_000, until: null, label: 'broker 3 killed', healed: null },
    ]);
    for (const incidents of [open, closed])
      expect(outagesOfGroup(reads('billing', 'orders', 0), incidents)).toEqual([
        { from: 1_000, until: 4_400, label: 'broker 3 killed', healed: 'group stable after 3.4 s' },
      ]);
    expect(outagesOfGroup(reads('other', 'orders', 0), open)).toEqual([
      { from: 1_000, until: 4_000, label: 'broker 3 killed', healed: 'failed over in 3.0 s' },
    ]);
  });

  it('mark no incident that moved nothing of that group, open or closed, nor on a group that was created afterwards', () => {
    for (const events of [OUTAGE, [...OUTAGE, ...RESTART]]) {
      expect(outagesOfGroup(reads('late', 'clicks', 0), deriveIncidents(events))).toEqual([]);
      // Broker 3 only followed orders-1.
      expect(outagesOfGroup(reads('follower', 'orders', 1), deriveIncidents(events))).toEqual([]);
    }
  });
});

describe('the headline', () => {
  const of = (events: TimelineEvent[]) => headlineOf(deriveIncidents(events), events);
  const join = (at: number): TimelineEvent => ({ id: 99, type: 'group/memberJoined', at, node: 1, group: 'billing' });

  it('is the open incident with its events, whatever happens beside it', () => {
    expect(of([])).toBeNull();
    const events = [...OUTAGE, { id: 50, type: 'topic/created', at: 300_000, node: 1, topic: 'x' } as TimelineEvent];
    expect(of(events)).toMatchObject({ incident: { id: 1 }, more: 0 });
    expect(of(events)?.events.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('counts other open incidents', () => {
    const second: TimelineEvent = { id: 60, type: 'lab/nodeFrozen', at: 5_000, node: null, broker: 2 };
    expect(of([...OUTAGE, second])).toMatchObject({ incident: { id: 60 }, more: 1 });
  });

  it('follows a restart to its end and keeps the closed incident while only members come and go, for two minutes', () => {
    const events = [...OUTAGE, ...RESTART];
    expect(of(events)?.events.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(of([...events, join(60_000)])?.incident?.id).toBe(1);
    expect(of([...events, join(200_000)])).toMatchObject({ incident: null, events: [{ id: 99 }] });
    expect(of([...events, { id: 99, type: 'topic/created', at: 60_000, node: 1, topic: 'x' }])?.incident).toBeNull();
  });
});

/** As it is stored when the run that observed it ended at that time. */
const abandoned = (events: TimelineEvent[], at: number): Incident[] =>
  deriveIncidents(events).map((incident) => incidentFromRecord(endObservation(recordOf(incident, 'run', at))));

describe('incidents of earlier runs', () => {
  it('says until when an incident was observed whose run ended, and neither an age nor a recovery', () => {
    const [incident] = abandoned(OUTAGE, 60_000);
    if (incident === undefined) throw new Error('no incident');
    expect(isOpen(incident)).toBe(false);
    const text = timedPhasesOf(incident, 120_000).map((phase) => phase.text);
    expect(text).toEqual(['detected in 3.0 s', 'failed over in 3.0 s', expect.stringMatching(/^not observed after \d\d:\d\d$/)]);
    expect(timedPhasesOf(incident, 3 * 86_400_000).at(-1)?.text).toMatch(/^not observed after 1 Jan \d\d:\d\d$/);
    expect(headlineOf([incident], OUTAGE)?.more).toBe(0);
    const [open] = deriveIncidents(OUTAGE);
    expect(open === undefined ? [] : timedPhasesOf(open, 121_000).map((phase) => phase.text)).toEqual([
      'open for 2 min',
      'detected in 3.0 s',
      '2 partitions under-replicated',
      'failed over in 3.0 s',
    ]);
  });

  it('ends a band at the last observation, in charts of the cluster and of a group', () => {
    const incidents = abandoned(OUTAGE.slice(0, 6), 60_000);
    const band = { from: 1_000, until: 60_000, label: 'broker 3 killed', healed: 'not observed after this' };
    expect(outagesOfCluster(incidents)).toEqual([band]);
    expect(outagesOfGroup({ id: 'billing', partitions: [] }, incidents)).toEqual([band]);
    const stable = outagesOfGroup({ id: 'billing', partitions: [] }, abandoned(OUTAGE, 60_000));
    expect(stable).toMatchObject([{ until: 4_400, healed: 'group stable after 3.4 s' }]);
  });

  it('keeps everything of an incident that was observed to its end', () => {
    expect(abandoned([...OUTAGE, ...RESTART], 60_000)).toMatchObject([{ closedAt: 14_000, unobservedAfter: null, recoveredAt: 14_000 }]);
    expect(outagesOfCluster(deriveIncidents([...OUTAGE, ...RESTART]))).toMatchObject([{ until: 14_000, healed: 'recovered in 13 s' }]);
    expect(outagesOfCluster(deriveIncidents(OUTAGE))).toMatchObject([{ until: null, healed: null }]);
  });

  it('leaves out what came after the time that is shown', () => {
    const [incident] = deriveIncidents([...OUTAGE, ...RESTART]);
    if (incident === undefined) throw new Error('no incident');
    expect(incidentAt(incident, 4_100)).toMatchObject({ detectedAt: 4_000, failedOverAt: 4_000, recoveredAt: null, closedAt: null });
    expect(incidentAt(incident, 2_000)).toMatchObject({ detectedAt: null, failedOverAt: null });
  });
});
