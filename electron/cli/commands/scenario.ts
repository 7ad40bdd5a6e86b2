/** The command `scenario`: runs one outage scenario on a temporary cluster, for CI. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { closeInTime, endByForce } from '../../app-closing.ts';
import { Cluster } from '../../cluster/cluster.ts';
import { createEmbeddedLab } from '../../services/embedded-lab.ts';
import { LoadService } from '../../services/loads.ts';
import { formatJunit } from '../../scenarios/junit.ts';
import { library, libraryEntry } from '../../scenarios/library.ts';
import { parseScenario, formatProblem } from '../../scenarios/parse.ts';
import { ProgressText, formatReport } from '../../scenarios/report-text.ts';
import { ScenariosService } from '../../scenarios/service.ts';
import type { Scenario } from '#shared/scenario-schema';
import type { ScenarioReport } from '#shared/models/scenario';
import { HELP_LINE, parsing, UsageError, type Command } from '../command.ts';
import { loadWorkerPath, nodeWorkerPath, ownVersion } from '../paths.ts';
import { untilSignal } from '../signals.ts';
import { maxOf } from '#shared/lists';
import { writeError, writeLine } from '../output.ts';

const USAGE = `Usage: npm run scenario -- FILE [options]
       npm run scenario -- NAME [options]     a scenario of the library
       npm run scenario -- --list

Runs an outage scenario on a temporary cluster. Exit 0: every expectation held;
1: an expectation did not hold, or the run was not completed; 2: the file or an option is not valid.

  --json           print the report as one JSON document
  --junit FILE     write a JUnit report with one test case per expectation
  --check          check the file without running it
  --list           print the names and titles of the library
${HELP_LINE}`;

interface Options {
  what: string | undefined;
  json: boolean;
  junit: string | undefined;
  check: boolean;
  list: boolean;
}

export const scenarioCommand: Command = { name: 'scenario', usage: USAGE, run: (args) => run(readOptions(args)) };

function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parsing(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        junit: { type: 'string' },
        check: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
      },
    }),
  );
  const [what, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`Only one scenario can be run: remove ${more.join(' ')}.`);
  if (what === undefined && !values.list) throw new UsageError('The scenario is missing: give a file or a name of the library (--list).');
  if (values.junit === '') throw new UsageError('--junit takes a file.');
  return { what, json: values.json, junit: values.junit, check: values.check, list: values.list };
}

async function run(options: Options): Promise<number> {
  if (options.list) {
    const width = maxOf(
      library().map(({ name }) => name.length),
      0,
    );
    for (const { name, scenario } of library()) process.stdout.write(`${name.padEnd(width)}  ${scenario.title}\n`);
    return 0;
  }
  const { scenario, text } = load(options.what ?? '');
  if (options.check) {
    process.stdout.write(`${scenario.name}: ${scenario.steps.length} steps, ${scenario.expect.length} expectations\n`);
    return 0;
  }
  const report = await runOnOwnCluster(scenario, text);
  if (report === null) return 1;
  if (options.junit !== undefined) writeFileSync(options.junit, formatJunit(report));
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${formatReport(report)}\n`);
  return report.state === 'held' ? 0 : 1;
}

/** Loads a file, or else a scenario of the library. Throws `UsageError` with every problem and its line. */
function load(what: string): { scenario: Scenario; text: string } {
  const entry = existsSync(what) ? undefined : libraryEntry(what);
  if (entry !== undefined) return entry;
  let text: string;
  try {
    text = readFileSync(what, 'utf8');
  } catch (cause) {
    throw new UsageError(`Scenario ${what} was not found: it is neither a file nor a name of the library (--list).`, { cause });
  }
  const parsed = parseScenario(text);
  if (parsed.ok) return { scenario: parsed.scenario, text };
  throw new UsageError(parsed.problems.map((problem) => `${what}: ${formatProblem(problem)}`).join('\n'));
}

/** Resolves to null when a signal arrives before the cluster has started. */
async function runOnOwnCluster(scenario: Scenario, text: string): Promise<ScenarioReport | null> {
  const signal = untilSignal();
  const cluster = new Cluster({
    workerPath: nodeWorkerPath(),
    brokers: scenario.cluster.brokers,
    firstPort: choosePort(),
    properties: Object.fromEntries(Object.entries(scenario.cluster.properties).map(([name, value]) => [name, String(value)])),
    logLevel: 'error',
    onLog: (node, level, message) => {
      if (level === 'error') writeLine(`broker ${node}: ${message}`);
    },
  });
  let bootstrap: string | null = null;
  const loads = new LoadService({
    bootstrap: () => bootstrap,
    workerPath: loadWorkerPath(),
    onError: writeError,
    note: (note) => cluster.note(note),
  });
  const progress = new ProgressText(writeLine);
  const scenarios = new ScenariosService({
    lab: createEmbeddedLab(cluster),
    loads,
    bootstrap: () => bootstrap,
    version: ownVersion(),
    onError: writeError,
    onProgress: (state) => progress.show(state),
    note: (note) => cluster.note(note),
  });
  try {
    const early = await Promise.race([cluster.start().then(() => null), signal]);
    if (early !== null) return null;
    bootstrap = cluster.bootstrap;
    const report = scenarios.run({ text });
    void signal.then(() => scenarios.cancel());
    return await report;
  } finally {
    if (!(await closeInTime([() => scenarios.close(), () => loads.close(), () => cluster.close()], writeLine))) endByForce();
  }
}

/** Below the ephemeral port range: an outgoing connection could take the port of a broker that is down. */
function choosePort(): number {
  return 20_000 + Math.floor(Math.random() * 12_000);
}
