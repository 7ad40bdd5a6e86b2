/** How a page's frames go: the gaps between them as a person sees them, and the page's own work in each, from the browser's trace. */
import type { Browser, Page } from 'playwright-core';

export interface FrameFigures {
  frames: number;
  /** Milliseconds from one frame to the next. */
  gaps: Quantiles;
  /** Milliseconds of processor time that the page's main thread took from one frame to the next: script, style, layout, paint. */
  work: Quantiles;
  /** Where the main thread's processor time went, by the trace's names, each without what it contains; percent of the time that passed. */
  shares: [name: string, percent: number][];
  /** Of all of it. */
  share: number;
  /** Tasks of the main thread above 50 ms of processor time. */
  longTasks: number;
}

export interface Quantiles {
  p50: number;
  p95: number;
  p99: number;
}

interface TraceEvent {
  name: string;
  ph: string;
  ts: number;
  dur?: number;
  tdur?: number;
  pid: number;
  tid: number;
  args?: { name?: string };
}

const CATEGORIES = ['toplevel', 'devtools.timeline', '__metadata'];

/** `ended` is called before the trace is read, which keeps this program busy. */
export async function measureFrames(
  browser: Browser,
  page: Page,
  forMs: number,
  ended: () => Promise<void> = () => Promise.resolve(),
): Promise<FrameFigures> {
  await browser.startTracing(page, { categories: CATEGORIES });
  // Text, since what runs in the page is no part of this program's types.
  const times = await page.evaluate<number[]>(`new Promise((done) => {
    const times = [];
    const until = performance.now() + ${forMs};
    const frame = (now) => {
      times.push(now);
      if (now < until) requestAnimationFrame(frame);
      else done(times);
    };
    requestAnimationFrame(frame);
  })`);
  await ended();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString('utf8')) as { traceEvents: TraceEvent[] };
  return { frames: times.length, gaps: quantiles(between(times)), ...ofTrace(traceEvents) };
}

function ofTrace(events: readonly TraceEvent[]): Pick<FrameFigures, 'work' | 'shares' | 'share' | 'longTasks'> {
  const mine = mainThread(events);
  const frames = mine
    .filter(({ name }) => name === 'FireAnimationFrame')
    .map(({ ts }) => ts)
    .sort((a, b) => a - b);
  // Its name differs between versions; where both are there one is inside the other.
  const named = (task: string): TraceEvent[] => mine.filter(({ name, ph }) => name === task && ph === 'X');
  const inner = named('RunTask');
  const tasks = (inner.length > 0 ? inner : named('ThreadControllerImpl::RunTask')).sort((a, b) => a.ts - b.ts);
  const [from, until] = [frames[0] ?? 0, frames.at(-1) ?? 0];
  const work = new Array<number>(Math.max(0, frames.length - 1)).fill(0);
  let frame = 0;
  let longTasks = 0;
  for (const task of tasks) {
    if (task.ts < from || task.ts >= until) continue;
    while (frame + 1 < frames.length && (frames[frame + 1] ?? 0) <= task.ts) frame += 1;
    const ms = cpuMs(task);
    work[frame] = (work[frame] ?? 0) + ms;
    if (ms > 50) longTasks += 1;
  }
  const passed = (until - from) / 1_000;
  const shares = [...selfTimes(mine.filter(({ ph, ts }) => ph === 'X' && ts >= from && ts < until))]
    .map(([name, ms]): [string, number] => [name, (100 * ms) / passed])
    .sort((a, b) => b[1] - a[1]);
  return { work: quantiles(work), shares, share: (100 * work.reduce((sum, ms) => sum + ms, 0)) / passed, longTasks };
}

/** Milliseconds by name, each event without those inside it. */
function selfTimes(events: readonly TraceEvent[]): Map<string, number> {
  const times = new Map<string, number>();
  const add = (name: string, ms: number): void => void times.set(name, (times.get(name) ?? 0) + ms);
  const open: TraceEvent[] = [];
  for (const event of [...events].sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))) {
    while (open.length > 0 && event.ts >= (open.at(-1)?.ts ?? 0) + (open.at(-1)?.dur ?? 0)) open.pop();
    const around = open.at(-1);
    add(event.name, cpuMs(event));
    if (around !== undefined) add(around.name, -cpuMs(event));
    open.push(event);
  }
  return times;
}

/** Of the renderer that has the frames: other tabs and processes have a main thread too. */
function mainThread(events: readonly TraceEvent[]): TraceEvent[] {
  const counts = new Map<string, number>();
  for (const { name, pid, tid } of events)
    if (name === 'FireAnimationFrame') counts.set(`${pid}/${tid}`, (counts.get(`${pid}/${tid}`) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (most === undefined) throw new Error('the trace has no frame');
  return events.filter(({ pid, tid }) => `${pid}/${tid}` === most);
}

/** Processor time where the trace has it: on a machine that is shared, what passed by the clock is not all ours. */
const cpuMs = ({ tdur, dur }: TraceEvent): number => (tdur ?? dur ?? 0) / 1_000;

const between = (times: readonly number[]): number[] => times.slice(1).map((time, i) => time - (times[i] ?? time));

function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
