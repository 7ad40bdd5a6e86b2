/** A plain consumer: reads every partition from its beginning by Fetch, with leader epochs, and records the results. */
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { ErrorCode, errorName } from '../../electron/cluster/protocol/error-codes.ts';
import { iterateBatches, verifyBatch } from '../../electron/cluster/protocol/record-batch.ts';
import { decodeRecords } from '../../electron/cluster/protocol/records-reader.ts';
import { Client, type ClientOptions, type Leader } from './client.ts';
import type { History } from './history.ts';

export interface ReaderOptions {
  client: Client;
  name: string;
  history: History;
  isVoid(topic: string, partition: number): boolean;
}

export interface Place {
  readonly topic: string;
  readonly partition: number;
  position: bigint;
  /** Epoch of the last record that was read; −1 before. */
  lastEpoch: number;
}

/** Fetch errors that newer metadata resolves. */
const MOVED: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.OFFSET_NOT_AVAILABLE,
]);

/** Fetches the partitions from their leaders, once each, in parallel. Returns whether any records came. */
export async function poll(options: ReaderOptions, places: readonly Place[], maxWaitMs: number): Promise<boolean> {
  const { client } = options;
  const byBroker = new Map<number, { place: Place; leader: Leader }[]>();
  let leaderless = false;
  for (const place of places) {
    const leader = client.leaderOf(place.topic, place.partition);
    if (leader === undefined || client.address(leader.broker) === undefined) {
      leaderless = true;
      continue;
    }
    const list = byBroker.get(leader.broker);
    if (list === undefined) byBroker.set(leader.broker, [{ place, leader }]);
    else list.push({ place, leader });
  }
  const outcomes = await Promise.all([...byBroker].map(([broker, wanted]) => pollBroker(options, broker, wanted, maxWaitMs)));
  if (leaderless || outcomes.includes('moved')) {
    await client.sleep(30);
    await client.refresh([...new Set(places.map(({ topic }) => topic))]);
  }
  return outcomes.includes('some');
}

async function pollBroker(
  options: ReaderOptions,
  broker: number,
  wanted: readonly { place: Place; leader: Leader }[],
  maxWaitMs: number,
): Promise<'some' | 'none' | 'moved'> {
  const { client } = options;
  const address = client.address(broker);
  if (address === undefined) return 'moved';
  const asked = wanted.map(({ place, leader }) => ({ place, position: place.position, epoch: leader.epoch, lastEpoch: place.lastEpoch }));
  let answer;
  try {
    answer = await client.send(
      address,
      `fetch/${options.name}`,
      fetch,
      12,
      {
        maxWaitMs,
        minBytes: 1,
        maxBytes: 1 << 20,
        topics: asked.map(({ place, position, epoch, lastEpoch }) => ({
          topic: place.topic,
          partitions: [
            {
              partition: place.partition,
              fetchOffset: position,
              currentLeaderEpoch: epoch,
              lastFetchedEpoch: lastEpoch,
              partitionMaxBytes: 1 << 18,
            },
          ],
        })),
      },
      maxWaitMs + 1_500,
    );
  } catch {
    // Lost, late or refused: the leader may have changed by then.
    return 'moved';
  }
  let outcome: 'some' | 'none' | 'moved' = answer.errorCode === ErrorCode.NONE ? 'none' : 'moved';
  for (const topic of answer.responses) {
    for (const result of topic.partitions) {
      const one = asked.find(({ place }) => place.topic === topic.topic && place.partition === result.partitionIndex);
      if (one === undefined || one.place.position !== one.position) continue;
      if (take(options, one.place, result)) outcome = 'some';
      else if (result.errorCode !== ErrorCode.NONE) outcome = 'moved';
    }
  }
  return outcome;
}

interface Result {
  errorCode: number;
  highWatermark: bigint;
  divergingEpoch: { epoch: number; endOffset: bigint };
  records: Buffer | null;
}

function take({ client, history, name, isVoid }: ReaderOptions, place: Place, result: Result): boolean {
  const { topic, partition } = place;
  const at = client.world.time;
  const where = `${topic}-${partition}`;
  const lost = (what: string): void => {
    if (!isVoid(topic, partition))
      history.violation('truncated below a consumer', at, `${name} at ${where}, position ${place.position}: ${what}`, where);
  };
  if (result.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
    lost('the offset is out of range');
    // Reset to the existing records, as auto.offset.reset would; the run continues to matter only where promises are void.
    place.position = 0n;
    place.lastEpoch = -1;
    return false;
  }
  if (result.errorCode !== ErrorCode.NONE) {
    // A broker returns no records of a log that is corrupt behind its recovery point.
    const refused = result.errorCode === ErrorCode.CORRUPT_MESSAGE && isVoid(topic, partition);
    if (!MOVED.has(result.errorCode) && !refused) {
      history.violation(
        'unexpected error',
        at,
        `fetch of ${where} was answered with ${errorName(result.errorCode)}`,
        `fetch ${result.errorCode}`,
      );
    }
    return false;
  }
  if (result.divergingEpoch.epoch !== -1) {
    lost(`the log diverges at ${result.divergingEpoch.endOffset}, epoch ${result.divergingEpoch.epoch}`);
    place.position = result.divergingEpoch.endOffset < place.position ? result.divergingEpoch.endOffset : place.position;
    place.lastEpoch = -1;
    return false;
  }
  if (result.records === null || result.records.length === 0) return false;
  const records: { offset: bigint; value: string; epoch: number }[] = [];
  const from = place.position;
  for (const batch of iterateBatches(result.records)) {
    const defect = verifyBatch(batch);
    if (defect !== undefined) {
      if (!isVoid(topic, partition)) history.violation('corrupt batch', at, `${name} got a batch of ${where}: ${defect.reason}`, where);
      break;
    }
    if (!batch.isControl) {
      for (const record of decodeRecords(batch, 1 << 20)) {
        if (record.offset >= place.position)
          records.push({ offset: record.offset, value: record.value?.toString() ?? '', epoch: batch.partitionLeaderEpoch });
      }
    }
    place.position = batch.lastOffset + 1n;
    place.lastEpoch = batch.partitionLeaderEpoch;
  }
  if (records.length > 0) history.polls.push({ consumer: name, topic, partition, at, position: from, records });
  return place.position > from;
}

export class Consumer {
  readonly client: Client;
  readonly places: Place[] = [];
  private readonly reader: ReaderOptions;
  private readonly topics: readonly { name: string; partitions: number }[];

  constructor(options: ClientOptions & Omit<ReaderOptions, 'client'> & { topics: readonly { name: string; partitions: number }[] }) {
    this.client = new Client(options);
    this.reader = { client: this.client, name: options.name, history: options.history, isVoid: options.isVoid };
    this.topics = options.topics;
    for (const { name, partitions } of this.topics) {
      for (let partition = 0; partition < partitions; partition++)
        this.places.push({ topic: name, partition, position: 0n, lastEpoch: -1 });
    }
  }

  start(): void {
    void this.run();
  }

  private async run(): Promise<void> {
    await this.client.refresh(this.topics.map(({ name }) => name));
    while (this.client.alive) await poll(this.reader, this.places, 300);
  }
}
