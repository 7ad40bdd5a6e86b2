/** The command `cluster`: runs the embedded cluster without the app until a signal ends it. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { closeInTime, endByForce } from '../../app-closing.ts';
import { Cluster, type ClusterNote } from '../../cluster/cluster.ts';
import type { LogLevel } from '../../cluster/lib/logger.ts';
import type { ControlServer } from '../../control/server.ts';
import { HELP_LINE, integerOption, parsing, UsageError, type Command } from '../command.ts';
import { LISTENER_OPTION_LINES, LISTENER_OPTIONS, listenerChoice, type ListenerChoice } from '../listener-options.ts';
import { loadWorkerPath, nodeWorkerPath, ownVersion, userDataDirectory } from '../paths.ts';
import { parseProperties } from '../properties.ts';
import { keepFilesPrivate } from '../private-files.ts';
import { untilSignal } from '../signals.ts';
import { messageOf } from '#shared/errors';
import { writeError, writeLine } from '../output.ts';

const USAGE = `Usage: npm run cluster -- [options]

Runs a Kafka cluster on this machine until Ctrl-C.

  --brokers N      1 to 9 brokers (default: 3, or what the data directory holds)
  --port P         first port for clients, with the next free ones for the other brokers (default: 9092); 0: any;
                   inter-broker traffic uses ports from P + 100,
                   ZooKeeper clients connect to ports from 2181, or from P + 200 when P is given
${LISTENER_OPTION_LINES}
  --data DIR       data directory (default: in the user's data directory)
  --memory         keep nothing: a temporary directory, removed at the end
  --config FILE    broker settings, as in Kafka's server.properties
  --log LEVEL      level of broker logs on stderr: error, warn (default), info or debug
  --json           print one line of JSON when every broker is ready
  --control PORT   serve the HTTP API of the lab on loopback; 0: any free port
  --detach         keep running when the process or terminal that started it ends
${HELP_LINE}`;

interface Options extends ListenerChoice {
  brokers: number | undefined;
  port: number | undefined;
  data: string | undefined;
  properties: Record<string, string>;
  json: boolean;
  control: number | undefined;
  logLevel: LogLevel;
  detach: boolean;
}

const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

export const clusterCommand: Command = { name: 'cluster', usage: USAGE, run: (args) => run(readOptions(args)) };

function readOptions(args: readonly string[]): Options {
  const { values } = parsing(() =>
    parseArgs({
      args: [...args],
      options: {
        ...LISTENER_OPTIONS,
        brokers: { type: 'string' },
        port: { type: 'string' },
        data: { type: 'string' },
        memory: { type: 'boolean', default: false },
        config: { type: 'string' },
        json: { type: 'boolean', default: false },
        control: { type: 'string' },
        log: { type: 'string', default: 'warn' },
        detach: { type: 'boolean', default: false },
      },
    }),
  );
  if (values.memory && values.data !== undefined) throw new UsageError('--data and --memory exclude each other.');
  if (values.data === '') throw new UsageError('--data takes a directory.');
  const logLevel = LOG_LEVELS.find((level) => level === values.log);
  if (logLevel === undefined) throw new UsageError(`--log takes ${LOG_LEVELS.join(', ')}, not "${values.log}".`);
  return {
    ...listenerChoice(values),
    brokers: integerOption('brokers', values.brokers, 1, 9),
    port: integerOption('port', values.port, 0, 65_535),
    data: values.memory ? undefined : resolve(values.data ?? join(userDataDirectory(), 'cluster')),
    properties: values.config === undefined ? {} : readProperties(values.config),
    json: values.json,
    control: integerOption('control', values.control, 0, 65_535),
    logLevel,
    detach: values.detach,
  };
}

function readProperties(file: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`--config: ${messageOf(cause)}.`, { cause });
  }
  return parseProperties(text, file);
}

async function run(options: Options): Promise<number> {
  keepFilesPrivate();
  const signal = untilSignal(options);
  const cluster = new Cluster({
    workerPath: nodeWorkerPath(),
    properties: options.properties,
    ...(options.brokers === undefined ? {} : { brokers: options.brokers }),
    ...(options.port === undefined ? {} : { firstPort: options.port }),
    ...(options.bindHost === undefined ? {} : { bindHost: options.bindHost }),
    ...(options.advertisedHost === undefined ? {} : { advertisedHost: options.advertisedHost }),
    ...(options.data === undefined ? {} : { dataDirectory: options.data }),
    logLevel: options.logLevel,
    onLog: (node, _level, message, fields) => writeLine(`broker ${node}: ${message}${describeFields(fields)}`),
  });
  let control: ControlServer | undefined;
  try {
    const early = await Promise.race([cluster.start().then(() => null), signal]);
    if (early === null) {
      for (const notice of cluster.notices) writeLine(notice);
      control = options.control === undefined ? undefined : await openControl(cluster, options.control);
      announce(cluster, control, options.json);
    }
    const ended = early ?? (await signal);
    writeLine(`${ended}: stopping`);
    return 0;
  } finally {
    const opened = control;
    if (!(await closeInTime([async () => opened?.close(), () => cluster.close()], writeLine))) endByForce();
  }
}

async function openControl(cluster: Cluster, port: number): Promise<ControlServer> {
  // Loaded here, as most runs have no control API.
  const [{ startControlServer }, { createEmbeddedLab }, { LoadService }, { ScenariosService }] = await Promise.all([
    import('../../control/server.ts'),
    import('../../services/embedded-lab.ts'),
    import('../../services/loads.ts'),
    import('../../scenarios/service.ts'),
  ]);
  const bootstrap = (): string => cluster.bootstrap;
  const { connectHost } = cluster;
  const lab = createEmbeddedLab(cluster);
  const note = (event: ClusterNote): void => cluster.note(event);
  const loads = new LoadService({ bootstrap, connectHost, workerPath: loadWorkerPath(), onError: writeError, note });
  const scenarios = new ScenariosService({ lab, loads, bootstrap, connectHost, version: ownVersion(), onError: writeError, note });
  const server = await startControlServer({ lab, scenarios, port, onError: (error) => writeError('control', error) });
  return {
    url: server.url,
    token: server.token,
    async close() {
      await Promise.all([scenarios.close(), loads.close(), server.close()]);
    },
  };
}

function announce(cluster: Cluster, control: ControlServer | undefined, json: boolean): void {
  const { bootstrap, zookeeper, dataDirectory: data } = cluster;
  if (json) {
    const line = { bootstrap, zookeeper, control: control?.url ?? null, token: control?.token ?? null, data, pid: process.pid };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  process.stdout.write(`bootstrap  ${bootstrap}\nzookeeper  ${zookeeper}\ndata       ${data}\n`);
  if (control !== undefined) process.stdout.write(`control    ${control.url}\ntoken      ${control.token}\n`);
  writeLine('Every broker is ready. Ctrl-C stops them.');
}

function describeFields(fields: Readonly<Record<string, unknown>>): string {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return known.length === 0 ? '' : ` (${known.map(([name, value]) => `${name}: ${String(value)}`).join(', ')})`;
}
