/** Topics: what the pages select from the cluster, and what can be done to one. */
import { computed } from 'vue';
import type { Result } from '#shared/errors';
import type { LeaderChange, LogStart, ScopedPayload, TopicPlacement } from '#shared/ipc';
import type { ConfigEntry } from '#shared/models/cluster';
import { defineScopedStore } from '../scope.ts';
import { topicHealth, type TopicHealth } from '../format/replicas.ts';
import { useClusterStore } from './cluster.ts';

export const useTopicsStore = defineScopedStore('topics', (scope) => {
  const cluster = useClusterStore();

  const healthByName = computed(() => {
    const health = new Map<string, TopicHealth>();
    for (const topic of cluster.topics.values()) health.set(topic.name, topicHealth(topic));
    return health;
  });

  const totals = computed(() => {
    let partitions = 0;
    const sum: TopicHealth = { underReplicated: 0, offline: 0, silent: 0, unknown: 0, refusing: 0 };
    for (const topic of cluster.topics.values()) {
      partitions += topic.partitions.length;
      const health = healthByName.value.get(topic.name);
      sum.underReplicated += health?.underReplicated ?? 0;
      sum.offline += health?.offline ?? 0;
      sum.silent += health?.silent ?? 0;
      sum.unknown += health?.unknown ?? 0;
      sum.refusing += health?.refusing ?? 0;
    }
    return { partitions, ...sum };
  });

  const visible = computed(() => cluster.topicList.filter((topic) => !topic.internal));

  function create(plan: ScopedPayload<'topic/create'>): Promise<Result<TopicPlacement>> {
    return scope.request('topic/create', plan);
  }

  /** `topicId`, here and below: that of the topic that was shown. */
  function remove(name: string, topicId: string | null, typedName: string): Promise<Result<null>> {
    return scope.request('topic/delete', { name, topicId, typedName });
  }

  function addPartitions(name: string, topicId: string | null, total: number): Promise<Result<null>> {
    return scope.request('topic/addPartitions', { name, topicId, total });
  }

  function deleteRecords(
    name: string,
    topicId: string | null,
    places: ScopedPayload<'topic/deleteRecords'>['places'],
  ): Promise<Result<{ partitions: LogStart[] }>> {
    return scope.request('topic/deleteRecords', { name, topicId, places });
  }

  function electPreferred(name: string): Promise<Result<{ partitions: LeaderChange[] }>> {
    return scope.request('topic/electPreferred', { name });
  }

  function configs(name: string): Promise<Result<{ entries: ConfigEntry[] }>> {
    return scope.request('topic/configs', { name });
  }

  /** Null takes back what was set. */
  function setConfigs(name: string, topicId: string | null, configs: Record<string, string | null>): Promise<Result<null>> {
    return scope.request('topic/setConfigs', { name, topicId, configs });
  }

  function setConfig(name: string, topicId: string | null, key: string, value: string | null): Promise<Result<null>> {
    return setConfigs(name, topicId, { [key]: value });
  }

  return { healthByName, totals, visible, create, remove, addPartitions, deleteRecords, electPreferred, configs, setConfig, setConfigs };
});
