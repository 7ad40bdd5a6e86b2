/** Scenarios for the page: the outline before a run, and the result of each part. */
import type { ExpectationReport, ScenarioOutline, ScenarioRun, ScenarioState, StepState, Verdict } from '#shared/models/scenario';
import type { LoadRow } from '#shared/models/load';
import { formatCount, plural } from '../format/numbers.ts';
import type { Tone } from '../topics/replicas.ts';

export interface StepRow {
  key: number;
  /** "at 3 s", or at what time it was. */
  when: string;
  say: string;
  state: StepState;
  /** What it will do, or did. */
  actions: { text: string; error: string | null }[];
  error: string | null;
}

export interface ExpectationRow {
  key: number;
  text: string;
  verdict: Verdict;
  measured: string | null;
}

export const isGoing = (state: ScenarioState): boolean => state === 'preparing' || state === 'running' || state === 'settling';

/** A run shows only on what it is a run of. */
export function runOf(run: ScenarioRun | null, outline: ScenarioOutline | null): ScenarioRun | null {
  if (run === null || outline === null || run.scenario.name !== outline.summary.name) return null;
  return run.steps.length === outline.steps.length && run.expectations.length === outline.expectations.length ? run : null;
}

export function stepRows(outline: ScenarioOutline, run: ScenarioRun | null): StepRow[] {
  return outline.steps.map((step, key) => {
    const report = run?.steps[key];
    const done = report?.actions ?? [];
    return {
      key,
      when: beganAt(report?.beganMs ?? null) ?? step.when,
      say: step.say,
      state: report?.state ?? 'waiting',
      // What is still to come is said as the file has it.
      actions: step.actions.map((text, i) => done[i] ?? { text, error: null }),
      error: report?.error ?? null,
    };
  });
}

function beganAt(ms: number | null): string | null {
  return ms === null ? null : `${(ms / 1000).toFixed(1)} s`;
}

export function expectationRows(outline: ScenarioOutline, run: ScenarioRun | null): ExpectationRow[] {
  return outline.expectations.map((text, key) => {
    const report: ExpectationReport | undefined = run?.expectations[key];
    return { key, text, verdict: report?.verdict ?? 'open', measured: report?.measured ?? null };
  });
}

export const VERDICTS: Record<Verdict, { glyph: string; word: string; tone: Tone }> = {
  open: { glyph: '–', word: 'not decided yet', tone: 'none' },
  held: { glyph: '✓', word: 'passed', tone: 'ok' },
  failed: { glyph: '✕', word: 'failed', tone: 'bad' },
  undecided: { glyph: '?', word: 'undecided', tone: 'warn' },
};

export const STEP_LABELS: Record<StepState, string> = {
  waiting: 'pending',
  awaited: 'waiting',
  running: 'running',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
};

/** One line about the run as a whole. */
export function describeRun(run: ScenarioRun): { text: string; tone: Tone } {
  const held = run.expectations.filter(({ verdict }) => verdict === 'held').length;
  const all = run.expectations.length;
  switch (run.state) {
    case 'preparing':
      return { text: 'Preparing: topics and load', tone: 'flow' };
    case 'running':
      return { text: `Running: ${held} of ${plural(all, 'expectation')} passed so far`, tone: 'flow' };
    case 'settling':
      return { text: 'Healing, ending the load and reading the logs', tone: 'flow' };
    case 'held':
      return { text: `Passed: all ${plural(all, 'expectation')}`, tone: 'ok' };
    case 'failed':
      return { text: `Failed: ${held} of ${plural(all, 'expectation')} passed`, tone: 'bad' };
    case 'cancelled':
      return { text: 'Cancelled. All injected faults are healed.', tone: 'none' };
    case 'broken':
      return { text: run.problem ?? 'The run could not be completed.', tone: 'warn' };
  }
}

/** What a load has counted, in parts. */
export function loadFigures({ written, consumed }: LoadRow): { text: string; tone: Tone }[] {
  const figures: { text: string; tone: Tone }[] = [];
  if (written !== null) {
    figures.push({ text: `${formatCount(written.acknowledged)} acknowledged`, tone: 'none' });
    if (written.waiting > 0) figures.push({ text: `${formatCount(written.waiting)} in flight`, tone: 'none' });
    if (written.failed > 0) figures.push({ text: `${formatCount(written.failed)} failed`, tone: 'warn' });
    if (written.audit !== null) {
      figures.push({ text: `${formatCount(written.audit.lost)} lost`, tone: written.audit.lost > 0 ? 'bad' : 'ok' });
      if (written.audit.duplicated > 0) figures.push({ text: `${formatCount(written.audit.duplicated)} duplicates`, tone: 'bad' });
    }
  }
  if (consumed !== null) {
    figures.push({ text: `${formatCount(consumed.consumed)} consumed`, tone: 'none' });
    if (consumed.repeated > 0) figures.push({ text: `${formatCount(consumed.repeated)} redelivered`, tone: 'none' });
    if (consumed.crashes > 0) figures.push({ text: plural(consumed.crashes, 'crash', 'crashes'), tone: 'warn' });
  }
  return figures;
}

/** The first sentence of what it teaches. */
export function firstSentence(about: string): string {
  return /^.+?[.:](?=\s|$)/s.exec(about)?.[0].replace(/\s+/g, ' ').replace(/:$/, '.') ?? about;
}
