/** The visible part of the lanes in a window of time: bounded by pixels, not by the number of events. */
import type { TimelineEvent } from '#shared/models/timeline';
import { lanesOf } from './lane-facts.ts';
import type { Span, SpanTone } from './lane-spans.ts';
import type { Lane } from './lanes.ts';

export interface TimeWindow {
  from: number;
  until: number;
  /** Pixels. */
  width: number;
}

export interface Bar {
  x: number;
  width: number;
  tone: SpanTone;
  /** Several spans, too short to be distinguished. */
  several: boolean;
  span: Span;
}

/** Narrower bars are drawn as one. */
const MIN_BAR = 2;
/** Between two bars. */
const SEAM = 1;

export const xOf = (at: number, { from, until, width }: TimeWindow): number => ((at - from) / Math.max(1, until - from)) * width;

/** The worse one is shown where several share a pixel. */
const WEIGHT: Record<SpanTone, number> = { none: 0, ok: 1, led: 2, led2: 2, control: 2, flow: 3, warn: 4, bad: 5 };

/** At most width / 2 bars, left to right. */
export function barsOf(spans: readonly Span[], window: TimeWindow): Bar[] {
  const bars: Bar[] = [];
  for (const span of spans) {
    const end = Math.min(span.until ?? window.until, window.until);
    if (end <= window.from || span.from >= window.until) continue;
    const x = Math.max(0, xOf(span.from, window));
    const width = Math.max(xOf(end, window) - x, 0);
    const last = bars.at(-1);
    if (last !== undefined && width < MIN_BAR && x - last.x < MIN_BAR) {
      last.width = Math.max(last.width, x + width - last.x);
      last.several = true;
      if (WEIGHT[span.tone] > WEIGHT[last.tone]) last.tone = span.tone;
      continue;
    }
    const shift = last === undefined ? 0 : Math.max(0, last.x + last.width - x);
    bars.push({ x: x + shift, width: Math.max(MIN_BAR, width - shift), tone: span.tone, several: false, span });
  }
  for (const bar of bars) if (bar.width > MIN_BAR + SEAM) bar.width -= SEAM;
  return bars;
}

export interface EventMark {
  event: TimelineEvent;
  lane: number;
  x: number;
}

/** One mark a pixel column and lane, the latest; in order of time. */
export function marksOf(lanes: readonly Lane[], window: TimeWindow): EventMark[] {
  const marks: EventMark[] = [];
  lanes.forEach((lane, i) => {
    let column = -1;
    for (let e = firstAfter(lane.events, window.from); e < lane.events.length; e += 1) {
      const event = lane.events[e] as TimelineEvent;
      if (event.at > window.until) break;
      const x = xOf(event.at, window);
      const here = Math.floor(x / 3);
      if (here === column) marks.pop();
      column = here;
      marks.push({ event, lane: i, x });
    }
  });
  return marks.sort((a, b) => a.event.at - b.event.at || a.event.id - b.event.id);
}

function firstAfter(events: readonly TimelineEvent[], at: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle] as TimelineEvent).at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface CauseCurve {
  cause: TimelineEvent;
  effect: TimelineEvent;
  x1: number;
  lane1: number;
  x2: number;
  lane2: number;
}

/** From causes to effects that are both in sight, the latest first; at most `most`. */
export function causesOf(events: readonly TimelineEvent[], lanes: readonly Lane[], window: TimeWindow, most: number): CauseCurve[] {
  const place = new Map(lanes.map((lane, i) => [lane.key, i]));
  const laneOf = (event: TimelineEvent): number | undefined => {
    for (const key of lanesOf(event)) {
      const lane = place.get(key);
      if (lane !== undefined) return lane;
    }
    return undefined;
  };
  const byId = new Map(events.map((event) => [event.id, event]));
  const curves: CauseCurve[] = [];
  for (let i = events.length - 1; i >= 0 && curves.length < most; i -= 1) {
    const effect = events[i] as TimelineEvent;
    if (effect.at < window.from) break;
    if (effect.causeId === undefined || effect.at > window.until) continue;
    const origin = seenCause(effect, byId, laneOf);
    if (origin === null || origin.at < window.from) continue;
    const lane1 = laneOf(origin);
    const lane2 = laneOf(effect);
    if (lane1 === undefined || lane2 === undefined || lane1 === lane2) continue;
    curves.push({ cause: origin, effect, x1: xOf(origin.at, window), lane1, x2: xOf(effect.at, window), lane2 });
  }
  return curves;
}

/** The nearest cause that has a lane: one without is passed through to its own cause. */
function seenCause(
  effect: TimelineEvent,
  byId: ReadonlyMap<number, TimelineEvent>,
  laneOf: (event: TimelineEvent) => number | undefined,
): TimelineEvent | null {
  let cause = effect.causeId === undefined ? undefined : byId.get(effect.causeId);
  for (let steps = 0; cause !== undefined && steps < 10; steps += 1) {
    if (laneOf(cause) !== undefined) return cause;
    cause = cause.causeId === undefined ? undefined : byId.get(cause.causeId);
  }
  return null;
}

/** Marks of the axis: a round step, at most one in 90 pixels. */
export function ticksOf({ from, until, width }: TimeWindow): { at: number; x: number }[] {
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400].map((seconds) => seconds * 1_000);
  const span = until - from;
  const step = STEPS.find((one) => (one / Math.max(1, span)) * width >= 90) ?? 86_400_000;
  const ticks: { at: number; x: number }[] = [];
  for (let at = Math.ceil(from / step) * step; at <= until; at += step) ticks.push({ at, x: xOf(at, { from, until, width }) });
  return ticks;
}
