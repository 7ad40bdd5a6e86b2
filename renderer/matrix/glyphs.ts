/** Many replica glyphs as one SVG path a state: a cell of a thousand partitions stays cheap. */
import type { CellState } from './matrix.ts';

export interface GlyphGrid {
  step: number;
  line: number;
  radius: number;
  perLine: number;
}

const circle = (x: number, y: number, r: number): string => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;

function drawOne(state: CellState, x: number, y: number, radius: number): string {
  if (state === 'leader') return circle(x, y, radius);
  if (state === 'none') return circle(x, y, radius > 3 ? 1 : 0.6);
  if (state !== 'offline') return circle(x, y, radius - 0.75);
  const arm = radius - 1;
  return `M${x - arm} ${y - arm}L${x + arm} ${y + arm}M${x + arm} ${y - arm}L${x - arm} ${y + arm}`;
}

/** By class name: the states, and `half` for what fills a lagging one. */
export function glyphPaths(
  states: readonly CellState[],
  { step, line, radius, perLine }: GlyphGrid,
): Partial<Record<CellState | 'half', string>> {
  const drawn: Partial<Record<CellState | 'half', string>> = {};
  states.forEach((state, i) => {
    const x = ((i % perLine) + 0.5) * step;
    const y = (Math.floor(i / perLine) + 0.5) * line;
    const ring = radius - 0.75;
    drawn[state] = (drawn[state] ?? '') + drawOne(state, x, y, radius);
    if (state === 'lagging') drawn.half = `${drawn.half ?? ''}M${x} ${y - ring}a${ring} ${ring} 0 0 0 0 ${2 * ring}z`;
  });
  return drawn;
}
