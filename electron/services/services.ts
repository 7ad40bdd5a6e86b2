/** Creates the services of a process and connects them. Each window and tab has a session of its own in `connections`. */
import { ConnectionsService, type EmbeddedSource } from './connections.ts';
import { ZooKeeperClientsService } from './zookeeper-clients.ts';
import type { EmbeddedListenersService } from './embedded-listeners.ts';
import { EventBus } from './event-bus.ts';
import { FigureHistory } from './figure-history/figure-history.ts';
import { GroupsService } from './groups.ts';
import { zookeeperServers, type Lab } from './lab.ts';
import type { Loads } from './load.ts';
import { MessagesService } from './messages.ts';
import { TailsService } from './tails.ts';
import { TopicsService } from './topics.ts';
import type { AppInfo } from '#shared/ipc';

export interface Services {
  readonly info: AppInfo;
  readonly events: EventBus;
  readonly connections: ConnectionsService;
  readonly topics: TopicsService;
  readonly messages: MessagesService;
  readonly tails: TailsService;
  readonly groups: GroupsService;
  /** Null when this process hosts no cluster. */
  readonly lab: Lab | null;
  /** Null where `lab` is. */
  readonly coordination: ZooKeeperClientsService | null;
  /** Load on that cluster; null when `lab` is. */
  readonly loads: Loads | null;
  /** Where its clients connect; null when `lab` is. */
  readonly listeners: EmbeddedListenersService | null;
  /** Resolves when the history of figures is written, which is bounded in time. */
  close(): Promise<void>;
}

export function createServices(options: {
  info: AppInfo;
  lab: Lab | null;
  loads: Loads | null;
  listeners?: EmbeddedListenersService | null;
  embedded: EmbeddedSource | null;
  /** File of the connections; null keeps them for this run only. */
  connectionsFile: string | null;
  /** Directory of the figure histories; null keeps them for this run only. */
  figuresDirectory: string | null;
  onError: (what: string, error: unknown) => void;
}): Services {
  const events = new EventBus();
  const { embedded, onError, lab, loads } = options;
  const tails = new TailsService(events);
  const onProblem = (problem: string): void => void options.info.notices.push(problem);
  const figures = new FigureHistory({
    directory: options.figuresDirectory,
    clusterDirectory: options.info.dataDirectory,
    onError,
    onNotice: onProblem,
  });
  const connections = new ConnectionsService({
    file: options.connectionsFile,
    events,
    embedded,
    figures,
    onError,
    onProblem,
    onReleased: (clientId) => tails.stopAllOf(clientId),
  });
  const coordination = lab === null ? null : new ZooKeeperClientsService(() => zookeeperServers(lab), events);
  const unsubscribe = [
    lab?.onEvent((event) => connections.embeddedAppended([event])),
    lab?.onFaults((faults) => connections.faultsChanged(faults)),
    loads?.onChange((rows) => connections.loadsChanged(rows)),
  ];
  return {
    info: options.info,
    events,
    connections,
    topics: new TopicsService(),
    messages: new MessagesService(),
    tails,
    groups: new GroupsService(),
    lab,
    coordination,
    loads,
    listeners: options.listeners ?? null,
    close() {
      for (const end of unsubscribe) end?.();
      tails.close();
      coordination?.close();
      connections.close();
      return figures.close();
    },
  };
}
