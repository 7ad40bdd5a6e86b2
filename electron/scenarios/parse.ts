/** A scenario's text, as YAML (JSON is YAML too), checked by the one schema; what is wrong is told with its line. */
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import type { ScenarioProblem } from '#shared/models/scenario';
import { scenarioSchema, type Scenario } from '#shared/scenario-schema';
import { problemsOf, type Problem } from './problems.ts';

export type Parsed = { ok: true; scenario: Scenario } | { ok: false; problems: ScenarioProblem[] };

const MAX_CHARACTERS = 1_000_000;
/** More would be read by nobody. */
const MAX_PROBLEMS = 20;

export function parseScenario(text: string): Parsed {
  if (text.length > MAX_CHARACTERS) return refused([at(null, '', `A scenario has ${MAX_CHARACTERS} characters at the most.`)]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    return refused(document.errors.slice(0, MAX_PROBLEMS).map((error) => at(lines.linePos(error.pos[0]), '', sentence(error.message))));
  }
  let value: unknown;
  try {
    // Aliases are bounded: a file of a few lines could else grow to fill the memory.
    value = document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    return refused([at(null, '', error instanceof Error ? sentence(error.message) : String(error))]);
  }
  const parsed = scenarioSchema.safeParse(value);
  if (parsed.success) return { ok: true, scenario: parsed.data };
  const problems = problemsOf(value, parsed.error).slice(0, MAX_PROBLEMS);
  return refused(problems.map((problem) => at(place(document, lines, problem), pathText(problem.path), sentence(problem.message))));
}

/** The same for what came as JSON: there are no lines to tell of. */
export function parseScenarioValue(value: unknown): Parsed {
  const parsed = scenarioSchema.safeParse(value);
  if (parsed.success) return { ok: true, scenario: parsed.data };
  return refused(
    problemsOf(value, parsed.error)
      .slice(0, MAX_PROBLEMS)
      .map(({ path, message }) => at(null, pathText(path), sentence(message))),
  );
}

/** One line each: `line 12, column 5: steps[1].say: …`. */
export function problemText({ line, column, path, message }: ScenarioProblem): string {
  const where = line === null ? '' : `line ${line}, column ${column ?? 1}: `;
  return `${where}${path === '' ? '' : `${path}: `}${message}`;
}

function refused(problems: ScenarioProblem[]): Parsed {
  return { ok: false, problems };
}

function at(position: { line: number; col: number } | null, path: string, message: string): ScenarioProblem {
  return { line: position?.line ?? null, column: position?.col ?? null, path, message };
}

/** Where the deepest part of the path stands that is in the file: of a key that may not be there, the key itself. */
function place(document: Document, lines: LineCounter, { path, key }: Problem): { line: number; col: number } | null {
  const keyNode = key === null ? null : keyAt(document, path, key);
  if (keyNode?.range) return lines.linePos(keyNode.range[0]);
  for (let length = path.length; length >= 0; length--) {
    const part = path.slice(0, length);
    const last = part.at(-1);
    const node = typeof last === 'string' ? keyAt(document, part.slice(0, -1), last) : nodeAt(document, part);
    if (node?.range) return lines.linePos(node.range[0]);
  }
  return null;
}

function nodeAt(document: Document, path: readonly (string | number)[]): Node | null {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  return typeof node === 'object' && node !== null && 'range' in node ? (node as Node) : null;
}

function keyAt(document: Document, path: readonly (string | number)[], key: string): Node | null {
  const map = nodeAt(document, path);
  if (!isMap(map)) return null;
  const pair = map.items.find((item) => isScalar(item.key) && item.key.value === key);
  return pair !== undefined && isScalar(pair.key) ? pair.key : null;
}

function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`), '');
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.?]$/.test(text) ? text : `${text}.`;
}
