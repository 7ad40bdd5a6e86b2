/** Scenarios for whoever asks: the library, the check of a text, one run at a time, the recording of what was just done. */
import { ClusterClient } from '../admin/cluster-client.ts';
import { ServiceError } from '../services/errors.ts';
import type { Lab } from '../services/lab.ts';
import type { Loads } from '../services/load.ts';
import type { ScenarioOutline, ScenarioProblem, ScenarioReport, ScenarioRun, ScenarioSummary } from '#shared/models/scenario';
import type { Scenario } from '#shared/scenario-schema';
import { junitOf } from './junit.ts';
import { libraryEntry, librarySummaries } from './library.ts';
import { problemText } from './parse.ts';
import { recordScenario, type Recording } from './record.ts';
import { verdictWord } from './report-text.ts';
import { runScenario } from './run.ts';
import { readScenario } from './scenario-reader.ts';
import { outlineOf } from './words.ts';

/** A scenario by what is sent of it. */
export type ScenarioSource = { library: string } | { text: string } | { value: unknown };

export interface ScenarioNote {
  type: 'scenario/started' | 'scenario/ended';
  reason: string;
  /** `runId` as in its report; `scenario`, its name; at the end its `state`. */
  details: Record<string, unknown>;
}

const TELL_MS = 250;
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
    /** Faults of ours: what happens in the cluster is in the report. */
    onError: (what: string, error: unknown) => void;
    onProgress?: (run: ScenarioRun) => void;
    /** Puts on the timeline that one began, and how it ended. */
    note: (note: ScenarioNote) => void;
  };
  private current: { run: ScenarioRun | null; cancel: AbortController; done: Promise<ScenarioReport> } | undefined;
  private last: ScenarioReport | undefined;
  private nextId = 1;
  /** When scenarios ran, for the recorder to leave out; the timeline holds no more than the last of them anyway. */
  private runs: { from: number; until: number }[] = [];
  private toldAt = 0;
  private telling: NodeJS.Timeout | undefined;
  /** Aborted when the cluster goes. */
  private readonly gone = new AbortController();

  constructor(options: ScenariosService['options']) {
    this.options = options;
  }

  list(): ScenarioSummary[] {
    return librarySummaries();
  }

  /** The text of one of the library. */
  text(name: string): string {
    const entry = libraryEntry(name);
    if (entry === undefined) throw notThere(name);
    return entry.text;
  }

  async check(text: string): Promise<{ outline: ScenarioOutline | null; problems: ScenarioProblem[] }> {
    const parsed = await readScenario({ text });
    return parsed.ok ? { outline: outlineOf(parsed.scenario), problems: [] } : { outline: null, problems: parsed.problems };
  }

  /** The run that goes on, or the last one; null where there was none. */
  state(): ScenarioRun | null {
    return this.current?.run ?? this.last ?? null;
  }

  /** Of the last run; null where there was none. */
  report(): { report: ScenarioReport; junit: string } | null {
    return this.last === undefined ? null : { report: this.last, junit: junitOf(this.last) };
  }

  /** Resolves with the report when it has ended. Rejects as `open` does. */
  async run(source: ScenarioSource): Promise<ScenarioReport> {
    return (await this.open(source)).done;
  }

  /** Resolves when the run has started. Rejects as `open` does. */
  async start(source: ScenarioSource): Promise<void> {
    const { done } = await this.open(source);
    done.catch((error: unknown) => this.options.onError('a scenario', error));
  }

  /** Rejects with `ServiceError` when the source is no scenario, when one runs, when the cluster does not serve. */
  private async open(source: ScenarioSource): Promise<{ done: Promise<ScenarioReport> }> {
    const scenario = await scenarioOf(source);
    if (this.current !== undefined) {
      throw new ServiceError({ code: 'SCENARIO_RUNS', message: 'A scenario runs already. Wait until it has ended, or cancel it.' });
    }
    const bootstrap = this.options.bootstrap();
    if (bootstrap === null || this.gone.signal.aborted)
      throw new ServiceError({ code: 'NOT_CONNECTED', message: 'The embedded cluster does not serve now.' });
    const cancel = new AbortController();
    const done = this.begin(scenario, bootstrap, cancel.signal);
    this.current = { run: null, cancel, done };
    return { done };
  }

  /** Resolves when the run has ended and what it began is ended too. */
  async cancel(): Promise<void> {
    this.current?.cancel.abort();
    await this.current?.done.catch(() => undefined);
  }

  /** What was done in the lab since that moment (wall-clock ms; null: in the last outage), as a scenario's text. */
  async record(sinceAt: number | null): Promise<Recording> {
    const { lab, loads } = this.options;
    const bootstrap = this.options.bootstrap();
    if (bootstrap === null) throw new ServiceError({ code: 'NOT_CONNECTED', message: 'The cluster on this desk does not serve now.' });
    const client = new ClusterClient({ bootstrap, clientId: 'scenario-recorder', connectHost: this.options.connectHost });
    try {
      const goesOn = this.current?.run ?? null;
      const except = [...this.runs, ...(goesOn === null ? [] : [{ from: goesOn.startedAt, until: Infinity }])];
      return await recordScenario({ lab, loads, client, sinceAt, except });
    } finally {
      client.close();
    }
  }

  /** The cluster is about to go, and so what a run began is not undone first. */
  async close(): Promise<void> {
    this.gone.abort();
    await this.cancel();
    clearTimeout(this.telling);
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
          onProgress: (run) => this.tell(run),
        },
      );
      this.last = report;
      this.runs = [...this.runs, { from: report.startedAt, until: report.endedAt ?? Date.now() }].slice(-MOST_RUNS);
      return report;
    } finally {
      client.close();
      // With the cluster its timeline goes.
      if (!this.gone.signal.aborted) {
        const how = report === undefined ? 'broke off' : verdictWord(report);
        note({
          type: 'scenario/ended',
          reason: `scenario ${scenario.name}: ${how}`,
          details: { ...details, state: report?.state ?? 'broken' },
        });
      }
      this.current = undefined;
      if (this.last !== undefined) this.tellNow(this.last);
    }
  }

  /** At most four times a second, and the last word always. */
  private tell(run: ScenarioRun): void {
    if (this.current !== undefined) this.current.run = run;
    const waitMs = this.toldAt + TELL_MS - performance.now();
    if (waitMs <= 0) this.tellNow(run);
    else this.telling ??= setTimeout(() => this.tellNow(run), waitMs);
  }

  private tellNow(run: ScenarioRun): void {
    clearTimeout(this.telling);
    this.telling = undefined;
    this.toldAt = performance.now();
    const { onProgress } = this.options;
    if (onProgress === undefined) return;
    // Copied: the run goes on changing, and a report's events are asked for by themselves.
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
  throw new ServiceError({ code: 'INVALID_PAYLOAD', message: `That is no scenario. ${parsed.problems.map(problemText).join(' ')}` });
}

/** Throws `ServiceError` for a name that the library does not have. */
export function libraryScenario(name: string): Scenario {
  const entry = libraryEntry(name);
  if (entry === undefined) throw notThere(name);
  return entry.scenario;
}

function notThere(name: string): ServiceError {
  const names = librarySummaries().map((one) => one.name);
  return new ServiceError({
    code: 'NOT_FOUND',
    message: `There is no scenario ${name} in the library. There are ${names.join(', ')}.`,
    subject: name,
  });
}
