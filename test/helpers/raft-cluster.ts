import { seededRandom, type Random } from '../../electron/cluster/lib/random.ts';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { ApiKey } from '../../electron/cluster/protocol/api-keys.ts';
import { RaftNode, type RaftStatus } from '../../electron/cluster/quorum/raft.ts';
import { raftSettings, type RaftLimits } from '../../electron/cluster/quorum/raft-settings.ts';
import { INITIAL_VOTE, NO_VOTE, type VoteState, type VoteStore } from '../../electron/cluster/quorum/vote-store.ts';
import { MemoryRaftLog } from './memory-raft-log.ts';
import { MessageNetwork } from './message-network.ts';
import { VirtualClock } from './virtual-clock.ts';

export const CLUSTER_ID = 'Sj2m1SxYQ6-test-clusterA';

class MemoryVoteStore implements VoteStore {
  state: VoteState;
  constructor(state: VoteState) {
    this.state = state;
  }
  read(): VoteState {
    return this.state;
  }
  write(state: VoteState): void {
    this.state = state;
  }
}

export interface Member {
  id: number;
  log: MemoryRaftLog;
  votes: VoteStore;
  raft: RaftNode;
  running: boolean;
  /** What this run of the node has seen committed: `offset:epoch:text`. */
  committed: string[];
}

export interface RaftClusterOptions {
  limits?: Partial<RaftLimits>;
  /** False: the disks say that they have flushed, and have not. */
  flushes?: boolean;
  /** What voters find on their disks at first: nothing, unless it is said. */
  vote?: VoteState;
}

/** Raft nodes on a virtual clock, over a network that loses and delays, checking what must hold at every moment. */
export class RaftCluster {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly network: MessageNetwork;
  readonly members = new Map<number, Member>();
  /** By epoch, who led it. */
  readonly leaders = new Map<number, number>();
  /** By offset, what any node ever saw committed there. */
  readonly truth: string[] = [];
  readonly failures: unknown[] = [];
  private readonly lostAt = new Map<number, number>();
  /** Ids of the voters. */
  private readonly ids: readonly number[];
  private readonly limits: Partial<RaftLimits>;
  private readonly flushes: boolean;
  private readonly vote: VoteState;

  constructor(seed: number, size: number, options: RaftClusterOptions = {}) {
    this.random = seededRandom(seed);
    this.network = new MessageNetwork(this.clock, this.random);
    this.ids = Array.from({ length: size }, (_, index) => index + 1);
    this.limits = options.limits ?? {};
    this.flushes = options.flushes ?? true;
    this.vote = options.vote ?? INITIAL_VOTE;
    for (const id of this.ids) this.start(id);
  }

  /** Starts a node for the first time or again; one above the size of the cluster observes. */
  start(id: number): void {
    if (this.isRunning(id)) return;
    const before = this.members.get(id);
    const log = before?.log ?? new MemoryRaftLog(this.flushes);
    const votes = before?.votes ?? new MemoryVoteStore(this.vote);
    const committed: string[] = [];
    const raft = new RaftNode({
      nodeId: id,
      clusterId: CLUSTER_ID,
      voters: this.ids,
      clock: this.clock,
      random: seededRandom(this.random.int(1 << 30)),
      log,
      voteStore: votes,
      transport: { send: (to, api, body, timeoutMs) => this.network.send(id, to, api, body, timeoutMs) },
      listener: {
        onLeaderChange: (status) => this.onStatus(id, status),
        onCommitted: (batches) => {
          for (const batch of batches) {
            const lines = batch.control ? ['leader change'] : batch.values.map((value) => Buffer.from(value).toString());
            lines.forEach((line, index) => this.onCommitted(committed, batch.baseOffset + BigInt(index), `${batch.epoch}:${line}`));
          }
        },
        onSnapshot: (id) => {
          committed.length = 0;
          for (const lines of log.snapshotRecords(id)) {
            for (const line of lines) this.onCommitted(committed, BigInt(committed.length), line.toString());
          }
          if (BigInt(committed.length) !== id.endOffset)
            this.failures.push(new Error(`a snapshot of ${id.endOffset} holds ${committed.length}`));
        },
        onFailure: (error) => this.failures.push(error),
      },
      logger: silentLogger,
      settings: raftSettings({ fetchTimeoutMs: 1000, electionTimeoutMs: 1000, backoffCapMs: 1000 }, this.limits),
    });
    this.members.set(id, { id, log, votes, raft, running: true, committed });
    this.network.attach(id, (api, body) => handle(raft, api.key, body));
    raft.start();
  }

