/** Judges a finished run: the responses that clients received against the logs. In Kafka's terms, with Jepsen's names for anomalies. */
import type { Commit, CommittedRead, History, Poll, Write } from './history.ts';
import type { StoredBatch, StoredRecord } from './inspect.ts';
import { partitionName } from '../../shared/keys.ts';

export interface FinalPartition {
  readonly topic: string;
  readonly partition: number;
  readonly compacted: boolean;
  /** The leader's log up to its high watermark. */
  readonly records: readonly StoredRecord[];
  /** Each replica's log up to its own high watermark. */
  readonly replicas: ReadonlyMap<number, { readonly records: readonly StoredRecord[]; readonly batches: readonly StoredBatch[] }>;
}

export interface Judgement {
  history: History;
  partitions: readonly FinalPartition[];
  voids: Voids;
  at: number;
}

/** Faults that void the promise of the records before them. Times are true time, ms. */
export interface Voids {
  /** When the promise of the earlier records became void the last time; undefined: it holds. */
  voidAt(topic: string, partition: number): number | undefined;
  /** Exclusive end of the records that at time `at` were still the leader's from before the promise became void. */
  endAtVoid(topic: string, partition: number, at: number): bigint;
}

export function check(judgement: Judgement): void {
  const writes = new Map<string, Map<string, Write>>();
  for (const write of judgement.history.writes) {
    const key = partitionName(write);
    let ofPartition = writes.get(key);
    if (ofPartition === undefined) writes.set(key, (ofPartition = new Map()));
    ofPartition.set(write.value, write);
  }
  for (const partition of judgement.partitions) {
    if (partition.topic.startsWith('__')) continue;
    checkPartition(judgement, partition, writes.get(partitionName(partition)) ?? new Map<string, Write>());
  }
  for (const partition of judgement.partitions) checkReplicas(judgement, partition);
  checkGroups(judgement);
}

function checkPartition(
  judgement: Judgement,
  { topic, partition, compacted, records }: FinalPartition,
  writes: ReadonlyMap<string, Write>,
): void {
  const { history, at } = judgement;
  const key = `${topic}-${partition}`;
  const voidAt = judgement.voids.voidAt(topic, partition);
  const violate = (kind: string, text: string): void => history.violation(kind, at, `${key}: ${text}`, key);
  const byValue = new Map<string, StoredRecord>();
  const byOffset = new Map<bigint, string>();
  const lastRank = new Map<string, number>();
  const newest = newestOf(records);
  for (const record of records) {
    const write = writes.get(record.value);
    byOffset.set(record.offset, record.value);
    if (write === undefined) {
      violate('invented record', `offset ${record.offset} holds ${JSON.stringify(record.value)}, which no client sent`);
      continue;
    }
    if (write.idempotent && voidAt === undefined) {
      const before = byValue.get(record.value);
      if (before !== undefined) {
        violate(
          'duplicate',
          `${record.value} is at offset ${before.offset} (epoch ${before.epoch}) and at ${record.offset} (epoch ${record.epoch})`,
        );
      }
      const rank = lastRank.get(write.producer) ?? -1;
      if (write.rank < rank) violate('reordered', `${record.value} comes after rank ${rank} of its producer`);
      lastRank.set(write.producer, Math.max(rank, write.rank));
    }
    if ((write.key ?? '') !== record.key)
      violate('invented record', `offset ${record.offset} holds ${write.value} under key ${record.key}`);
    if (!byValue.has(record.value)) byValue.set(record.value, record);
  }
  for (const write of writes.values()) {
    if (write.ackedAt === undefined || write.acks !== -1 || mayBeLost(judgement.voids, write, write.ackedAt)) continue;
    const found = byValue.get(write.value);
    const when = `acknowledged at ${seconds(write.ackedAt)} with offset ${write.offset ?? -1n}`;
    if (found === undefined && compacted && isSuperseded(write, writes, newest)) continue;
    if (found === undefined) {
      const there = byOffset.get(write.offset ?? -1n);
      violate('lost write', `${write.value}, ${when}, is not in the log; that offset holds ${there ?? 'nothing'}`);
    } else if (write.idempotent && write.offset !== -1n && found.offset !== write.offset) {
      violate('inconsistent offset', `${write.value}, ${when}, is at ${found.offset}`);
    }
  }
  checkPolls(
    judgement,
    key,
    history.polls.filter((poll) => poll.topic === topic && poll.partition === partition),
    byOffset,
    writes,
    newest,
  );
}

