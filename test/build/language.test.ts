import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { findWords, splitWords } from '../../build/language/check.ts';
import { listCheckedFiles } from '../../build/language/files.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Files and directories whose language has been revised. */
const REVISED = [
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'README.md',
  'build',
  'docs',
  'electron/admin/load',
  'electron/cli',
  'electron/cli.ts',
  'electron/cluster/broker',
  'electron/cluster/coordinator',
  'electron/cluster/lib',
  'electron/cluster/log',
  'electron/cluster/network',
  'electron/cluster/protocol',
  'electron/cluster/quorum',
  'electron/cluster/zookeeper',
  'electron/control',
  'electron/ipc',
  'electron/scenarios',
  'electron/web',
  'renderer/api.ts',
  'renderer/app.ts',
  'renderer/bridge-web.ts',
  'renderer/browser',
  'renderer/charts',
  'renderer/components/base',
  'renderer/components/brokers',
  'renderer/components/configs',
  'renderer/components/connections',
  'renderer/components/groups',
  'renderer/components/history',
  'renderer/components/learn',
  'renderer/components/messages',
  'renderer/components/overview',
  'renderer/components/quorum',
  'renderer/components/scenarios',
  'renderer/components/shell',
  'renderer/components/topics',
  'renderer/components/zookeeper',
  'renderer/composables',
  'renderer/connections',
  'renderer/diagrams',
  'renderer/format',
  'renderer/groups',
  'renderer/health',
  'renderer/incidents',
  'renderer/lab',
  'renderer/learn',
  'renderer/loads',
  'renderer/main.ts',
  'renderer/matrix',
  'renderer/messages',
  'renderer/pages',
  'renderer/router.ts',
  'renderer/scenarios',
  'renderer/scope.ts',
  'renderer/stores',
  'renderer/styles',
  'renderer/tables',
  'renderer/topics',
  'renderer/tour',
  'renderer/zookeeper',
  'test/admin/load',
  'test/cli',
  'test/cluster/broker',
  'test/cluster/coordinator',
  'test/cluster/lib',
  'test/cluster/log',
  'test/cluster/network',
  'test/cluster/protocol',
  'test/cluster/quorum',
  'test/cluster/zookeeper',
  'test/control',
  'test/renderer/app.test.ts',
  'test/renderer/bridge-web.test.ts',
  'test/renderer/charts',
  'test/renderer/components',
  'test/renderer/composables',
  'test/renderer/diagrams',
  'test/renderer/fixtures',
  'test/renderer/format',
  'test/renderer/gallery',
  'test/renderer/groups',
  'test/renderer/health',
  'test/renderer/incidents',
  'test/renderer/learn',
  'test/renderer/loads',
  'test/renderer/matrix',
  'test/renderer/messages',
  'test/renderer/scenarios',
  'test/renderer/stores',
  'test/renderer/styles',
  'test/renderer/tables',
  'test/renderer/timeline',
  'test/renderer/topics',
  'test/renderer/tour',
  'test/renderer/zookeeper',
  'test/scenarios',
  'test/simulation',
];

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

test('revised files use the words of LANGUAGE', () => {
  const files = listCheckedFiles(ROOT, REVISED);
  expect(files).toContain('electron/web/server.ts');
  const hits = files.flatMap((file) =>
    [...findWords(file), ...findWords(readFileSync(join(ROOT, file), 'utf8'))].map(
      ({ line, found, text }) => `${file}:${line}: ${found}: ${text}`,
    ),
  );
  expect(hits).toEqual([]);
});
