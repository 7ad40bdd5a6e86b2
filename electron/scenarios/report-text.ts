/** Formats a run for a terminal: progress line by line, and the report at the end. */
import type { IncidentReport } from '#shared/incidents/report';
import type { ScenarioReport, ScenarioRun, Verdict } from '#shared/models/scenario';
import { plural } from '#shared/numbers';
import { maxOf } from '#shared/lists';

const MARKS: Readonly<Record<Verdict, string>> = { held: '✓', failed: '✕', undecided: '?', open: '·' };

/** Prints each step, action and verdict once. */
export class ProgressText {
  private readonly print: (line: string) => void;
  private state: ScenarioRun['state'] | null = null;
  private readonly steps: number[] = [];
  private readonly begun = new Set<number>();
  private readonly decided = new Set<number>();

  constructor(print: (line: string) => void) {
    this.print = print;
  }

  show(run: ScenarioRun): void {
    if (this.state !== run.state) {
      this.state = run.state;
      if (run.state === 'preparing') this.print(`${run.scenario.title}: preparing topics and load`);
      if (run.state === 'settling') this.print('healing, ending the load and reading the logs');
    }
    for (const [i, step] of run.steps.entries()) {
      if (step.beganMs !== null && !this.begun.has(i)) {
        this.begun.add(i);
        this.print(`${time(step.beganMs)}  ${step.say.replace(/\s+/g, ' ')}`);
      }
      for (const action of step.actions.slice(this.steps[i] ?? 0)) {
        this.print(`${time(action.atMs)}    ${action.text}${action.error === null ? '' : ` – failed: ${action.error}`}`);
      }
      this.steps[i] = step.actions.length;
    }
    for (const [i, one] of run.expectations.entries()) {
      if (one.verdict === 'open' || this.decided.has(i)) continue;
      this.decided.add(i);
      this.print(`${time(one.decidedMs)}  ${MARKS[one.verdict]} ${one.text}: ${one.measured ?? ''}`);
    }
  }
}

export function formatReport(report: ScenarioReport): string {
  const { scenario, expectations, incidents, loads, notices, problem } = report;
  const width = maxOf(
    expectations.map(({ text }) => text.length),
    0,
  );
  const lines = [
    `${scenario.title} (${scenario.name}), ${plural(report.brokers.length, 'broker')}, ${(((report.endedAt ?? report.startedAt) - report.startedAt) / 1000).toFixed(1)} s`,
    '',
    ...expectations.map(({ text, verdict, measured }) =>
      `  ${MARKS[verdict]} ${text.padEnd(Math.min(width, 70))}  ${measured ?? ''}`.trimEnd(),
    ),
  ];
  if (loads.length > 0) lines.push('');
  for (const { spec, written, consumed } of loads) {
    if (written !== null) {
      const audit = written.audit === null ? '' : `, ${written.audit.lost} lost, ${written.audit.duplicated} duplicated`;
      lines.push(`  ${spec.name}: ${written.sent} sent, ${written.acknowledged} acknowledged, ${written.failed} failed${audit}`);
    }
    if (consumed !== null)
      lines.push(
        `  ${spec.name}: ${consumed.consumed} consumed, ${consumed.repeated} redelivered, ${plural(consumed.crashes, 'crash', 'crashes')}`,
      );
  }
  if (incidents.length > 0) lines.push('');
  for (const incident of incidents) lines.push(`  ${formatIncident(incident)}`);
  for (const notice of notices) lines.push('', `  ${notice}`);
  if (problem !== null) lines.push('', `  ${problem}`);
  lines.push('', formatVerdict(report));
  return lines.join('\n');
}

/** `broker 3 was killed: detected after 3.0 s, failed over after 3.0 s, recovered after 14.1 s`. */
export function formatIncident({ what, cause, detectedMs, failedOverMs, recoveredMs, closedMs }: IncidentReport): string {
  const after = (label: string, ms: number | null): string[] => (ms === null ? [] : [`${label} after ${(ms / 1000).toFixed(1)} s`]);
  const phases = [
    ...(cause === 'observed' ? ['no recorded cause'] : detectedMs === null ? ['not detected'] : after('detected', detectedMs)),
    ...after('failed over', failedOverMs),
    ...after('recovered', recoveredMs),
    ...(closedMs === null ? ['open at the end'] : recoveredMs === null ? after('ended', closedMs) : []),
  ];
  return `${what}: ${phases.join(', ')}`;
}

/** Formats the result of a run. */
export function formatVerdict({ state, expectations }: ScenarioReport): string {
  const held = expectations.filter(({ verdict }) => verdict === 'held').length;
  if (state === 'held') return `held: all ${expectations.length} expectations`;
  if (state === 'failed') return `failed: ${held} of ${expectations.length} expectations held`;
  return state === 'cancelled' ? 'cancelled' : 'broken: the run was not completed';
}

function time(ms: number | null): string {
  return ms === null ? '       ' : `${(ms / 1000).toFixed(1).padStart(5)} s`;
}
