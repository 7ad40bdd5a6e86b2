/**
 * One run of a scenario: prepares, does the steps, watches what is expected, ends what it began, reads the logs and tells.
 * It can be ended at any moment; whatever ends it, its faults are healed and its loads, topics and groups are gone after.
 */
import { reportIncidents } from '#shared/incidents/report';
import type { LoadAudit, LoadRow } from '#shared/models/load';
import type { ScenarioReport, ScenarioRun, StepReport } from '#shared/models/scenario';
import type { Scenario, ScenarioStep } from '#shared/scenario-schema';
import { AdminError } from '../admin/errors.ts';
import { perform } from './actions.ts';
import { bounded, Broken, Cancelled, pause, reasonOf, type Bench } from './bench.ts';
import { look } from './conditions.ts';
import { Expectations } from './expectations.ts';
import { areWhole, checkFit, chooseNames, cleanUp, createTopics, startLoads, until } from './preparing.ts';
import { Stage } from './stage.ts';
import { actionWords, conditionWords, plainTarget, summaryOf, whenWords } from './words.ts';
import { appendAll } from '#shared/lists';

export interface RunOptions {
  id: number;
  version: string;
  signal: AbortSignal;
  /** The cluster itself goes: nothing of what the run began needs an end of its own. */
  abandoned?: AbortSignal;
  /** Called at every change, with the run as it stands; it is changed further after that. */
  onProgress?: (run: ScenarioRun) => void;
}

/** Anything that a step does is done within this, or the run ends. */
const ACTION_MS = 60_000;
const UNTIL_MS = 30_000;
const POLL_MS = 100;
/** The ending has a clock of its own, which no cancelling shortens. */
const ENDING_MS = 60_000;

/** Never rejects for what happens in the cluster: the report tells it. */
export async function runScenario(scenario: Scenario, bench: Bench, options: RunOptions): Promise<ScenarioReport> {
  return new Run(scenario, bench, options).run();
}

class Run {
  private readonly scenario: Scenario;
  private readonly bench: Bench;
  private readonly options: RunOptions;
  private readonly state: ScenarioRun;
  private readonly stage: Stage;
  private readonly expectations: Expectations;
  private readonly topics: string[] = [];
  private firstEvent = 0;
  private stepsAt = 0;
  private readonly stopFollowing: () => void;
  /** Ends what is watched and waited for when the run ends, whatever the reason. */
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;
  /** What a step does just now. */
  private underWay: Promise<unknown> = Promise.resolve();

  constructor(scenario: Scenario, bench: Bench, options: RunOptions) {
    this.scenario = scenario;
    this.bench = bench;
    this.options = options;
    this.signal = AbortSignal.any([options.signal, this.over.signal]);
    this.stage = new Stage(scenario, bench, this.signal);
    this.expectations = new Expectations(this.stage, () => this.tell());
    this.state = {
      id: options.id,
      scenario: summaryOf(scenario),
      state: 'preparing',
      startedAt: Date.now(),
      endedAt: null,
      stepsAt: null,
      brokers: [],
      renamed: {},
      steps: scenario.steps.map((step) => ({
        name: step.name ?? null,
        say: step.say.trim(),
        when: whenWords(step),
        state: 'waiting',
        beganMs: null,
        endedMs: null,
        actions: [],
        error: null,
      })),
      expectations: this.expectations.reports,
      loads: [],
      notices: [],
      problem: null,
    };
    this.stopFollowing = bench.loads.onChange(() => this.tell());
  }

  async run(): Promise<ScenarioReport> {
    this.firstEvent = this.bench.lab.timeline(0).at(-1)?.id ?? 0;
    let outcome: 'done' | 'cancelled' | 'broken' = 'done';
    try {
      await this.prepare();
      await this.steps();
      await this.expectations.watched();
      await this.expectations.atEnd(performance.now());
    } catch (error) {
      outcome = error instanceof Cancelled ? 'cancelled' : 'broken';
      this.state.problem = outcome === 'cancelled' ? 'It was cancelled.' : this.problemOf(error);
    }
    const audits = await this.end(outcome);
    if (outcome === 'done') this.expectations.audited(audits);
    this.expectations.close(this.state.problem ?? 'the run ended before it could be decided');
    return this.report(outcome);
  }

  private async prepare(): Promise<void> {
    const { stage, state } = this;
    const fit = await checkFit(stage);
    state.brokers = fit.brokers;
    appendAll(state.notices, fit.notices);
    state.renamed = await chooseNames(stage);
    this.tell();
    await createTopics(stage, this.topics);
    await startLoads(stage);
  }

  private async steps(): Promise<void> {
    this.stepsAt = performance.now();
    this.state.stepsAt = Date.now();
    this.state.state = 'running';
    this.expectations.begin(this.stepsAt);
    this.tell();
    for (const [i, step] of this.scenario.steps.entries()) {
      const report = this.state.steps[i] as StepReport;
      const began = await this.step(step, report);
      if (step.name !== undefined) this.expectations.passed(step.name, { began, ended: performance.now() });
    }
  }