  /** Has a node write a snapshot of all that it knows to be committed. */
  snapshot(id: number): void {
    const { log, committed } = this.member(id);
    const last = committed.at(-1);
    if (last === undefined || (log.latestSnapshot?.endOffset ?? 0n) >= BigInt(committed.length)) return;
    const writer = log.writeSnapshot({ endOffset: BigInt(committed.length), epoch: Number(last.split(':')[0]) });
    writer.append(committed.map((line) => Buffer.from(line)));
    writer.finish();
  }

  /** Ends a node as a power cut does. */
  crash(id: number): void {
    const member = this.members.get(id);
    if (member?.running !== true) return;
    member.running = false;
    this.network.detach(id);
    member.raft.stop();
    member.log.crash();
  }

  /** Ends a node and takes all that it had on disk. */
  wipe(id: number): void {
    this.crash(id);
    this.members.delete(id);
    this.lostAt.set(id, this.truth.length);
  }

  member(id: number): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no node ${id}`);
    return member;
  }

  isRunning(id: number): boolean {
    return this.members.get(id)?.running === true;
  }

  /** Whether it was wiped and does not yet have its vote, and what was committed then, again. */
  hasNoSay(id: number): boolean {
    const member = this.members.get(id);
    if (member === undefined || member.votes.read().votesFrom === NO_VOTE) return true;
    return member.committed.length < (this.lostAt.get(id) ?? 0);
  }

  get running(): Member[] {
    return [...this.members.values()].filter((member) => member.running);
  }

  /** The node that leads with the highest epoch. */
  get leader(): Member | undefined {
    return this.running
      .filter((member) => member.raft.status.role === 'leader')
      .sort((a, b) => b.raft.status.epoch - a.raft.status.epoch)[0];
  }

  private onStatus(id: number, status: RaftStatus): void {
    if (status.role !== 'leader') return;
    const known = this.leaders.get(status.epoch);
    if (known !== undefined && known !== id) this.failures.push(new Error(`nodes ${known} and ${id} both lead epoch ${status.epoch}`));
    this.leaders.set(status.epoch, id);
  }

  private onCommitted(committed: string[], offset: bigint, line: string): void {
    if (BigInt(committed.length) !== offset) this.failures.push(new Error(`offset ${offset} was committed after ${committed.length - 1}`));
    committed.push(line);
    const known = this.truth[Number(offset)];
    if (known === undefined) this.truth[Number(offset)] = line;
    else if (known !== line) this.failures.push(new Error(`offset ${offset} was committed as ${known} and as ${line}`));
  }
}

function handle(raft: RaftNode, key: number, body: unknown): unknown {
  switch (key) {
    case ApiKey.Vote:
      return raft.handleVote(body as Parameters<RaftNode['handleVote']>[0]);
    case ApiKey.BeginQuorumEpoch:
      return raft.handleBeginQuorumEpoch(body as Parameters<RaftNode['handleBeginQuorumEpoch']>[0]);
    case ApiKey.EndQuorumEpoch:
      return raft.handleEndQuorumEpoch(body as Parameters<RaftNode['handleEndQuorumEpoch']>[0]);
    case ApiKey.Fetch:
      return raft.handleFetch(body as Parameters<RaftNode['handleFetch']>[0]);
    case ApiKey.AddRaftVoter:
      return raft.handleAddRaftVoter(body as Parameters<RaftNode['handleAddRaftVoter']>[0]);
    case ApiKey.FetchSnapshot:
      return raft.handleFetchSnapshot(body as Parameters<RaftNode['handleFetchSnapshot']>[0]);
    default:
      throw new Error(`no handler for API ${key}`);
  }
}
