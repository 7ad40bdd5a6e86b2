import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { EXCEPTIONS, SHARING } from '../../build/unit-projects.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** What outlasts a file: replaced modules, globals and timers, settings of the process, and a document. */
const LASTING =
  /\bvi\.(?:mock|doMock|hoisted|stub\w+|useFakeTimers|setSystemTime|spyOn)\(|\bprocess\.env\[[^\]]+\] *=[^=]|\bprocess\.(?:on|once|chdir|exitCode)\b|@vitest-environment/;

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

test('unit tests that share a worker replace nothing global', () => {
  const files = globSync(SHARING as string[], { cwd: ROOT }).map((file) => file.replaceAll('\\', '/'));
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => !EXCEPTIONS.includes(file) && LASTING.test(read(file)))).toEqual([]);
});

test('unit tests with a worker of their own need it', () => {
  for (const file of EXCEPTIONS) expect([file, LASTING.test(read(file))]).toEqual([file, true]);
});
