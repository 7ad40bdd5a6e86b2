/**
 * Bugs to plant, which test the checker. None has a hook in the product: each replaces a method with a wrong one, and restores the right one
 * afterwards.
 */
import { PartitionIsr } from '../../electron/cluster/broker/partition-isr.ts';
import { Partition } from '../../electron/cluster/broker/partition.ts';
import { ReplicaFetcherManager } from '../../electron/cluster/broker/replica-fetcher-manager.ts';
import { ReplicaAppends } from '../../electron/cluster/broker/replica-appends.ts';
import { SegmentRepairs } from '../../electron/cluster/broker/segment-repairs.ts';
import { GroupShard } from '../../electron/cluster/coordinator/group/group-shard.ts';
import { ClassicGroup } from '../../electron/cluster/coordinator/group/classic-group.ts';
import type { CommitRequest } from '../../electron/cluster/coordinator/group/types.ts';
import type { DiskFile } from '../../electron/cluster/lib/disk.ts';
import { MemoryDisk } from '../../electron/cluster/lib/memory-disk.ts';
import { CorruptBatchError } from '../../electron/cluster/log/corruption.ts';
import { KeyOffsets } from '../../electron/cluster/log/compaction-keys.ts';
import { LogManager } from '../../electron/cluster/log/log-manager.ts';
import { PartitionLog } from '../../electron/cluster/log/log.ts';
import { SegmentRepair } from '../../electron/cluster/log/segment-repair.ts';
import { Segment } from '../../electron/cluster/log/segment.ts';
import { ProducerState } from '../../electron/cluster/log/producer-state.ts';
import { brokerRegistration } from '../../electron/cluster/protocol/apis/broker-registration.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import type { RequestOf } from '../../electron/cluster/protocol/schema.ts';
import { AcknowledgedEndFile } from '../../electron/cluster/quorum/acknowledged-end.ts';
import type { DecidedApi } from '../../electron/cluster/quorum/controller-api.ts';
import { Controller } from '../../electron/cluster/quorum/controller.ts';
import type { MetadataImage } from '../../electron/cluster/quorum/image.ts';
import { NO_VOTE, QuorumStateFile, type VoteState } from '../../electron/cluster/quorum/vote-store.ts';
import type { Fault, Weights } from './faults.ts';

export interface PlantedBug {
  readonly name: string;
  /** Faults that reveal it, to find it sooner than with all of them; absent: those that each seed draws. */
  readonly weights?: Weights;
  /** First seed of the search (1): no seed below it is known to reveal the bug. */
  readonly firstSeed?: number;
  /** A fixed schedule, where random ones would take long. */
  readonly faults?: readonly Fault[];
  readonly nodes?: number;
  /** Plants it; returns a function that removes it. */
  plant(): () => void;
}

type Method = (this: never, ...args: never[]) => unknown;

/** Replaces a method, private or not, with `wrong`, which is given the right one. */
export function replace<T extends object>(
  prototype: T,
  name: string,
  wrong: (right: (self: T, ...args: unknown[]) => unknown) => (self: T, ...args: unknown[]) => unknown,
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined) throw new Error(`there is no ${name} to be replaced`);
  const original = (descriptor.get ?? descriptor.value) as Method;
  const call = (self: T, ...args: unknown[]): unknown => Reflect.apply(original, self, args);
  const substitute = wrong(call);
  const method = function (this: T, ...args: unknown[]): unknown {
    return substitute(this, ...args);
  };
  Object.defineProperty(prototype, name, descriptor.get === undefined ? { ...descriptor, value: method } : { ...descriptor, get: method });
  return () => {
    Object.defineProperty(prototype, name, descriptor);
  };
}

function imageOf(controller: Controller): MetadataImage | undefined {
  return (Reflect.get(controller, 'active') as { image: MetadataImage } | undefined)?.image;
}

/** Files with a matching path are written and never synced. */
function withoutSync(fits: (path: string) => boolean): () => void {
  return replace(MemoryDisk.prototype, 'open', (right) => (self, ...args) => {
    const file = right(self, ...args) as DiskFile;
    return fits(file.path) ? { ...file, sync: () => undefined } : file;
  });
}

