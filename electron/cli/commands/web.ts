/** The command `web`: serves the app to a browser, for machines without a display or Electron, and runs the embedded cluster. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { endByForce } from '../../app-closing.ts';
import type { Host } from '../../app-host.ts';
import type { WebServer } from '../../web/server.ts';
import { HELP_LINE, integerOption, parsing, UsageError, type Command } from '../command.ts';
import { HOST_OPTION_LINES, HOST_OPTIONS, hostChoice, type HostChoice } from '../host-options.ts';
import { LISTENER_OPTION_LINES, LISTENER_OPTIONS, listenerChoice, type ListenerChoice } from '../listener-options.ts';
import { openBrowser } from '../open-browser.ts';
import { loadWorkerPath, nodeWorkerPath, ownVersion, userDataDirectory } from '../paths.ts';
import { keepFilesPrivate } from '../private-files.ts';
import { untilSignal } from '../signals.ts';
import { writeLine } from '../output.ts';

const DEFAULT_PORT = 7_420;

const USAGE = `Usage: npm run web -- [options]

Serves the app to a browser on this machine until Ctrl-C, with an embedded cluster of 3 brokers.

  --port N         port of the pages (default: ${DEFAULT_PORT}, or the next free one); 0: any
  --host H         address of the pages (default: 127.0.0.1, which only this machine can reach)
  --no-open        print the address without opening a browser
  --json           print one line of JSON when the cluster is ready
  --kafka-port P   first port for Kafka clients, as --port of "npm run cluster" (default: 9092)
${LISTENER_OPTION_LINES}
${HOST_OPTION_LINES}
  --detach         keep running when the process or terminal that started it ends
${HELP_LINE}`;

interface Options extends HostChoice, ListenerChoice {
  /** Undefined: the default port, or the next free one. */
  port: number | undefined;
  /** First port of the brokers; undefined: the default port. */
  kafkaPort: number | undefined;
  host: string;
  open: boolean;
  json: boolean;
  detach: boolean;
}

export const webCommand: Command = { name: 'web', usage: USAGE, run: (args) => run(readWebOptions(args)) };

/** Throws `UsageError`. */
export function readWebOptions(args: readonly string[]): Options {
  const { values } = parsing(() =>
    parseArgs({
      args: [...args],
      options: {
        ...HOST_OPTIONS,
        ...LISTENER_OPTIONS,
        port: { type: 'string' },
        'kafka-port': { type: 'string' },
        host: { type: 'string', default: '127.0.0.1' },
        'no-open': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        detach: { type: 'boolean', default: false },
      },
    }),
  );
  if (values.host === '') throw new UsageError('--host takes an address.');
  return {
    ...hostChoice(values),
    ...listenerChoice(values),
    port: integerOption('port', values.port, 0, 65_535),
    kafkaPort: integerOption('kafka-port', values['kafka-port'], 0, 65_535),
    host: values.host,
    // The caller of `--json` is a program.
    open: !values['no-open'] && !values.json,
    json: values.json,
    detach: values.detach,
  };
}

async function run(options: Options): Promise<number> {
  const root = join(dirname(nodeWorkerPath()), '..', 'renderer');
  if (!existsSync(join(root, 'index.html'))) throw new Error('The pages are not built: run "npm run build" first.');
  keepFilesPrivate();
  const signal = untilSignal(options);
  // Loaded here, as other commands do not need the admin client.
  const { startHost } = await import('../../app-host.ts');
  const host = startHost({
    mode: 'web',
    version: ownVersion(),
    brokers: options.brokers,
    firstPort: options.kafkaPort,
    bindHost: options.bindHost,
    advertisedHost: options.advertisedHost,
    dataDirectory: options.dataDirectory,
    userDirectory: userDataDirectory(),
    workerPath: nodeWorkerPath(),
    loadWorkerPath: loadWorkerPath(),
    log: writeLine,
  });
  let server: WebServer | undefined;
  try {
    server = await serve(options, root, host);
    await announce(options, server, host, signal);
    writeLine(`${await signal}: stopping`);
    return 0;
  } finally {
    await server?.close();
    if (!(await host.close())) endByForce();
  }
}

/** Without `--port`, takes the next free port from the default one. */
async function serve(options: Options, root: string, host: Host): Promise<WebServer> {
  const { startWebServer } = await import('../../web/server.ts');
  const { invoke, services } = host;
  const start = (port: number): Promise<WebServer> =>
    startWebServer({
      port,
      host: options.host,
      root,
      invoke,
      connect: (deliver) => services.connections.connect(deliver),
      onError: (error) => writeLine(`web: ${String(error)}`),
    });
  if (options.port !== undefined) return start(options.port);
  for (let port = DEFAULT_PORT; port < DEFAULT_PORT + 100; port++) {
    try {
      return await start(port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  return start(0);
}

/** Prints the address at once, as the page shows the start of the cluster; with `--json`, when the cluster is ready. */
async function announce(options: Options, server: WebServer, host: Host, signal: Promise<string>): Promise<void> {
  if (!options.json) {
    process.stdout.write(`${server.url}\n`);
    if (options.open && !(await openBrowser(server.url, join(userDataDirectory(), 'run'))))
      writeLine('Open that address in a browser. Ctrl-C stops it.');
  }
  const interrupted = await Promise.race([host.started.then(() => false), signal.then(() => true)]);
  if (interrupted) return;
  const bootstrap = host.bootstrap();
  if (options.json)
    process.stdout.write(`${JSON.stringify({ url: server.url, token: server.token, bootstrap, zookeeper: host.zookeeper() })}\n`);
  for (const notice of host.services.info.notices) writeLine(notice);
  if (!options.json && bootstrap !== null) writeLine(`Kafka clients connect to ${bootstrap}.`);
}
