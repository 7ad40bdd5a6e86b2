/** Decides the expectations of a run: those with a deadline are polled from the end of their step, the others are evaluated after the last step. */
import { sayDuration } from '#shared/durations';
import type { LoadAudit } from '#shared/models/load';
import type { ExpectationReport } from '#shared/models/scenario';
import type { ScenarioCondition, ScenarioExpectation } from '#shared/scenario-verbs';
import { BrokenRunError, CancelledRunError, pause } from './environment.ts';
import { checkCondition, matching, within } from './conditions.ts';
import type { RunContext } from './run-context.ts';
import { plural } from '#shared/numbers';
import { describeExpectation } from './descriptions.ts';
import { messageOf } from '#shared/errors';

const POLL_MS = 100;
/** Ranges of lost records in the text of a verdict; the audit of the load has all of them. */
const NAMED_RANGES = 5;

/** Times of a step, in monotonic ms. */
export interface Mark {
  began: number;
  ended: number;
}

export class Expectations {
  readonly reports: ExpectationReport[];
  private readonly context: RunContext;
  private readonly changed: () => void;
  private readonly watches: Promise<void>[] = [];
  private readonly marks = new Map<string, Mark>();
  private stepsAt = 0;

  constructor(context: RunContext, changed: () => void) {
    this.context = context;
    this.changed = changed;
    this.reports = context.scenario.expect.map((one) => ({
      text: describeExpectation(one),
      verdict: 'open',
      measured: null,
      figure: null,
      decidedMs: null,
    }));
  }

  /** Called when the steps begin: starts to poll expectations that follow no step. */
  begin(now: number): void {
    this.stepsAt = now;
    this.passed('start', { began: now, ended: now });
  }

  /** Called when a step has ended: starts to poll the expectations that follow it. */
  passed(step: string, mark: Mark): void {
    this.marks.set(step, mark);
    for (const [i, one] of this.context.scenario.expect.entries()) {
      if (!('within' in one) || one.within === undefined || (one.after ?? 'start') !== step) continue;
      const watching = this.watch(i, one, mark, one.within);
      // `watched` reports a failure; a run that ends early never calls it.
      watching.catch(() => undefined);
      this.watches.push(watching);
    }
  }

  /** Resolves when every polled expectation is decided. */
  async watched(): Promise<void> {
    await Promise.all(this.watches);
  }

  /** Called after the last step, while the load still runs: decides expectations without a deadline. Events after `until` do not count. */
  async atEnd(until: number): Promise<void> {
    for (const [i, one] of this.context.scenario.expect.entries()) {
      if (this.reports[i]?.verdict !== 'open' || 'lost' in one || 'duplicates' in one) continue;
      if ('rebalances' in one || 'events' in one) await this.count(i, one, until);
      else if (one.within === undefined) await this.once(i, one);
    }
  }

  /** Called when faults are healed and the logs have been read. `audits` are by the names that the scenario gives its producers. */
  audited(audits: ReadonlyMap<string, LoadAudit>): void {
    for (const [i, one] of this.context.scenario.expect.entries()) {
      if (this.reports[i]?.verdict !== 'open') continue;
      if ('lost' in one) this.lost(i, one.is, audits.get(one.lost));
      else if ('duplicates' in one) this.duplicates(i, one.is, audits.get(one.duplicates));
    }
  }

  /** Called at the end of the run: expectations that are still open become undecided. */
  close(why: string): void {
    for (const [i, report] of this.reports.entries()) if (report.verdict === 'open') this.decide(i, 'undecided', why, null);
  }

  private async watch(i: number, one: ScenarioExpectation, mark: Mark, withinMs: number): Promise<void> {
    const condition = conditionOf(one);
    let last: string;
    let known = false;
    try {
      for (;;) {
        const seen = await checkCondition(condition, this.context, mark.began);
        const now = performance.now();
        const elapsed = Math.max(0, Math.round(('event' in condition ? await this.eventAt(condition, mark, now) : now) - mark.ended));
        if (seen.holds === true && elapsed <= withinMs) {
          this.decide(i, 'held', `after ${sayDuration(elapsed)}: ${seen.seen}`, elapsed);
          return;
        }
        if (seen.holds !== null) known = true;
        last = seen.seen;
        if (now - mark.ended > withinMs) break;
        await pause(POLL_MS, this.context.signal);
      }
      const verdict = known ? 'failed' : 'undecided';
      this.decide(i, verdict, `${known ? 'not' : 'unknown'} within ${sayDuration(withinMs)}: ${last}`, null);
    } catch (error) {
      this.broke(i, error);
    }
  }

  /** When the event was received (monotonic ms), which is before the poll that found it. */
  private async eventAt(condition: Extract<ScenarioCondition, { event: string }>, mark: Mark, otherwise: number): Promise<number> {
    const [first] = await matching({ ...condition, type: condition.event }, this.context, mark.began);
    return first?.at ?? otherwise;
  }

