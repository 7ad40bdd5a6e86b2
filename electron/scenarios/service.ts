/** Serves scenarios to the app, the CLI and the control API: library, validation, one run at a time, recordings. */
import { ClusterClient } from '../admin/cluster-client.ts';
import { ServiceError } from '../services/errors.ts';
import type { Lab } from '../services/lab.ts';
import type { Loads } from '../services/load.ts';
import type { ScenarioOutline, ScenarioProblem, ScenarioReport, ScenarioRun, ScenarioSummary } from '#shared/models/scenario';
import type { Scenario } from '#shared/scenario-schema';
import { formatJunit } from './junit.ts';
import { libraryEntry, librarySummaries } from './library.ts';
import { formatProblem } from './parse.ts';
import { recordScenario, type Recording } from './record.ts';
import { formatVerdict } from './report-text.ts';
import { runScenario } from './run.ts';
import { readScenario } from './scenario-reader.ts';
import { outlineScenario } from './descriptions.ts';

/** A scenario as requested: a name of the library, a text, or a JSON value. */
export type ScenarioSource = { library: string } | { text: string } | { value: unknown };

export interface ScenarioNote {
  type: 'scenario/started' | 'scenario/ended';
  reason: string;
  /** `runId` of the report; `scenario`, the name; at the end `state`. */
  details: Record<string, unknown>;
}

const PROGRESS_INTERVAL_MS = 250;
const MOST_RUNS = 200;

export class ScenariosService {
  private readonly options: {
    lab: Lab;
    loads: Loads;
    /** Null until the cluster serves. */
    bootstrap: () => string | null;
    /** See `ClusterClient`. */
    connectHost?: string;
    version: string;
    /** Reports defects of Brokerdesk; errors of the cluster are in the report. */
    onError: (what: string, error: unknown) => void;
    onProgress?: (run: ScenarioRun) => void;
    /** Records the start and the result of a run on the timeline. */
    note: (note: ScenarioNote) => void;
  };
  private current: { run: ScenarioRun | null; cancel: AbortController; done: Promise<ScenarioReport> } | undefined;
  private last: ScenarioReport | undefined;
  private nextId = 1;
  /** Times of past runs, which the recorder leaves out. */
  private runs: { from: number; until: number }[] = [];
  private lastProgressAt = 0;
  private progressTimer: NodeJS.Timeout | undefined;
  /** Aborted when the cluster closes. */
  private readonly gone = new AbortController();

  constructor(options: ScenariosService['options']) {
    this.options = options;
  }

  list(): ScenarioSummary[] {
    return librarySummaries();
  }

  /** The text of a scenario of the library. Throws `ServiceError` for an unknown name. */
  text(name: string): string {
    const entry = libraryEntry(name);
    if (entry === undefined) throw unknownScenario(name);
    return entry.text;
  }

  async check(text: string): Promise<{ outline: ScenarioOutline | null; problems: ScenarioProblem[] }> {
    const parsed = await readScenario({ text });
    return parsed.ok ? { outline: outlineScenario(parsed.scenario), problems: [] } : { outline: null, problems: parsed.problems };
  }

  /** The current run, or else the last one; null before the first. */
  state(): ScenarioRun | null {
    return this.current?.run ?? this.last ?? null;
  }

  /** The report of the last run; null before the first. */
  report(): { report: ScenarioReport; junit: string } | null {
    return this.last === undefined ? null : { report: this.last, junit: formatJunit(this.last) };
  }

  /** Resolves to the report at the end of the run. Rejects as `open` does. */
  async run(source: ScenarioSource): Promise<ScenarioReport> {
    return (await this.open(source)).done;
  }

  /** Resolves when the run has started. Rejects as `open` does. */
  async start(source: ScenarioSource): Promise<void> {
    const { done } = await this.open(source);
    done.catch((error: unknown) => this.options.onError('a scenario', error));
  }

  /** Rejects with `ServiceError` when the source is not valid, when another scenario runs, or when the cluster is not running. */
  private async open(source: ScenarioSource): Promise<{ done: Promise<ScenarioReport> }> {
    const scenario = await scenarioOf(source);
    if (this.current !== undefined) {
      throw new ServiceError({ code: 'SCENARIO_RUNS', message: 'A scenario is already running. Wait until it has ended, or cancel it.' });
    }
    const bootstrap = this.options.bootstrap();
    if (bootstrap === null || this.gone.signal.aborted)
      throw new ServiceError({ code: 'NOT_CONNECTED', message: 'The embedded cluster is not running.' });
    const cancel = new AbortController();
    const done = this.begin(scenario, bootstrap, cancel.signal);
    this.current = { run: null, cancel, done };
    return { done };
  }

