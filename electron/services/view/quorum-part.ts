/** The metadata quorum and the active controller, by DescribeQuorum and DescribeCluster. */
import type { QuorumView } from '#shared/models/cluster';
import { keepKnown } from './sameness.ts';
import type { ClusterState } from './state.ts';

type Target = Pick<ClusterState, 'quorum' | 'controllerId' | 'clusterId' | 'nodes'>;

export interface QuorumSource {
  /** Null: the cluster has no quorum; `unanswered`: no leader could answer. */
  quorum(): Promise<Omit<QuorumView, 'leaderSince'> | 'unanswered' | null>;
  /** Null where the brokers do not have the API. */
  cluster(): Promise<{ clusterId: string; controllerId: number } | null>;
}

export class QuorumPart {
  private readonly state: Target;
  private readonly source: QuorumSource;
  private readonly now: () => number;
  /** Of the present leader; `at` is 0 where its start was not seen. */
  private leaderSince: { key: string; at: number } | undefined;

  constructor(options: { state: Target; source: QuorumSource; now?: () => number }) {
    this.state = options.state;
    this.source = options.source;
    this.now = options.now ?? Date.now;
  }

  async round(): Promise<void> {
    const { state, source } = this;
    // Each answer counts by itself: without any broker the one rejects, and the other says that no leader of the quorum answers.
    const [quorumRead, clusterRead] = await Promise.allSettled([source.quorum(), source.cluster()]);
    if (quorumRead.status === 'rejected') throw quorumRead.reason;
    const quorum = quorumRead.value;
    const cluster = clusterRead.status === 'rejected' ? null : clusterRead.value;
    if (quorum === 'unanswered') state.quorum = keepKnown(state.quorum, withoutLeader(state.quorum));
    else if (quorum === null) state.quorum = null;
    else state.quorum = keepKnown(state.quorum, { ...quorum, leaderSince: this.startOf(quorum) });
    if (cluster !== null && cluster.clusterId !== '') state.clusterId = cluster.clusterId;
    // Without a quorum leader there is no controller, whatever a broker remembers of the last one.
    if (quorum === 'unanswered') state.controllerId = null;
    else state.controllerId = quorum?.leaderId ?? (cluster !== null && cluster.controllerId >= 0 ? cluster.controllerId : null);
    if (clusterRead.status === 'rejected') throw clusterRead.reason;
  }

  private startOf({ leaderId, leaderEpoch }: Pick<QuorumView, 'leaderId' | 'leaderEpoch'>): number | null {
    const key = `${leaderId}/${leaderEpoch}`;
    // The first leader that was seen may have led for long; only a change has a known start.
    if (this.leaderSince !== undefined && this.leaderSince.key !== key) this.leaderSince = { key, at: this.now() };
    this.leaderSince ??= { key, at: 0 };
    // A node of the embedded cluster reports its own start.
    const reported = this.state.nodes?.find(({ id, role }) => id === leaderId && role === 'leader')?.leadsSince ?? null;
    return reported ?? (this.leaderSince.at === 0 ? null : this.leaderSince.at);
  }
}

/** The voters are still known from before; the leader, and how far each is, are not. */
function withoutLeader(last: QuorumView | null): QuorumView | null {
  if (last === null) return null;
  const voters = last.voters.map(({ id, lastFetchAt, lastCaughtUpAt }) => ({
    id,
    logEndOffset: null,
    lag: null,
    lastFetchAt,
    lastCaughtUpAt,
  }));
  return { leaderId: null, leaderEpoch: null, highWatermark: null, leaderSince: null, voters, observers: last.observers };
}
