/** Times of the quorum, in milliseconds, with Kafka's settings in brackets. Those that follow from others are derived here alone. */
export interface RaftTimeouts {
  /** A follower without a response of its leader for this long starts an election (`controller.quorum.fetch.timeout.ms`). */
  readonly fetchTimeoutMs: number;
  /** Duration of a round of votes after which it is lost (`controller.quorum.election.timeout.ms`). */
  readonly electionTimeoutMs: number;
  /** The backoff doubles with every lost round up to this (`controller.quorum.election.backoff.max.ms`). */
  readonly backoffCapMs: number;
}

/** Fixed for all nodes. */
export interface RaftLimits {
  /** First backoff before an election, at a start and after a lost round; the upper bound of the random jitter. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly fetchMaxBytes: number;
  /** Maximum appends that wait for the majority. */
  readonly maxPendingAppends: number;
}

export interface RaftSettings extends RaftTimeouts, RaftLimits {
  /** How long a leader holds a fetch without new records. */
  readonly fetchMaxWaitMs: number;
  /** The same, and the time of a round trip: on a slow link the response would else arrive after the fetch timeout. */
  readonly fetchMaxRoundMs: number;
  /** Interval of the fetches by which a follower with long local work stays in contact. */
  readonly contactIntervalMs: number;
  /** A leader that a majority has not fetched from for this long resigns; so long an observer waits for the response to its search. */
  readonly isolationMs: number;
  /** Interval at which a leader checks its voters. */
  readonly leaderTickMs: number;
  /** A voter that has not fetched for this long is sent BeginQuorumEpoch. */
  readonly quietVoterMs: number;
  /** Time for the responses that confirm a leadership, and the stall after which it is in doubt: the others had no reason to elect before. */
  readonly confirmationMs: number;
  /** Time for the re-election of a leader at the request of a rejoining voter. */
  readonly renewalMs: number;
}

const LIMITS: RaftLimits = { backoffMinMs: 20, backoffMaxMs: 80, fetchMaxBytes: 1024 * 1024, maxPendingAppends: 1000 };
const FETCH_MAX_WAIT_MS = 500;

/** `limits`: for tests. */
export function raftSettings(timeouts: RaftTimeouts, limits: Partial<RaftLimits> = {}): RaftSettings {
  const { fetchTimeoutMs, electionTimeoutMs } = timeouts;
  // While a follower's fetch is held, it must receive a response of its leader well before its fetch timeout.
  const fetchMaxWaitMs = Math.min(FETCH_MAX_WAIT_MS, fetchTimeoutMs / 2);
  return {
    ...LIMITS,
    ...limits,
    ...timeouts,
    fetchMaxWaitMs,
    fetchMaxRoundMs: fetchTimeoutMs * 0.75,
    contactIntervalMs: fetchTimeoutMs / 3,
    isolationMs: fetchTimeoutMs * 1.5,
    leaderTickMs: fetchTimeoutMs / 4,
    quietVoterMs: fetchTimeoutMs / 2 + fetchMaxWaitMs,
    confirmationMs: fetchTimeoutMs / 2,
    renewalMs: electionTimeoutMs * 2,
  };
}
