/** Learn: records that the user sent, znodes that a page requested, and completed checks. */
import { shallowRef, watch } from 'vue';
import { useLocalStorage } from '@vueuse/core';
import type { AppError } from '#shared/errors';
import type { Znode } from '#shared/models/lab';
import type { LoadSpec } from '#shared/models/load';
import { ownValue } from '#shared/own-value';
import { defineScopedStore } from '../scope.ts';
import type { ReadBack, SentRecord } from '../learn/concept.ts';
import { useClusterStore } from './cluster.ts';

/** Of the reader's records, the last ones are kept. */
const MAX_SENT = 500;
const MAX_READS = 100;
const VIEW_WAIT_MS = 1_000;
/** An answer with acks=all that takes longer may have waited for a replica that left the ISR. */
const SLOW_MS = 500;

export interface RecordToSend {
  topic: string;
  key: string | null;
  value: string;
  acks: -1 | 0 | 1;
  /** Null: the partitioner decides. */
  partition?: number | null;
  /** Numbered, so that a repeat is stored once; with acks=all only. */
  idempotent?: boolean;
}

export const useLearnStore = defineScopedStore('learn', (scope) => {
  const cluster = useClusterStore();
  const sent = shallowRef<SentRecord[]>([]);
  const znodes = shallowRef<ReadonlyMap<string, Znode | null>>(new Map());
  /** By concept: what was done, in a sentence, and when. Kept in this browser. */
  const done = useLocalStorage<Record<string, { at: number; said: string }>>('brokerdesk.learn', {});
  const reads = shallowRef<ReadBack[]>([]);
  /** The state when the first page was opened: later changes were made by the user or by another client. */
  const begun = shallowRef<{ at: number; topics: ReadonlySet<string> } | null>(null);
  /** The largest lag of each group that was seen since. */
  const peaks = shallowRef<ReadonlyMap<string, bigint>>(new Map());
  /** Loads that pages of Learn have started, by kind and name, and the paths of pages that show them at work. */
  const lessonLoads = shallowRef<ReadonlyMap<string, LoadSpec>>(new Map());
  const shownAt = shallowRef<ReadonlySet<string>>(new Set());
  let next = 1;

  /** Resolves with true when a newer view was received, or with false after a second. */
  function nextView(): Promise<boolean> {
    const version = cluster.version;
    return new Promise((resolve) => {
      const stop = watch(
        () => cluster.version,
        (now) => {
          if (now !== version) end(true);
        },
      );
      const timer = setTimeout(() => end(false), VIEW_WAIT_MS);
      function end(isNewer: boolean): void {
        stop();
        clearTimeout(timer);
        resolve(isNewer);
      }
    });
  }

  /** Resolves with the record as it was answered; never throws. */
  async function send(record: RecordToSend): Promise<SentRecord> {
    const at = Date.now();
    const start = performance.now();
    const answer = await scope.request('message/produce', {
      topic: record.topic,
      partition: record.partition ?? null,
      key: record.key === null ? { encoding: 'null', text: '' } : { encoding: 'utf8', text: record.key },
      value: { encoding: 'utf8', text: record.value },
      headers: [],
      acks: record.acks,
      ...(record.idempotent === true ? { idempotent: true } : {}),
    });
    const tookMs = performance.now() - start;
    const answered = answer.ok && record.acks !== 0 && answer.value.partition >= 0 ? answer.value : null;
    const rowOf = (partition: number) => cluster.topics.get(record.topic)?.partitions.find((row) => row.partition === partition);
    // The view may be older than the ISR that acknowledged the record: another leader answered, or the answer was slow.
    const isSlow = tookMs > SLOW_MS;
    const mayBeOld = answered !== null && (isSlow || rowOf(answered.partition)?.leader !== answered.leader);
    const isNewer = mayBeOld && (await nextView());
    const topic = cluster.topics.get(record.topic);
    const row = answered === null ? undefined : rowOf(answered.partition);
    const result: SentRecord = {
      n: next++,
      at,
      topic: record.topic,
      key: record.key,
      value: record.value,
      acks: record.acks,
      idempotent: record.idempotent === true,
      partition: answered?.partition ?? null,
      offset: answered?.offset ?? null,
      partitions: topic?.partitions.length ?? 0,
      leader: answered?.leader ?? null,
      isr: row !== undefined && row.leader === answered?.leader && (!isSlow || isNewer) ? row.isr : null,
      tookMs,
      error: answer.ok ? null : answer.error.message,
    };
    sent.value = [...sent.value, result].slice(-MAX_SENT);
    return result;
  }

  /** Reads one record by its place, as any consumer could; it joins no group and takes nothing away. */
  async function readBack(topic: string, partition: number, offset: string): Promise<AppError | null> {
    const answer = await scope.request('message/browse', { topic, partitions: [partition], from: { kind: 'offset', offset }, limit: 1 });
    if (!answer.ok) return answer.error;
    const record = answer.value.records[0];
    if (record === undefined || record.offset !== offset) {
      const why = answer.value.failed[0]?.error;
      return {
        code: 'NOT_READ',
        message: `Offset ${offset} of ${topic}-${partition} could not be read${why === undefined ? '' : `: ${why}`}.`,
      };
    }
    const { key, value, timestamp } = record;
    reads.value = [
      ...reads.value,
      { n: next++, at: Date.now(), topic, partition, offset, key: key.encoding === 'null' ? null : key.text, value: value.text, timestamp },
    ].slice(-MAX_READS);
    return null;
  }

  /** Called by every page: the first one begins. */
  function begin(): void {
    if (!cluster.ready) return;
    begun.value ??= { at: Date.now(), topics: new Set(cluster.topics.keys()) };
    let grown: Map<string, bigint> | null = null;
    for (const { id, lag } of cluster.groups.values()) {
      if (lag === null || BigInt(lag) <= (peaks.value.get(id) ?? -1n)) continue;
      grown ??= new Map(peaks.value);
      grown.set(id, BigInt(lag));
    }
    if (grown !== null) peaks.value = grown;
  }

  /** Reads these znodes; a missing one is null, and one that no broker answers for stays as it was. */
  async function readZnodes(paths: readonly string[]): Promise<AppError | null> {
    const answers = await Promise.all(paths.map(async (path) => ({ path, answer: await scope.request('zookeeper/znode', { path }) })));
    const read = new Map(znodes.value);
    let error: AppError | null = null;
    for (const { path, answer } of answers) {
      if (answer.ok) read.set(path, answer.value);
      else if (answer.error.code === 'NOT_FOUND') read.set(path, null);
      else error = answer.error;
    }
    znodes.value = read;
    return error;
  }

  function finish(concept: string, said: string): void {
    if (ownValue(done.value, concept) === undefined) done.value = { ...done.value, [concept]: { at: Date.now(), said } };
  }

  /** The load ends when Learn is left, unless for a page that shows it. */
  function addLessonLoad(spec: LoadSpec, paths: readonly string[]): void {
    lessonLoads.value = new Map(lessonLoads.value).set(`${spec.kind}:${spec.name}`, spec);
    shownAt.value = new Set([...shownAt.value, ...paths]);
  }

  /** What to end on the way to `path`; they are lesson loads no more. */
  function takeLessonLoads(path: string): LoadSpec[] {
    if (lessonLoads.value.size === 0 || /^\/learn(\/|$)/.test(path) || shownAt.value.has(path)) return [];
    const specs = [...lessonLoads.value.values()];
    lessonLoads.value = new Map();
    shownAt.value = new Set();
    return specs;
  }

  function forgetDone(): void {
    done.value = {};
  }

  /** What was sent and read belongs to one cluster. */
  function start(): () => void {
    return scope.listen('connection/reopened', () => {
      sent.value = [];
      reads.value = [];
      begun.value = null;
      peaks.value = new Map();
      znodes.value = new Map();
      lessonLoads.value = new Map();
      shownAt.value = new Set();
    });
  }

  return {
    sent,
    reads,
    begun,
    peaks,
    znodes,
    done,
    send,
    readBack,
    begin,
    readZnodes,
    finish,
    forgetDone,
    addLessonLoad,
    takeLessonLoads,
    start,
  };
});
