/**
 * The recorded answers of Apache Kafka that unit tests hold the cluster to (`config-answers.json`, `described-configs.json`), asked again of a
 * node of Apache Kafka. Needs Kafka's jars, see `tools.test.ts`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alterConfigs } from '../../electron/cluster/protocol/apis/alter-configs.ts';
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { describeConfigs } from '../../electron/cluster/protocol/apis/describe-configs.ts';
import { incrementalAlterConfigs } from '../../electron/cluster/protocol/apis/incremental-alter-configs.ts';
import { decodeResponse, encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import { CASES_TOPIC, CONFIG_CASES, describeCase, type ConfigCase } from '../cluster/quorum/config-cases.ts';
import { somePort } from '../helpers/ports.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { run } from '../helpers/run.ts';
import { describeWith } from '../helpers/tools.ts';

const jars = process.env['KAFKA_JARS'];
const JAVA = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`];
const START_MS = 90_000;

function recorded(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

describeWith('KAFKA_JARS', jars !== undefined, "Apache Kafka's answers about settings", () => {
  let directory: string;
  let node: ChildProcess | undefined;
  let client: RawClient;
  let correlationId = 0;

  async function ask<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q): Promise<S> {
    client.send(Buffer.concat(encodeRequest(api, version, { correlationId: ++correlationId, clientId: 'judge' }, body)));
    if (!(await client.until(() => client.frames.length > 0 || client.closed, 30_000))) throw new Error(`no answer to ${api.name}`);
    const frame = client.frames.shift();
    if (frame === undefined) throw new Error(`the connection was closed on ${api.name}`);
    return decodeResponse(api, version, frame).body;
  }

  const create = (name: string, configs: { name: string; value: string | null }[], validateOnly: boolean) =>
    ask(createTopics, 7, {
      topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs }],
      timeoutMs: 10_000,
      validateOnly,
    });

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'brokerdesk-judge-'));
    const [port, quorum] = [somePort(), somePort()];
    const file = join(directory, 'server.properties');
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${quorum}`,
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${quorum}`,
      'controller.listener.names': 'CONTROLLER',
      'log.dirs': join(directory, 'data'),
      'offsets.topic.replication.factor': '1',
    };
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
    writeFileSync(file, lines.join('\n'));
    const format = [...JAVA, 'kafka.tools.StorageTool', 'format', '-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', file];
    const formatted = await run('java', format, { timeoutMs: START_MS });
    expect(formatted.code, `${formatted.stdout}\n${formatted.stderr}`).toBe(0);
    node = spawn('java', [...JAVA, 'kafka.Kafka', file], { stdio: 'ignore' });
    const end = Date.now() + START_MS;
    for (let made = false; !made;) {
      if (Date.now() > end) throw new Error('Apache Kafka did not start');
      await new Promise((done) => setTimeout(done, 500));
      try {
        client = await RawClient.open(port);
        made = [0, 36].includes((await create(CASES_TOPIC, [], false)).topics[0]?.errorCode ?? -1);
      } catch {
        // It does not listen yet.
      }
    }
  }, 2 * START_MS);
  afterAll(async () => {
    if (node !== undefined && node.exitCode === null && node.signalCode === null) {
      // It may create a file until it has ended.
      const ended = new Promise((done) => node?.once('exit', done));
      node.kill('SIGKILL');
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  });

  async function answerTo({ api, type, resource, name, value, operation }: ConfigCase): Promise<number | undefined> {
    if (api === 'create') return (await create(resource, [{ name, value }], true)).topics[0]?.errorCode;
    const entity = { resourceType: type, resourceName: resource };
    if (api === 'replace') {
      const resources = [{ ...entity, configs: [{ name, value }] }];
      return (await ask(alterConfigs, 2, { resources, validateOnly: true })).responses[0]?.errorCode;
    }
    const resources = [{ ...entity, configs: [{ name, value, configOperation: operation }] }];
    return (await ask(incrementalAlterConfigs, 1, { resources, validateOnly: true })).responses[0]?.errorCode;
  }

  test('the codes for changes of settings are those recorded', async () => {
    const answers: Record<string, number | undefined> = {};
    for (const one of CONFIG_CASES) answers[describeCase(one)] = await answerTo(one);
    expect(answers).toEqual(recorded('../cluster/quorum/config-answers.json'));
  }, 60_000);

  test('the names of described settings are those recorded', async () => {
    const known = recorded('../cluster/broker/handlers/described-configs.json') as Record<'topic' | 'broker', string[]>;
    for (const [kind, resourceType, resourceName] of [
      ['topic', 2, CASES_TOPIC],
      ['broker', 4, '1'],
    ] as const) {
      const resources = [{ resourceType, resourceName, configurationKeys: null }];
      const { results } = await ask(describeConfigs, 4, { resources, includeSynonyms: false, includeDocumentation: false });
      const names = results[0]?.configs.map(({ name }) => name).sort();
      expect(names).toEqual(known[kind].map((row) => row.slice(0, row.indexOf(' '))).sort());
    }
  }, 60_000);
});
