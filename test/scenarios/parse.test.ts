import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { library, librarySummaries } from '../../electron/scenarios/library.ts';
import { parseScenario, parseScenarioValue, formatProblem } from '../../electron/scenarios/parse.ts';
import { outlineScenario } from '../../electron/scenarios/descriptions.ts';
import { scenarioJsonSchema } from '../../shared/scenario-schema.ts';
import { measureProcessorTime } from '../helpers/processor-time.ts';

const GOOD = `name: small
title: A small one
about: What it teaches.
topics:
  - { name: orders }
load:
  - { kind: producer, name: writer, topic: orders }
  - { kind: group, name: readers, topics: [orders] }
steps:
  - name: kill
    at: 2s
    say: It is killed.
    do:
      - { fault: { type: kill, node: leader of orders-0 }, as: victim }
  - name: back
    after: 250ms
    until: { leader: orders-0, isNot: victim }
    say: It comes back.
    do:
      - start: victim
expect:
  - { lost: writer, is: none }
  - { writable: orders-0, after: kill, within: 10s }
`;

function problems(text: string): string[] {
  const parsed = parseScenario(text);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
}

/** GOOD with one part replaced. */
function changed(from: string, to: string): string {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
}

describe('a scenario file', () => {
  test('is parsed, with durations in milliseconds and defaults for absent keys', () => {
    const parsed = parseScenario(GOOD);
    if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
    const { scenario } = parsed;
    expect(scenario.cluster.brokers).toBe(3);
    expect(scenario.topics[0]).toMatchObject({ partitions: 1, replication: 3 });
    expect(scenario.steps[0]).toMatchObject({ at: 2_000, do: [{ fault: { type: 'kill', node: 'leader of orders-0' }, as: 'victim' }] });
    expect(scenario.steps[1]?.after).toBe(250);
    expect(scenario.load[0]).toMatchObject({ acks: 'all', idempotent: true, recordsPerSecond: 100 });
  });

  test('may be JSON', () => {
    expect(
      parseScenario(
        JSON.stringify({ name: 'x', title: 'X', about: 'A.', steps: [{ say: 'S.' }], expect: [{ events: 'node/failed', atMost: 0 }] }),
      ).ok,
    ).toBe(true);
  });

  test.each([
    ['an unknown key', changed('    at: 2s', '    att: 2s'), 'line 11, column 5: steps[0]: Unknown key att.'],
    [
      'a bad duration',
      changed('    at: 2s', '    at: 2 seconds'),
      'line 11, column 5: steps[0].at: A duration is a number and its unit: 250ms, 3s or 2m.',
    ],
    ['an unknown fault', changed('type: kill', 'type: explode'), 'line 14, column 20: steps[0].do[0].fault.type: Unknown type.'],
    ['a fault without its node', changed(', node: leader of orders-0', ''), 'line 14, column 11: steps[0].do[0].fault.node: Required.'],
    [
      'a typing error in a fault',
      changed('type: kill,', 'type: slowDisk, latencyms: 5,'),
      'line 14, column 36: steps[0].do[0].fault: Unknown key latencyms.',
    ],
    [
      'a target that names no broker',
      changed('leader of orders-0 }', 'some broker }'),
      'line 14, column 32: steps[0].do[0].fault.node: No broker is named so; write leader of orders-0, a follower of orders-0, controller, coordinator of readers, a broker, 2 or a name.',
    ],
    [
      'an undefined name',
      changed('start: victim', 'start: vicctim'),
      'line 20, column 9: steps[1].do[0].start: No broker before this is named vicctim.',
    ],
    ['an unknown step', changed('after: kill, within', 'after: kil, within'), 'line 23, column 27: expect[1].after: There is no step kil.'],
    [
      'an unknown topic',
      changed('writable: orders-0', 'writable: order-0'),
      'line 23, column 7: expect[1].writable: There is no topic order among topics.',
    ],
    [
      'an unknown load',
      changed('lost: writer', 'lost: readers'),
      'line 22, column 7: expect[0].lost: There is no producer readers among load.',
    ],
    [
      'no action',
      changed('- start: victim', '- begin: victim'),
      'line 20, column 9: steps[1].do[0]: One of these keys is required: fault, isolate, heal, start, pick, run, end, change, crash, pause, resume, configure, deleteRecords, write, elect, read, wait.',
    ],
    ['a missing part', changed('title: A small one\n', ''), 'line 1, column 1: title: Required.'],
    [
      'an impossible load',
      changed('name: writer, topic: orders', 'name: writer, topic: orders, acks: one'),
      'line 7, column 5: load[0].idempotent: An idempotent producer needs acks: all.',
    ],
    ['a repeated step name', changed('name: back', 'name: kill'), 'line 15, column 5: steps[1].name: The name kill is there twice.'],
    ['bad YAML', changed('steps:', 'steps: ['), /^line \d+, column \d+: .+/],
  ] as const)('with %s is rejected with line and column', (_what, text, message) => {
    const [first] = problems(text);
    if (typeof message === 'string') expect(first).toBe(message);
    else expect(first).toMatch(message);
  });

  test('rejects nested aliases that expand to a large value', () => {
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [${'*a, '.repeat(10)}]\nc: &c [${'*b, '.repeat(10)}]\nd: [${'*c, '.repeat(10)}]\n`;
    expect(problems(bomb)[0]).toMatch(/alias/i);
  });
});

describe('the library', () => {
  test('has at least twelve valid scenarios with unique names', () => {
    expect(library().length).toBeGreaterThanOrEqual(12);
    expect(new Set(librarySummaries().map(({ name }) => name)).size).toBe(library().length);
  });

  test.each(library().map((entry) => [entry.name, entry] as const))(
    '%s names its schema and explains each of its steps',
    (_name, { text, scenario }) => {
      expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=../../../docs/scenario.schema.json');
      expect(scenario.about.length).toBeGreaterThan(80);
      const outline = outlineScenario(scenario);
      for (const step of outline.steps) {
        expect(step.say.length).toBeGreaterThan(10);
        expect(step.say).not.toMatch(/!|\*\*|`/);
      }
      for (const description of [...outline.expectations, ...outline.steps.flatMap(({ actions }) => actions)])
        expect(description).not.toMatch(/undefined|\[object/);
    },
  );
});

