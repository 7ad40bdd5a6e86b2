/** Times of the quorum, in milliseconds, with Kafka's settings in brackets. */
export interface RaftSettings {
  /** A follower without a response of its leader for this long starts an election (`controller.quorum.fetch.timeout.ms`). */
  readonly fetchTimeoutMs: number;
  /** Duration of a round of votes after which it is lost (`controller.quorum.election.timeout.ms`). */
  readonly electionTimeoutMs: number;
  /** First backoff before an election, at a start and after a lost round; the upper bound of the random jitter. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** The backoff doubles with every lost round up to this (`controller.quorum.election.backoff.max.ms`). */
  readonly backoffCapMs: number;
  /** How long a leader holds a fetch without new records. */
  readonly fetchMaxWaitMs: number;
  readonly fetchMaxBytes: number;
  /** Maximum appends that wait for the majority. */
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
