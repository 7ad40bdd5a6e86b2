import { describe, expect, it } from 'vitest';
import { LeaderState } from '../../../electron/cluster/quorum/raft-leader.ts';

function leader(followers: readonly number[], epochStartOffset = 10n): LeaderState {
  return new LeaderState({ epoch: 3, epochStartOffset, followers, grantingVoters: [1], monotonic: 0 });
}
function fetched(state: LeaderState, id: number, fetchOffset: bigint, counts = true): void {
  state.recordFetch(state.followers.get(id)!, { fetchOffset, counts }, 20n, { monotonic: 5, wall: 5 });
}

describe('the high watermark of a leader', () => {
  it('does not commit records of older epochs by counting, only together with a record of its own epoch', () => {
    const state = leader([2, 3]);
    fetched(state, 2, 8n);
    expect(state.majorityOffset(20n)).toBeUndefined();
    fetched(state, 2, 10n);
    expect(state.majorityOffset(20n)).toBeUndefined();
    fetched(state, 2, 11n);
    expect(state.majorityOffset(20n)).toBe(11n);
  });

  it('needs more than half of the voters, the leader with its flushed records included', () => {
    const four = leader([2, 3, 4]);
    fetched(four, 2, 15n);
    expect(four.majorityOffset(20n)).toBeUndefined();
    fetched(four, 3, 14n);
    expect(four.majorityOffset(20n)).toBe(14n);
    expect(four.majorityOffset(12n)).toBe(12n);
    expect(leader([]).majorityOffset(11n)).toBe(11n);
    const two = leader([2]);
    fetched(two, 2, 13n);
    expect(two.majorityOffset(20n)).toBe(13n);
  });

  it('excludes a voter that may have lost acknowledged records, in offsets and in contact', () => {
    const state = leader([2, 3]);
    fetched(state, 2, 15n, false);
    expect(state.majorityOffset(20n)).toBeUndefined();
    expect(state.hasMajorityContactSince(5)).toBe(false);
    expect(state.successors()).toEqual([3, 2]);
    fetched(state, 2, 16n);
    expect(state.majorityOffset(20n)).toBe(16n);
    expect(state.hasMajorityContactSince(5)).toBe(true);
  });

  it('orders candidates by the length of their logs', () => {
    const state = leader([2, 3, 4]);
    fetched(state, 3, 15n);
    fetched(state, 4, 12n);
    expect(state.successors()).toEqual([3, 4, 2]);
  });
});
