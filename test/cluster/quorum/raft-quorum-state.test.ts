import { expect, expectTypeOf, it } from 'vitest';
import type { RaftCore } from '../../../electron/cluster/quorum/raft-core.ts';
import type { ReplicaProgress } from '../../../electron/cluster/quorum/raft-leader.ts';
import { QuorumState } from '../../../electron/cluster/quorum/raft-quorum-state.ts';
import { NO_VOTE, type VoteState } from '../../../electron/cluster/quorum/vote-store.ts';

function setUp(stored: Partial<VoteState> = {}, voters = [1, 2, 3]) {
  const written: VoteState[] = [];
  const first: VoteState = { epoch: 5, leaderId: -1, votedId: -1, votesFrom: 0, ...stored };
  const options: { failing: boolean } = { failing: false };
  const store = {
    read: () => first,
    write: (state: VoteState) => {
      if (options.failing) throw new Error('EIO');
      written.push(state);
    },
  };
  const state = new QuorumState({ store, nodeId: 1, voters });
  state.load(0);
  return { state, written, options };
}

it('every change of the quorum state is stored before it is visible', () => {
  const { state, written, options } = setUp();
  state.voteFor(2);
  state.acceptLeader({ leaderId: 2, epoch: 5 });
  state.enterEpoch(7);
  state.standForElection();
  state.regainVote(9);
  expect(written).toEqual([
    { epoch: 5, leaderId: -1, votedId: 2, votesFrom: 0 },
    { epoch: 5, leaderId: 2, votedId: 2, votesFrom: 0 },
    { epoch: 7, leaderId: -1, votedId: -1, votesFrom: 0 },
    { epoch: 8, leaderId: -1, votedId: 1, votesFrom: 0 },
    { epoch: 8, leaderId: -1, votedId: 1, votesFrom: 9 },
  ]);
  const before = state.current;
  options.failing = true;
  expect(() => state.enterEpoch(20)).toThrow('EIO');
  expect(state.current).toEqual(before);
});

it('a second vote in an epoch and an epoch that goes back are refused, and not stored', () => {
  const { state, written } = setUp({ votedId: 2 });
  expect(() => state.voteFor(3)).toThrow(/voted for node 2 in epoch 5/);
  expect(() => state.enterEpoch(5)).toThrow(/epoch 5 begins after epoch 5/);
  expect(() => state.acceptLeader({ leaderId: 3, epoch: 4 })).toThrow(/would go back to 4/);
  expect(written).toEqual([]);
  state.voteFor(2);
  expect(written).toEqual([]);
});

it('the vote of an epoch ends with it, and stays when its leader is known or resigns', () => {
  const { state, written } = setUp({ votedId: 2 });
  state.acceptLeader({ leaderId: 2, epoch: 5 });
  state.forgetLeader();
  expect(state.current).toMatchObject({ epoch: 5, leaderId: -1, votedId: 2 });
  expect(written).toHaveLength(1);
  state.acceptLeader({ leaderId: 3, epoch: 6 });
  expect(state.current).toMatchObject({ epoch: 6, leaderId: 3, votedId: -1 });
});

it('a voter without knowledge of earlier votes is non-voting, unless it is the only voter', () => {
  expect(setUp({ votesFrom: NO_VOTE }).state).toMatchObject({ isNonVoting: true, mayGrant: false, counts: false });
  expect(setUp({ votesFrom: NO_VOTE }, [1, 2]).state).toMatchObject({ isNonVoting: true, mayGrant: true, counts: true });
  expect(setUp({ votesFrom: NO_VOTE }, [1]).state).toMatchObject({ isNonVoting: false, mayGrant: true });
  expect(setUp({ votesFrom: 6 }).state).toMatchObject({ isNonVoting: false, mayGrant: false, counts: true });
  expect(setUp({ votesFrom: NO_VOTE }, [2, 3]).state).toMatchObject({ isVoter: false, isNonVoting: false, counts: true });
});

it('a log that is ahead of the stored epoch is refused', () => {
  const { state } = setUp();
  expect(() => state.load(6)).toThrow(/the log holds epoch 6, the vote file only 5/);
});

type State = 'role' | 'quorumState' | 'distrusted' | 'lostRounds' | 'searchCause' | 'committedEnd' | 'status' | 'leader';

it('the state of Raft cannot be assigned from outside its owner, as the compiler checks', () => {
  expectTypeOf<Pick<RaftCore, State>>().toEqualTypeOf<Readonly<Pick<RaftCore, State>>>();
  expectTypeOf<Pick<QuorumState, 'current'>>().toEqualTypeOf<Readonly<Pick<QuorumState, 'current'>>>();
  expectTypeOf<VoteState>().toEqualTypeOf<Readonly<VoteState>>();
  expectTypeOf<Pick<ReplicaProgress, keyof ReplicaProgress>>().toEqualTypeOf<Readonly<Pick<ReplicaProgress, keyof ReplicaProgress>>>();
  expectTypeOf<{ role: number }>().not.toEqualTypeOf<{ readonly role: number }>();
});
