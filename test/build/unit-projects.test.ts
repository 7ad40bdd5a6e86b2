import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { EXCEPTIONS, SHARING } from '../../build/unit-projects.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** What outlasts a file (replaced modules, globals and timers, settings of the process, a document), and figures of a whole worker. */
const LASTING = new RegExp(
  [
    /\bvi\.(?:mock|doMock|hoisted|stub\w+|useFakeTimers|setSystemTime|setConfig|spyOn)\b/,
    /\bprocess\.env(?:\[[^\]]+\]|\.\w+) *\??\??=[^=]|\bdelete process\.env\b|\bObject\.assign\(process\.env\b/,
    /\bprocess\.(?:on|once|addListener|chdir|umask|exitCode|setUncaughtExceptionCaptureCallback)\b|\bprocess\.std(?:out|err)\.write *=[^=]/,
    /\bglobalThis(?:\[[^\]]+\]|\.\w+)+ *=[^=]|\bObject\.(?:assign|defineProperty|defineProperties)\(\s*(?:globalThis|process|Math|Date|performance)\b/,
    /\b(?:Math|Date|performance|console)\.\w+ *=[^=]|\b[A-Z]\w+\.prototype\.\w+ *=[^=]/,
    /@vitest-environment|\bmemoryUsage\(/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The test and the files under test/ that it imports, directly or not. */
function withHelpers(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, path = ''] of read(file).matchAll(/\bfrom '(\.[^']+\.ts)'/g)) {
    const imported = relative(ROOT, resolve(ROOT, dirname(file), path)).replaceAll('\\', '/');
    if (imported.startsWith('test/')) withHelpers(imported, found);
  }
  return found;
}

test('unit tests that share a worker replace nothing global, and neither do their helpers', () => {
  const files = globSync(SHARING as string[], { cwd: ROOT }).map((file) => file.replaceAll('\\', '/'));
  expect(files.length).toBeGreaterThan(100);
  const sharing = files.filter((file) => !EXCEPTIONS.includes(file));
  const found = sharing.flatMap((file) => [...withHelpers(file)].filter((one) => LASTING.test(read(one))).map((one) => [file, one]));
  expect(found).toEqual([]);
});

test('unit tests with a worker of their own need it', () => {
  for (const file of EXCEPTIONS) expect([file, LASTING.test(read(file))]).toEqual([file, true]);
});

test.each([
  "vi.mock<typeof import('node:fs')>('node:fs')",
  'vi.useFakeTimers({ now: 0 })',
  "process.env['TMPDIR'] = root",
  'process.env.TMPDIR = root',
  "process.env['TMPDIR'] ??= root",
  "delete process.env['TMPDIR']",
  "process.on('exit', done)",
  'globalThis.fetch = fake',
  "Object.defineProperty(globalThis, 'document', { value })",
  'Math.random = () => 0.5',
  'Date.now = () => 0',
  'Array.prototype.at = fake',
])('%s is global', (text) => {
  expect(LASTING.test(text)).toBe(true);
});

test.each(["process.env['SEEDS'] ?? 60", "if (process.env['SEEDS'] === '1')", 'const at = performance.now()', 'vi.fn()', 'Date.now()'])(
  '%s is not',
  (text) => {
    expect(LASTING.test(text)).toBe(false);
  },
);
