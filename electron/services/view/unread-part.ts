/**
 * The next unread record of partitions with lag: its timestamp says how far behind a group is in time, and where no offset up to the end
 * holds a record the group has caught up. Read lazily: for groups that a page shows alone, and for small lags that do not move, as a
 * transaction marker leaves them.
 */
import { isLeaderUnknown } from '../../admin/cluster-client.ts';
import type { NextUnread, UnreadPosition } from '../../admin/next-unread.ts';
import { pushTo } from '../../admin/topics.ts';
import { BrokerLanes } from './broker-lanes.ts';
import type { Interest } from './interest.ts';
import { keepKnown } from './sameness.ts';
import type { ClusterState, GroupReading, UnreadEntry } from './state.ts';
import { partitionKey } from '#shared/keys';

type Target = Pick<ClusterState, 'topics' | 'groups' | 'unread'>;

/** Partitions read in one round at one broker. Those that were read longest ago come first. */
const READS_PER_BROKER = 16;
/** Of a group that is shown among others: a larger lag that does not move is no marker. */
const SMALL_LAG = 16n;

export interface UnreadSource {
  /** Rejects with an `AdminError`. */
  nextUnread(leader: number, positions: readonly UnreadPosition[]): Promise<ReadonlyMap<UnreadPosition, NextUnread>>;
}

interface Candidate extends UnreadPosition {
  readonly group: string;
  readonly topicId: string;
  readonly leader: number;
}

export class UnreadPart {
  private readonly state: Target;
  private readonly source: UnreadSource;
  private readonly onChange: () => void;
  private readonly lanes: BrokerLanes;
  /** Round of the last read, by group and partition. */
  private readRounds = new Map<string, number>();
  /** Position and end of small lags in the last round, by group and partition. */
  private lastSeen = new Map<string, string>();
  private number = 0;

  constructor(options: { state: Target; source: UnreadSource; onChange: () => void; lanes?: BrokerLanes }) {
    this.state = options.state;
    this.source = options.source;
    this.onChange = options.onChange;
    this.lanes = options.lanes ?? new BrokerLanes();
  }

  /** `alone`: those of `wanted` that a client shows by their id. */
  async round(wanted: Interest['groups'], alone: readonly string[] = typeof wanted === 'string' ? [] : wanted): Promise<void> {
    this.number++;
    const shownAlone = new Set(alone);
    const seen = new Map<string, string>();
    const alive = new Map<string, Set<string>>();
    const byLeader = new Map<number, Candidate[]>();
    for (const candidate of this.candidates(wanted, shownAlone)) {
      const key = keyOf(candidate);
      const { group, topic, partition, offset, end } = candidate;
      const own = alive.get(group) ?? new Set<string>();
      alive.set(group, own.add(partitionKey(topic, partition)));
      seen.set(key, `${offset}/${end}`);
      const known = this.entryOf(candidate);
      if (isKnown(known, candidate)) continue;
      if (shownAlone.has(group) || (end - offset <= SMALL_LAG && this.lastSeen.get(key) === seen.get(key)))
        pushTo(byLeader, candidate.leader, candidate);
      // Of a position that moved and is not read any more, the time of the former one would grow older and older.
      else if (known !== undefined) this.store(candidate, undefined);
    }
    this.lastSeen = seen;
    this.forget(alive);
    for (const [leader, all] of byLeader) {
      all.sort((a, b) => (this.readRounds.get(keyOf(a)) ?? 0) - (this.readRounds.get(keyOf(b)) ?? 0));
      byLeader.set(leader, all.slice(0, READS_PER_BROKER));
    }
    await this.lanes.round(
      byLeader.keys(),
      (leader) => this.source.nextUnread(leader, byLeader.get(leader) ?? []),
      (leader, answer) => {
        for (const candidate of byLeader.get(leader) ?? []) {
          this.readRounds.set(keyOf(candidate), this.number);
          this.store(candidate, 'error' in answer ? undefined : answer.value.get(candidate));
        }
        this.onChange();
      },
    );
  }