  /** Resolves when the run has ended and cleaned up. */
  async cancel(): Promise<void> {
    this.current?.cancel.abort();
    await this.current?.done.catch(() => undefined);
  }

  /** Records Lab actions since `sinceAt` (wall-clock ms; null: the last outage) as a scenario. */
  async record(sinceAt: number | null): Promise<Recording> {
    const { lab, loads } = this.options;
    const bootstrap = this.options.bootstrap();
    if (bootstrap === null) throw new ServiceError({ code: 'NOT_CONNECTED', message: 'The embedded cluster is not running.' });
    const client = new ClusterClient({ bootstrap, clientId: 'scenario-recorder', connectHost: this.options.connectHost });
    try {
      const running = this.current?.run ?? null;
      const except = [...this.runs, ...(running === null ? [] : [{ from: running.startedAt, until: Infinity }])];
      return await recordScenario({ lab, loads, client, sinceAt, except });
    } finally {
      client.close();
    }
  }

  /** Called before the cluster closes: ends the run without its clean-up. */
  async close(): Promise<void> {
    this.gone.abort();
    await this.cancel();
    clearTimeout(this.progressTimer);
  }

  private async begin(scenario: Scenario, bootstrap: string, signal: AbortSignal): Promise<ScenarioReport> {
    const { lab, loads, version, note, connectHost } = this.options;
    const client = new ClusterClient({ bootstrap, clientId: 'scenario', connectHost });
    const id = this.nextId++;
    const details = { runId: id, scenario: scenario.name };
    note({ type: 'scenario/started', reason: `scenario ${scenario.name} started`, details });
    let report: ScenarioReport | undefined;
    try {
      report = await runScenario(
        scenario,
        { lab, loads, client },
        {
          id,
          version,
          signal,
          abandoned: this.gone.signal,
          onProgress: (run) => this.notifyProgress(run),
        },
      );
      this.last = report;
      this.runs = [...this.runs, { from: report.startedAt, until: report.endedAt ?? Date.now() }].slice(-MOST_RUNS);
      return report;
    } finally {
      client.close();
      // A cluster that closes has no timeline to record to.
      if (!this.gone.signal.aborted) {
        const how = report === undefined ? 'aborted' : formatVerdict(report);
        note({
          type: 'scenario/ended',
          reason: `scenario ${scenario.name}: ${how}`,
          details: { ...details, state: report?.state ?? 'broken' },
        });
      }
      this.current = undefined;
      if (this.last !== undefined) this.sendProgress(this.last);
    }
  }

  /** Sends at most four updates a second, and always the last one. */
  private notifyProgress(run: ScenarioRun): void {
    if (this.current !== undefined) this.current.run = run;
    const waitMs = this.lastProgressAt + PROGRESS_INTERVAL_MS - performance.now();
    if (waitMs <= 0) this.sendProgress(run);
    else this.progressTimer ??= setTimeout(() => this.sendProgress(run), waitMs);
  }

  private sendProgress(run: ScenarioRun): void {
    clearTimeout(this.progressTimer);
    this.progressTimer = undefined;
    this.lastProgressAt = performance.now();
    const { onProgress } = this.options;
    if (onProgress === undefined) return;
    // A copy, as the run changes later. Events are requested separately.
    const plain: ScenarioRun & { events?: unknown; incidents?: unknown } = { ...run };
    delete plain.events;
    delete plain.incidents;
    onProgress(structuredClone(plain));
  }
}

/** Rejects with `ServiceError`, with every problem in its message. */
export async function scenarioOf(source: ScenarioSource): Promise<Scenario> {
  if ('library' in source) return libraryScenario(source.library);
  const parsed = await readScenario(source);
  if (parsed.ok) return parsed.scenario;
  throw new ServiceError({
    code: 'INVALID_PAYLOAD',
    message: `The scenario is not valid. ${parsed.problems.map(formatProblem).join(' ')}`,
  });
}

/** Throws `ServiceError` for a name that the library does not have. */
export function libraryScenario(name: string): Scenario {
  const entry = libraryEntry(name);
  if (entry === undefined) throw unknownScenario(name);
  return entry.scenario;
}

function unknownScenario(name: string): ServiceError {
  const names = librarySummaries().map((one) => one.name);
  return new ServiceError({
    code: 'NOT_FOUND',
    message: `The library has no scenario ${name}. It has ${names.join(', ')}.`,
    subject: name,
  });
}
