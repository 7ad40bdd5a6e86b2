/** Lanes as SVG paths: one for each tone and lane, so that thousands of events cost no more to draw than a few. */
import { barsOf, type Bar, type CauseCurve, type EventMark, type TimeWindow } from './lane-view.ts';
import type { SpanTone } from './lane-spans.ts';
import type { Lane } from './lanes.ts';
import { eventTone } from './timeline.ts';

export const LANE = 22;
export const BAR = 12;
export const TOP = 4;
/** Where the names of the lanes stand, and what is left free at the other end. */
export const LABEL = 116;
export const RIGHT = 12;

export const laneY = (lane: number): number => TOP + lane * LANE + (LANE - BAR) / 2;
export const heightOf = (lanes: number): number => TOP + lanes * LANE + 4;

export interface DrawnLane {
  lane: Lane;
  paths: [SpanTone, string][];
  words: { x: number; text: string; tone: SpanTone }[];
  bars: Bar[];
}

export function drawLanes(lanes: readonly Lane[], view: TimeWindow): DrawnLane[] {
  return lanes.map((lane, i) => {
    const bars = barsOf(lane.spans, view);
    const paths = new Map<SpanTone, string>();
    const words: DrawnLane['words'] = [];
    for (const bar of bars) {
      paths.set(bar.tone, `${paths.get(bar.tone) ?? ''}${roundedBar(bar, laneY(i))}`);
      // What is as it should be needs no word.
      const quiet = bar.tone === 'ok';
      if (!quiet && !bar.several && bar.width > bar.span.word.length * 5.6 + 10)
        words.push({ x: bar.x + 5, text: bar.span.word, tone: bar.tone });
    }
    return { lane, paths: [...paths], words, bars };
  });
}

function roundedBar({ x, width }: Bar, y: number): string {
  const r = Math.min(2, width / 2);
  const inner = (width - 2 * r).toFixed(1);
  const side = BAR - 2 * r;
  return `M${(x + r).toFixed(1)} ${y}h${inner}a${r} ${r} 0 0 1 ${r} ${r}v${side}a${r} ${r} 0 0 1 -${r} ${r}h-${inner}a${r} ${r} 0 0 1 -${r} -${r}v-${side}a${r} ${r} 0 0 1 ${r} -${r}z`;
}

/** By tone. */
export function drawMarks(marks: readonly EventMark[]): [tone: string, path: string][] {
  const paths = new Map<string, string>();
  for (const { event, lane, x } of marks) {
    const tone = eventTone(event);
    paths.set(tone, `${paths.get(tone) ?? ''}M${x.toFixed(1)} ${laneY(lane) - 4}v4`);
  }
  return [...paths];
}

export function drawCurve({ x1, lane1, x2, lane2 }: CauseCurve): string {
  const down = lane2 > lane1;
  const y1 = laneY(lane1) + (down ? BAR : 0);
  const y2 = laneY(lane2) + (down ? 0 : BAR);
  const bend = Math.max(10, Math.abs(x2 - x1) * 0.45);
  const lift = Math.max(6, Math.abs(y2 - y1) * 0.35) * (down ? 1 : -1);
  const ends = { from: `M${x1.toFixed(1)} ${y1}`, to: `${x2.toFixed(1)} ${y2}` };
  return x2 - x1 < 24
    ? `${ends.from}C${(x1 + 14).toFixed(1)} ${y1 + lift} ${(x2 - 14).toFixed(1)} ${y2 - lift} ${ends.to}`
    : `${ends.from}C${(x1 + bend).toFixed(1)} ${y1 + lift} ${(x2 - bend).toFixed(1)} ${y2} ${ends.to}`;
}
