/** The message browser: one page of records, or the live tail. Reading joins no group and commits nothing. */
import { computed, ref, shallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { BrowseResult, Results, ScopedPayload } from '#shared/ipc';
import type { CutBatch, RecordRow } from '#shared/models/cluster';
import { onReopened } from '../api.ts';
import { defineScopedStore } from '../scope.ts';

export type From = ScopedPayload<'message/browse'>['from'];
/** What is kept of a tail; older records fall out at the far end. */
const MAX_TAILED = 2_000;
const MAX_CUT_BATCHES = 20;

export const useMessagesStore = defineScopedStore('messages', (scope) => {
  const records = shallowRef<RecordRow[]>([]);
  const failed = shallowRef<BrowseResult['failed']>([]);
  const more = ref(false);
  /** Batches of which not every record is among `records`; of a tail the newest ones. */
  const cutBatches = shallowRef<CutBatch[]>([]);
  const state = ref<'idle' | 'loading' | 'ready' | 'error'>('idle');
  const error = shallowRef<AppError | null>(null);
  const tailId = ref<string | null>(null);
  const paused = ref(false);
  /** Records that arrived while the tail was paused. */
  const held = shallowRef<RecordRow[]>([]);
  const dropped = ref(0);
  /** The tailed topic was deleted and created again. */
  const recreated = ref(false);
  /** The first offset by partition that the tail shows; empty while it does not stand at an end yet. */
  const begins = shallowRef<ReadonlyMap<number, string>>(new Map());
  let asked = 0;
  /** What is tailed: a line that was lost took the tail with it, and it is asked for again. */
  let followed: { topic: string; partitions: number[] | null } | null = null;

  const tailing = computed(() => tailId.value !== null);

  function clear(): void {
    asked += 1;
    records.value = [];
    failed.value = [];
    more.value = false;
    cutBatches.value = [];
    error.value = null;
    state.value = 'idle';
  }

  async function browse(query: ScopedPayload<'message/browse'>): Promise<void> {
    const mine = ++asked;
    state.value = 'loading';
    const answer = await scope.request('message/browse', query);
    if (mine !== asked) return;
    if (!answer.ok) {
      error.value = answer.error;
      state.value = 'error';
      return;
    }
    error.value = null;
    records.value = answer.value.records;
    failed.value = answer.value.failed;
    more.value = answer.value.more;
    cutBatches.value = answer.value.cutBatches;
    state.value = 'ready';
  }

  async function tail(topic: string, partitions: number[] | null): Promise<void> {
    await untail();
    followed = { topic, partitions };
    const mine = ++asked;
    dropped.value = 0;
    recreated.value = false;
    begins.value = new Map();
    const answer = await scope.request('message/tail', { topic, partitions });
    if (!answer.ok) {
      error.value = answer.error;
      return;
    }
    if (mine !== asked) {
      void scope.request('message/untail', { tailId: answer.value.tailId });
      return;
    }
    error.value = null;
    tailId.value = answer.value.tailId;
  }

  async function untail(): Promise<void> {
    followed = null;
    const id = tailId.value;
    tailId.value = null;
    paused.value = false;
    held.value = [];
    recreated.value = false;
    if (id !== null) await scope.request('message/untail', { tailId: id });
  }

  function setPaused(next: boolean): void {
    paused.value = next;
    if (!next && held.value.length > 0) {
      records.value = [...held.value, ...records.value].slice(0, MAX_TAILED);
      held.value = [];
    }
  }

  function start(): () => void {
    const stopTail = scope.listen('message/tailed', (event) => {
      if (event.tailId !== tailId.value) return;
      dropped.value += event.dropped;
      recreated.value = event.recreated;
      if (event.begins.length > 0)
        begins.value = new Map([...begins.value, ...event.begins.map(({ partition, offset }) => [partition, offset] as const)]);
      if (event.cutBatches.length > 0) cutBatches.value = [...cutBatches.value, ...event.cutBatches].slice(-MAX_CUT_BATCHES);
      error.value = event.error === null ? null : { code: 'BROKER_UNREACHABLE', message: event.error };
      const newest = [...event.records].reverse();
      const target = paused.value ? held : records;
      target.value = [...newest, ...target.value].slice(0, MAX_TAILED);
      if (newest.length > 0) state.value = 'ready';
    });
    const stopReopened = onReopened(() => {
      if (followed === null) return;
      tailId.value = null;
      void tail(followed.topic, followed.partitions);
    });
    return () => {
      stopTail();
      stopReopened();
    };
  }

  function produce(record: ScopedPayload<'message/produce'>): Promise<Result<Results['message/produce']>> {
    return scope.request('message/produce', record);
  }

  /** A key, value or header value that the list holds in part only. */
  function readValue(value: ScopedPayload<'message/value'>): Promise<Result<Results['message/value']>> {
    return scope.request('message/value', value);
  }

  return {
    records,
    failed,
    more,
    cutBatches,
    state,
    error,
    tailId,
    tailing,
    paused,
    held,
    dropped,
    recreated,
    begins,
    clear,
    browse,
    tail,
    untail,
    setPaused,
    start,
    produce,
    readValue,
  };
});
