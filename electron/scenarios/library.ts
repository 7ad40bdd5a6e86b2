/** The scenarios that come with Brokerdesk: files like any user's, held to the same schema when they are first asked for. */
import type { ScenarioSummary } from '#shared/models/scenario';
import type { Scenario } from '#shared/scenario-schema';
import { parseScenario, problemText } from './parse.ts';
import { summaryOf } from './words.ts';

const files = import.meta.glob('./library/*.yaml', { query: '?raw', eager: true, import: 'default' });

export interface LibraryEntry {
  name: string;
  text: string;
  scenario: Scenario;
}

let entries: LibraryEntry[] | undefined;

/** In the order in which they are best read: by the number in the file's name. */
export function library(): readonly LibraryEntry[] {
  return (entries ??= Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, text]) => read(path, text)));
}

export function libraryEntry(name: string): LibraryEntry | undefined {
  return library().find((entry) => entry.name === name);
}

export function librarySummaries(): ScenarioSummary[] {
  return library().map(({ scenario }) => summaryOf(scenario));
}

function read(path: string, text: string): LibraryEntry {
  const parsed = parseScenario(text);
  if (!parsed.ok) throw new Error(`${path}: ${parsed.problems.map(problemText).join(' ')}`);
  return { name: parsed.scenario.name, text, scenario: parsed.scenario };
}
