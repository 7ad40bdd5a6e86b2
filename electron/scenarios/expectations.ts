/** What is expected, from open to decided: watched from the step on that it follows, or looked at when the steps are over. */
import { sayDuration } from '#shared/durations';
import type { LoadAudit } from '#shared/models/load';
import type { ExpectationReport } from '#shared/models/scenario';
import type { ScenarioCondition, ScenarioExpectation } from '#shared/scenario-verbs';
import { Broken, Cancelled, pause, reasonOf } from './bench.ts';
import { look, matching, within } from './conditions.ts';
import type { Stage } from './stage.ts';
import { expectationWords, many } from './words.ts';

const POLL_MS = 100;
/** Ranges of lost records that a verdict names; the load's own report has all of them. */
const NAMED_RANGES = 5;

/** A step of the run, in monotonic ms. */
export interface Mark {
  began: number;
  ended: number;
}

export class Expectations {
  readonly reports: ExpectationReport[];
  private readonly stage: Stage;
  private readonly changed: () => void;
  private readonly watches: Promise<void>[] = [];
  private readonly marks = new Map<string, Mark>();
  private stepsAt = 0;

  constructor(stage: Stage, changed: () => void) {
    this.stage = stage;
    this.changed = changed;
    this.reports = stage.scenario.expect.map((one) => ({
      text: expectationWords(one),
      verdict: 'open',
      measured: null,
      figure: null,
      decidedMs: null,
    }));
  }

  /** The steps begin; what follows no step in particular is watched from now on. */
  begin(now: number): void {
    this.stepsAt = now;
    this.passed('start', { began: now, ended: now });
  }

  /** A step is over: what follows it is watched from now on. */
  passed(step: string, mark: Mark): void {
    this.marks.set(step, mark);
    for (const [i, one] of this.stage.scenario.expect.entries()) {
      if (!('within' in one) || one.within === undefined || (one.after ?? 'start') !== step) continue;
      const watching = this.watch(i, one, mark, one.within);
      // Who waits for it hears of a failure; nobody may, when the run ends before.
      watching.catch(() => undefined);
      this.watches.push(watching);
    }
  }

  /** Resolves when all that is watched is decided. */
  async watched(): Promise<void> {
    await Promise.all(this.watches);
  }

  /** The steps are over and the load still runs: what has no time of its own is looked at. `until`: events after do not count. */
  async atEnd(until: number): Promise<void> {
    for (const [i, one] of this.stage.scenario.expect.entries()) {
      if (this.reports[i]?.verdict !== 'open' || 'lost' in one || 'duplicates' in one) continue;
      if ('rebalances' in one || 'events' in one) await this.count(i, one, until);
      else if (one.within === undefined) await this.once(i, one);
    }
  }

  /** All is healed and the logs have been read; `audits` by the scenario's names of its producers. */
  audited(audits: ReadonlyMap<string, LoadAudit>): void {
    for (const [i, one] of this.stage.scenario.expect.entries()) {
      if (this.reports[i]?.verdict !== 'open') continue;
      if ('lost' in one) this.lost(i, one.is, audits.get(one.lost));
      else if ('duplicates' in one) this.duplicates(i, one.is, audits.get(one.duplicates));
    }
  }

  /** The run is over: what is open by now cannot be decided any more. */
  close(why: string): void {
    for (const [i, report] of this.reports.entries()) if (report.verdict === 'open') this.decide(i, 'undecided', why, null);
  }

  private async watch(i: number, one: ScenarioExpectation, mark: Mark, withinMs: number): Promise<void> {
    const condition = conditionOf(one);
    let last: string;
    let known = false;
    try {
      for (;;) {
        const seen = await look(condition, this.stage, mark.began);
        const now = performance.now();
        const elapsed = Math.max(0, Math.round(('event' in condition ? await this.eventAt(condition, mark, now) : now) - mark.ended));
        if (seen.holds === true && elapsed <= withinMs) {
          this.decide(i, 'held', `after ${sayDuration(elapsed)}: ${seen.seen}`, elapsed);
          return;
        }
        if (seen.holds !== null) known = true;
        last = seen.seen;
        if (now - mark.ended > withinMs) break;
        await pause(POLL_MS, this.stage.signal);
      }
      const verdict = known ? 'failed' : 'undecided';
      this.decide(i, verdict, `${known ? 'not' : 'nobody could say'} within ${sayDuration(withinMs)}: ${last}`, null);
    } catch (error) {
      this.broke(i, error);
    }
  }

  /** The moment at which it happened, which lies before the one at which it is looked for. */
  private async eventAt(condition: Extract<ScenarioCondition, { event: string }>, mark: Mark, otherwise: number): Promise<number> {
    const [first] = await matching({ ...condition, type: condition.event }, this.stage, mark.began);
    return first?.at ?? otherwise;
  }

  private async once(i: number, one: ScenarioExpectation): Promise<void> {
    try {
      const since = ('after' in one && one.after !== undefined ? this.marks.get(one.after)?.began : undefined) ?? this.stepsAt;
      const { holds, seen, figure } = await look(conditionOf(one), this.stage, since);
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
        this.decide(i, 'undecided', 'the step before was never done', null);
        return;
      }
      const filter = 'rebalances' in one ? { type: 'group/rebalanceStarted', group: one.rebalances } : { ...one, type: one.events };
      const found = await matching(filter, this.stage, since, until);
      const reasons = [...new Set(found.map(({ event }) => event.reason ?? event.type))].slice(0, 3);
      const seen = `${many(found.length, 'time')}${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`;
      this.decide(i, within(found.length, one) ? 'held' : 'failed', seen, found.length);
    } catch (error) {
      this.broke(i, error);
    }
  }

  private lost(i: number, wanted: 'none' | 'some' | number, audit: LoadAudit | undefined): void {
    if (audit === undefined) {
      this.decide(i, 'undecided', 'its records could not be read', null);
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
    // A partition that could not be read hides what is in it: nothing is known of what it is not seen to hold.
    if (!audit.complete) {
      this.decide(i, 'undecided', `not all of the log could be read; ${seen}`, audit.lost);
      return;
    }
    this.decide(i, amounts(audit.lost, wanted) ? 'held' : 'failed', seen, audit.lost);
  }

  private duplicates(i: number, wanted: 'none' | 'some' | number, audit: LoadAudit | undefined): void {
    if (audit === undefined) {
      this.decide(i, 'undecided', 'its records could not be read', null);
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
    if (error instanceof Cancelled) return;
    if (!(error instanceof Broken)) throw error;
    this.decide(i, 'undecided', reasonOf(error), null);
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

/** Without the words that say when. */
function conditionOf(one: ScenarioExpectation): ScenarioCondition {
  if ('lost' in one || 'duplicates' in one || 'rebalances' in one || 'events' in one) throw new Broken('That is no condition.');
  const condition: ScenarioCondition & { that?: unknown; after?: unknown; within?: unknown } = { ...one };
  delete condition.that;
  delete condition.after;
  delete condition.within;
  return condition;
}
