/** Frames of the history: a state and a frame give the next state. Pure functions. */
import { applyDelta, diff, type Delta } from '#shared/delta';
import type { ViewPatch } from '../view-diff.ts';
import type { ClusterPatch } from '#shared/ipc';
import type { BrokerRow, ClusterView, GroupRow, TopicRow } from '#shared/models/cluster';
import type { Moment } from '#shared/models/history';
import type { Fault } from '#shared/models/lab';
import type { LoadRow } from '#shared/models/load';

type Scalars = Omit<ClusterView, 'brokers' | 'topics' | 'groups'>;
/** Null: the row was removed. */
type Change<Key> = [key: Key, delta: Delta | null];

/** What was published at one time, as differences from the state before. An absent part did not change. */
export interface Frame {
  at: number;
  version: number;
  scalars?: Delta;
  brokers?: Change<number>[];
  topics?: Change<string>[];
  groups?: Change<string>[];
  faults?: Fault[];
  loads?: Delta;
}

/** The view as rows by key, to which patches are applied. */
export class ViewState {
  scalars: Partial<Scalars> = {};
  readonly brokers = new Map<number, BrokerRow>();
  readonly topics = new Map<string, TopicRow>();
  readonly groups = new Map<string, GroupRow>();

  static of(view: ClusterView): ViewState {
    const { brokers, topics, groups, ...scalars } = view;
    const state = new ViewState();
    state.scalars = scalars;
    for (const row of brokers) state.brokers.set(row.id, row);
    for (const row of topics) state.topics.set(row.name, row);
    for (const row of groups) state.groups.set(row.id, row);
    return state;
  }

  /** Rows in the order in which `view/build.ts` lists them. */
  view(): ClusterView {
    return {
      ...(this.scalars as Scalars),
      brokers: [...this.brokers.values()].sort((a, b) => a.id - b.id),
      topics: [...this.topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      groups: [...this.groups.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    };
  }

  /** Applies a patch and returns what it changed. */
  advance(patch: ClusterPatch & Partial<Pick<ViewPatch, 'deltas'>>, at: number): Frame {
    const frame: Frame = { at, version: patch.version };
    const scalars = diff(this.scalars, { ...this.scalars, ...patch.scalars });
    if (scalars !== undefined) frame.scalars = scalars;
    this.scalars = { ...this.scalars, ...patch.scalars };
    const brokers = advanceRows(this.brokers, patch.brokers, (row) => row.id);
    if (brokers.length > 0) frame.brokers = brokers;
    const topics = advanceRows(this.topics, patch.topics, (row) => row.name, patch.deltas?.topics);
    if (topics.length > 0) frame.topics = topics;
    const groups = advanceRows(this.groups, patch.groups, (row) => row.id, patch.deltas?.groups);
    if (groups.length > 0) frame.groups = groups;
    return frame;
  }

  replay(frame: Frame): void {
    if (frame.scalars !== undefined) this.scalars = applyDelta(this.scalars, frame.scalars) as Scalars;
    replayRows(this.brokers, frame.brokers);
    replayRows(this.topics, frame.topics);
    replayRows(this.groups, frame.groups);
  }
}

function advanceRows<Key, Row>(
  rows: Map<Key, Row>,
  { set, removed }: { set: readonly Row[]; removed: readonly Key[] },
  keyOf: (row: Row) => Key,
  /** Deltas of rows that differ from the last patch, where the patch has them. */
  deltas?: ReadonlyMap<Key, Delta>,
): Change<Key>[] {
  const changes: Change<Key>[] = [];
  for (const key of removed) if (rows.delete(key)) changes.push([key, null]);
  for (const row of set) {
    const key = keyOf(row);
    const delta = deltas?.get(key) ?? diff(rows.get(key), row);
    rows.set(key, row);
    if (delta !== undefined) changes.push([key, delta]);
  }
  return changes;
}

function replayRows<Key, Row>(rows: Map<Key, Row>, changes: readonly Change<Key>[] | undefined): void {
  for (const [key, delta] of changes ?? []) {
    if (delta === null) rows.delete(key);
    else rows.set(key, applyDelta(rows.get(key), delta) as Row);
  }
}

/** The state after the first `count` frames. */
export function momentAfter(first: Moment, frames: readonly Frame[], count: number): Moment {
  const state = ViewState.of(first.view);
  const moment = { ...first };
  for (const frame of frames.slice(0, count)) {
    state.replay(frame);
    moment.at = frame.at;
    moment.version = frame.version;
    if (frame.faults !== undefined) moment.faults = frame.faults;
    if (frame.loads !== undefined) moment.loads = applyDelta(moment.loads, frame.loads) as LoadRow[];
  }
  moment.view = state.view();
  return moment;
}
