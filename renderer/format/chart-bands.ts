/** Time spans on a chart's canvas: a wash with a line at its start, and labels where there is room. */
import type { ChartBand } from './figure-chart.ts';

/** Rows of labels, in pixels from the top of the plot. */
const LABEL_ROWS = [5, 20, 35];

export interface BandCanvas {
  ctx: CanvasRenderingContext2D;
  /** The plot, in canvas pixels. */
  bbox: { left: number; top: number; width: number; height: number };
  /** Canvas pixels of a CSS pixel. */
  ratio: number;
  /** Horizontal canvas pixel of a time in ms. */
  xOf: (at: number) => number;
  /** A colour role's value. */
  role: (name: string) => string;
}

export function drawBands({ ctx, bbox, ratio, xOf, role }: BandCanvas, bands: readonly ChartBand[]): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11 * ratio}px 'Inter Variable', sans-serif`;
  ctx.textBaseline = 'top';
  ctx.textAlign = 'left';
  const right = bbox.left + bbox.width;
  const seen = bands
    .map((band) => ({ ...band, start: xOf(band.from), end: band.until === null ? right : xOf(band.until) }))
    .filter(({ start, end }) => end >= bbox.left && start <= right);
  for (const { start, end } of seen) {
    ctx.fillStyle = role('bad-wash');
    ctx.fillRect(start, bbox.top, Math.max(2 * ratio, end - start), bbox.height);
    ctx.fillStyle = role('bad');
    ctx.fillRect(start, bbox.top, ratio, bbox.height);
  }
  // Where each row of labels ends so far; a label that fits in none is left to the line and the timeline.
  const ends = LABEL_ROWS.map(() => bbox.left - 8 * ratio);
  const write = (text: string, at: number, bandStart: number, colour: string): void => {
    const size = ctx.measureText(text).width;
    // To the right of its line; where the plot ends too soon, to the left of the wash.
    const x = at + 6 * ratio + size > right ? bandStart - 6 * ratio - size : Math.max(bbox.left + 4 * ratio, at + 6 * ratio);
    const row = ends.findIndex((end) => x >= end + 8 * ratio);
    if (row < 0) return;
    ctx.fillStyle = colour;
    ctx.fillText(text, x, bbox.top + (LABEL_ROWS[row] ?? 0) * ratio);
    ends[row] = x + size;
  };
  // After all washes, so that no label lies under the next one.
  for (const { label, healed, until, start, end } of seen) {
    write(label, start, start, role('bad'));
    if (healed !== null && until !== null) write(healed, end, start, role('muted'));
  }
  ctx.restore();
}
