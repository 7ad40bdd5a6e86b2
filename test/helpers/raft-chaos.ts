import { RaftCluster, type RaftClusterOptions } from './raft-cluster.ts';

export interface ChaosOptions extends RaftClusterOptions {
  /** Nodes lose all that they have on disk, as long as most voters keep theirs; of two voters, one at a time. */
  wipes?: boolean;
}

/** Ten seconds of random faults under load, then peace. Returns what went wrong. */
export async function chaos(seed: number, options: ChaosOptions = {}): Promise<string[]> {
  const size = (options.wipes === true ? [3, 5, 4, 2] : [3, 3, 5, 4, 2])[seed % (options.wipes === true ? 4 : 5)] as number;
  const cluster = new RaftCluster(seed, size, { limits: { fetchMaxBytes: 1024 }, ...options });
  const { clock, random, network } = cluster;
  const acknowledged: string[] = [];
  const ids = [...cluster.members.keys()];
  let appended = 0;
  for (let step = 0; step < 60; step++) {
    const id = ids[random.int(size)] as number;
    const dice = random.int(16);
    if (options.wipes === true && random.int(3) === 0) {
      const lost = ids.filter((one) => cluster.hasNoSay(one)).length;
      // What a dead life has sent may come long after.
      network.maxDelayMs = 1 + random.next() * 600;
      if (cluster.truth.length > 0 && (lost === 0 || (lost + 1) * 2 < size) && !cluster.hasNoSay(id)) cluster.wipe(id);
      if (random.int(2) === 0) cluster.start(id);
    } else if (dice < 2) cluster.crash(id);
    else if (dice < 6) {
      if (!cluster.isRunning(id)) cluster.start(id);
    } else if (dice === 6) network.isolate(id, ids);
    else if (dice === 7) network.cutLink(id, ids[random.int(size)] as number);
    else if (dice === 8) network.loss = random.next() * 0.3;
    else if (dice === 9) network.maxDelayMs = 1 + random.next() * 120;
    else if (dice < 13) network.heal();
    else if (dice === 13) void cluster.leader?.raft.resign('chaos');
    else if (dice === 14) {
      // Everybody looks for a leader while voters die and come back between two messages.
      for (const id of ids) cluster.crash(id);
      for (const id of ids) cluster.start(id);
      for (let bounce = 0; bounce < 12; bounce++) {
        const bounced = ids[random.int(size)] as number;
        cluster.crash(bounced);
        cluster.start(bounced);
        await clock.advance(random.int(60));
      }
    }
    for (const member of cluster.running) {
      if (member.raft.status.role !== 'leader') continue;
      const value = `${seed}-${appended++}`;
      member.raft.append([Buffer.from(value), Buffer.from(`${value}b`)]).committed.then(
        () => acknowledged.push(value),
        () => undefined,
      );
    }
    await clock.advance(random.int(350));
  }
  network.heal();
  network.maxDelayMs = 2;
  for (const id of ids) if (!cluster.isRunning(id)) cluster.start(id);
  const problems: string[] = [];
  const calm = await clock.until(
    () => cluster.leader !== undefined && cluster.running.every((member) => member.raft.status.leaderId === cluster.leader?.id),
    6000,
    20,
  );
  if (!calm) problems.push('no leader that all follow 6 s after the faults were healed');
  else {
    // Twice: the current leader may still resign, since it received no responses during the last fault.
    for (let attempt = 0; attempt < 2 && acknowledged.at(-1) !== 'last'; attempt++) {
      cluster.leader?.raft.append([Buffer.from('last')]).committed.then(
        () => acknowledged.push('last'),
        () => undefined,
      );
      // A fetch that was lost costs its sender the fetch timeout.
      await clock.advance(2500);
    }
    if (acknowledged.at(-1) !== 'last') problems.push('a healed quorum does not commit');
    for (const member of cluster.running) {
      if (member.committed.length !== cluster.truth.length) problems.push(`node ${member.id} lacks committed records`);
    }
  }
  const kept = new Set(cluster.truth.map((line) => line.split(':')[1]));
  for (const value of acknowledged) if (!kept.has(value)) problems.push(`${value} was acknowledged and is lost`);
  problems.push(...cluster.failures.map(String));
  for (const member of cluster.running) member.raft.stop();
  return problems;
}