const KILLS: Weights = { kill: 6, isolate: 3, freeze: 3, stop: 2 };
const SEGMENTS: Weights = { segment: 8, kill: 1 };
/** Both followers are unreachable while the leader continues to append and then loses a closed segment. */
const HOLE_ALONE: readonly Fault[] = [
  { kind: 'freeze', node: 'follower', at: 200, forMs: 9_000 },
  { kind: 'isolate', node: 'follower', oneWay: 'both', clientsToo: false, at: 210, forMs: 8_990 },
  { kind: 'segment', node: 'leader', how: 'stop', damage: 'lost', at: 6_000, forMs: 100 },
];
const POWER: Weights = { powerCut: 5, powerCutAll: 4, kill: 2, isolate: 1 };

export const PLANTED: readonly PlantedBug[] = [
  {
    name: 'the high watermark advances before followers have the records',
    weights: KILLS,
    plant: () =>
      replace(Partition.prototype, 'advanceHighWatermark', () => (self) => {
        if (self.role !== 'leader') return;
        self.log.updateHighWatermark(self.log.logEndOffset);
        (Reflect.get(self, 'env') as { listener: { committed(partition: Partition): void } }).listener.committed(self);
      }),
  },
  {
    name: 'the high watermark does not wait for the slowest of the ISR',
    weights: KILLS,
    plant: () =>
      replace(Partition.prototype, 'advanceHighWatermark', () => (self) => {
        if (self.role !== 'leader' || self.underMinIsr) return;
        const followers = Reflect.get(self, 'followers') as Map<number, { logEndOffset: bigint }>;
        const ends = [...followers.values()].map(({ logEndOffset }) => logEndOffset).sort((a, b) => (a < b ? 1 : -1));
        const next = ends[0] ?? self.log.logEndOffset;
        if (next <= self.log.highWatermark) return;
        self.log.updateHighWatermark(next);
        (Reflect.get(self, 'env') as { listener: { committed(partition: Partition): void } }).listener.committed(self);
      }),
  },
  {
    name: 'a follower truncates to its high watermark, not to where the epochs diverge',
    weights: KILLS,
    plant: () =>
      replace(ReplicaFetcherManager.prototype, 'follow', (right) => (self, ...args) => {
        const partition = args[0] as Partition;
        partition.truncate(partition.log.highWatermark, 'planted');
        return right(self, partition);
      }),
  },
  {
    name: 'acks=all is answered with fewer in sync than min.insync.replicas',
    weights: {},
    nodes: 5,
    // Both followers fail, the leader continues alone and then loses power, and one of the two returns first.
    faults: [
      { kind: 'kill', node: 'follower', afterOperations: 0, at: 200, forMs: 7_000 },
      { kind: 'kill', node: 'follower', afterOperations: 0, at: 300, forMs: 7_500 },
      { kind: 'powerCut', node: 'leader', afterOperations: 0, at: 6_000, forMs: 5_000 },
    ],
    plant: () => replace(Partition.prototype, 'underMinIsr', () => () => false),
  },
  {
    name: 'a leader changes its ISR without compare-and-set at the controller',
    weights: { isolate: 8, freeze: 4, kill: 1 },
    plant: () =>
      // The proposed ISR counts at once, whatever the controller decides.
      replace(
        PartitionIsr.prototype,
        'maximal',
        (right) => (self) => (Reflect.get(self, 'pending') as { isr: readonly number[] } | undefined)?.isr ?? right(self),
      ),
  },
  {
    name: 'a broker that lost unflushed records is trusted like one that stopped cleanly',
    weights: { powerCut: 8, kill: 2 },
    plant: () =>
      replace(Controller.prototype, 'handle', (right) => (self, ...args) => {
        const [api, request, ...rest] = args;
        if ((api as DecidedApi<unknown, unknown>).api.key !== brokerRegistration.key) return right(self, ...args);
        const asked = request as RequestOf<typeof brokerRegistration>;
        return right(self, api, { ...asked, previousBrokerEpoch: imageOf(self)?.brokers.get(asked.brokerId)?.epoch ?? -1n }, ...rest);
      }),
  },
  {
    name: 'a vote is not persisted',
    weights: { ...KILLS, kill: 12 },
    plant: () => {
      // Kept in memory by a process, and lost by the next.
      const kept = new WeakMap<QuorumStateFile, VoteState>();
      const write = replace(QuorumStateFile.prototype, 'write', () => (self, state) => {
        kept.set(self, state as VoteState);
      });
      const read = replace(QuorumStateFile.prototype, 'read', (right) => (self) => kept.get(self) ?? right(self));
      return () => {
        write();
        read();
      };
    },
  },
  {
    name: 'a vote is written and not synced before it is given',
    weights: POWER,
    plant: () => withoutSync((path) => path.includes('quorum-state')),
  },
  {
    name: 'a voter that has lost its directory votes as if it were new',
    weights: {},
    nodes: 3,
    // One follower lags behind, the decisions of the other two are on the disk of the controller alone, and the controller is unreachable.
    faults: [
      { kind: 'isolate', node: 3, oneWay: 'both', clientsToo: false, at: 200, forMs: 4_700 },
      { kind: 'isolate', node: 'controller', oneWay: 'both', clientsToo: false, at: 4_700, forMs: 6_000 },
      { kind: 'wipe', node: 'follower', at: 4_800, forMs: 300 },
    ],
    plant: () =>
      replace(QuorumStateFile.prototype, 'read', (right) => (self) => {
        const state = right(self) as VoteState;
        return state.votesFrom === NO_VOTE ? { ...state, votesFrom: 0 } : state;
      }),
  },
  {
    name: 'the metadata log is not synced before it is acknowledged',
    weights: POWER,
    plant: () => withoutSync((path) => path.includes('__cluster_metadata') && path.endsWith('.log')),
  },
  {
    name: 'a voter does not notice that its metadata lost records that it had acknowledged',
    weights: {},
    nodes: 3,
    // As above, and the follower's log is truncated, as the seed decides.
    faults: [
      { kind: 'isolate', node: 3, oneWay: 'both', clientsToo: false, at: 200, forMs: 4_700 },
      { kind: 'isolate', node: 'controller', oneWay: 'both', clientsToo: false, at: 4_700, forMs: 6_000 },
      { kind: 'metadata', node: 'follower', at: 4_800, forMs: 300 },
    ],
    firstSeed: 14,
    plant: () =>
      // Only the first end is written; later ones are in memory only.
      replace(AcknowledgedEndFile.prototype, 'writeSlot', (right) => (self, slot) => {
        if ((slot as { sequence: number }).sequence === 1) right(self, slot);
        else Reflect.set(self, 'last', slot);
      }),
  },
  {
    name: 'flush.messages=1 is ignored',
    weights: { powerCutAll: 4 },
    plant: () => withoutSync((path) => path.includes('ledger') && path.endsWith('.log')),
  },
  {
    name: 'a clean stop writes its marker without syncing all records, and the next start does not check them',
    weights: {},
    // Not all of them can hand over; the others stop after the timeout.
    faults: [
      { kind: 'stop', node: 1, at: 1_000, forMs: 17_000 },
      { kind: 'stop', node: 2, at: 1_000, forMs: 17_000 },
      { kind: 'stop', node: 3, at: 1_000, forMs: 17_000 },
      { kind: 'powerCutAll', at: 15_000, forMs: 3_000 },
    ],
    plant: () => {
      const written = withoutSync((path) => path.endsWith('clean-stop-records'));
      const found = replace(LogManager.prototype, 'lostRecords', () => () => false);
      return () => {
        written();
        found();
      };
    },
  },
  {
    name: 'a segment that lacks records is read as if it ended there',
    weights: SEGMENTS,
    plant: () => replace(Segment.prototype, 'assertWhole', () => () => undefined),
  },
  {
    name: 'corrupt segments are not repaired',
    weights: SEGMENTS,
    plant: () => replace(SegmentRepairs.prototype, 'repairLog', () => () => Promise.resolve(false)),
  },
  {
    name: 'a leader truncates its log at corruption, without proof that no committed record is lost',
    weights: { segment: 8, isolate: 6, freeze: 2 },
    firstSeed: 26,
    plant: () =>
      replace(SegmentRepairs.prototype, 'decideHandover', () => (_, ...args) => {
        const { log } = args[1] as Partition;
        const [segment] = log.corruptSegments;
        if (segment !== undefined) log.truncateTo(segment.baseOffset);
      }),
  },
  {
    name: 'a leader that cannot read its log keeps the leadership',
    weights: {},
    nodes: 3,
    faults: HOLE_ALONE,
    firstSeed: 3,
    plant: () => replace(Partition.prototype, 'handOver', () => () => false),
  },
  {
    name: 'a repair ends before all records of the segment are fetched',
    weights: SEGMENTS,
    plant: () =>
      replace(SegmentRepair.prototype, 'append', () => (self) => {
        self.skipTo(self.endOffset);
      }),
  },
  {
    name: 'flipped bits are returned to readers',
    weights: { corrupt: 4, segment: 8 },
    plant: () =>
      replace(Segment.prototype, 'read', (right) => (self, ...args) => {
        try {
          return right(self, ...args);
        } catch (error) {
          if (!(error instanceof CorruptBatchError) || error.offset === undefined) throw error;
          // The next batch is returned as if the corrupt one did not exist.
          const [position, ...rest] = args as [number, ...unknown[]];
          const damaged = self.scanner().header(position);
          return damaged === undefined ? undefined : right(self, position + damaged.sizeInBytes, ...rest);
        }
      }),
  },
  {
    name: 'compaction removes the last value of a key too',
    weights: KILLS,
    plant: () =>
      replace(KeyOffsets.prototype, 'get', (right) => (self, key) => {
        const newest = right(self, key) as bigint | undefined;
        return newest === undefined ? undefined : newest + 1n;
      }),
  },
  {
    name: 'leader epochs are not compared when a follower fetches',
    weights: { ...KILLS, isolate: 8 },
    plant: () =>
      replace(PartitionLog.prototype, 'endOffsetForEpoch', () => (self, epoch) => ({ leaderEpoch: epoch, endOffset: self.logEndOffset })),
  },
  {
    name: 'a leader acknowledges records of an earlier epoch without checking the epoch',
    weights: { isolate: 6, freeze: 6, partition: 4, stop: 4 },
    plant: () =>
      replace(
        Partition.prototype,
        'commitOutcome',
        (right) =>
          (self, ...args) =>
            right(self, ...args) === undefined ? undefined : ErrorCode.NONE,
      ),
  },
  {
    name: 'retried batches are not recognised',
    weights: KILLS,
    plant: () => {
      const undo = [
        replace(ProducerState.prototype, 'repeated', () => () => undefined),
        replace(ProducerState.prototype, 'check', () => () => undefined),
      ];
      return () => undo.forEach((restore) => restore());
    },
  },
  {
    name: 'producer state is not kept by followers',
    weights: KILLS,
    plant: () =>
      replace(PartitionLog.prototype, 'appendAsFollower', (right) => (self, ...args) => {
        const result = right(self, ...args);
        self.producers.clear();
        return result;
      }),
  },
  {
    name: 'committed offsets are not replicated before they are acknowledged',
    weights: {},
    faults: [
      { kind: 'isolate', node: 'coordinator', oneWay: 'both', clientsToo: false, at: 1_000, forMs: 5_000 },
      { kind: 'isolate', node: 'coordinator', oneWay: 'both', clientsToo: false, at: 6_500, forMs: 5_000 },
    ],
    plant: () =>
      replace(ReplicaAppends.prototype, 'appendAs', (right) => (self, ...args) => {
        const { result } = right(self, ...args) as { result: unknown };
        return { result, committed: Promise.resolve(ErrorCode.NONE) };
      }),
  },
  {
    name: "a commit's generation is not checked",
    weights: { pauseClient: 10, isolate: 2 },
    plant: () =>
      replace(GroupShard.prototype, 'decideCommit', (right) => (self, ...args) => {
        const [request, ...rest] = args;
        const asked = request as CommitRequest;
        const group = self.groups.get(asked.groupId);
        if (!(group instanceof ClassicGroup)) return right(self, ...args);
        const [member] = group.members.keys();
        if (member === undefined) return right(self, ...args);
        return right(self, { ...asked, memberId: member, generationIdOrMemberEpoch: group.generation }, ...rest);
      }),
  },
  {
    name: 'a new leader opens its log from the high watermark',
    weights: KILLS,
    plant: () =>
      replace(Partition.prototype, 'startTerm', (right) => (self) => {
        if (self.log.highWatermark < self.log.logEndOffset) self.log.truncateTo(self.log.highWatermark);
        return right(self);
      }),
  },
];
