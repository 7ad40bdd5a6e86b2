/** The scenarios that Brokerdesk includes. They are parsed with the schema of custom scenarios at first use. */
import type { ScenarioSummary } from '#shared/models/scenario';
import type { Scenario } from '#shared/scenario-schema';
import { parseScenario, formatProblem } from './parse.ts';
import { summarizeScenario } from './descriptions.ts';

const files = import.meta.glob('./library/*.yaml', { query: '?raw', eager: true, import: 'default' });

export interface LibraryEntry {
  name: string;
  text: string;
  scenario: Scenario;
}

let entries: LibraryEntry[] | undefined;

/** Ordered by the number in the file name, from basic to advanced. */
export function library(): readonly LibraryEntry[] {
  return (entries ??= Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, text]) => read(path, text)));
}

export function libraryEntry(name: string): LibraryEntry | undefined {
  return library().find((entry) => entry.name === name);
}

export function librarySummaries(): ScenarioSummary[] {
  return library().map(({ scenario }) => summarizeScenario(scenario));
}

function read(path: string, text: string): LibraryEntry {
  const parsed = parseScenario(text);
  if (!parsed.ok) throw new Error(`${path}: ${parsed.problems.map(formatProblem).join(' ')}`);
  return { name: parsed.scenario.name, text, scenario: parsed.scenario };
}
