/** Time spans on a chart's canvas: a wash with a line at its start, and labels above the highest line of the chart where they fit. */
import type { ChartBand } from './figure-chart.ts';

/** Of a row of labels, in CSS pixels. */
const ROW_PX = 15;
const TOP_PX = 5;
const MAX_ROWS = 3;
/** Between a label and its line, and between two labels of a row, in CSS pixels. */
const GAP_PX = 6;
const HALO_PX = 4;
/** Characters: a longer label would run through the lines of other bands. */
const MAX_LABEL = 28;
const FONT_PX = 11;
/** Above the highest value of a chart without labels. */
const HEADROOM = 1.15;

/** Where bands are drawn. All lengths are canvas pixels. */
export interface BandPlot {
  left: number;
  right: number;
  /** Canvas pixels of a CSS pixel. */
  ratio: number;
  /** Horizontal pixel of a time in ms. */
  xOf: (at: number) => number;
  /** Width of a text. */
  widthOf: (text: string) => number;
}

export interface BandLabel {
  text: string;
  x: number;
  width: number;
  /** 0 is the highest. */
  row: number;
  /** A colour role. */
  role: 'bad' | 'muted';
}

export interface BandCanvas extends Omit<BandPlot, 'widthOf' | 'left' | 'right'> {
  ctx: CanvasRenderingContext2D;
  /** The plot, in canvas pixels. */
  bbox: { left: number; top: number; width: number; height: number };
  /** A colour role's value. */
  role: (name: string) => string;
}

export const bandFont = (ratio: number): string => `${FONT_PX * ratio}px 'Inter Variable', sans-serif`;

interface Span extends ChartBand {
  start: number;
  end: number;
}

const spansOf = (bands: readonly ChartBand[], { left, right, xOf }: Pick<BandPlot, 'left' | 'right' | 'xOf'>): Span[] =>
  bands
    .map((band) => ({ ...band, start: xOf(band.from), end: band.until === null ? right : xOf(band.until) }))
    .filter(({ start, end }) => end >= left && start <= right);

/** Starts of bands have precedence over their ends. A label that fits in no row is left out: the list of incidents has it. */
export function placeLabels(bands: readonly ChartBand[], plot: BandPlot): BandLabel[] {
  const { left, right, ratio, widthOf } = plot;
  const spans = spansOf(bands, plot);
  const labels: BandLabel[] = [];
  const place = (whole: string, at: number, role: BandLabel['role']): void => {
    const text = whole.length > MAX_LABEL ? `${whole.slice(0, MAX_LABEL - 1)}…` : whole;
    const width = widthOf(text);
    const gap = GAP_PX * ratio;
    // To the right of its time; where the plot ends too soon, to the left.
    const x = at + gap + width > right ? at - gap - width : Math.max(left + 4 * ratio, at + gap);
    if (x < left) return;
    for (let row = 0; row < MAX_ROWS; row++) {
      if (labels.some((one) => one.row === row && one.x < x + width + gap && x < one.x + one.width + gap)) continue;
      labels.push({ text, x, width, row, role });
      return;
    }
  };
  for (const { label, start } of spans) place(label, start, 'bad');
  // An end beyond the range that is shown has no label.
  for (const { healed, until, end } of spans) if (healed !== null && until !== null && end <= right) place(healed, end, 'muted');
  return labels;
}

/**
 * Upper end of a chart's axis: at least `leastTop`, and so far above the highest value that no line of the chart runs through a label.
 * `plotPx`: height of the plot in CSS pixels.
 */
export function axisTop(max: number, leastTop: number, labels: readonly BandLabel[], plotPx: number): number {
  const rows = labels.reduce((most, { row }) => Math.max(most, row + 1), 0);
  const share = rows === 0 ? 0 : Math.min(0.75, (TOP_PX + rows * ROW_PX + 2) / plotPx);
  return Math.max(leastTop, max * HEADROOM, max / (1 - share));
}

export function drawBands({ ctx, bbox, ratio, xOf, role }: BandCanvas, bands: readonly ChartBand[]): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = bandFont(ratio);
  ctx.textBaseline = 'top';
  ctx.textAlign = 'left';
  const right = bbox.left + bbox.width;
  const plot: BandPlot = { left: bbox.left, right, ratio, xOf, widthOf: (text) => ctx.measureText(text).width };
  const spans = spansOf(bands, plot);
  // All washes before all lines, so that no wash dims the line of another band.
  ctx.fillStyle = role('bad-wash');
  for (const { start, end } of spans) ctx.fillRect(start, bbox.top, Math.max(2 * ratio, end - start), bbox.height);
  ctx.fillStyle = role('bad');
  for (const { start } of spans) ctx.fillRect(start, bbox.top, ratio, bbox.height);
  ctx.lineJoin = 'round';
  ctx.lineWidth = HALO_PX * ratio;
  for (const { text, x, row, role: colour } of placeLabels(bands, plot)) {
    const y = bbox.top + (TOP_PX + row * ROW_PX) * ratio;
    // The line of another band ends at the edge of the label.
    ctx.strokeStyle = role(spans.some(({ start, end }) => start <= x && x <= end) ? 'bad-wash' : 'surface');
    ctx.strokeText(text, x, y);
    ctx.fillStyle = role(colour);
    ctx.fillText(text, x, y);
  }
  ctx.restore();
}
