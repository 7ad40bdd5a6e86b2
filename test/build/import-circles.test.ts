/** No circle of imports, of types included: a file can be read after the files that it imports. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, expect, it, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const IMPORT = /(?:^|\n)(?:import|export) (?:type )?[^;'"]*?from '([^']+)';|(?:^|\n)import '([^']+)'/g;

/** Paths of the project that a source imports, relative to its root. */
function importsOf(file: string, source: string): string[] {
  return [...source.matchAll(IMPORT)].flatMap(([, from, bare]) => {
    const name = from ?? bare ?? '';
    if (name.startsWith('#shared/')) return [`shared/${name.slice('#shared/'.length)}.ts`];
    return name.startsWith('.') ? [posix.normalize(`${posix.dirname(file)}/${name}`)] : [];
  });
}

/** Files on a path back to themselves, each circle once: the components of Tarjan's algorithm with more than one file. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const places = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): number => {
    const place = places.size;
    places.set(file, place);
    stack.push(file);
    let low = place;
    for (const next of graph.get(file) ?? []) {
      if (!places.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, places.get(next) ?? low);
    }
    if (low === place) {
      const circle = stack.splice(stack.indexOf(file));
      if (circle.length > 1 || graph.get(file)?.includes(file) === true) circles.push(circle.sort());
    }
    return low;
  };
  for (const file of graph.keys()) if (!places.has(file)) visit(file);
  return circles;
}

describe('circlesOf', () => {
  it.each<[edges: string, circles: string[][]]>([
    ['a>b b>c', []],
    ['a>b b>a', [['a', 'b']]],
    ['a>a', [['a']]],
    ['a>b b>c c>a d>a', [['a', 'b', 'c']]],
    ['a>b a>c b>d c>d d>e e>d', [['d', 'e']]],
  ])('%s', (edges, circles) => {
    const graph = new Map<string, string[]>();
    for (const edge of edges.split(' ')) {
      const [from = '', to = ''] = edge.split('>');
      graph.set(from, [...(graph.get(from) ?? []), to]);
    }
    expect(circlesOf(graph)).toEqual(circles);
  });
});

test('importsOf reads imports of values, of types and of several lines, exports and styles', () => {
  const source = `import type { A } from './a.ts';\nimport {\n  b,\n} from '../b.ts';\nexport { c } from '#shared/c';\nimport './d.css';\nimport x from 'vue';\n`;
  expect(importsOf('renderer/x/y.ts', source)).toEqual(['renderer/x/a.ts', 'renderer/b.ts', 'shared/c.ts', 'renderer/x/d.css']);
});

test('no circle of imports in the project', () => {
  const files = ['electron', 'renderer', 'shared', 'build'].flatMap((directory) =>
    readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
      .map((name) => `${directory}/${name.replaceAll('\\', '/')}`)
      .filter((name) => /\.(ts|vue)$/.test(name)),
  );
  const graph = new Map(files.map((file) => [file, importsOf(file, readFileSync(join(ROOT, file), 'utf8'))]));
  const known = [...graph].flatMap(([file, imports]) => imports.filter((name) => name.endsWith('.ts')).map((name) => ({ file, name })));
  expect(known.length).toBeGreaterThan(3_000);
  // A name that this test misreads would hide a circle.
  expect(known.filter(({ name }) => !existsSync(join(ROOT, name)))).toEqual([]);
  expect(dirname(files[0] ?? '')).toMatch(/^electron/);
  expect(circlesOf(graph)).toEqual([]);
});
