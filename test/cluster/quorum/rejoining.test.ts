import { describe, expect, it } from 'vitest';
import { INITIAL_VOTE, NO_VOTE } from '../../../electron/cluster/quorum/vote-store.ts';
import { chaos } from '../../helpers/raft-chaos.ts';
import { RaftCluster } from '../../helpers/raft-cluster.ts';

const text = (value: string): Buffer[] => [Buffer.from(value)];

describe('a voter whose directory is new', () => {
  it('does not prevent the start of a new cluster, in which it votes from the start', async () => {
    const cluster = new RaftCluster(1, 3);
    await cluster.clock.advance(1000);
    expect(cluster.leader).toBeDefined();
    expect([...cluster.leaders.keys()].length).toBeLessThan(3);
    for (const { votes } of cluster.running) expect(votes.read().votesFrom).toBeLessThan(5);
  });

  it('prevents an election while one voter of a new cluster has not answered: that voter may hold earlier metadata', async () => {
    const cluster = new RaftCluster(2, 3);
    cluster.crash(3);
    await cluster.clock.advance(5000);
    expect(cluster.leader).toBeUndefined();
    cluster.start(3);
    expect(await cluster.clock.until(() => cluster.leader !== undefined, 3000, 10)).toBe(true);
  });

  it('is non-voting after a wipe, catches up, has the leader re-elected, and then votes again', async () => {
    const cluster = new RaftCluster(3, 3);
    await cluster.clock.advance(500);
    for (let i = 0; i < 5; i++) await cluster.clock.settled(cluster.leader!.raft.append(text(`${i}`)).committed, 500);
    const leader = cluster.leader!;
    const { epoch } = leader.raft.status;
    const [wiped, other] = cluster.running.map(({ id }) => id).filter((id) => id !== leader.id);
    cluster.wipe(wiped!);
    cluster.start(wiped!);
    expect(cluster.member(wiped!).votes.read()).toEqual(INITIAL_VOTE);
    expect(await cluster.clock.until(() => !cluster.hasNoSay(wiped!), 5000, 10)).toBe(true);
    // The same leader, one epoch later.
    expect(cluster.leader!.id).toBe(leader.id);
    expect(cluster.leader!.raft.status.epoch).toBe(epoch + 1);
    expect(cluster.member(wiped!).votes.read().votesFrom).toBe(epoch + 2);
    // The two remaining voters elect a leader: the wiped voter's vote counts again.
    cluster.crash(leader.id);
    expect(await cluster.clock.until(() => cluster.leader !== undefined, 10_000, 20)).toBe(true);
    expect([wiped, other]).toContain(cluster.leader!.id);
    await cluster.clock.settled(cluster.leader!.raft.append(text('after')).committed, 2000);
    expect(cluster.truth).toContainEqual(expect.stringContaining('after'));
    expect(cluster.failures).toEqual([]);
  });

  it('cannot form a majority with a voter that lacks committed records', async () => {
    const cluster = new RaftCluster(4, 3);
    await cluster.clock.advance(500);
    const leader = cluster.leader!;
    const [voter, behind] = cluster.running.map(({ id }) => id).filter((id) => id !== leader.id);
    cluster.network.isolate(behind!, [1, 2, 3]);
    await cluster.clock.settled(leader.raft.append(text('only on two')).committed, 500);
    cluster.crash(leader.id);
    cluster.wipe(voter!);
    cluster.network.heal();
    cluster.start(voter!);
    await cluster.clock.advance(20_000);
    expect(cluster.leader).toBeUndefined();
    cluster.start(leader.id);
    expect(await cluster.clock.until(() => cluster.leader !== undefined && !cluster.hasNoSay(voter!), 10_000, 20)).toBe(true);
    await cluster.clock.advance(2000);
    expect(cluster.member(voter!).committed.join()).toContain('only on two');
    expect(cluster.failures).toEqual([]);
  });

  it.each([2, 3, 4])('does not stand for election, so %i of them elect no leader', async (size) => {
    const cluster = new RaftCluster(5, size, { vote: { ...INITIAL_VOTE, epoch: 4, votesFrom: NO_VOTE } });
    await cluster.clock.advance(3000);
    expect(cluster.leader).toBeUndefined();
    for (const { votes } of cluster.running) expect(votes.read()).toMatchObject({ votedId: -1, votesFrom: NO_VOTE });
  });

  it('does not help a leader to commit that its lost vote has replaced', async () => {
    const cluster = new RaftCluster(6, 3);
    await cluster.clock.advance(500);
    const old = cluster.leader!.id;
    cluster.network.isolate(old, [1, 2, 3]);
    expect(await cluster.clock.until(() => cluster.leader!.id !== old, 5000, 5)).toBe(true);
    const elected = cluster.leader!.id;
    const voter = 6 - old - elected;
    expect(cluster.member(old).raft.status.role).toBe('leader');
    cluster.wipe(voter);
    cluster.network.heal();
    cluster.network.cutLink(elected, old);
    cluster.network.cutLink(elected, voter);
    cluster.start(voter);
    const follows = (): boolean => cluster.member(voter).raft.status.leaderId === old;
    expect(await cluster.clock.until(follows, 2000, 5)).toBe(true);
    let acknowledged = false;
    cluster
      .member(old)
      .raft.append(text('of a leader that is replaced'))
      .committed.then(
        () => (acknowledged = true),
        () => undefined,
      );
    const { log } = cluster.member(voter);
    expect(await cluster.clock.until(() => log.endOffset === cluster.member(old).log.endOffset, 1000, 5)).toBe(true);
    await cluster.clock.advance(1000);
    expect(acknowledged).toBe(false);
    cluster.network.heal();
    expect(await cluster.clock.until(() => cluster.leader !== undefined && !cluster.hasNoSay(voter), 10_000, 20)).toBe(true);
    await cluster.clock.settled(cluster.leader!.raft.append(text('after')).committed, 3000);
    expect(cluster.failures).toEqual([]);
  });

  it('requests another election after each loss: one for an earlier loss does not cover the votes since', async () => {
    const cluster = new RaftCluster(7, 3);
    await cluster.clock.advance(500);
    const leader = cluster.leader!;
    const wiped = cluster.running.find(({ id }) => id !== leader.id)!.id;
    const epochs: number[] = [];
    for (let loss = 0; loss < 2; loss++) {
      cluster.wipe(wiped);
      cluster.start(wiped);
      expect(await cluster.clock.until(() => !cluster.hasNoSay(wiped), 5000, 10)).toBe(true);
      epochs.push(cluster.leader!.raft.status.epoch);
    }
    expect(epochs[1]).toBeGreaterThan(epochs[0]!);
    expect(cluster.failures).toEqual([]);
  });

  it('of two voters, grants the other one its vote and does not stand before that one has been re-elected', async () => {
    const cluster = new RaftCluster(8, 2);
    await cluster.clock.advance(1000);
    const keeper = cluster.leader!.id;
    const wiped = 3 - keeper;
    await cluster.clock.settled(cluster.leader!.raft.append(text('kept')).committed, 500);
    cluster.crash(keeper);
    cluster.wipe(wiped);
    cluster.start(wiped);
    await cluster.clock.advance(5000);
    expect(cluster.hasNoSay(wiped)).toBe(true);
    cluster.start(keeper);
    expect(await cluster.clock.until(() => cluster.leader?.id === keeper && !cluster.hasNoSay(wiped), 10_000, 10)).toBe(true);
    await cluster.clock.settled(cluster.leader!.raft.append(text('after')).committed, 1000);
    expect(cluster.truth.join()).toMatch(/kept.*after/);
    expect(cluster.failures).toEqual([]);
  });

  it('has one leader per epoch, loses no acknowledged record, and recovers, with wipes: 100 seeds', async () => {
    for (let seed = 1; seed <= 100; seed++) expect(await chaos(seed, { wipes: true }), `seed ${seed}`).toEqual([]);
  }, 60_000);

  it('fails the check when voters continue after a loss without rejoining', async () => {
    let noticed: string[] = [];
    const vote = { ...INITIAL_VOTE, votesFrom: 0 };
    for (let seed = 1; seed <= 400 && noticed.length === 0; seed++) noticed = await chaos(seed, { wipes: true, vote });
    expect(noticed.join()).toMatch(/acknowledged and is lost|was committed as|below the high watermark|both lead epoch|two leaders/);
  }, 60_000);
});
