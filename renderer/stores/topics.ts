/** Topics: what the pages select from the cluster, and what can be done to one. */
import { computed } from 'vue';
import { defineStore } from 'pinia';
import type { Result } from '#shared/errors';
import type { LeaderChange, LogStart, Payload, TopicPlacement } from '#shared/ipc';
import type { ConfigEntry } from '#shared/models/cluster';
import { request } from '../api.ts';
import { topicHealth, type TopicHealth } from '../format/replicas.ts';
import { useClusterStore } from './cluster.ts';

export const useTopicsStore = defineStore('topics', () => {
  const cluster = useClusterStore();

  const healthByName = computed(() => {
    const health = new Map<string, TopicHealth>();
    for (const topic of cluster.topics.values()) health.set(topic.name, topicHealth(topic));
    return health;
  });

  const totals = computed(() => {
    let partitions = 0;
    const sum: TopicHealth = { underReplicated: 0, offline: 0, refusing: 0 };
    for (const topic of cluster.topics.values()) {
      partitions += topic.partitions.length;
      const health = healthByName.value.get(topic.name);
      sum.underReplicated += health?.underReplicated ?? 0;
      sum.offline += health?.offline ?? 0;
      sum.refusing += health?.refusing ?? 0;
    }
    return { partitions, ...sum };
  });

  const visible = computed(() => cluster.topicList.filter((topic) => !topic.internal));

  function create(plan: Payload<'topic/create'>): Promise<Result<TopicPlacement>> {
    return request('topic/create', plan);
  }

  function remove(name: string, typedName: string): Promise<Result<null>> {
    return request('topic/delete', { name, typedName });
  }

  function addPartitions(name: string, total: number): Promise<Result<null>> {
    return request('topic/addPartitions', { name, total });
  }

  function deleteRecords(name: string, places: Payload<'topic/deleteRecords'>['places']): Promise<Result<{ partitions: LogStart[] }>> {
    return request('topic/deleteRecords', { name, places });
  }

  function electPreferred(name: string): Promise<Result<{ partitions: LeaderChange[] }>> {
    return request('topic/electPreferred', { name });
  }

  function configs(name: string): Promise<Result<{ entries: ConfigEntry[] }>> {
    return request('topic/configs', { name });
  }

  /** Null takes back what was set. */
  function setConfigs(name: string, configs: Record<string, string | null>): Promise<Result<null>> {
    return request('topic/setConfigs', { name, configs });
  }

  function setConfig(name: string, key: string, value: string | null): Promise<Result<null>> {
    return setConfigs(name, { [key]: value });
  }

  return { healthByName, totals, visible, create, remove, addPartitions, deleteRecords, electPreferred, configs, setConfig, setConfigs };
});
