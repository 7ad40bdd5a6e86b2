/** The columns of a BaseTable. */
export interface Column<Row> {
  key: string;
  label: string;
  /** `end` is for numbers. */
  align?: 'start' | 'end';
  /** Pixels; a column without one shares what is left. */
  width?: number;
  /** For a column without a width: the least it is given. */
  minWidth?: number;
  /** Ascending order; absent: the column cannot be sorted by. */
  compare?: (a: Row, b: Row) => number;
  /** A first click sorts downwards (sizes, lags). */
  downFirst?: boolean;
  mono?: boolean;
  /** The header is for screen readers only. */
  hideLabel?: boolean;
  /** Left out where the table has too little room, 1 first; columns without it always stay. */
  expendable?: number;
}

export interface SortBy {
  key: string;
  direction: 'up' | 'down';
}

export const FLEXIBLE_MIN = 140;

/** The least width in which no column is squeezed. */
export function tableWidth<Row>(columns: readonly Column<Row>[]): number {
  return columns.reduce((sum, column) => sum + (column.width ?? column.minWidth ?? FLEXIBLE_MIN), 0);
}

/** The columns that have room in `available` pixels; all of them while that is 0 (not measured yet). */
export function fittingColumns<Row>(columns: readonly Column<Row>[], available: number): readonly Column<Row>[] {
  if (available === 0) return columns;
  const ranks = [...new Set(columns.flatMap(({ expendable }) => (expendable === undefined ? [] : [expendable])))].sort((a, b) => a - b);
  let left = columns;
  for (const rank of ranks) {
    if (tableWidth(left) <= available) break;
    left = left.filter(({ expendable }) => expendable !== rank);
  }
  return left;
}

export function comparator<Row>(columns: readonly Column<Row>[], sort: SortBy | null): ((a: Row, b: Row) => number) | null {
  const compare = columns.find((column) => column.key === sort?.key)?.compare;
  if (compare === undefined || sort === null) return null;
  return sort.direction === 'up' ? compare : (a, b) => compare(b, a);
}
