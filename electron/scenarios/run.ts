/**
 * One run of a scenario: prepares topics and loads, performs the steps, decides the expectations, cleans up, audits the logs and reports.
 * However the run ends, its faults are healed and its loads, topics and groups are removed.
 */
import { reportIncidents } from '#shared/incidents/report';
import type { LoadAudit, LoadRow } from '#shared/models/load';
import type { ScenarioReport, ScenarioRun, StepReport } from '#shared/models/scenario';
import type { Scenario, ScenarioStep } from '#shared/scenario-schema';
import { AdminError } from '../admin/errors.ts';
import { performAction } from './actions.ts';
import { bounded, BrokenRunError, CancelledRunError, pause, type RunEnvironment } from './environment.ts';
import { checkCondition } from './conditions.ts';
import { Expectations } from './expectations.ts';
import { areReplicasInSync, checkFit, chooseNames, cleanUp, createTopics, startLoads, until } from './preparation.ts';
import { RunContext } from './run-context.ts';
import { describeAction, describeCondition, formatTarget, summarizeScenario, describeTiming } from './descriptions.ts';
import { appendAll } from '#shared/lists';
import { messageOf } from '#shared/errors';

export interface RunOptions {
  id: number;
  version: string;
  signal: AbortSignal;
  /** Aborted when the cluster closes: the run then skips its clean-up. */
  abandoned?: AbortSignal;
  /** Called at every change with the live object of the run, which changes later. */
  onProgress?: (run: ScenarioRun) => void;
}

/** Limit of one action; the run is broken when an action takes longer. */
const ACTION_MS = 60_000;
const UNTIL_MS = 30_000;
const POLL_MS = 100;
/** Limit of each part of the clean-up, which cancelling does not shorten. */
const ENDING_MS = 60_000;

/** Resolves to the report, which also has the errors of the cluster. */
export async function runScenario(scenario: Scenario, environment: RunEnvironment, options: RunOptions): Promise<ScenarioReport> {
  return new Run(scenario, environment, options).run();
}

class Run {
  private readonly scenario: Scenario;
  private readonly environment: RunEnvironment;
  private readonly options: RunOptions;
  private readonly state: ScenarioRun;
  private readonly context: RunContext;
  private readonly expectations: Expectations;
  private readonly topics: string[] = [];
  private firstEvent = 0;
  private stepsAt = 0;
  private readonly stopFollowing: () => void;
  /** Aborts polls and waits at the end of the run. */
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;
  /** The action that runs now; settles without a rejection. */
  private currentAction: Promise<unknown> = Promise.resolve();

