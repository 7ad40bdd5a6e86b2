/** Turns schema issues into problems for the user. Of a union, only the issues of the choice that the user meant are reported. */
import type * as z from 'zod';
import { ownValue } from '#shared/own-value';
import { ACTION_WORDS, CONDITION_WORDS, EXPECTATION_WORDS } from '#shared/scenario-verbs';

export interface Problem {
  path: (string | number)[];
  /** An unknown key at that path. */
  key: string | null;
  message: string;
}

type Issue = z.core.$ZodIssue;

export function problemsOf(value: unknown, error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => explain(value, issue, []));
}

function explain(value: unknown, issue: Issue, before: readonly (string | number)[]): Problem[] {
  const path = [...before, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  switch (issue.code) {
    case 'invalid_union':
      return union(value, issue, path);
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path, key, message: `unknown key ${key}` }));
    case 'invalid_type':
      return [{ path, key: null, message: at(value, path) === undefined ? 'required' : `must be ${article(issue.expected)}` }];
    case 'invalid_value':
      return [{ path, key: null, message: `must be one of ${issue.values.map(String).join(', ')}` }];
    default:
      return [{ path, key: null, message: issue.message }];
  }
}

/** A choice of the scenario schema is recognized by its first key; other unions report their own message. */
function union(value: unknown, issue: Extract<Issue, { code: 'invalid_union' }>, path: (string | number)[]): Problem[] {
  if ('discriminator' in issue && typeof issue.discriminator === 'string' && issue.errors.length === 0) {
    return [{ path: [...path], key: null, message: `unknown ${issue.discriminator}` }];
  }
  const words = wordsOf(issue.errors.length);
  const given = at(value, path);
  if (given === undefined) return [{ path, key: null, message: 'required' }];
  if (words === undefined || typeof given !== 'object' || given === null || Array.isArray(given)) {
    return [{ path, key: null, message: issue.message === 'Invalid input' ? plainUnion(issue) : issue.message }];
  }
  const keys = Object.keys(given);
  // With several known keys, the first one in the file was meant.
  const first = keys.find((key) => words.includes(key));
  const index = first === undefined ? -1 : words.indexOf(first);
  if (index < 0) return [{ path, key: null, message: `one of these keys is required: ${words.join(', ')}` }];
  return (issue.errors[index] ?? []).flatMap((one) => explain(value, one, path));
}

function wordsOf(choices: number): readonly string[] | undefined {
  const lists: readonly (readonly string[])[] = [ACTION_WORDS, CONDITION_WORDS, EXPECTATION_WORDS];
  return lists.find((words) => words.length === choices);
}

function plainUnion(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  const texts = new Set(issue.errors.flat().map(({ message }) => message));
  return texts.size === 1 ? ([...texts][0] ?? issue.message) : 'the value is not valid';
}

function article(expected: string): string {
  if (expected === 'record' || expected === 'object') return 'a map';
  if (expected === 'array') return 'a list';
  return `a ${expected}`;
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (part, key) => (typeof part === 'object' && part !== null ? ownValue(part as Record<string, unknown>, String(key)) : undefined),
    value,
  );
}
