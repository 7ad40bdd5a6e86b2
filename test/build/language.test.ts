import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { findWords, splitWords } from '../../build/language/check.ts';
import { listCheckedFiles } from '../../build/language/files.ts';

const ROOT = join(import.meta.dirname, '../..');
describe('findWords', () => {
  it.each([
    ['a comment', '// The broker tells the controller.', 'tells'],
    ['a name in camelCase', 'const toldList = [];', 'told'],
    ['a type', 'interface NobodyHears {}', 'nobody'],
    ['a constant', 'const LAST_HEARD = 1;', 'heard'],
    ['a file name', 'renderer/stores/told-list.ts', 'told'],
    ['a phrase over two lines', '/**\n * The follower stands\n * still.\n */', 'stands still'],
  ])('finds a word in %s', (_where, source, found) => {
    expect(findWords(source).map((hit) => hit.found)).toContain(found);
  });

  it('reports the line, from 1', () => {
    expect(findWords('a\nb\n// anew')).toMatchObject([{ line: 3, found: 'anew' }]);
  });

  it.each([
    ['// The broker has a past life.', 'past life'],
    ['// The zombie knows better.', 'knows better'],
    ['// The log is at rest.', 'at rest'],
    ['// Durability hangs on it.', 'hangs on'],
    ['// It is somewhere else.', 'somewhere else'],
    ['// The controller decides who leads.', 'who leads'],
  ])('finds %j', (source, found) => {
    expect(findWords(source).map((hit) => hit.found)).toEqual([found]);
  });

  it.each(['shoulder', 'intellect', 'Goethe', 'hearth', 'go online', 'brokerdesk'])('accepts %j', (text) => {
    expect(findWords(text)).toEqual([]);
  });

  it('accepts a line that gives a reason', () => {
    expect(findWords("expect(title).toBe('nobody'); // language: the user nobody of Unix")).toEqual([]);
    expect(findWords('nobody // language:')).toHaveLength(1);
  });
});

test('splitWords separates the words of identifiers', () => {
  expect(splitWords('parseHTTPHeader last_heard-at ISR')).toBe('parse http header last heard at isr');
});

test('no file uses a word of the list', () => {
  const files = listCheckedFiles(ROOT);
  expect(files).toContain('electron/web/server.ts');
  const hits = files.flatMap((file) =>
    [...findWords(file), ...findWords(readFileSync(join(ROOT, file), 'utf8'))].map(
      ({ line, found, text }) => `${file}:${line}: ${found}: ${text}`,
    ),
  );
  expect(hits).toEqual([]);
});
