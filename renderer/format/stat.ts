/** One figure of a StatStrip. */
export interface Stat {
  label: string;
  /** Null is unknown. */
  value: string | null;
  unit?: string;
  /** Where it is the unit that is news, not the value. */
  unitTone?: 'bad' | 'warn';
  tone?: 'bad' | 'warn';
  /** Why it is unknown. */
  reason?: string;
  trend?: readonly (number | null)[];
}
