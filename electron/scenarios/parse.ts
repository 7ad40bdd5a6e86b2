/**
 * Parses the text of a scenario (YAML or JSON) and validates it against the schema; problems have line numbers. Time is linear in the size of
 * the text, which is bounded in size, nesting and aliases. The app parses text of users in a worker (`scenario-reader.ts`).
 */
import { isMap, isScalar, Lexer, LineCounter, Parser, parseDocument, visit, type Document, type Node } from 'yaml';
import type { ScenarioProblem } from '#shared/models/scenario';
import { scenarioSchema, type Scenario } from '#shared/scenario-schema';
import { problemsOf, type Problem } from './problems.ts';

export type Parsed = { ok: true; scenario: Scenario } | { ok: false; problems: ScenarioProblem[] };

const MAX_CHARACTERS = 1_000_000;
/** Problems that are reported of one text. */
const MAX_PROBLEMS = 20;
/** Tokens of the lexer in a text; lists, maps and scalars in a value. */
const MAX_TOKENS = 100_000;
/** Nesting of lists and maps; a scenario has eight levels. */
const MAX_DEPTH = 64;
/** The YAML library resolves each alias by a search of the whole text. */
const MAX_ALIASES = 50;

/** A scenario before validation: the text of a file, or a JSON value. */
export type ParseSource = { text: string } | { value: unknown };

export function parseSource(source: ParseSource): Parsed {
  return 'text' in source ? parseScenario(source.text) : parseScenarioValue(source.value);
}

export function parseScenario(text: string): Parsed {
  if (text.length > MAX_CHARACTERS) return refused([at(null, '', sizeProblem(text))]);
  const excess = findExcess(text);
  if (excess !== null) return refused([excess]);
  const lines = new LineCounter();
  // The library compares each key with all keys before it; `findRepeatedKey` does so in one pass.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const repeated = document.errors.length > 0 ? null : findRepeatedKey(document);
  if (repeated !== null) return refused([at(lines.linePos(repeated), '', 'Map keys must be unique.')]);
  if (document.errors.length > 0) {
    return refused(document.errors.slice(0, MAX_PROBLEMS).map((error) => at(lines.linePos(error.pos[0]), '', sentence(error.message))));
  }
  let value: unknown;
  try {
    // Nested aliases let a few lines grow to gigabytes.
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    return refused([at(null, '', error instanceof Error ? sentence(error.message) : String(error))]);
  }
  const parsed = scenarioSchema.safeParse(value);
  if (parsed.success) return { ok: true, scenario: parsed.data };
  const problems = problemsOf(value, parsed.error).slice(0, MAX_PROBLEMS);
  return refused(problems.map((problem) => at(place(document, lines, problem), pathText(problem.path), sentence(problem.message))));
}

function sizeProblem(text: string): string {
  return `A scenario has at most ${MAX_CHARACTERS.toLocaleString('en')} characters; this text has ${text.length.toLocaleString('en')}.`;
}

/** Runs before the recursive parser: the lexer and the token parser do not recurse. */
function findExcess(text: string): ScenarioProblem | null {
  const lines = new LineCounter();
  let tokens = 0;
  for (const token of new Lexer().lex(text))
    if (token !== '' && ++tokens > MAX_TOKENS)
      return at(null, '', `A scenario has at most ${MAX_TOKENS.toLocaleString('en')} YAML tokens.`);
  let aliases = 0;
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    const stack: { node: unknown; depth: number }[] = [{ node: token, depth: 0 }];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { node, depth } = next;
      if (typeof node !== 'object' || node === null) continue;
      const { type, offset, items, value, key, start } = node as Partial<Record<string, unknown>>;
      const position = typeof offset === 'number' ? lines.linePos(offset) : null;
      const isCollection = Array.isArray(items);
      if (isCollection && depth >= MAX_DEPTH) return at(position, '', `Lists and maps are nested deeper than ${MAX_DEPTH} levels.`);
      if (type === 'alias' && ++aliases > MAX_ALIASES) return at(position, '', `A scenario has at most ${MAX_ALIASES} aliases.`);
      const below = isCollection ? depth + 1 : depth;
      for (const child of [
        value,
        key,
        ...(isCollection ? (items as unknown[]) : []),
        ...(Array.isArray(start) ? (start as unknown[]) : []),
      ])
        if (typeof child === 'object') stack.push({ node: child, depth: below });
    }
  }
  return null;
}

/** Position of a key that its map already has; null without one. */
function findRepeatedKey(document: Document): number | null {
  let found: number | null = null;
  visit(document, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          found = key.range?.[0] ?? 0;
          return visit.BREAK;
        }
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return found;
}

/** Validates a JSON value; its problems have no line numbers. */
export function parseScenarioValue(value: unknown): Parsed {
  const excess = findExcessOf(value);
  if (excess !== null) return refused([at(null, '', excess)]);
  const parsed = scenarioSchema.safeParse(value);
  if (parsed.success) return { ok: true, scenario: parsed.data };
  return refused(
    problemsOf(value, parsed.error)
      .slice(0, MAX_PROBLEMS)
      .map(({ path, message }) => at(null, pathText(path), sentence(message))),
  );
}

function findExcessOf(value: unknown): string | null {
  const stack = [{ value, depth: 0 }];
  let count = 0;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (++count > MAX_TOKENS) return `A scenario has at most ${MAX_TOKENS.toLocaleString('en')} values.`;
    if (typeof next.value !== 'object' || next.value === null) continue;
    if (next.depth >= MAX_DEPTH) return `Lists and maps are nested deeper than ${MAX_DEPTH} levels.`;
    for (const child of Object.values(next.value) as unknown[]) stack.push({ value: child, depth: next.depth + 1 });
  }
  return null;
}

/** Formats a problem as one line: `line 12, column 5: steps[1].say: …`. */
export function formatProblem({ line, column, path, message }: ScenarioProblem): string {
  const where = line === null ? '' : `line ${line}, column ${column ?? 1}: `;
  return `${where}${path === '' ? '' : `${path}: `}${message}`;
}

function refused(problems: ScenarioProblem[]): Parsed {
  return { ok: false, problems };
}

function at(position: { line: number; col: number } | null, path: string, message: string): ScenarioProblem {
  return { line: position?.line ?? null, column: position?.col ?? null, path, message };
}

/** Position of an unknown key, or else of the deepest part of the path that the file contains. */
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