  /** Of a group that is shown among others, and that nothing is known of, only small lags: a large cluster has many groups. */
  private *candidates(wanted: Interest['groups'], shownAlone: ReadonlySet<string>): Generator<Candidate> {
    if (wanted === 'none') return;
    const { groups, topics, unread } = this.state;
    for (const group of wanted === 'all' ? groups.keys() : wanted) {
      const isWhole = shownAlone.has(group) || unread.has(group);
      for (const [topic, readings] of groups.get(group)?.readings ?? []) {
        const ranges = rangesIn(readings);
        for (const { partition, offset, end } of isWhole ? ranges.all : ranges.small) {
          const { topicId = '', partitions = [] } = topics.get(topic) ?? {};
          // Brokers list partitions in any order, most of them by index.
          const at = partitions[partition];
          const row = at?.partitionIndex === partition ? at : partitions.find(({ partitionIndex }) => partitionIndex === partition);
          if (row !== undefined && !isLeaderUnknown(row)) yield { group, topicId, leader: row.leaderId, topic, partition, offset, end };
        }
      }
    }
  }

  private entryOf({ group, topic, partition }: Candidate): UnreadEntry | undefined {
    return this.state.unread.get(group)?.get(partitionKey(topic, partition));
  }

  private store(candidate: Candidate, found: NextUnread | undefined): void {
    const { group, topicId, topic, partition, offset, end } = candidate;
    const known = this.state.unread.get(group);
    const next = new Map(known);
    const key = partitionKey(topic, partition);
    if (found === undefined || found.kind === 'undecided') next.delete(key);
    else
      next.set(key, { topicId, offset, end, timestamp: found.kind === 'record' ? found.timestamp : null, isNone: found.kind === 'none' });
    this.state.unread.set(group, keepKnown(known, next));
  }

  /** Keeps what is known of partitions that still have lag. */
  private forget(alive: ReadonlyMap<string, ReadonlySet<string>>): void {
    const { unread } = this.state;
    for (const [group, entries] of unread) {
      const own = alive.get(group);
      const kept = new Map([...entries].filter(([key]) => own?.has(key)));
      if (kept.size === 0) unread.delete(group);
      else if (kept.size < entries.size) unread.set(group, kept);
    }
    this.readRounds = new Map([...this.readRounds].filter(([key]) => this.lastSeen.has(key)));
  }
}

interface UnreadRange {
  readonly partition: number;
  readonly offset: bigint;
  readonly end: bigint;
}

interface UnreadRanges {
  readonly all: readonly UnreadRange[];
  readonly small: readonly UnreadRange[];
}

/** By what they were made of: readings are replaced, never changed in place. */
const knownRanges = new WeakMap<ReadonlyMap<number, GroupReading>, UnreadRanges>();

function rangesIn(readings: ReadonlyMap<number, GroupReading>): UnreadRanges {
  let ranges = knownRanges.get(readings);
  if (ranges === undefined) {
    const all = [...readings].flatMap(([partition, reading]) => {
      const range = unreadRange(reading);
      return range === null ? [] : [{ partition, ...range }];
    });
    ranges = { all, small: all.filter(({ offset, end }) => end - offset <= SMALL_LAG) };
    knownRanges.set(readings, ranges);
  }
  return ranges;
}

/** From the first offset that was not read and still exists to the end; null where it is unknown or empty. */
function unreadRange(reading: GroupReading | undefined): { offset: bigint; end: bigint } | null {
  if (reading === undefined || !reading.isCommittedKnown || reading.offset === null || 'error' in reading.bounds) return null;
  const { start, end } = reading.bounds;
  const offset = reading.offset > start ? reading.offset : start;
  return offset < end ? { offset, end } : null;
}

/** A record at a position stays the next one until the position moves; that there is none holds for the same end only. */
function isKnown(entry: UnreadEntry | undefined, { topicId, offset, end }: Candidate): boolean {
  return entry !== undefined && entry.topicId === topicId && entry.offset === offset && (!entry.isNone || entry.end === end);
}

function keyOf({ group, topic, partition }: Candidate): string {
  return JSON.stringify([group, topic, partition]);
}