/** The last record of each key. */
function newestOf(records: readonly StoredRecord[]): ReadonlyMap<string, StoredRecord> {
  return new Map(records.filter(({ key }) => key !== '').map((record) => [record.key, record]));
}

/** Compaction removed it: the log has a record of the same key that its producer sent later. */
function isSuperseded({ key = '', rank }: Write, writes: ReadonlyMap<string, Write>, newest: ReadonlyMap<string, StoredRecord>): boolean {
  return (writes.get(newest.get(key)?.value ?? '')?.rank ?? -1) > rank;
}

/**
 * A record that was written before the promise became void. A repeat that the leader recognises acknowledges the record of the first attempt,
 * which the leader had before, although the repeat was sent after.
 */
function mayBeLost(voids: Voids, { topic, partition, idempotent, firstSentAt, sentAt, offset }: Write, ackedAt: number): boolean {
  const voidAt = voids.voidAt(topic, partition);
  if (voidAt === undefined) return false;
  if (sentAt <= voidAt) return true;
  return idempotent && (firstSentAt ?? sentAt) <= voidAt && (offset ?? -1n) < voids.endAtVoid(topic, partition, ackedAt);
}

function checkPolls(
  judgement: Judgement,
  key: string,
  polls: readonly Poll[],
  final: ReadonlyMap<bigint, string>,
  writes: ReadonlyMap<string, Write>,
  newest: ReadonlyMap<string, StoredRecord>,
): void {
  const { history } = judgement;
  // Where there are keys: each replica compacts by itself, and a later leader may have what the one that was read from had dropped.
  const hasLater = (value: string, offset: bigint): boolean => (newest.get(writes.get(value)?.key ?? '')?.offset ?? -1n) > offset;
  const isVoid = polls[0] !== undefined && judgement.voids.voidAt(polls[0].topic, polls[0].partition) !== undefined;
  for (const poll of polls) {
    let next = poll.position;
    for (const { offset, value } of poll.records) {
      const violate = (kind: string, text: string): void => history.violation(kind, poll.at, `${key}: ${poll.consumer} ${text}`, key);
      if (!writes.has(value)) violate('invented record', `read ${JSON.stringify(value)} at ${offset}, which no client sent`);
      if (offset < next) violate('nonmonotonic poll', `read ${offset} after ${next - 1n}`);
      if (!isVoid) {
        const there = final.get(offset);
        if (there !== value && !(there === undefined && hasLater(value, offset)))
          violate('inconsistent offset', `read ${value} at ${offset} at ${seconds(poll.at)}; the log holds ${there ?? 'nothing'} there`);
        for (; next < offset; next++) {
          const passed = final.get(next);
          if (passed !== undefined && !hasLater(passed, next))
            violate('poll skip', `read ${offset} at ${seconds(poll.at)} and had not read ${next}`);
        }
      }
      next = offset + 1n;
    }
  }
}

/** Two replicas hold the same committed records. */
function checkReplicas({ history, at, voids }: Judgement, { topic, partition, compacted, replicas }: FinalPartition): void {
  if (voids.voidAt(topic, partition) !== undefined) return;
  const [first, ...others] = [...replicas];
  if (first === undefined) return;
  if (compacted) {
    for (const [id, { records }] of others) {
      const differing = compactedApart(first[1].records, records) ?? compactedApart(records, first[1].records);
      if (differing === undefined) continue;
      const text = `${topic}-${partition}: nodes ${first[0]} and ${id} at offset ${differing.offset}, key ${differing.key}`;
      history.violation('replicas differ', at, text, `${topic}-${partition}`);
    }
    return;
  }
  const reference = new Map(first[1].batches.map((batch) => [batch.offset, batch]));
  for (const [id, { batches }] of others) {
    for (const batch of batches) {
      const expected = reference.get(batch.offset);
      if (expected === undefined && batch.offset > (first[1].batches.at(-1)?.offset ?? -1n)) break;
      if (expected?.crc === batch.crc && expected.epoch === batch.epoch) continue;
      history.violation(
        'replicas differ',
        at,
        `${topic}-${partition}: nodes ${first[0]} and ${id} at offset ${batch.offset}`,
        `${topic}-${partition}`,
      );
      break;
    }
  }
}

