/** The history of what was published to the screen, for time travel. */
import type { ClusterView } from './cluster.ts';
import type { Fault } from './lab.ts';
import type { LoadRow } from './load.ts';

/** The range of the selected connection's history. */
export interface HistoryRange {
  /** Wall-clock ms of the first state; null while there is none. */
  from: number | null;
  /** Wall-clock ms of the last change; the state has been the same since. */
  until: number | null;
  /** Bytes in memory. */
  bytes: number;
}

/** The state of the screen at a point in time. */
export interface Moment {
  /** Wall-clock ms of its last change. */
  at: number;
  /** Version of the view. */
  version: number;
  view: ClusterView;
  /** Active faults; null for a remote cluster, whose faults are unknown. */
  faults: Fault[] | null;
  /** Null for a remote cluster, which has no loads. */
  loads: LoadRow[] | null;
}
