/**
 * Recipes of real ZooKeeper clients against a running cluster: Apache Curator (its jars are in the directory CURATOR_JARS, which
 * `build/get-jars.sh curator` fills) and Debian's kazoo. Each takes two sessions at different brokers.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { run } from '../helpers/run.ts';
import { describeWith, onPath, pythonHas } from '../helpers/tools.ts';

const jars = process.env['CURATOR_JARS'];
const CHECKS = [
  'mutex',
  'read-write lock',
  'semaphore',
  'leader latch',
  'distributed queue',
  'path children cache',
  'curator cache',
  'double barrier',
  'atomic long',
  'ttl nodes',
  'container nodes',
  'multi',
  'watches',
  'queries',
  'config',
  'pipelining',
];

const here = (file: string): string => join(import.meta.dirname, file);
let cluster: ClusterProcess;

beforeAll(async () => {
  cluster = await ClusterProcess.start();
});
afterAll(async () => {
  expect(await cluster.stop()).toBe(0);
});

describeWith('java and CURATOR_JARS', jars !== undefined && onPath('java'), 'Apache Curator', () => {
  test('its recipes hold', async () => {
    const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`, here('Recipes.java'), cluster.line.zookeeper];
    const { stdout, stderr } = await run('java', java, { timeoutMs: 240_000 });
    const holds = stdout.split('\n').filter((line) => line.startsWith('holds: '));
    expect(holds, `${stdout}\n${stderr}`).toEqual(CHECKS.map((check) => `holds: ${check}`));
  }, 260_000);
});

describeWith('python3-kazoo', pythonHas('kazoo'), 'kazoo', () => {
  test('its recipes hold', async () => {
    const { code, stdout, stderr } = await run('/usr/bin/python3', [here('recipes.py'), cluster.line.zookeeper], { timeoutMs: 120_000 });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      lock: [false, ['a'], true],
      readers: [true, true],
      semaphore: [true, false, true],
      barrier: true,
      'double barrier': [true, true],
      party: ['a', 'b', true],
      election: ['a', 'b'],
      queue: ['3', '2', '1'],
      'locking queue': ['x', 'y'],
      counter: 20,
      'data watch': true,
      'children watch': true,
      'patient watch': ['c'],
      'tree cache': true,
      created: 3000,
      many: 3000,
      slash: '/kz/many/0000003000',
    });
  }, 130_000);
});
