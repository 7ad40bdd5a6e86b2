import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { library, librarySummaries } from '../../electron/scenarios/library.ts';
import { parseScenario, problemText } from '../../electron/scenarios/parse.ts';
import { outlineOf } from '../../electron/scenarios/words.ts';
import { scenarioJsonSchema } from '../../shared/scenario-schema.ts';

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
  return parsed.ok ? [] : parsed.problems.map(problemText);
}

/** The text with one line of it replaced. */
function changed(from: string, to: string): string {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
}

describe('a scenario file', () => {
  test('is read, with durations as milliseconds and what is absent filled in', () => {
    const parsed = parseScenario(GOOD);
    if (!parsed.ok) throw new Error(parsed.problems.map(problemText).join('\n'));
    const { scenario } = parsed;
    expect(scenario.cluster.brokers).toBe(3);
    expect(scenario.topics[0]).toMatchObject({ partitions: 1, replication: 3 });
    expect(scenario.steps[0]).toMatchObject({ at: 2_000, do: [{ fault: { type: 'kill', node: 'leader of orders-0' }, as: 'victim' }] });
    expect(scenario.steps[1]?.after).toBe(250);
    expect(scenario.load[0]).toMatchObject({ acks: 'all', idempotent: true, recordsPerSecond: 100 });
  });

  test('JSON is taken as well', () => {
    expect(
      parseScenario(
        JSON.stringify({ name: 'x', title: 'X', about: 'A.', steps: [{ say: 'S.' }], expect: [{ events: 'node/failed', atMost: 0 }] }),
      ).ok,
    ).toBe(true);
  });

  test.each([
    ['an unknown key', changed('    at: 2s', '    att: 2s'), 'line 11, column 5: steps[0]: There is no att here.'],
    [
      'a bad duration',
      changed('    at: 2s', '    at: 2 seconds'),
      'line 11, column 5: steps[0].at: A duration is a number and its unit: 250ms, 3s or 2m.',
    ],
    ['an unknown fault', changed('type: kill', 'type: explode'), 'line 14, column 20: steps[0].do[0].fault.type: There is no such type.'],
    [
      'a fault without its node',
      changed(', node: leader of orders-0', ''),
      'line 14, column 11: steps[0].do[0].fault.node: This is missing.',
    ],
    [
      'a typing error in a fault',
      changed('type: kill,', 'type: slowDisk, latencyms: 5,'),
      'line 14, column 36: steps[0].do[0].fault: There is no latencyms here.',
    ],
    [
      'words that name no broker',
      changed('leader of orders-0 }', 'some broker }'),
      'line 14, column 32: steps[0].do[0].fault.node: No broker is named so; write leader of orders-0, a follower of orders-0, controller, coordinator of readers, a broker, 2 or a name.',
    ],
    [
      'a name that nobody has',
      changed('start: victim', 'start: vicctim'),
      'line 20, column 9: steps[1].do[0].start: No broker before this is named vicctim.',
    ],
    [
      'a step that is not there',
      changed('after: kill, within', 'after: kil, within'),
      'line 23, column 27: expect[1].after: There is no step kil.',
    ],
    [
      'a topic that is not there',
      changed('writable: orders-0', 'writable: order-0'),
      'line 23, column 7: expect[1].writable: There is no topic order among topics.',
    ],
    [
      'a load that is not there',
      changed('lost: writer', 'lost: readers'),
      'line 22, column 7: expect[0].lost: There is no producer readers among load.',
    ],
    [
      'no action',
      changed('- start: victim', '- begin: victim'),
      'line 20, column 9: steps[1].do[0]: This needs one of fault, isolate, heal, start, pick, run, end, change, crash, pause, resume, configure, deleteRecords, write, elect, read, wait.',
    ],
    ['a missing part', changed('title: A small one\n', ''), 'line 1, column 1: title: This is missing.'],
    [
      'an impossible load',
      changed('name: writer, topic: orders', 'name: writer, topic: orders, acks: one'),
      'line 7, column 5: load[0].idempotent: An idempotent producer needs acks: all.',
    ],
    ['a step that is there twice', changed('name: back', 'name: kill'), 'line 15, column 5: steps[1].name: The name kill is there twice.'],
    ['bad YAML', changed('steps:', 'steps: ['), /^line \d+, column \d+: .+/],
  ] as const)('%s is told with its place', (_what, text, message) => {
    const [first] = problems(text);
    if (typeof message === 'string') expect(first).toBe(message);
    else expect(first).toMatch(message);
  });

  test('many aliases do not fill the memory', () => {
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [${'*a, '.repeat(10)}]\nc: &c [${'*b, '.repeat(10)}]\nd: [${'*c, '.repeat(10)}]\n`;
    expect(problems(bomb)[0]).toMatch(/alias/i);
  });
});

describe('the library', () => {
  test('has at least twelve, each well formed, with names of their own', () => {
    expect(library().length).toBeGreaterThanOrEqual(12);
    expect(new Set(librarySummaries().map(({ name }) => name)).size).toBe(library().length);
  });

  test.each(library().map((entry) => [entry.name, entry] as const))(
    '%s explains each of its steps, and says whom its schema is by',
    (_name, { text, scenario }) => {
      expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=../../../docs/scenario.schema.json');
      expect(scenario.about.length).toBeGreaterThan(80);
      const outline = outlineOf(scenario);
      for (const step of outline.steps) {
        expect(step.say.length).toBeGreaterThan(10);
        expect(step.say).not.toMatch(/!|\*\*|`/);
      }
      for (const words of [...outline.expectations, ...outline.steps.flatMap(({ actions }) => actions)])
        expect(words).not.toMatch(/undefined|\[object/);
    },
  );
});

test('docs/scenario.schema.json is what the schema says; node build/scenario-schema.ts writes it', () => {
  const file = join(resolve(import.meta.dirname, '../..'), 'docs', 'scenario.schema.json');
  const published = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  delete published['$id'];
  delete published['title'];
  expect(published).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())));
});
