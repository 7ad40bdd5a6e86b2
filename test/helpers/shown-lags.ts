/** Every lag that the app shows, by its patches, with the time between whose bounds it must be true, and what a judge says of them. */
import type { ClusterPatch } from '../../shared/ipc.ts';
import type { ClusterView, GroupPartition, GroupRow } from '../../shared/models/cluster.ts';
import type { LagJudge, ShownLag, Verdict } from './lag-judge.ts';

const MAX_SHOWN = 1_000_000;
/** Further wrong ones say the same. */
const MAX_TEXTS = 20;

export interface Outcome {
  shown: number;
  judged: number;
  unknown: number;
  wrongCount: number;
  /** With the offsets that the app and the brokers returned around it. */
  wrong: string[];
  /** A lag of 0 while records were unread. */
  zeros: string[];
  wrongSums: string[];
}

export class ShownLags {
  private readonly shown: ShownLag[] = [];
  private readonly topicIds: Map<string, string | null>;
  private readonly rows = new Map<string, GroupRow>();
  private readonly groups: ReadonlySet<string>;
  private readonly wrongSums: string[] = [];
  private unknown = 0;
  /** Lags of 0 because no offset up to the end holds a record. */
  emptyClaims = 0;
  private groupsAsOf: number;

  constructor(view: ClusterView, groups: readonly string[]) {
    this.groups = new Set(groups);
    this.groupsAsOf = view.groupsAsOf;
    this.topicIds = new Map(view.topics.map(({ name, id }) => [name, id]));
    for (const row of view.groups) if (this.groups.has(row.id)) this.rows.set(row.id, row);
  }

  /** Rows that a patch leaves out are shown on, as of its time. */
  take({ scalars, topics, groups }: ClusterPatch): void {
    for (const name of topics.removed) this.topicIds.delete(name);
    for (const { name, id } of topics.set) this.topicIds.set(name, id);
    for (const id of groups.removed) this.rows.delete(id);
    const changed = new Set<string>();
    for (const row of groups.set) {
      if (!this.groups.has(row.id)) continue;
      this.rows.set(row.id, row);
      changed.add(row.id);
    }
    const isNewRound = scalars.groupsAsOf !== undefined;
    this.groupsAsOf = scalars.groupsAsOf ?? this.groupsAsOf;
    const now = Date.now();
    for (const [id, row] of this.rows) if (changed.has(id) || (isNewRound && row.asOf === null)) this.add(row, now);
  }

  outcome(judge: LagJudge, isReadable: (shown: ShownLag) => boolean = () => true): Outcome {
    const wrong: string[] = [];
    const zeros: string[] = [];
    let judged = 0;
    let wrongCount = 0;
    for (const one of this.shown) {
      const verdict = judge.judge(one);
      if (verdict === null) continue;
      judged++;
      if (!verdict.holds) wrongCount++;
      if (!verdict.holds && wrong.length < MAX_TEXTS) wrong.push(`${describe(one, verdict)}\n  ${judge.evidence(one)}`);
      const isUnread = one.lag === 0n && verdict.least > 0n && (one.emptyOffsets === null || isReadable(one));
      if (isUnread && zeros.length < MAX_TEXTS) zeros.push(describe(one, verdict));
    }
    return {
      shown: this.shown.length,
      judged,
      unknown: this.unknown,
      wrongCount,
      wrong,
      zeros,
      wrongSums: this.wrongSums.slice(0, MAX_TEXTS),
    };
  }

  private add(row: GroupRow, until: number): void {
    const existing = row.partitions.filter(({ absent }) => absent === null);
    let sum = 0n;
    for (const partition of existing) {
      if (partition.emptyOffsets !== null) this.emptyClaims++;
      if (partition.lag === null) this.unknown++;
      else if (this.shown.length < MAX_SHOWN) this.shown.push(this.shownLag(row, partition, BigInt(partition.lag), until));
      sum += BigInt(partition.lag ?? 0);
    }
    // What is unknown is counted apart from the sum: else the sum would fall when a partition becomes unknown.
    const missing = existing.filter(({ lag }) => lag === null).length;
    // Of a group whose topics were all deleted nothing is summed.
    const isNullWrong = existing.length > 0 && (row.lag === null) !== (missing === existing.length);
    if (row.unknown !== missing || isNullWrong || BigInt(row.lag ?? 0) !== sum)
      this.wrongSums.push(JSON.stringify({ ...row, members: [] }));
  }

  private shownLag(row: GroupRow, shown: GroupPartition, lag: bigint, until: number): ShownLag {
    const { topic, partition, emptyOffsets, committed, startOffset, endOffset, leader } = shown;
    return {
      group: row.id,
      topic,
      topicId: this.topicIds.get(topic) ?? null,
      partition,
      lag,
      emptyOffsets: emptyOffsets === null ? null : BigInt(emptyOffsets),
      from: row.asOf ?? this.groupsAsOf,
      until,
      offsets: `committed ${committed} at ${row.coordinator}, log ${startOffset} to ${endOffset} at ${leader}`,
    };
  }
}

function describe({ group, topic, partition, lag, emptyOffsets, from, until, offsets }: ShownLag, { least, most }: Verdict): string {
  const empty = emptyOffsets === null ? '' : ` with ${emptyOffsets} empty offsets`;
  return `${group} on ${topic}-${partition}: ${lag}${empty}, not ${least} to ${most} (${from} to ${until}; shown: ${offsets})`;
}
