import { describe, expect, it } from 'vitest';
import { describeReadError } from '../../shared/read-errors.ts';

describe('why a partition was not read', () => {
  it.each([
    ['BROKER_UNREACHABLE', 'its leader does not answer'],
    ['UNSUPPORTED_VERSION', 'its leader does not answer'],
    ['REQUEST_TIMED_OUT', 'its leader does not answer'],
    ['OTHER_CLUSTER', 'its leader does not answer'],
    ['LEADER_NOT_AVAILABLE', 'it has no leader now'],
    ['NOT_LEADER_OR_FOLLOWER', 'its leadership is moving'],
    ['FENCED_LEADER_EPOCH', 'its leadership is moving'],
    ['CORRUPT_MESSAGE', 'its leader holds corrupt records'],
    ['KAFKA_STORAGE_ERROR', 'its leader cannot read its log now'],
    ['TOPIC_AUTHORIZATION_FAILED', 'error TOPIC_AUTHORIZATION_FAILED'],
  ])('%s: %s', (code, clause) => {
    expect(describeReadError(code)).toBe(clause);
  });
});
