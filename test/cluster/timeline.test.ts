import { describe, expect, it } from 'vitest';
import { Timeline, type TimelineEntry } from '../../electron/cluster/timeline.ts';

function must(entry: TimelineEntry | undefined): TimelineEntry {
  if (entry === undefined) throw new Error('not recorded');
  return entry;
}

describe('timeline', () => {
  it('numbers entries from 1 and gives those after an id', () => {
    const timeline = new Timeline();
    for (let at = 0; at < 3; at++) timeline.record(1, { type: 'topic/created', at, topic: `t${at}` });
    expect(timeline.since(0).map(({ id, topic }) => [id, topic])).toEqual([
      [1, 't0'],
      [2, 't1'],
      [3, 't2'],
    ]);
    expect(timeline.since(2).map(({ id }) => id)).toEqual([3]);
    expect(timeline.since(3)).toEqual([]);
    expect(timeline.since(99)).toEqual([]);
  });

  it('keeps the last 5,000 with their ids', () => {
    const timeline = new Timeline();
    for (let at = 0; at < 12_345; at++) timeline.record(1, { type: 'topic/created', at });
    const kept = timeline.since(0);
    expect(kept).toHaveLength(5_000);
    expect(kept[0]?.id).toBe(7_346);
    expect(timeline.since(12_000)[0]?.id).toBe(12_001);
    expect(timeline.since(12_000)).toHaveLength(345);
  });

  it('drops what is of no known type', () => {
    const timeline = new Timeline();
    expect(timeline.record(1, { type: 'topic/renamed', at: 0 })).toBeUndefined();
    expect(timeline.since(0)).toEqual([]);
  });

  it('links a kill to the fencing, the elections and the shrinks that follow it', () => {
    const timeline = new Timeline();
    const kill = must(timeline.record(null, { type: 'lab/nodeKilled', at: 1_000, broker: 2 }));
    timeline.record(null, { type: 'lab/nodeKilled', at: 1_001, broker: 3 });
    const fenced = must(timeline.record(1, { type: 'cluster/brokerFenced', at: 4_000, broker: 2 }));
    const elected = must(
      timeline.record(1, { type: 'partition/leadersElected', at: 4_001, partitions: [0, 3, 6], details: { from: [2] } }),
    );
    const shrunk = must(timeline.record(1, { type: 'partition/isrShrunk', at: 4_002, details: { removed: [2] } }));
    expect(fenced.causeId).toBe(kill.id);
    expect(elected).toMatchObject({ causeId: fenced.id, count: 3 });
    expect(shrunk.causeId).toBe(fenced.id);
  });

  it('links a new quorum leader to the end of the old one, and takes it once though every node tells it', () => {
    const timeline = new Timeline();
    const first = must(timeline.record(1, { type: 'quorum/leaderElected', at: 0, broker: 1, details: { epoch: 1 } }));
    expect(first.causeId).toBeUndefined();
    const kill = must(timeline.record(null, { type: 'lab/nodeKilled', at: 10, broker: 1 }));
    const told = [2, 3].map((node) =>
      timeline.record(node, { type: 'quorum/leaderElected', at: 500 + node, broker: 2, details: { epoch: 2, previousLeader: 1 } }),
    );
    expect(told.map((entry) => entry?.causeId)).toEqual([kill.id, undefined]);
    expect(timeline.since(0)).toHaveLength(3);
  });

  it('links the return of a broker down to the ISR that grows', () => {
    const timeline = new Timeline();
    const start = must(timeline.record(null, { type: 'lab/nodeStarted', at: 0, broker: 2 }));
    const registered = must(timeline.record(1, { type: 'cluster/brokerRegistered', at: 5, broker: 2 }));
    const unfenced = must(timeline.record(1, { type: 'cluster/brokerUnfenced', at: 6, broker: 2 }));
    const expanded = must(timeline.record(1, { type: 'partition/isrExpanded', at: 7, details: { added: [2] } }));
    const other = must(timeline.record(1, { type: 'partition/isrExpanded', at: 8, details: { added: [3] } }));
    expect([registered.causeId, unfenced.causeId, expanded.causeId, other.causeId]).toEqual([
      start.id,
      registered.id,
      unfenced.id,
      undefined,
    ]);
  });

  it('does not blame what is long past', () => {
    const timeline = new Timeline();
    timeline.record(null, { type: 'lab/nodeKilled', at: 0, broker: 2 });
    expect(timeline.record(1, { type: 'cluster/brokerFenced', at: 61_000, broker: 2 })?.causeId).toBeUndefined();
  });

  it('tells listeners of every new entry until they leave', () => {
    const timeline = new Timeline();
    const seen: number[] = [];
    const leave = timeline.onEntry(({ id }) => seen.push(id));
    timeline.record(1, { type: 'topic/created', at: 0 });
    leave();
    timeline.record(1, { type: 'topic/created', at: 1 });
    expect(seen).toEqual([1]);
  });
});