  /** Resolves to when its actions began (monotonic ms). */
  private async step(step: ScenarioStep, report: StepReport): Promise<number> {
    const { signal } = this;
    const since = performance.now();
    report.state = 'awaited';
    this.tell();
    try {
      if (step.at !== undefined) await pause(Math.max(0, this.stepsAt + step.at - since), signal);
      if (step.after !== undefined) await pause(step.after, signal);
      if (step.until !== undefined) await this.waitFor(step.until, step.within ?? UNTIL_MS, since);
      report.state = 'running';
      report.beganMs = this.now();
      this.tell();
      const began = performance.now();
      for (const action of step.do) await this.act(action, report);
      report.state = 'done';
      report.endedMs = this.now();
      this.tell();
      return began;
    } catch (error) {
      report.state = error instanceof Cancelled ? 'skipped' : 'failed';
      report.error = error instanceof Cancelled ? null : this.problemOf(error);
      report.endedMs = this.now();
      throw error;
    }
  }

  private async act(action: ScenarioStep['do'][number], report: StepReport): Promise<void> {
    const plain = actionWords(action, plainTarget);
    try {
      const text = await bounded(plain, 'wait' in action ? action.wait + ACTION_MS : ACTION_MS, this.signal, () => {
        const doing = perform(action, this.stage);
        this.underWay = doing.catch(() => undefined);
        return doing;
      });
      report.actions.push({ text, atMs: this.now(), error: null });
    } catch (error) {
      if (!(error instanceof Cancelled)) report.actions.push({ text: plain, atMs: this.now(), error: this.problemOf(error) });
      throw error;
    }
    this.tell();
  }

  private async waitFor(condition: Exclude<ScenarioStep['until'], undefined>, withinMs: number, since: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const { holds, seen } = await look(condition, this.stage, since);
      if (holds === true) return;
      if (performance.now() > deadline)
        throw new Broken(`It did not come about within ${withinMs / 1000} s that ${conditionWords(condition, plainTarget)}: ${seen}.`);
      await pause(POLL_MS, this.signal);
    }
  }

  /** Heals, ends the loads and reads what they wrote; each with its own bound, whatever the one before came to. */
  private async end(outcome: 'done' | 'cancelled' | 'broken'): Promise<Map<string, LoadAudit>> {
    const { stage, state } = this;
    const { loads } = this.bench;
    state.state = 'settling';
    for (const step of state.steps) if (step.state === 'waiting') step.state = 'skipped';
    this.tell();
    const audits = new Map<string, LoadAudit>();
    this.over.abort();
    if (this.isAbandoned()) return audits;
    const attempt = async (what: string, action: () => Promise<unknown>): Promise<void> => {
      if (this.isAbandoned()) return;
      try {
        await bounded(what, ENDING_MS, this.options.abandoned ?? new AbortController().signal, action);
      } catch (error) {
        state.notices.push(`${what}: ${this.problemOf(error)}`);
      }
    };
    // A fault that is on its way comes into force all the same; then it is healed like the others.
    await attempt('Waiting for the last step', () => this.underWay);
    const rows = this.rows();
    // In the signal's place: the ending goes to its end.
    const calm = new AbortController().signal;
    await attempt('Healing', async () => {
      const failed = await stage.healOwn();
      if (failed.length > 0) throw new Broken(failed.join(' '));
    });
    for (const row of rows) if (row.spec.kind === 'producer') await attempt(`Ending ${row.spec.name}`, () => loads.stop(row.id));
    if (outcome === 'done') {
      await attempt('Waiting for all copies', () => until(calm, 'The cluster', () => areWhole(stage)));
      for (const [name, { id }] of stage.loads) {
        if (rows.find((row) => row.id === id)?.spec.kind !== 'producer') continue;
        await attempt(`Reading what ${name} wrote`, async () => void audits.set(name, await loads.audit(id)));
      }
    }
    for (const row of rows) if (row.spec.kind === 'group') await attempt(`Ending ${row.spec.name}`, () => loads.stop(row.id));
    state.loads = this.rows();
    if (this.isAbandoned()) return audits;
    const groups = state.loads.flatMap(({ spec }) => (spec.kind === 'group' ? [spec.name] : []));
    appendAll(state.notices, await cleanUp(stage, this.topics, groups));
    return audits;
  }

  private isAbandoned(): boolean {
    return this.options.abandoned?.aborted === true;
  }

  private rows(): LoadRow[] {
    const ids = new Set([...this.stage.loads.values()].map(({ id }) => id));
    return this.bench.loads.list().filter(({ id }) => ids.has(id));
  }

  private report(outcome: 'done' | 'cancelled' | 'broken'): ScenarioReport {
    const { state } = this;
    this.stopFollowing();
    this.stage.close();
    const held = state.expectations.every(({ verdict }) => verdict === 'held');
    state.state = outcome === 'done' ? (held ? 'held' : 'failed') : outcome;
    state.endedAt = Date.now();
    this.options.onProgress?.(state);
    const events = [...this.bench.lab.timeline(this.firstEvent)];
    return { ...structuredClone(state), version: this.options.version, events, incidents: reportIncidents(events) };
  }

  private tell(): void {
    if (this.state.state !== 'settling' || this.state.loads.length === 0) this.state.loads = this.rows();
    this.options.onProgress?.(this.state);
  }

  /** Milliseconds since the steps began. */
  private now(): number {
    return Math.round(performance.now() - this.stepsAt);
  }

  private problemOf(error: unknown): string {
    if (error instanceof AdminError) return error.app.advice === undefined ? error.app.message : `${error.app.message} ${error.app.advice}`;
    // Ours: it is told all the same, since the run has to end in order.
    return reasonOf(error);
  }
}
