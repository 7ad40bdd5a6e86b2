/** Progress and report of a scenario run. Times without `At` in their name are ms since the start of the steps. */
import type { IncidentReport } from '../incidents/report.ts';
import type { LoadRow } from './load.ts';
import type { TimelineEvent } from './timeline.ts';

/** A scenario of the library, or one that was opened, as listed before it runs. */
export interface ScenarioSummary {
  name: string;
  title: string;
  about: string;
  brokers: number;
  steps: number;
  expectations: number;
}

/** A problem in a scenario's text. Lines and columns count from 1; null if the position is unknown. */
export interface ScenarioProblem {
  line: number | null;
  column: number | null;
  /** `steps[2].do[0].fault.node`; empty for the whole. */
  path: string;
  message: string;
}

/** A scenario as it is shown: what it will do, in words. */
export interface ScenarioOutline {
  summary: ScenarioSummary;
  /** Each in words: "producer writer: 100 records/s to orders, acks=all". */
  load: string[];
  topics: string[];
  steps: { name: string | null; when: string; say: string; actions: string[] }[];
  expectations: string[];
}

export type ScenarioState = 'preparing' | 'running' | 'settling' | 'held' | 'failed' | 'cancelled' | 'broken';
/** `awaited`: the step is next, and its time or condition is not reached. */
export type StepState = 'waiting' | 'awaited' | 'running' | 'done' | 'failed' | 'skipped';
/** `open`: not decided yet; `undecided`: the run ended before a decision. */
export type Verdict = 'open' | 'held' | 'failed' | 'undecided';

export interface StepReport {
  name: string | null;
  say: string;
  /** What it waits for, in words: "at 3 s", "when orders-0 has a leader". */
  when: string;
  state: StepState;
  /** When its condition became true; null until then. */
  beganMs: number | null;
  endedMs: number | null;
  /** What was done, with what the words stood for: "killed broker 2, the leader of orders-0". */
  actions: { text: string; atMs: number; error: string | null }[];
  /** Why it failed. */
  error: string | null;
}

export interface ExpectationReport {
  /** What was expected. */
  text: string;
  verdict: Verdict;
  /** What was measured: "after 3.4 s", "0 of 1,204 acknowledged are missing"; null while nothing was. */
  measured: string | null;
  /** The figure itself where there is one: ms until it was so, or a count. */
  figure: number | null;
  decidedMs: number | null;
}

export interface ScenarioRun {
  /** Grows by one with every run of a process. */
  id: number;
  scenario: ScenarioSummary;
  state: ScenarioState;
  /** Wall-clock ms. */
  startedAt: number;
  endedAt: number | null;
  /** Wall-clock ms at which the steps began; null before. */
  stepsAt: number | null;
  /** Of the cluster it ran on. */
  brokers: number[];
  /** What the scenario's topics and loads are called in this run, where those names were taken: by its name. */
  renamed: Record<string, string>;
  steps: StepReport[];
  expectations: ExpectationReport[];
  /** What each of its loads counted; the spec's names are those of the run. */
  loads: LoadRow[];
  /** Remarks that are no failures. */
  notices: string[];
  /** Why it was aborted; null if it was not. */
  problem: string | null;
}

/** The whole, when it has ended. */
export interface ScenarioReport extends ScenarioRun {
  /** Brokerdesk's version. */
  version: string;
  /** What happened in the cluster meanwhile, with causes. */
  events: TimelineEvent[];
  /** The outages of the run, derived from those events. */
  incidents: IncidentReport[];
}
