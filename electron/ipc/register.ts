/** Maps every IPC channel to a service. */
import type { ZooKeeperClientsService } from '../services/zookeeper-clients.ts';
import type { EmbeddedListenersService } from '../services/embedded-listeners.ts';
import { ServiceError } from '../services/errors.ts';
import type { Lab } from '../services/lab.ts';
import type { Loads } from '../services/load.ts';
import type { OpenConnection } from '../services/open-connections.ts';
import type { Services } from '../services/services.ts';
import { outlineScenario } from '../scenarios/descriptions.ts';
import { libraryScenario, type ScenariosService } from '../scenarios/service.ts';
import type { Handlers } from './handle.ts';

/** `hosted`: null when this process does not run the embedded cluster. */
export function createHandlers(services: Services, hosted: ScenariosService | null): Handlers {
  const { connections, topics, messages, tails, groups } = services;
  const lab = (on: OpenConnection): Lab => {
    requireEmbedded(on, 'Brokers are stopped, killed and cut off');
    return requireHosted(services.lab);
  };
  const listeners = (): EmbeddedListenersService => requireHosted(services.listeners);
  const zookeeper = (on: OpenConnection): ZooKeeperClientsService => {
    requireEmbedded(on, "The app's ZooKeeper clients run");
    return requireHosted(services.coordination);
  };
  const loads = (on: OpenConnection): Loads => {
    requireEmbedded(on, 'Load runs');
    return requireHosted(services.loads);
  };
  const scenarios = (on: OpenConnection): ScenariosService => {
    requireEmbedded(on, 'Scenarios run');
    return requireHosted(hosted);
  };
  return {
    'app/info': () => services.info,

    'connection/list': () => connections.list(),
    'connection/use': ({ id }, client) => {
      client.use(id);
      return connections.list();
    },
    'connection/add': (input) => connections.add(input),
    'connection/remove': ({ id }) => connections.remove(id),
    'connection/restore': ({ id }) => connections.restore(id),

    'embedded/listeners': () => listeners().state(),
    'embedded/saveListeners': (addresses) => listeners().save(addresses),

    'cluster/view': (_, on) => on.monitor.snapshot(),
    'cluster/watch': ({ topics, groups }, _on, client) => {
      client.watch({ topics, groups });
      return null;
    },
    'cluster/refresh': (_, on) => {
      on.monitor.refresh();
      return null;
    },
    'cluster/figureRange': ({ figures, ...span }, on) => on.figures.clusterFigures(figures, span),

    'cluster/topicRateRange': ({ direction, ...span }, on) => on.figures.topicRates(direction, span),

    'topic/create': (input, on) => topics.create(on, input),
    'topic/delete': (input, on) => topics.delete(on, input),
    'topic/addPartitions': (input, on) => topics.addPartitions(on, input),
    'topic/deleteRecords': (input, on) => topics.deleteRecords(on, input),
    'topic/electPreferred': (input, on) => topics.electPreferred(on, input),
    'topic/configs': (input, on) => topics.configs(on, input),
    'topic/setConfigs': (input, on) => topics.setConfigs(on, input),

    'message/browse': (input, on) => messages.browse(on, input),
    'message/value': (input, on) => messages.value(on, input),
    'message/produce': (input, on) => messages.produce(on, input),
    'message/tail': (input, on, client) => tails.start(client.id, on, input),
    'message/untail': ({ tailId }, _on, client) => {
      tails.stop(client.id, tailId);
      return null;
    },

    'group/lagRange': ({ group, ...span }, on) => on.figures.lag(group, span),
    'group/delete': (input, on) => groups.delete(on, input),
    'group/reset': (input, on) => groups.reset(on, input),

    'broker/configs': (input, on) => topics.brokerConfigs(on, input),

    'lab/stop': async ({ node }, on) => {
      await lab(on).stop(node);
      return null;
    },
    'lab/kill': async ({ node }, on) => {
      await lab(on).kill(node);
      return null;
    },
    'lab/start': async ({ node }, on) => {
      await lab(on).start(node);
      return null;
    },
    'lab/inject': ({ fault }, on) => lab(on).inject(fault),
    'lab/heal': async ({ id }, on) => {
      await lab(on).heal(id);
      return null;
    },
    'lab/healAll': async (_, on) => ({ failed: await lab(on).healAll() }),
    'lab/faults': (_, on) => ({ faults: [...lab(on).faults()] }),
    'lab/addNode': async (_, on) => ({ node: await lab(on).addNode() }),
    'lab/removeNode': async ({ node }, on) => {
      await lab(on).removeNode(node);
      return null;
    },

    'load/list': (_, on) => ({ loads: [...loads(on).list()] }),
    'load/start': ({ load }, on) => loads(on).start(load),
    'load/stop': ({ id }, on) => loads(on).stop(id),
    'load/remove': ({ id }, on) => {
      loads(on).remove(id);
      return null;
    },
    'load/change': ({ id, recordsPerSecond, members }, on) => loads(on).change(id, { recordsPerSecond, members }),
    'load/member': ({ id, number, action }, on) => loads(on).member(id, number, action),
    'load/audit': ({ id }, on) => loads(on).audit(id),

    'scenario/list': (_, on) => ({ library: scenarios(on).list(), run: scenarios(on).state() }),
    'scenario/open': ({ name }, on) => ({ text: scenarios(on).text(name), outline: outlineScenario(libraryScenario(name)) }),
    'scenario/check': ({ text }, on) => scenarios(on).check(text),
    'scenario/run': async ({ text }, on) => {
      await scenarios(on).start({ text });
      return null;
    },
    'scenario/cancel': async (_, on) => {
      await scenarios(on).cancel();
      return null;
    },
    'scenario/report': (_, on) => scenarios(on).report(),
    'scenario/record': ({ sinceAt }, on) => scenarios(on).record(sinceAt),

    'zookeeper/znode': ({ path }, on) => lab(on).znode(path),
    'zookeeper/clients': (_, on) => zookeeper(on).clients(),
    'zookeeper/openSession': ({ timeoutMs }, on) => zookeeper(on).open(timeoutMs),
    'zookeeper/create': ({ path, data, ephemeral }, on) => zookeeper(on).create(path, data, ephemeral),
    'zookeeper/set': ({ path, data }, on) => zookeeper(on).set(path, data),
    'zookeeper/delete': ({ path }, on) => zookeeper(on).delete(path),
    'zookeeper/watch': ({ path, kind }, on) => zookeeper(on).watch(path, kind),
    'zookeeper/suspendSession': (_, on) => zookeeper(on).silence(),
    'zookeeper/resumeSession': (_, on) => zookeeper(on).speak(),
    'zookeeper/closeSession': ({ role }, on) => zookeeper(on).closeSession(role),

    'history/range': (_, on) => on.history.range(),
    'history/at': ({ at }, on) => on.history.at(at),

    'incident/list': ({ from, until }, on) => on.incidents.list(from, until),
    'timeline/list': ({ sinceId }, on) => ({ events: [...(on.observed?.since(sinceId) ?? lab(on).timeline(sinceId))] }),
  };
}

/** Throws `ServiceError` for a remote cluster. `what` begins the message: "Load runs". */
function requireEmbedded({ connection }: OpenConnection, what: string): void {
  if (connection.kind === 'embedded') return;
  throw new ServiceError({
    code: 'NOT_EMBEDDED',
    message: `${what} on the embedded cluster only, and ${connection.name} is a remote one.`,
    advice: 'Select the embedded cluster on the Connections page.',
    subject: connection.id,
  });
}

function requireHosted<T>(service: T | null): T {
  if (service !== null) return service;
  throw new ServiceError({ code: 'NOT_EMBEDDED', message: 'This process does not run the embedded cluster.' });
}
