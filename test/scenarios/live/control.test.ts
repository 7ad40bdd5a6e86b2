/** Scenario runs over the control API. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterProcess } from '../../helpers/cluster-process.ts';
import type { ScenarioReport } from '../../../shared/models/scenario.ts';
import type { TimelineEvent } from '../../../shared/models/timeline.ts';

const SCENARIO = `name: quick
title: A quick one
about: For a test.
topics: [{ name: orders, configs: { min.insync.replicas: 2 } }]
load: [{ kind: producer, name: writer, topic: orders }]
steps:
  - name: kill
    at: 1s
    say: The leader is killed.
    do: [{ fault: { type: kill, node: leader of orders-0 }, as: victim }]
  - name: back
    until: { leader: orders-0, isNot: victim }
    say: Another leads.
    do: [{ start: victim }]
expect:
  - { lost: writer, is: none }
  - { isr: orders-0, size: 3, after: back, within: 30s }
`;

let cluster: ClusterProcess;
beforeAll(async () => {
  cluster = await ClusterProcess.start();
}, 60_000);
afterAll(async () => {
  expect(await cluster.stop()).toBe(0);
});

function post(body: string, type = 'application/yaml'): Promise<Response> {
  return fetch(new URL('/scenarios', cluster.line.control), {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${cluster.line.token}`, 'content-type': type },
    signal: AbortSignal.timeout(110_000),
  });
}

test('POST /scenarios runs a scenario and returns the report, after which no fault is active', { timeout: 120_000 }, async () => {
  const report = (await (await post(SCENARIO)).json()) as ScenarioReport;
  expect(report.state, JSON.stringify(report.expectations)).toBe('held');
  expect(report.events.some(({ type }) => type === 'lab/nodeKilled')).toBe(true);
  const timeline = await cluster.control<TimelineEvent[]>('GET', '/timeline');
  const [began, ended] = timeline.filter(({ type }) => type.startsWith('scenario/'));
  expect(began).toMatchObject({ type: 'scenario/started', details: { runId: report.id } });
  expect(ended).toMatchObject({ type: 'scenario/ended', causeId: began?.id, details: { runId: report.id, state: 'held' } });
  expect(await cluster.control('GET', '/faults')).toEqual([]);
});

test(
  'POST /scenarios refuses a second run; DELETE /scenarios/current cancels the first one, which ends its faults',
  { timeout: 120_000 },
  async () => {
    const running = post(SCENARIO.replace('    do: [{ start: victim }]', '    do: [{ wait: 60s }]'));
    await expect.poll(() => cluster.control<unknown[]>('GET', '/faults'), { timeout: 30_000 }).toHaveLength(1);
    // It waits for a minute: a scenario that ends by itself could have ended before the second request.
    expect((await post(JSON.stringify({ library: 'leader-killed' }), 'application/json')).status).toBe(409);
    await cluster.control('DELETE', '/scenarios/current');
    expect(((await (await running).json()) as ScenarioReport).state).toBe('cancelled');
    expect(await cluster.control('GET', '/faults')).toEqual([]);
  },
);
