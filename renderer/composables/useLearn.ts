/**
 * What the pages of Learn act with: verbs that really do it, beside the state that they draw from (`useLearnState`). A component of
 * a page takes it as a prop, so that all of a page share one.
 */
import { computed, reactive } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { LeaderChange, ScopedPayload, PlaceChange } from '#shared/ipc';
import type { LoadRow, LoadSpec } from '#shared/models/load';
import type { FaultSpec } from '#shared/models/lab';
import { LEARN_PARTITIONS, LEARN_TOPIC, type Concept, type Outage, type SentRecord } from '../learn/concept.ts';
import { plural } from '../format/numbers.ts';
import { isOnline } from '../topics/replicas.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { shownGroup, useGroupsStore } from '../stores/groups.ts';
import { useLabStore } from '../stores/lab.ts';
import { useLearnStore, type RecordToSend } from '../stores/learn.ts';
import { useLoadsStore } from '../stores/loads.ts';
import { useToastsStore } from '../stores/toasts.ts';
import { useTopicsStore } from '../stores/topics.ts';
import { useLearnState } from './useLearnState.ts';

const REPLICAS = 3;

export function useLearn(concept: () => Concept) {
  const cluster = useClusterStore();
  const toasts = useToastsStore();
  const groups = useGroupsStore();
  const lab = useLabStore();
  const learn = useLearnStore();
  const loads = useLoadsStore();
  const topicsStore = useTopicsStore();
  const { state, done, topic, pick, followZnodes } = useLearnState(concept);
  const busy = reactive(new Set<string>());

  /** Runs it, unless it is running; true when it was done. Complains where it was refused. */
  async function act(key: string, run: () => Promise<AppError | null>): Promise<boolean> {
    if (busy.has(key)) return false;
    busy.add(key);
    try {
      const error = await run();
      if (error !== null) toasts.addError(error);
      return error === null;
    } finally {
      busy.delete(key);
    }
  }

  /** As `act`, for what is answered with something; null where it was refused. */
  async function ask<T>(key: string, run: () => Promise<Result<T>>): Promise<T | null> {
    let value: T | null = null;
    await act(key, async () => {
      const answer = await run();
      if (answer.ok) value = answer.value;
      return refusal(answer);
    });
    return value;
  }

  const refusal = (answer: { ok: true } | { ok: false; error: AppError }): AppError | null => (answer.ok ? null : answer.error);

  /** With as many replicas as there are brokers for, three at most, and two in sync for a write that asks for all. */
  const plan = computed(() => {
    const replicationFactor = Math.max(1, Math.min(REPLICAS, cluster.brokerList.filter(isOnline).length));
    return { replicationFactor, minInsync: Math.min(2, replicationFactor) };
  });
  const createTopic = (): Promise<boolean> =>
    act('topic', async () => {
      const { replicationFactor, minInsync } = plan.value;
      const answer = await topicsStore.create({
        name: LEARN_TOPIC,
        partitions: LEARN_PARTITIONS,
        replicationFactor,
        configs: { 'min.insync.replicas': `${minInsync}` },
        validateOnly: false,
      });
      if (answer.ok) await cluster.refresh();
      return refusal(answer);
    });

  const send = async (record: Omit<RecordToSend, 'topic'>): Promise<SentRecord | null> => {
    const name = topic.value?.name;
    return name === undefined ? null : learn.send({ ...record, topic: name });
  };

  /** One after another, so that their order is that of the list; ends at the first that is refused. */
  const sendAll = (key: string, records: readonly Omit<RecordToSend, 'topic'>[]): Promise<boolean> =>
    act(key, async () => {
      for (const record of records) {
        const answer = await send(record);
        if (answer === null || answer.error !== null)
          return { code: 'NOT_SENT', message: answer?.error ?? 'There is no topic to send to.' };
      }
      return null;
    });

  const readBack = (partition: number, offset: string): Promise<boolean> =>
    act('read', () => learn.readBack(topic.value?.name ?? '', partition, offset));

  /** A load of this lesson: it ends when Learn is left, unless for one of the pages that the lesson links to. */
  async function startLoad(spec: LoadSpec): Promise<AppError | null> {
    const error = await loads.start(spec);
    const paths = concept()
      .links(state.value)
      .map(({ to }) => to.replace(/[?#].*$/, ''));
    if (error === null) learn.addLessonLoad(spec, paths);
    return error;
  }

  /** Real consumers of a group read the topic and commit, until they are stopped. */
  const startReaders = (
    group: string,
    more: { members?: number; from?: 'oldest' | 'newest'; perRecordMs?: number } = {},
  ): Promise<boolean> =>
    act(`readers:${group}`, async () => {
      const { members = 1, from = 'oldest', perRecordMs = 0 } = more;
      const topics = topic.value === null ? [] : [topic.value.name];
      const spec = { kind: 'group' as const, name: group, topics, members, perRecordMs, from, sessionTimeoutMs: 6_000, crashEveryMs: null };
      return startLoad(spec);
    });
  const stopReaders = (group: string): Promise<boolean> =>
    act(`readers:${group}`, async () => {
      const running = runningGroup(group);
      return running === null ? null : loads.stop(running.id);
    });
  /** The load that runs as that group; null: none does. */
  const runningGroup = (group: string): LoadRow | null =>
    loads.loads.find(({ spec, state: at }) => spec.kind === 'group' && spec.name === group && at !== 'ended' && at !== 'failed') ?? null;

  const setConfig = (key: string, value: string | null): Promise<boolean> =>
    act(`config:${key}`, async () => refusal(await topicsStore.setConfig(topic.value?.name ?? '', topic.value?.id ?? null, key, value)));
  const addPartitions = (total: number): Promise<boolean> =>
    act('partitions', async () => {
      const name = topic.value?.name ?? '';
      const answer = await topicsStore.addPartitions(name, topic.value?.id ?? null, total);
      if (answer.ok) {
        await cluster.refresh();
        toasts.add(`${name} has ${plural(total, 'partition')} now.`);
      }
      return refusal(answer);
    });

  /** Resolves to where the log starts then. */
  const deleteRecords = (partition: number, before: string): Promise<string | null> =>
    ask('delete-records', async () => {
      const answer = await topicsStore.deleteRecords(topic.value?.name ?? '', topic.value?.id ?? null, [{ partition, before }]);
      if (!answer.ok) return answer;
      const [done] = answer.value.partitions;
      return done?.error ? { ok: false, error: done.error } : { ok: true, value: done?.startOffset ?? '?' };
    });
  const electPreferred = (): Promise<{ partitions: LeaderChange[] } | null> =>
    ask('elect', () => topicsStore.electPreferred(topic.value?.name ?? ''));
  const resetGroup = (group: string, to: ScopedPayload<'group/reset'>['to']): Promise<{ partitions: PlaceChange[] } | null> =>
    ask(`reset:${group}`, () => {
      const row = cluster.groups.get(group);
      const shown = row === undefined ? { state: 'Unknown', members: 0 } : shownGroup(row);
      return groups.reset(group, shown, topic.value?.name ?? '', to);
    });

  const inject = (fault: FaultSpec): Promise<boolean> => act(`fault:${JSON.stringify(fault)}`, () => lab.inject('learn', fault));
  const outage = (one: Outage): Promise<boolean> =>
    act(one.key, () => {
      if ('inject' in one.act) return lab.inject(one.key, one.act.inject);
      return 'heal' in one.act ? lab.heal(one.act.heal) : lab.start(one.act.start);
    });

  return {
    state,
    done,
    busy,
    pick,
    plan,
    act,
    createTopic,
    send,
    sendAll,
    readBack,
    startLoad,
    startReaders,
    stopReaders,
    runningGroup,
    loads,
    setConfig,
    addPartitions,
    deleteRecords,
    electPreferred,
    resetGroup,
    inject,
    outage,
    followZnodes,
  };
}

export type Learn = ReturnType<typeof useLearn>;