  private async once(i: number, one: ScenarioExpectation): Promise<void> {
    try {
      const since = ('after' in one && one.after !== undefined ? this.marks.get(one.after)?.began : undefined) ?? this.stepsAt;
      const { holds, seen, figure } = await checkCondition(conditionOf(one), this.context, since);
      this.decide(i, holds === null ? 'undecided' : holds ? 'held' : 'failed', seen, figure);
    } catch (error) {
      this.broke(i, error);
    }
  }

  private async count(
    i: number,
    one: Extract<ScenarioExpectation, { rebalances: string } | { events: string }>,
    until: number,
  ): Promise<void> {
    try {
      const since = one.after === undefined ? this.stepsAt : this.marks.get(one.after)?.began;
      if (since === undefined) {
        this.decide(i, 'undecided', 'the step before did not run', null);
        return;
      }
      const filter = 'rebalances' in one ? { type: 'group/rebalanceStarted', group: one.rebalances } : { ...one, type: one.events };
      const found = await matching(filter, this.context, since, until);
      const reasons = [...new Set(found.map(({ event }) => event.reason ?? event.type))].slice(0, 3);
      const seen = `${plural(found.length, 'time')}${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`;
      this.decide(i, within(found.length, one) ? 'held' : 'failed', seen, found.length);
    } catch (error) {
      this.broke(i, error);
    }
  }

  private lost(i: number, wanted: 'none' | 'some' | number, audit: LoadAudit | undefined): void {
    if (audit === undefined) {
      this.decide(i, 'undecided', 'the records of the producer could not be read', null);
      return;
    }
    const of = `${audit.lost.toLocaleString('en')} of ${audit.acknowledged.toLocaleString('en')} acknowledged are missing`;
    const ranges = audit.lostRanges.slice(0, NAMED_RANGES).map(({ from, to, partition, offset, count }) => {
      const which = from === to ? `number ${from}` : `${count} of the numbers ${from} to ${to}`;
      return `${which} in partition ${partition}, from offset ${offset} on`;
    });
    const more = audit.lostRanges.length > NAMED_RANGES ? `, and ${audit.lostRanges.length - NAMED_RANGES} more ranges` : '';
    const seen = ranges.length === 0 ? of : `${of}: ${ranges.join(', ')}${more}`;
    if (audit.acknowledged === 0) {
      this.decide(i, 'undecided', 'nothing was acknowledged, so nothing could be lost', 0);
      return;
    }
    // A record that was not found may be in the part of the log that could not be read.
    if (!audit.complete) {
      this.decide(i, 'undecided', `not all of the log could be read; ${seen}`, audit.lost);
      return;
    }
    this.decide(i, amounts(audit.lost, wanted) ? 'held' : 'failed', seen, audit.lost);
  }

  private duplicates(i: number, wanted: 'none' | 'some' | number, audit: LoadAudit | undefined): void {
    if (audit === undefined) {
      this.decide(i, 'undecided', 'the records of the producer could not be read', null);
      return;
    }
    const seen = `${audit.duplicated.toLocaleString('en')} stored more than once`;
    if (!audit.complete) {
      this.decide(i, 'undecided', `not all of the log could be read; ${seen}`, audit.duplicated);
      return;
    }
    this.decide(i, amounts(audit.duplicated, wanted) ? 'held' : 'failed', seen, audit.duplicated);
  }

  private broke(i: number, error: unknown): void {
    if (error instanceof CancelledRunError) return;
    if (!(error instanceof BrokenRunError)) throw error;
    this.decide(i, 'undecided', messageOf(error), null);
  }

  private decide(i: number, verdict: ExpectationReport['verdict'], measured: string, figure: number | null): void {
    const report = this.reports[i];
    if (report === undefined || report.verdict !== 'open') return;
    const decidedMs = this.stepsAt === 0 ? null : Math.round(performance.now() - this.stepsAt);
    Object.assign(report, { verdict, measured, figure, decidedMs });
    this.changed();
  }
}

function amounts(count: number, wanted: 'none' | 'some' | number): boolean {
  if (wanted === 'none') return count === 0;
  return wanted === 'some' ? count > 0 : count === wanted;
}

/** The expectation without the keys that say when it is evaluated. */
function conditionOf(one: ScenarioExpectation): ScenarioCondition {
  if ('lost' in one || 'duplicates' in one || 'rebalances' in one || 'events' in one)
    throw new BrokenRunError('The expectation has no condition.');
  const condition: ScenarioCondition & { that?: unknown; after?: unknown; within?: unknown } = { ...one };
  delete condition.that;
  delete condition.after;
  delete condition.within;
  return condition;
}
