/**
 * What the desktop app and web mode share: the embedded cluster, the services and the function that answers requests. It is available at
 * once; the cluster starts in the background, and a failed start of the cluster leaves the rest usable.
 */
import { join } from 'node:path';
import type { AppInfo } from '#shared/ipc';
import { closeInTime } from './app-closing.ts';
import { Cluster } from './cluster/cluster.ts';
import { createInvoke, type Invoke } from './ipc/handle.ts';
import { createHandlers } from './ipc/register.ts';
import { ScenariosService } from './scenarios/service.ts';
import { createEmbeddedLab } from './services/embedded-lab.ts';
import { EmbeddedListenersService } from './services/embedded-listeners.ts';
import type { Lab } from './services/lab.ts';
import { EMBEDDED_ID } from './services/connections.ts';
import { LoadService } from './services/loads.ts';
import { createServices, type Services } from './services/services.ts';
import { appendAll } from '#shared/lists';
import { messageOf } from '#shared/errors';

export interface HostOptions {
  mode: AppInfo['mode'];
  version: string;
  /** Number of brokers; undefined: as in the data directory, else three. */
  brokers?: number | undefined;
  /** First port of the brokers, 0 for any; undefined: the default one. */
  firstPort?: number | undefined;
  /** Bind address of the client listener; overrides the app's settings. See `ClusterOptions`. */
  bindHost?: string | undefined;
  advertisedHost?: string | undefined;
  /** Data directory of the cluster; null: a temporary directory that is removed at the end. */
  dataDirectory: string | null;
  /** Directory of the app's own files, such as the list of connections; null keeps them for this run only. */
  userDirectory: string | null;
  /** Built entry point of a node's worker. */
  workerPath: string;
  /** Built entry point of a load's worker. */
  loadWorkerPath: string;
  /** Receives log lines: internal errors, and warnings of the nodes. */
  log: (line: string) => void;
}

export interface Host {
  readonly invoke: Invoke;
  readonly services: Services;
  readonly lab: Lab;
  /** Where Kafka clients connect; null until the cluster has started. */
  bootstrap(): string | null;
  /** Where ZooKeeper clients connect; null if `bootstrap` is. */
  zookeeper(): string | null;
  /** Resolves to null when the cluster has started, or to the reason why it failed to start. Never rejects. */
  readonly started: Promise<string | null>;
  /**
   * Stops the cluster cleanly; may be called at any time and repeatedly. Bounded in time: false if it did not stop, in which case only
   * `endByForce` ends the process.
   */
  close(): Promise<boolean>;
}

export function startHost(options: HostOptions): Host {
  const { log, dataDirectory, userDirectory, brokers, firstPort } = options;
  const info: AppInfo = { version: options.version, mode: options.mode, platform: process.platform, dataDirectory, notices: [] };
  const listeners = new EmbeddedListenersService({
    file: userDirectory === null ? null : join(userDirectory, 'embedded-cluster.json'),
    given: { bindHost: options.bindHost ?? null, advertisedHost: options.advertisedHost ?? null },
    report: (problem) => void info.notices.push(problem),
  });
  const { bindHost, advertisedHost } = listeners.active;
  const cluster = new Cluster({
    workerPath: options.workerPath,
    ...(brokers === undefined ? {} : { brokers }),
    ...(firstPort === undefined ? {} : { firstPort }),
    ...(bindHost === null ? {} : { bindHost }),
    ...(advertisedHost === null ? {} : { advertisedHost }),
    ...(dataDirectory === null ? {} : { dataDirectory }),
    logLevel: 'warn',
    onLog: (node, level, message, fields) => log(`broker ${node}: ${level}: ${message}${fieldsText(fields)}`),
  });
  let bootstrap: string | null = null;
  const { connectHost } = cluster;
  const lab = createEmbeddedLab(cluster);
  const onError = (what: string, error: unknown): void => log(`${what}: ${stackOf(error)}`);
  const loads = new LoadService({
    bootstrap: () => bootstrap,
    connectHost,
    workerPath: options.loadWorkerPath,
    onError,
    note: (note) => cluster.note(note),
  });
  const services = createServices({
    info,
    lab,
    loads,
    listeners,
    embedded: {
      bootstrap: () => bootstrap,
      connectHost,
      nodes: () => lab.nodes(),
      faults: () => lab.faults(),
      loads: () => loads.list(),
      timeline: () => lab.timeline(0),
    },
    connectionsFile: userDirectory === null ? null : join(userDirectory, 'connections.json'),
    figuresDirectory: userDirectory === null ? null : join(userDirectory, 'history'),
    onError,
  });
  const scenarios = new ScenariosService({
    lab,
    loads,
    bootstrap: () => bootstrap,
    connectHost,
    version: options.version,
    onError,
    onProgress: (run) => services.events.publish('scenario/progressed', { run }, { connectionId: EMBEDDED_ID }),
    note: (note) => cluster.note(note),
  });
  let closing: Promise<boolean> | undefined;

  async function start(): Promise<string | null> {
    try {
      await cluster.start();
      bootstrap = cluster.bootstrap;
      info.dataDirectory = cluster.dataDirectory;
      appendAll(info.notices, cluster.notices);
      return null;
    } catch (error) {
      const reason = messageOf(error);
      if (closing !== undefined) return reason;
      log(`the cluster did not start: ${stackOf(error)}`);
      info.notices.push(`The embedded cluster did not start: ${reason}. Remote clusters can still be used.`);
      return reason;
    } finally {
      if (closing === undefined) services.connections.embeddedChanged();
    }
  }

  function end(): Promise<boolean> {
    const closed = services.close();
    return closeInTime([() => scenarios.close(), () => loads.close(), () => cluster.close(), () => closed], log);
  }

  return {
    invoke: createInvoke(createHandlers(services, scenarios), (channel, error) => log(`${channel}: ${stackOf(error)}`)),
    services,
    lab,
    bootstrap: () => bootstrap,
    zookeeper: () => (bootstrap === null ? null : cluster.zookeeper),
    started: start(),
    close: () => (closing ??= end()),
  };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  return Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
}
