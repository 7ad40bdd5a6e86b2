/** What is kept of the samples of one step. Merging is commutative, so two processes may add to the same step. */
export interface Aggregate {
  /** Known samples, and their sum. */
  count: number;
  total: number;
  /** Null without a known sample. */
  low: number | null;
  high: number | null;
  /** True when some sample was a lower bound. */
  atLeast: boolean;
  /** Samples whose value was unknown. */
  unknown: number;
}

export function aggregateOf(value: number | null, atLeast: boolean): Aggregate {
  // What is no number would make every merge with it unknown.
  if (value === null || !Number.isFinite(value)) return { count: 0, total: 0, low: null, high: null, atLeast: false, unknown: 1 };
  return { count: 1, total: value, low: value, high: value, atLeast, unknown: 0 };
}

export function merge(one: Aggregate, other: Aggregate): Aggregate {
  return {
    count: one.count + other.count,
    total: one.total + other.total,
    low: smaller(one.low, other.low),
    high: larger(one.high, other.high),
    atLeast: one.atLeast || other.atLeast,
    unknown: one.unknown + other.unknown,
  };
}

/** Null where no sample is known. */
export function meanOf({ count, total }: Aggregate): number | null {
  return count === 0 ? null : total / count;
}

function smaller(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

function larger(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.max(one, other);
}
