/** The topics of a run with their guarantees, and their creation. */
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { Client, type ClientOptions } from './client.ts';
import type { TopicPromise } from './watch.ts';

export interface Topic {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly promise: TopicPromise;
  /** Only the last record of each key is kept permanently. */
  readonly compacted?: boolean;
}

export const TOPICS: readonly Topic[] = [
  { name: 'orders', partitions: 2, replicas: 3, promise: { minInsyncReplicas: 2, flushed: false } },
  { name: 'ledger', partitions: 1, replicas: 3, promise: { minInsyncReplicas: 2, flushed: true } },
  { name: 'clicks', partitions: 1, replicas: 3, promise: { minInsyncReplicas: 1, flushed: false } },
  { name: 'profiles', partitions: 1, replicas: 3, promise: { minInsyncReplicas: 2, flushed: false }, compacted: true },
];

const COMPACTED = [
  { name: 'cleanup.policy', value: 'compact' },
  { name: 'min.cleanable.dirty.ratio', value: '0.1' },
];

/** Committed offsets of groups are in a topic as well. */
export const OFFSETS: Topic = {
  name: '__consumer_offsets',
  partitions: 1,
  replicas: 3,
  promise: { minInsyncReplicas: 2, flushed: false },
};

/** Returns whether they exist within `withinMs`. */
export async function makeTopics(options: ClientOptions, withinMs: number, trace: (text: string) => void): Promise<boolean> {
  const { world } = options;
  const client = new Client(options);
  const outcome = { created: false };
  const body = {
    topics: TOPICS.map(({ name, partitions, replicas, promise, compacted }) => ({
      name,
      numPartitions: partitions,
      replicationFactor: replicas,
      assignments: [],
      configs: [
        { name: 'min.insync.replicas', value: String(promise.minInsyncReplicas) },
        // Small segments, so that some are closed.
        { name: 'segment.ms', value: compacted === true ? '400' : '1500' },
        ...(compacted === true ? COMPACTED : []),
        ...(promise.flushed ? [{ name: 'flush.messages', value: '1' }] : []),
      ],
    })),
    timeoutMs: 5_000,
  };
  const ask = async (): Promise<void> => {
    for (;;) {
      try {
        const answer = await client.anywhere(createTopics, 5, body, 8_000);
        outcome.created = answer.topics.every(
          ({ errorCode }) => errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS,
        );
        if (outcome.created) return;
        trace(`topics: ${answer.topics.map(({ name, errorMessage }) => `${name} ${errorMessage ?? ''}`).join(', ')}`);
      } catch (error) {
        trace(`topics: ${String(error)}`);
      }
      await client.sleep(200);
    }
  };
  void ask();
  await world.run(world.time + withinMs, () => outcome.created);
  client.host.end();
  return outcome.created;
}
