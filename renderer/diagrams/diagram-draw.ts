/** Positions of the parts of a diagram: the screen and the exported SVG use the same ones. */
import type { Diagram, DiagramBox, DiagramCell, DiagramEdge } from './diagram.ts';
import { maxOf } from '#shared/lists';

export const PAD = 12;
export const CELL_HEIGHT = 22;
const CELL_GAP = 4;
const MARK = 14;
const LINE = 17;
/** Of the first line of text, from the top of the box. */
const FIRST = 21;
const MONO_XS = 6.7;
const UI_XS = 6.1;
const UI_MD = 7.2;

export interface Point {
  x: number;
  y: number;
}

/** Wide enough for the longest text of the row; at least so wide that rows of short ones look alike. */
export function cellWidth(cells: readonly Pick<DiagramCell, 'text'>[]): number {
  return maxOf(
    cells.map(({ text }) => Math.ceil(text.length * MONO_XS) + 12),
    34,
  );
}

/** How many cells of such texts fit into a box of that width. */
export function cellsThatFit(width: number, longest: number): number {
  const cell = cellWidth([{ text: '0'.repeat(longest) }]);
  return Math.max(1, Math.floor((width - 2 * PAD + CELL_GAP) / (cell + CELL_GAP)));
}

export interface PlacedCell {
  cell: DiagramCell;
  x: number;
  y: number;
  width: number;
}

const hasMarks = (box: DiagramBox): boolean => (box.cells ?? []).some(({ mark }) => mark !== undefined);

/** Within the box. The row stands at its foot. */
export function placeCells(box: DiagramBox): PlacedCell[] {
  const cells = box.cells ?? [];
  const width = cellWidth(cells);
  const y = box.height - PAD + 2 - CELL_HEIGHT - (hasMarks(box) ? MARK : 0);
  return cells.map((cell, i) => ({ cell, x: PAD + i * (width + CELL_GAP), y, width }));
}

/** The height that a box needs for what stands in it. */
export function boxHeight(content: { title?: boolean; lines?: number; cells?: boolean; marks?: boolean }): number {
  const texts = (content.title === false ? 0 : 1) + (content.lines ?? 0);
  const text = texts === 0 ? PAD : FIRST + (texts - 1) * LINE + 8;
  return text + (content.cells === true ? CELL_HEIGHT + PAD - 2 + (content.marks === true ? MARK : 0) : 5);
}

/** Baselines of the lines under the title. */
export function lineY(box: DiagramBox, index: number): number {
  return FIRST + (index + (box.title === undefined ? 0 : 1)) * LINE;
}
export const titleY = FIRST;

export interface EdgeShape {
  d: string;
  from: Point;
  to: Point;
  middle: Point;
  /** Where a label stands: towards the end, where edges that left together have parted. */
  label: Point;
}

/** A curve that leaves one box and enters the other at right angles. Null where an end is missing. */
export function edgeShape(diagram: Pick<Diagram, 'boxes'>, edge: Pick<DiagramEdge, 'from' | 'to' | 'fromX' | 'toX'>): EdgeShape | null {
  const a = diagram.boxes.find(({ id }) => id === edge.from);
  const b = diagram.boxes.find(({ id }) => id === edge.to);
  if (a === undefined || b === undefined) return null;
  const atX = (box: DiagramBox, x: number | undefined): number => box.x + (x ?? box.width / 2);
  const middleY = (box: DiagramBox): number => box.y + box.height / 2;
  const pinned = edge.fromX !== undefined || edge.toX !== undefined;
  if (!pinned && (b.x >= a.x + a.width || a.x >= b.x + b.width)) {
    const right = b.x >= a.x + a.width;
    const from = { x: right ? a.x + a.width : a.x, y: middleY(a) };
    const to = { x: right ? b.x : b.x + b.width, y: middleY(b) };
    const bend = (to.x - from.x) / 2;
    return bezier(from, { x: from.x + bend, y: from.y }, { x: to.x - bend, y: to.y }, to);
  }
  const down = middleY(b) >= middleY(a);
  const from = { x: atX(a, edge.fromX), y: down ? a.y + a.height : a.y };
  const to = { x: atX(b, edge.toX), y: down ? b.y : b.y + b.height };
  const bend = (to.y - from.y) / 2;
  return bezier(from, { x: from.x, y: from.y + bend }, { x: to.x, y: to.y - bend }, to);
}

function bezier(from: Point, c1: Point, c2: Point, to: Point): EdgeShape {
  const at = ({ x, y }: Point): string => `${round(x)} ${round(y)}`;
  const along = (t: number): Point => {
    const u = 1 - t;
    const mix = (a: number, b: number, c: number, d: number): number =>
      u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
    return { x: mix(from.x, c1.x, c2.x, to.x), y: mix(from.y, c1.y, c2.y, to.y) };
  };
  return {
    d: `M${at(from)}C${at(c1)} ${at(c2)} ${at(to)}`,
    from,
    to,
    middle: along(0.5),
    label: along(0.62),
  };
}

export const round = (x: number): number => Math.round(x * 10) / 10;

/** As much of a text as fits, by the average width of its letters; the whole of it stands in `said`. */
export function fitText(text: string, width: number, size: 'small' | 'title' = 'small'): string {
  const fits = Math.floor(width / (size === 'small' ? UI_XS : UI_MD));
  return text.length <= fits ? text : `${text.slice(0, Math.max(1, fits - 1))}…`;
}

export const labelWidth = (text: string): number => text.length * UI_XS + 10;