  constructor(scenario: Scenario, environment: RunEnvironment, options: RunOptions) {
    this.scenario = scenario;
    this.environment = environment;
    this.options = options;
    this.signal = AbortSignal.any([options.signal, this.over.signal]);
    this.context = new RunContext(scenario, environment, this.signal);
    this.expectations = new Expectations(this.context, () => this.notifyProgress());
    this.state = {
      id: options.id,
      scenario: summarizeScenario(scenario),
      state: 'preparing',
      startedAt: Date.now(),
      endedAt: null,
      stepsAt: null,
      brokers: [],
      renamed: {},
      steps: scenario.steps.map((step) => ({
        name: step.name ?? null,
        say: step.say.trim(),
        when: describeTiming(step),
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
    this.stopFollowing = environment.loads.onChange(() => this.notifyProgress());
  }

  async run(): Promise<ScenarioReport> {
    this.firstEvent = this.environment.lab.timeline(0).at(-1)?.id ?? 0;
    let outcome: 'done' | 'cancelled' | 'broken' = 'done';
    try {
      await this.prepare();
      await this.steps();
      await this.expectations.watched();
      await this.expectations.atEnd(performance.now());
    } catch (error) {
      outcome = error instanceof CancelledRunError ? 'cancelled' : 'broken';
      this.state.problem = outcome === 'cancelled' ? 'The run was cancelled.' : this.problemOf(error);
    }
    const audits = await this.end(outcome);
    if (outcome === 'done') this.expectations.audited(audits);
    this.expectations.close(this.state.problem ?? 'the run ended before a decision');
    return this.report(outcome);
  }

  private async prepare(): Promise<void> {
    const { context, state } = this;
    const fit = await checkFit(context);
    state.brokers = fit.brokers;
    appendAll(state.notices, fit.notices);
    state.renamed = await chooseNames(context);
    this.notifyProgress();
    await createTopics(context, this.topics);
    await startLoads(context);
  }

  private async steps(): Promise<void> {
    this.stepsAt = performance.now();
    this.state.stepsAt = Date.now();
    this.state.state = 'running';
    this.expectations.begin(this.stepsAt);
    this.notifyProgress();
    for (const [i, step] of this.scenario.steps.entries()) {
      const report = this.state.steps[i] as StepReport;
      const began = await this.step(step, report);
      if (step.name !== undefined) this.expectations.passed(step.name, { began, ended: performance.now() });
    }
  }

  /** Resolves to the time at which the actions began (monotonic ms). */
  private async step(step: ScenarioStep, report: StepReport): Promise<number> {
    const { signal } = this;
    const since = performance.now();
    report.state = 'awaited';
    this.notifyProgress();
    try {
      if (step.at !== undefined) await pause(Math.max(0, this.stepsAt + step.at - since), signal);
      if (step.after !== undefined) await pause(step.after, signal);
      if (step.until !== undefined) await this.waitFor(step.until, step.within ?? UNTIL_MS, since);
      report.state = 'running';
      report.beganMs = this.now();
      this.notifyProgress();
      const began = performance.now();
      for (const action of step.do) await this.act(action, report);
      report.state = 'done';
      report.endedMs = this.now();
      this.notifyProgress();
      return began;
    } catch (error) {
      report.state = error instanceof CancelledRunError ? 'skipped' : 'failed';
      report.error = error instanceof CancelledRunError ? null : this.problemOf(error);
      report.endedMs = this.now();
      throw error;
    }
  }

  private async act(action: ScenarioStep['do'][number], report: StepReport): Promise<void> {
    const plain = describeAction(action, formatTarget);
    try {
      const text = await bounded(plain, 'wait' in action ? action.wait + ACTION_MS : ACTION_MS, this.signal, () => {
        const doing = performAction(action, this.context);
        this.currentAction = doing.catch(() => undefined);
        return doing;
      });
      report.actions.push({ text, atMs: this.now(), error: null });
    } catch (error) {
      if (!(error instanceof CancelledRunError)) report.actions.push({ text: plain, atMs: this.now(), error: this.problemOf(error) });
      throw error;
    }
    this.notifyProgress();
  }

  private async waitFor(condition: Exclude<ScenarioStep['until'], undefined>, withinMs: number, since: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const { holds, seen } = await checkCondition(condition, this.context, since);
      if (holds === true) return;
      if (performance.now() > deadline)
        throw new BrokenRunError(
          `Not true within ${withinMs / 1000} s: ${describeCondition(condition, formatTarget)}. Last state: ${seen}.`,
        );
      await pause(POLL_MS, this.signal);
    }
  }

  /** Heals faults, ends the loads and audits their records. Each part has its own limit and runs even if the previous one failed. */
  private async end(outcome: 'done' | 'cancelled' | 'broken'): Promise<Map<string, LoadAudit>> {
    const { context, state } = this;
    const { loads } = this.environment;
    state.state = 'settling';
    for (const step of state.steps) if (step.state === 'waiting') step.state = 'skipped';
    this.notifyProgress();
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
    // A fault that is being injected takes effect before it is healed.
    await attempt('Waiting for the last step', () => this.currentAction);
    const rows = this.rows();
    // Instead of the signal of the run: cancelling does not interrupt the clean-up.
    const uncancelled = new AbortController().signal;
    await attempt('Healing', async () => {
      const failed = await context.healOwn();
      if (failed.length > 0) throw new BrokenRunError(failed.join(' '));
    });
    for (const row of rows) if (row.spec.kind === 'producer') await attempt(`Ending ${row.spec.name}`, () => loads.stop(row.id));
    if (outcome === 'done') {
      await attempt('Waiting for all replicas', () => until(uncancelled, 'The cluster', () => areReplicasInSync(context)));
      for (const [name, { id }] of context.loads) {
        if (rows.find((row) => row.id === id)?.spec.kind !== 'producer') continue;
        await attempt(`Reading the records of ${name}`, async () => void audits.set(name, await loads.audit(id)));
      }
    }
    for (const row of rows) if (row.spec.kind === 'group') await attempt(`Ending ${row.spec.name}`, () => loads.stop(row.id));
    state.loads = this.rows();
    if (this.isAbandoned()) return audits;
    const groups = state.loads.flatMap(({ spec }) => (spec.kind === 'group' ? [spec.name] : []));
    appendAll(state.notices, await cleanUp(context, this.topics, groups));
    return audits;
  }

  private isAbandoned(): boolean {
    return this.options.abandoned?.aborted === true;
  }

  private rows(): LoadRow[] {
    const ids = new Set([...this.context.loads.values()].map(({ id }) => id));
    return this.environment.loads.list().filter(({ id }) => ids.has(id));
  }

  private report(outcome: 'done' | 'cancelled' | 'broken'): ScenarioReport {
    const { state } = this;
    this.stopFollowing();
    this.context.close();
    const held = state.expectations.every(({ verdict }) => verdict === 'held');
    state.state = outcome === 'done' ? (held ? 'held' : 'failed') : outcome;
    state.endedAt = Date.now();
    this.options.onProgress?.(state);
    const events = [...this.environment.lab.timeline(this.firstEvent)];
    return { ...structuredClone(state), version: this.options.version, events, incidents: reportIncidents(events) };
  }

  private notifyProgress(): void {
    if (this.state.state !== 'settling' || this.state.loads.length === 0) this.state.loads = this.rows();
    this.options.onProgress?.(this.state);
  }

  /** Milliseconds since the steps began. */
  private now(): number {
    return Math.round(performance.now() - this.stepsAt);
  }

  private problemOf(error: unknown): string {
    if (error instanceof AdminError) return error.app.advice === undefined ? error.app.message : `${error.app.message} ${error.app.advice}`;
    // A defect of Brokerdesk is reported as well: the run has to clean up.
    return messageOf(error);
  }
}
