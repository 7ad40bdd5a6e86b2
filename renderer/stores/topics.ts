/** Topics: what the pages select from the cluster, and actions on a topic. */
import { computed } from 'vue';
import type { Result } from '#shared/errors';
import type { LeaderChange, LogStart, ScopedPayload, TopicPlacement } from '#shared/ipc';
import type { ConfigEntry } from '#shared/models/cluster';
import { defineScopedStore } from '../scope.ts';
import { ClusterTotals } from '../topics/topic-facts.ts';
import { useClusterStore } from './cluster.ts';

export const useTopicsStore = defineScopedStore('topics', (scope) => {
  const cluster = useClusterStore();

  const counted = new ClusterTotals();
  /** Sums over all topics: health, and replicas, leaders and what an election would move by broker. */
  const load = computed(() => counted.update(cluster.topics));
  const totals = computed(() => ({ partitions: load.value.partitions, waiting: load.value.waiting, ...load.value.health }));

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

  return {
    totals,
    load,
    visible,
    create,
    remove,
    addPartitions,
    deleteRecords,
    electPreferred,
    configs,
    setConfig,
    setConfigs,
  };
});