/** Each replica compacts by itself. The first record of one replica for which the other holds neither it nor a later record of its key. */
function compactedApart(one: readonly StoredRecord[], other: readonly StoredRecord[]): StoredRecord | undefined {
  const there = new Map(other.map((record) => [record.offset, record]));
  const newest = newestOf(other);
  const end = other.at(-1)?.offset ?? -1n;
  return one.find((record) => {
    if (record.offset > end) return false;
    const match = there.get(record.offset);
    if (match !== undefined) return match.value !== record.value || match.epoch !== record.epoch;
    return (newest.get(record.key)?.offset ?? -1n) <= record.offset;
  });
}

function checkGroups({ history, voids }: Judgement): void {
  const offsetsVoid = new Map<number, boolean>();
  for (let partition = 0; partition < 64; partition++)
    offsetsVoid.set(partition, voids.voidAt('__consumer_offsets', partition) !== undefined);
  if ([...offsetsVoid.values()].includes(true)) return;
  // Within one generation, no two members own a partition.
  const owners = new Map<string, string>();
  for (const { group, member, generation, partitions, at } of history.assignments) {
    for (const partition of partitions) {
      const key = `${group} ${generation} ${partition}`;
      const other = owners.get(key);
      if (other !== undefined && other !== member) {
        history.violation(
          'two owners',
          at,
          `${partition} belongs to ${other} and to ${member} in generation ${generation} of ${group}`,
          group,
        );
      }
      owners.set(key, member);
    }
  }
  const firstOf = new Map<string, number>();
  for (const { group, generation, at } of history.assignments) {
    const key = `${group} ${generation}`;
    if (!firstOf.has(key)) firstOf.set(key, at);
  }
  for (const commit of history.commits) {
    if (!commit.acked) continue;
    for (const [key, at] of firstOf) {
      const [group, generation] = key.split(' ');
      if (group !== commit.group || Number(generation) <= commit.generation || at >= commit.sentAt) continue;
      const text = `${commit.member} of generation ${commit.generation} sent a commit at ${seconds(commit.sentAt)} that was accepted; generation ${generation ?? ''} stood at ${seconds(at)}`;
      history.violation('stale generation accepted', commit.sentAt, text, commit.group);
    }
  }
  for (const read of history.committedReads) {
    const commits = history.commits.filter(
      ({ group, topic, partition }) => group === read.group && topic === read.topic && partition === read.partition,
    );
    let best = -1n;
    for (const { acked, answeredAt, offset } of commits)
      if (acked && (answeredAt ?? Infinity) < read.askedAt && offset > best) best = offset;
    if (read.offset >= best) continue;
    // A commit without a response may be applied late, between others.
    if (commits.some(({ acked, offset, sentAt }) => !acked && offset === read.offset && sentAt <= read.askedAt)) continue;
    // A member that finds its partition truncated, where that is allowed, resets its position, and reports it.
    if (voids.voidAt(read.topic, read.partition) !== undefined && isOfTheLast(commits, read)) continue;
    history.violation(
      'committed offset went back',
      read.askedAt,
      `${read.group}, ${partitionName(read)}: ${best} was committed, ${read.offset} was read`,
      partitionName(read),
    );
  }
}

/** Whether the offset is an acknowledged commit that no other one followed. */
function isOfTheLast(commits: readonly Commit[], { offset, askedAt }: CommittedRead): boolean {
  const acked = commits.filter((commit) => commit.acked);
  return acked.some((one) => {
    const answeredAt = one.answeredAt ?? Infinity;
    const followed = acked.some(
      (other) => other.sentAt > answeredAt && (other.answeredAt ?? Infinity) < askedAt && other.offset !== offset,
    );
    return one.offset === offset && one.sentAt <= askedAt && !followed;
  });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}
