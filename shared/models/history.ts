/** The record of what the screen was told, so that any moment of it can be shown again. */
import type { ClusterView } from './cluster.ts';
import type { Fault } from './lab.ts';
import type { LoadRow } from './load.ts';

/** How far back the record of the connection in front reaches. */
export interface HistoryRange {
  /** Wall-clock ms of the first thing that is recorded; null: nothing is yet. */
  from: number | null;
  /** Of the last; what was told then stands since. */
  until: number | null;
  /** What the record takes in memory. */
  bytes: number;
}

/** Everything that stood on the screen at one moment. */
export interface Moment {
  /** Wall-clock ms at which the last part of it was told. */
  at: number;
  /** The view's version that stood then. */
  version: number;
  view: ClusterView;
  /** In force then; null where nobody tells of faults (a cluster elsewhere). */
  faults: Fault[] | null;
  /** Null where none can run. */
  loads: LoadRow[] | null;
}
