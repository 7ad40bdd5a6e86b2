/** Why a partition was not read, as a clause about its leader. A code is Kafka's name, or one of ours. */

const LEADER_MOVES: ReadonlySet<string> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
]);

/** Errors of a connection that gets no answer, also not to the question which versions it speaks. */
const NO_ANSWER: ReadonlySet<string> = new Set([
  'UNSUPPORTED_VERSION',
  'BROKER_UNREACHABLE',
  'BROKER_NOT_AVAILABLE',
  'REQUEST_TIMED_OUT',
  'UNREACHABLE',
  'OTHER_CLUSTER',
]);

const CLAUSES: ReadonlyMap<string, string> = new Map([
  ['LEADER_NOT_AVAILABLE', 'it has no leader now'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'it does not exist'],
  ['CORRUPT_MESSAGE', 'its leader holds corrupt records'],
  ['KAFKA_STORAGE_ERROR', 'its leader cannot read its log now'],
  ['WORKER_BUSY', 'this app decodes other records'],
]);

export const isLeaderMoving = (code: string): boolean => LEADER_MOVES.has(code);
export const isUnanswered = (code: string): boolean => NO_ANSWER.has(code);

export function describeReadError(code: string): string {
  const clause = CLAUSES.get(code);
  if (clause !== undefined) return clause;
  if (isLeaderMoving(code)) return 'its leadership is moving';
  return isUnanswered(code) ? 'its leader does not answer' : `error ${code}`;
}
