/**
 * What the desktop app and web mode have in common: the cluster of this desk, the services over it and the one function
 * that answers requests. It is there at once; the cluster starts meanwhile, and may fail to without taking the rest along.
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
  /** Number of brokers; undefined: what the data directory has, else three. */
  brokers?: number | undefined;
  /** First port of the brokers, 0 for any; undefined: the default one. */
  firstPort?: number | undefined;
  /** Of the listener for clients, in place of what the app's settings say; see `ClusterOptions`. */
  bindHost?: string | undefined;
  advertisedHost?: string | undefined;
  /** Where the cluster keeps its data; null: in a temporary directory that is removed at the end. */
  dataDirectory: string | null;
  /** Where the app keeps what is not the cluster's (the list of connections); null: nowhere, for this run only. */
  userDirectory: string | null;
  /** The built entry of a node's worker. */
  workerPath: string;
  /** The same of a load's. */
  loadWorkerPath: string;
  /** Lines for whoever runs it: faults of ours, and what the nodes warn of. */
  log: (line: string) => void;
}

export interface Host {
  readonly invoke: Invoke;
  readonly services: Services;
  readonly lab: Lab;
  /** Where clients connect; null until the cluster serves, and when it does not start. */
  bootstrap(): string | null;
  /** Where ZooKeeper's clients connect; null when `bootstrap` is. */
  zookeeper(): string | null;
  /** Resolves when the cluster serves, with null, or when it has failed to, with the reason. Never rejects. */
  readonly started: Promise<string | null>;
  /**
   * Stops the cluster cleanly; may be called at any moment and more than once. Bounded in time: false when it did not stop, and then only
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
      info.notices.push(`The cluster on this desk did not start: ${reason}. Other clusters can be used all the same.`);
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
