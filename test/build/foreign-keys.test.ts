import { join } from 'node:path';
import { Linter } from 'eslint';
import ts from 'typescript-eslint';
import { describe, expect, test } from 'vitest';
import { brokerdeskPlugin } from '../../build/eslint/plugin.ts';

const ROOT = join(import.meta.dirname, '../..');
const DECLARED = `
declare const table: Record<string, number>;
declare const index: { [name: string]: number };
declare const known: Record<'a' | 'b', number>;
declare const fixed: { a: number; b: number };
declare const list: number[];
declare const bytes: Uint8Array;
declare const map: Map<string, number>;
declare const topic: string;
declare const wrapped: { topic: string };
declare const key: 'a' | 'b';
declare const name: \`topic-\${string}\`;
declare const nested: { tables: Partial<Record<string, string[]>> };
`;

function lint(source: string, filename: string, isTyped: boolean): string[] {
  const parserOptions = isTyped ? { projectService: { allowDefaultProject: ['*.ts'] }, tsconfigRootDir: ROOT } : {};
  return new Linter({ configType: 'flat' })
    .verify(
      source,
      [
        {
          files: ['**/*.ts', '**/*.vue'],
          languageOptions: { parser: ts.parser, parserOptions },
          plugins: { brokerdesk: brokerdeskPlugin },
          rules: { 'brokerdesk/foreign-keys': 'error' },
        },
      ],
      { filename },
    )
    .map(({ message }) => message);
}
const lintTyped = (source: string): string[] => lint(`${DECLARED}${source}\nexport {};`, join(ROOT, 'foreign-keys-sample.ts'), true);

describe('the rule foreign-keys', () => {
  test.each([
    'table[topic];',
    'table[wrapped.topic] = 1;',
    'table[`${topic}-0`] += 1;',
    'delete table[topic];',
    'index[topic];',
    'nested.tables[topic]?.push("x");',
    'table[name];',
    'known[topic as "a"];',
    'fixed[topic as keyof typeof fixed];',
    'fixed[topic! as "a"];',
    'Object.hasOwn(index, topic) ? table[topic] : 0;',
    'Object.hasOwn(table, topic) ? 0 : table[topic];',
    'topic in table;',
    'topic in fixed;',
    'Object.assign({}, table);',
    'for (const each in table) table[each];',
    'function read<K extends string>(at: K) { return table[at]; }',
  ])('refuses %s', (source) => {
    expect(lintTyped(source)).toEqual([expect.stringContaining('a name that may be one of Object.prototype')]);
  });

  test.each([
    'table["a"];',
    'known[key];',
    'fixed[key];',
    'list[0];',
    'list[topic.length];',
    'bytes[1];',
    'map.get(topic);',
    'topic[0];',
    '"a" in fixed;',
    'const made = { [topic]: 1 };',
    'Object.fromEntries([[topic, 1]]);',
    'const copy = { ...table };',
    'Object.assign({}, fixed);',
    'Object.entries(table);',
    'Object.hasOwn(table, topic) ? table[topic] : 0;',
    'Object.hasOwn(table, topic) ? (table[topic] ?? 1) : 0;',
    'list.at(1);',
  ])('allows %s', (source) => {
    expect(lintTyped(source)).toEqual([]);
  });

  test('refuses Record<string, …> in components, which are linted without types', () => {
    const refused = [expect.stringContaining('Record<string, …>')];
    expect(lint('const byName: Record<string, number> = {};', join(ROOT, 'sample.vue'), false)).toEqual(refused);
    expect(lint('defineProps<{ errors: Readonly<Record<string, string>> }>();', join(ROOT, 'sample.vue'), false)).toEqual(refused);
    expect(lint("const byKey: Record<'a' | 'b', number> = { a: 1, b: 2 };", join(ROOT, 'sample.vue'), false)).toEqual([]);
  });
});
