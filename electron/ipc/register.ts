/** Channel to service: the one list. */
import type { CoordinationService } from '../services/coordination.ts';
import type { EmbeddedListenersService } from '../services/embedded-listeners.ts';
import { ServiceError } from '../services/errors.ts';
import type { Lab } from '../services/lab.ts';
import type { Loads } from '../services/load.ts';
import type { Services } from '../services/services.ts';
import { outlineOf } from '../scenarios/words.ts';
import { libraryScenario, type ScenariosService } from '../scenarios/service.ts';
import type { Handlers } from './handle.ts';

/** `hosted`: null when this process hosts no cluster. */
export function createHandlers(services: Services, hosted: ScenariosService | null): Handlers {
  const { connections, topics, messages, tails, groups } = services;
  const lab = (): Lab => {
    if (services.lab === null || connections.active.connection.kind !== 'embedded') {
      throw new ServiceError({
        code: 'NOT_EMBEDDED',
        message: 'Brokers can be stopped and killed on the cluster of this desk only.',
        advice: 'Switch to it on the Connections page.',
      });
    }
    return services.lab;
  };
  const listeners = (): EmbeddedListenersService => {
    if (services.listeners === null) throw new ServiceError({ code: 'NOT_EMBEDDED', message: 'This process hosts no cluster.' });
    return services.listeners;
  };
  const zookeeper = (): CoordinationService => {
    lab();
    if (services.coordination === null) throw new ServiceError({ code: 'NOT_EMBEDDED', message: 'This process hosts no cluster.' });
    return services.coordination;
  };
  const loads = (): Loads => {
    if (services.loads === null || connections.active.connection.kind !== 'embedded') {
      throw new ServiceError({
        code: 'NOT_EMBEDDED',
        message: 'Load is put on the cluster of this desk only.',
        advice: 'Switch to it on the Connections page.',
      });
    }
    return services.loads;
  };
  const scenarios = (): ScenariosService => {
    if (hosted === null || connections.active.connection.kind !== 'embedded') {
      throw new ServiceError({
        code: 'NOT_EMBEDDED',
        message: 'Scenarios run on the cluster of this desk only.',
        advice: 'Switch to it on the Connections page.',
      });
    }
    return hosted;
  };
  return {
    'app/info': () => services.info,

    'connection/list': () => connections.list(),
    'connection/use': ({ id }) => connections.use(id),
    'connection/add': (input) => connections.add(input),
    'connection/remove': ({ id }) => connections.remove(id),

    'embedded/listeners': () => listeners().state(),
    'embedded/saveListeners': (addresses) => listeners().save(addresses),

    'cluster/view': () => connections.active.monitor.snapshot(),
    'cluster/watch': (interest) => {
      connections.active.monitor.watch(interest);
      return null;
    },
    'cluster/refresh': () => {
      connections.active.monitor.refresh();
      return null;
    },

    'topic/create': (input) => topics.create(input),
    'topic/delete': (input) => topics.delete(input),
    'topic/addPartitions': (input) => topics.addPartitions(input),
    'topic/deleteRecords': (input) => topics.deleteRecords(input),
    'topic/electPreferred': (input) => topics.electPreferred(input),
    'topic/configs': (input) => topics.configs(input),
    'topic/setConfigs': (input) => topics.setConfigs(input),

    'message/browse': (input) => messages.browse(input),
    'message/produce': (input) => messages.produce(input),
    'message/tail': (input) => tails.start(input),
    'message/untail': (input) => tails.stop(input),

    'group/lagHistory': (input) => groups.lagHistory(input),
    'group/delete': (input) => groups.delete(input),
    'group/reset': (input) => groups.reset(input),

    'broker/configs': (input) => topics.brokerConfigs(input),

    'lab/stop': async ({ node }) => {
      await lab().stop(node);
      return null;
    },
    'lab/kill': async ({ node }) => {
      await lab().kill(node);
      return null;
    },
    'lab/start': async ({ node }) => {
      await lab().start(node);
      return null;
    },
    'lab/inject': ({ fault }) => lab().inject(fault),
    'lab/heal': async ({ id }) => {
      await lab().heal(id);
      return null;
    },
    'lab/healAll': async () => ({ failed: await lab().healAll() }),
    'lab/faults': () => ({ faults: [...(services.lab?.faults() ?? [])] }),
    'lab/addNode': async () => ({ node: await lab().addNode() }),
    'lab/removeNode': async ({ node }) => {
      await lab().removeNode(node);
      return null;
    },

    'load/list': () => ({ loads: [...(services.loads?.list() ?? [])] }),
    'load/start': ({ load }) => loads().start(load),
    'load/stop': ({ id }) => loads().stop(id),
    'load/remove': ({ id }) => {
      loads().remove(id);
      return null;
    },
    'load/change': ({ id, ...to }) => loads().change(id, to),
    'load/member': ({ id, number, action }) => loads().member(id, number, action),
    'load/audit': ({ id }) => loads().audit(id),

    'scenario/list': () => ({ library: hosted?.list() ?? [], run: hosted?.state() ?? null }),
    'scenario/open': ({ name }) => ({ text: scenarios().text(name), outline: outlineOf(libraryScenario(name)) }),
    'scenario/check': ({ text }) => scenarios().check(text),
    'scenario/run': async ({ text }) => {
      await scenarios().start({ text });
      return null;
    },
    'scenario/cancel': async () => {
      await scenarios().cancel();
      return null;
    },
    'scenario/report': () => hosted?.report() ?? null,
    'scenario/record': ({ sinceAt }) => scenarios().record(sinceAt),

    'coordination/znode': ({ path }) => lab().znode(path),
    'zk/clients': () => zookeeper().clients(),
    'zk/open': ({ timeoutMs }) => zookeeper().open(timeoutMs),
    'zk/create': ({ path, data, ephemeral }) => zookeeper().create(path, data, ephemeral),
    'zk/set': ({ path, data }) => zookeeper().set(path, data),
    'zk/delete': ({ path }) => zookeeper().delete(path),
    'zk/watch': ({ path, kind }) => zookeeper().watch(path, kind),
    'zk/silence': () => zookeeper().silence(),
    'zk/speak': () => zookeeper().speak(),
    'zk/close': ({ role }) => zookeeper().closeSession(role),

    'history/range': () => connections.active.history.range(),
    'history/at': ({ at }) => connections.active.history.at(at),

    'timeline/list': ({ sinceId }) => ({
      events: connections.embeddedInFront ? [...(services.lab?.timeline(sinceId) ?? [])] : [],
    }),
  };
}
