/** Figures over time, as charts show them: a group's lag by topic, and figures of the whole cluster. */

/** Units: bytes or records per second, or counts. */
export const CLUSTER_FIGURES = [
  'inBytesPerSecond',
  'outBytesPerSecond',
  'recordsInPerSecond',
  'brokersOnline',
  'offlinePartitions',
  'underReplicatedPartitions',
  'lag',
] as const;
export type ClusterFigure = (typeof CLUSTER_FIGURES)[number];

export interface FigureSample {
  name: string;
  /** Null: unknown. */
  value: number | null;
  /** `value` is a lower bound. */
  atLeast: boolean;
}

/** Columns of equal length, one entry for each time in `FigureRange.at`. */
export interface FigureSeries {
  name: string;
  /** Mean of the samples of a step; null: unknown, or not recorded. */
  mean: (number | null)[];
  /** Lowest and highest sample of a step; empty where a step has one sample. */
  low: (number | null)[];
  high: (number | null)[];
  /** 1: `mean` is a lower bound. 2: unknown for a part of the step. */
  marks: number[];
}

export const AT_LEAST = 1;
export const PARTLY_UNKNOWN = 2;

/** Where history is kept. */
export interface FigureStorage {
  kind: 'disk' | 'memory';
  /** Why it is in memory, or why saving fails now, as a sentence; null where all is well. */
  problem: string | null;
}

export interface FigureRange {
  /** What was asked for, wall-clock ms, within what can be kept. */
  from: number;
  until: number;
  /** A point stands for the samples of so many milliseconds. */
  stepMs: number;
  /** Between two points further apart than this nothing was recorded. */
  gapMs: number;
  /** Starts of the steps that have a sample, wall-clock ms, ascending. */
  at: number[];
  series: FigureSeries[];
  /** Series with lower values that were left out. */
  omitted: number;
  /** Wall-clock ms of the oldest point that is kept; null: none. */
  since: number | null;
  storage: FigureStorage;
}

/** Points in one answer, for each series. */
export const MIN_POINTS = 10;
export const MAX_POINTS = 2_000;
