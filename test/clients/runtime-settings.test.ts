/** Settings that change what a running broker does, changed over the protocol: levels of loggers, limits of connections. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiVersions } from '../../electron/cluster/protocol/apis/api-versions.ts';
import { describeConfigs } from '../../electron/cluster/protocol/apis/describe-configs.ts';
import { incrementalAlterConfigs } from '../../electron/cluster/protocol/apis/incremental-alter-configs.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { until } from '../helpers/processes.ts';
import { ProtocolClient } from '../helpers/protocol-client.ts';
import { RawClient } from '../helpers/raw-client.ts';

const BROKER = 4;
const LOGGER = 8;
const [SET, DELETE] = [0, 1];

let cluster: ClusterProcess;
let port: number;
let client: ProtocolClient;

beforeAll(async () => {
  cluster = await ClusterProcess.start(['--memory', '--brokers', '1']);
  port = Number(cluster.bootstrap.split(':').at(-1));
  client = new ProtocolClient(port, 'settings');
});
afterAll(async () => {
  client.close();
  expect(await cluster.stop()).toBe(0);
});

async function alter(type: number, resourceName: string, changes: Record<string, string | null>): Promise<number | undefined> {
  const configs = Object.entries(changes).map(([name, value]) => ({ name, value, configOperation: value === null ? DELETE : SET }));
  const resources = [{ resourceType: type, resourceName, configs }];
  return (await client.ask(incrementalAlterConfigs, 1, { resources, validateOnly: false }))?.responses[0]?.errorCode;
}

test('the level of a logger decides which lines the node writes', async () => {
  const resources = [{ resourceType: LOGGER, resourceName: '1', configurationKeys: null }];
  const answer = await client.ask(describeConfigs, 4, { resources, includeSynonyms: false, includeDocumentation: false });
  const names = answer?.results[0]?.configs.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['root', 'broker', 'log', 'log.cleaner', 'network', 'quorum', 'controller', 'requests']));
  const open = async (): Promise<void> => {
    const raw = await RawClient.open(port);
    raw.send(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]));
    await raw.until(() => raw.closed, 10_000);
  };
  const count = (): number => cluster.stderr.split('connection closed').length - 1;
  /** Lines arrive in order, by a pipe: those of before have arrived when this one has. */
  const writeLine = async (level: string): Promise<void> => {
    expect(await alter(LOGGER, '1', { requests: level })).toBe(ErrorCode.NONE);
    await until('the change is logged', 20_000, () => cluster.stderr.includes(`requests=${level}`));
  };
  await until('the line is written', 20_000, async () => (await open(), count() > 0));
  expect(await alter(LOGGER, '1', { network: 'ERROR' })).toBe(ErrorCode.NONE);
  await writeLine('INFO');
  const before = count();
  await open();
  await open();
  await writeLine('DEBUG');
  expect(count()).toBe(before);
  expect(await alter(LOGGER, '1', { network: null })).toBe(ErrorCode.NONE);
  await until('the line is written again', 20_000, async () => (await open(), count() > before));
});

/** How many of `count` new connections are served. */
async function served(count: number): Promise<number> {
  // A refused connection is reset, which may come before its client has seen it open.
  const tried = await Promise.all(Array.from({ length: count }, () => RawClient.open(port).catch(() => undefined)));
  const open = tried.filter((one) => one !== undefined);
  let answered = 0;
  for (const one of open) {
    one.send(...encodeRequest(apiVersions, 0, { correlationId: 1, clientId: 'x' }, { clientSoftwareName: '', clientSoftwareVersion: '' }));
    await one.until(() => one.frames.length > 0 || one.closed, 10_000);
    if (one.frames.length > 0) answered++;
  }
  for (const one of open) one.close();
  return answered;
}

test('max.connections.per.ip and its overrides hold for new connections from the change on', async () => {
  expect(await served(6)).toBe(6);
  // The connection of this test counts too.
  expect(await alter(BROKER, '', { 'max.connections.per.ip': '4' })).toBe(ErrorCode.NONE);
  await until('the limit is in force', 20_000, async () => (await served(8)) <= 4);
  expect(await alter(BROKER, '1', { 'max.connections.per.ip.overrides': '127.0.0.1:100' })).toBe(ErrorCode.NONE);
  await until('the override is in force', 20_000, async () => (await served(8)) === 8);
  expect(await alter(BROKER, '1', { 'max.connections.per.ip.overrides': null })).toBe(ErrorCode.NONE);
  expect(await alter(BROKER, '', { 'max.connections.per.ip': null })).toBe(ErrorCode.NONE);
  await until('the limit is deleted', 20_000, async () => (await served(8)) === 8);
});

test('a lowered max.connections closes idle connections, and the cluster stays in order', async () => {
  const idle = await Promise.all(Array.from({ length: 6 }, () => RawClient.open(port)));
  expect(await alter(BROKER, '', { 'max.connections': '3' })).toBe(ErrorCode.NONE);
  await until('idle connections are closed', 20_000, () => idle.filter(({ closed }) => closed).length >= 4);
  expect(await alter(BROKER, '', { 'max.connections': null })).toBe(ErrorCode.NONE);
  for (const one of idle) one.close();
  await until('the limit is deleted', 20_000, async () => (await served(6)) === 6);
});
