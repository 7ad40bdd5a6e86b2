/** Times of the quorum, in milliseconds. Names in brackets are Kafka's settings where there is one. */
export interface RaftSettings {
  /** A follower that has not heard of its leader for this long looks for another (`controller.quorum.fetch.timeout.ms`). */
  readonly fetchTimeoutMs: number;
  /** How long a round of votes may take before it counts as lost (`controller.quorum.election.timeout.ms`). */
  readonly electionTimeoutMs: number;
  /** First wait before an election, at a start and after a lost round; the upper bound is what random jitter may add. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Backoff doubles with every lost round up to this (`controller.quorum.election.backoff.max.ms`). */
  readonly backoffCapMs: number;
  /** How long a leader holds a fetch that it has nothing new for. */
  readonly fetchMaxWaitMs: number;
  readonly fetchMaxBytes: number;
  /** Most appends that may wait for the majority at one time. */
  readonly maxPendingAppends: number;
}

export const DEFAULT_RAFT_SETTINGS: RaftSettings = {
  fetchTimeoutMs: 1000,
  electionTimeoutMs: 1000,
  backoffMinMs: 20,
  backoffMaxMs: 80,
  backoffCapMs: 1000,
  fetchMaxWaitMs: 500,
  fetchMaxBytes: 1024 * 1024,
  maxPendingAppends: 1000,
};