describe('docs/scenario.schema.json', () => {
  const file = join(resolve(import.meta.dirname, '../..'), 'docs', 'scenario.schema.json');
  const published = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;

  test('equals the schema of the code (written by node build/scenario-schema.ts)', () => {
    const { $id, title, ...rest } = published;
    expect([$id, title]).toEqual(['scenario.schema.json', 'Brokerdesk scenario']);
    expect(rest).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())));
  });

  test('accepts the library and rejects an unknown key', () => {
    const byItself = z.fromJSONSchema(published);
    for (const { name, text } of library()) expect([name, byItself.safeParse(parse(text)).error?.message]).toEqual([name, undefined]);
    const value = parse(GOOD) as { steps: Record<string, unknown>[] };
    expect(byItself.safeParse(value).success).toBe(true);
    expect(byItself.safeParse({ ...value, steps: [{ ...value.steps[0], att: '3s' }] }).success).toBe(false);
    expect(byItself.safeParse({ ...value, steps: [{ ...value.steps[0], at: '3 seconds' }] }).success).toBe(false);
  });
});

describe('parseScenario: limits', () => {
  const flat = (count: number): string => Array.from({ length: count }, (_none, i) => `key${i}: 1`).join('\n');

  test.each<[string, string, string]>([
    ['a flat map of 30,000 keys', flat(30_000), 'A scenario has at most 100,000 YAML tokens.'],
    ['300,000 steps', `{"name": "x", "steps": [${'{},'.repeat(300_000)}{}]}`, 'A scenario has at most 100,000 YAML tokens.'],
    ['comments', '# x\n'.repeat(200_000), 'A scenario has at most 100,000 YAML tokens.'],
    ['nested flow lists', `a: ${'['.repeat(1_000)}${']'.repeat(1_000)}`, 'Lists and maps are nested deeper than 64 levels.'],
    ['nested block lists', `${'- '.repeat(1_000)}a`, 'Lists and maps are nested deeper than 64 levels.'],
    [
      'nested maps',
      Array.from({ length: 200 }, (_none, i) => `${' '.repeat(i)}a:`).join('\n'),
      'Lists and maps are nested deeper than 64 levels.',
    ],
    ['keys that are maps', `${'? '.repeat(1_000)}a`, 'Lists and maps are nested deeper than 64 levels.'],
    ['51 aliases', `a: &a 1\nb: [${Array(51).fill('*a').join(', ')}]`, 'A scenario has at most 50 aliases.'],
    ['a long text', `name: ${'x'.repeat(1_000_001)}`, 'A scenario has at most 1,000,000 characters; this text has 1,000,007.'],
    ['a repeated key', 'name: a\ntitle: b\nname: c', 'line 3, column 1: Map keys must be unique.'],
    ['a repeated key in a flow map', 'load:\n  - { kind: group, name: a, name: b }', 'line 2, column 29: Map keys must be unique.'],
  ])('%s is rejected with the limit', (_what, text, message) => {
    expect(problems(text).join(' ')).toContain(message);
  });

  test('takes time linear in the size of the text', () => {
    const timeOf = (count: number): number => measureProcessorTime(() => problems(flat(count))).ms;
    timeOf(1_500);
    const small = Math.min(timeOf(1_500), timeOf(1_500), timeOf(1_500));
    // Ten times the keys; the unique-key check of the YAML library took a hundred times as long.
    expect(Math.min(timeOf(15_000), timeOf(15_000))).toBeLessThan(Math.max(small, 5) * 50);
  });

  test.each<[string, unknown, string]>([
    ['values', { name: 'x', steps: Array.from({ length: 100_001 }, () => 0) }, 'A scenario has at most 100,000 values.'],
    ['levels', JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`), 'Lists and maps are nested deeper than 64 levels.'],
  ])('too many %s of JSON are rejected with the limit', (_what, value, message) => {
    const parsed = parseScenarioValue(value);
    expect(parsed.ok ? [] : parsed.problems.map(formatProblem)).toEqual([message]);
  });

  test('accepts aliases and anchors within the limits', () => {
    expect(problems(GOOD.replace('topics: [orders] }', 'topics: &names [orders] }'))).toEqual([]);
  });
});
