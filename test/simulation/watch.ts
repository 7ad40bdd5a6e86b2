/**
 * Watches the internal state of nodes after every event: leaders, epochs, high watermarks, and the replicas that have stopped uncleanly, from
 * which the valid promises follow (docs/promises.md).
 */
import type { Partition } from '../../electron/cluster/broker/partition.ts';
import type { MetadataImage, PartitionImage } from '../../electron/cluster/quorum/image.ts';
import type { Voids } from './check.ts';
import type { History } from './history.ts';
import { quorumOf, replicasOf } from './inspect.ts';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';
import { partitionName } from '../../shared/keys.ts';

interface Seen {
  readonly key: string;
  leaderEpoch: number;
  highWatermark: bigint;
  leads: boolean;
}

/** A replica that stopped uncleanly and has not been in sync since. */
interface Unclean {
  /** Broker epoch in the newest image at that time: a later registration belongs to a new run. */
  readonly brokerEpoch: bigint;
  lostBytes: boolean;
  /** Flushed bytes were lost too. */
  damaged: boolean;
}

/** Offsets that a closed segment of one replica lacks, or cannot read. */
export interface Hole {
  /** The replica's broker. */
  readonly id: number;
  readonly from: bigint;
  /** Exclusive. */
  readonly to: bigint;
}

export interface TopicPromise {
  readonly minInsyncReplicas: number;
  /** Every write is on the disk before it is acknowledged. */
  readonly flushed: boolean;
}

/** The end of a leader's log: when the promise became void, or at the start of a later term that began with a shorter log. */
interface LeaderEnd {
  readonly at: number;
  readonly leaderEpoch: number;
  readonly end: bigint;
}

export class Watch implements Voids {
  /** The newest metadata that any node has applied. */
  image: MetadataImage | undefined;
  private readonly world: World;
  private readonly history: History;
  private readonly promises: ReadonlyMap<string, TopicPromise>;
  private readonly seen = new Map<number, { life: number; partitions: Map<Partition, Seen>; offset: bigint }>();
  private readonly leaders = new Map<string, string>();
  private readonly quorumLeaders = new Map<number, number>();
  private readonly metadataEpochs = new Map<bigint, number>();
  private readonly unclean = new Map<string, Map<number, Unclean>>();
  private readonly voidSince = new Map<string, number>();
  /** By partition: the times since which the promise is void, ascending; the ends descend. */
  private readonly leaderEnds = new Map<string, LeaderEnd[]>();
  /** By partition: the unrepaired hole, and whether faults may have destroyed every other replica of its records. */
  private readonly holes = new Map<string, Hole & { mayBeLost: boolean }>();
  /** Whether another assigned replica holds all of the offsets on its disk. */
  private readonly isHeldElsewhere: (topic: string, partition: number, hole: Hole) => boolean;
  /** The highest committed offset of each leader epoch of a partition. */
  private readonly committed = new Map<string, Map<number, bigint>>();

  constructor(options: {
    world: World;
    history: History;
    promises: ReadonlyMap<string, TopicPromise>;
    isHeldElsewhere(topic: string, partition: number, hole: Hole): boolean;
  }) {
    this.world = options.world;
    this.history = options.history;
    this.promises = options.promises;
    this.isHeldElsewhere = (topic, partition, hole) => options.isHeldElsewhere(topic, partition, hole);
  }

  /** When the promises of earlier acknowledgements became void; undefined: they hold. */
  voidAt(topic: string, partition: number): number | undefined {
    return this.voidSince.get(`${topic}-${partition}`);
  }

  endAtVoid(topic: string, partition: number, at: number): bigint {
    return this.leaderEnds.get(`${topic}-${partition}`)?.findLast((end) => end.at <= at)?.end ?? 0n;
  }

  afterEvent(machine: Machine): void {
    const { node } = machine;
    if (node === undefined || !machine.running) return;
    let seen = this.seen.get(machine.id);
    if (seen?.life !== machine.life) this.seen.set(machine.id, (seen = { life: machine.life, partitions: new Map(), offset: -1n }));
    const quorum = quorumOf(node);
    if (quorum !== undefined) {
      const { role, epoch } = quorum.status;
      if (role === 'leader') this.quorumLeader(epoch, machine.id);
      const image = quorum.image();
      if (image.offset !== seen.offset) {
        if (image.offset < seen.offset)
          this.violate('metadata went back', `${machine.name}: from offset ${seen.offset} to ${image.offset}`, machine.name);
        seen.offset = image.offset;
        this.metadata(machine, image);
      }
    }
    for (const partition of replicasOf(node)?.partitions() ?? []) this.replica(machine, seen.partitions, partition);
  }

  /** A process ended without closing its files. `lostBytes`: unflushed bytes are lost too. */
  endedUncleanly(id: number, lostBytes: boolean): void {
    const { image } = this;
    if (image === undefined) return;
    for (const { partitions } of image.topics.values()) {
      for (const state of partitions) {
        if (!state.replicas.includes(id)) continue;
        const key = partitionName(state);
        let unclean = this.unclean.get(key);
        if (unclean === undefined) this.unclean.set(key, (unclean = new Map()));
        const before = unclean.get(id);
        unclean.set(id, {
          brokerEpoch: image.brokers.get(id)?.epoch ?? -1n,
          lostBytes: lostBytes || before?.lostBytes === true,
          damaged: before?.damaged === true,
        });
        this.judge(state, unclean);
      }
    }
  }

  /** All data of a node is lost, flushed or not. */
  wiped(id: number): void {
    this.endedUncleanly(id, true);
    for (const { partitions } of this.image?.topics.values() ?? []) {
      for (const { topic, partition } of partitions) this.tailDamaged(topic, partition, id);
    }
  }

  /** The tail of a replica was corrupted while its node was down: its next start truncates it there, flushed or not. */
  tailDamaged(topic: string, partition: number, id: number): void {
    const state = this.image?.topics.get(topic)?.partitions[partition];
    const unclean = this.unclean.get(`${topic}-${partition}`);
    const entry = unclean?.get(id);
    if (state === undefined || unclean === undefined || entry === undefined) return;
    unclean.set(id, { ...entry, lostBytes: true, damaged: true });
    this.judge(state, unclean);
  }

  /** A closed segment of one replica was corrupted. */
  segmentDamaged(topic: string, partition: number, hole: Hole): void {
    const key = `${topic}-${partition}`;
    this.holes.set(key, { ...hole, mayBeLost: false });
    const state = this.image?.topics.get(topic)?.partitions[partition];
    if (state !== undefined) this.judgeHole(state);
  }

  /** Every segment of the partition is whole, or the replica is not assigned any more. */
  segmentsWhole(key: string): void {
    this.holes.delete(key);
  }

  /**
   * True while no replica holds the records of a hole, and faults explain it (`judgeHole`): reads there are refused, and followers cannot
   * pass it. As long as another assigned replica holds them, the hole has to be repaired.
   */
  isSpoilt(topic: string, partition: number): boolean {
    const hole = this.holes.get(`${topic}-${partition}`);
    return hole?.mayBeLost === true && !this.isHeldElsewhere(topic, partition, hole);
  }
  isSpoiltName(name: string): boolean {
    const at = name.lastIndexOf('-');
    return this.isSpoilt(name.slice(0, at), Number(name.slice(at + 1)));
  }

  /**
   * Records of a hole may be lost once the replica with the hole and those that stopped uncleanly are min.insync.replicas at a time: they
   * may have been the only holders. With fewer, another replica holds the committed records, and an election of such a replica drops the
   * uncommitted ones.
   */
  private judgeHole(state: PartitionImage): void {
    const hole = this.holes.get(partitionName(state));
    if (hole === undefined) return;
    const { minInsyncReplicas } = this.promises.get(state.topic) ?? { minInsyncReplicas: 1 };
    const missing = new Set([hole.id, ...(this.unclean.get(partitionName(state))?.keys() ?? [])]);
    if (missing.size >= Math.min(minInsyncReplicas, state.replicas.length)) hole.mayBeLost = true;
  }

  /** The promise is void once min.insync.replicas replicas at a time have stopped uncleanly and one of them has lost unflushed records. */
  private judge(state: PartitionImage, unclean: ReadonlyMap<number, Unclean>): void {
    this.judgeHole(state);
    const promise = this.promises.get(state.topic) ?? { minInsyncReplicas: 1, flushed: false };
    const all = [...unclean.values()];
    if (promise.flushed && !all.some(({ damaged }) => damaged)) return;
    if (unclean.size < Math.min(promise.minInsyncReplicas, state.replicas.length)) return;
    if (!all.some(({ lostBytes }) => lostBytes)) return;
    this.voidSince.set(partitionName(state), this.world.time);
    this.leaderEnds.set(partitionName(state), [this.newestLeaderEnd(partitionName(state))]);
    this.committed.delete(partitionName(state));
  }

  /** Of the newest leader that was seen, running or not; without a leader, of the longest log. */
  private newestLeaderEnd(key: string): LeaderEnd {
    const at = this.world.time;
    let leader: LeaderEnd | undefined;
    let longest: LeaderEnd = { at, leaderEpoch: -1, end: 0n };
    for (const { partitions } of this.seen.values()) {
      for (const [{ log }, seen] of partitions) {
        if (seen.key !== key) continue;
        const found = { at, leaderEpoch: seen.leaderEpoch, end: log.logEndOffset };
        if (seen.leads && found.leaderEpoch > (leader?.leaderEpoch ?? -1)) leader = found;
        if (found.end > longest.end) longest = found;
      }
    }
    return leader ?? longest;
  }

  /** A leader that starts with a shorter log lacks earlier records: such offsets are assigned to later records. */
  private termStarted(key: string, leaderEpoch: number, end: bigint): void {
    const ends = this.leaderEnds.get(key);
    const last = ends?.at(-1);
    if (last !== undefined && leaderEpoch > last.leaderEpoch && end < last.end) ends?.push({ at: this.world.time, leaderEpoch, end });
  }

  private quorumLeader(epoch: number, id: number): void {
    const other = this.quorumLeaders.get(epoch);
    if (other === undefined) this.quorumLeaders.set(epoch, id);
    else if (other !== id) this.violate('two controllers in an epoch', `nodes ${other} and ${id} led the quorum in epoch ${epoch}`);
  }

  private metadata(machine: Machine, image: MetadataImage): void {
    const epoch = this.metadataEpochs.get(image.offset);
    if (epoch === undefined) this.metadataEpochs.set(image.offset, image.epoch);
    else if (epoch !== image.epoch) {
      this.violate('metadata diverged', `offset ${image.offset} is of epoch ${epoch} and, at ${machine.name}, of epoch ${image.epoch}`);
    }
    const known = this.image;
    if (known !== undefined && image.offset <= known.offset) return;
    this.image = image;
    for (const [name, topic] of image.topics) {
      const before = known?.topics.get(name);
      if (before === topic && known?.brokers === image.brokers) continue;
      for (const state of topic.partitions) {
        this.rejoined(state, image);
        const was = before?.partitions[state.partition];
        if (was === undefined || was === state) continue;
        if (state.leaderEpoch < was.leaderEpoch || state.partitionEpoch < was.partitionEpoch) {
          this.violate(
            'epoch went back',
            `${partitionName(state)}: leader epoch ${was.leaderEpoch} to ${state.leaderEpoch}`,
            partitionName(state),
          );
        }
      }
    }
    for (const name of known?.topics.keys() ?? []) {
      if (!image.topics.has(name)) this.violate('metadata lost', `topic ${name} is missing without a deletion`, name);
    }
  }

  /** A replica that registered again and is in sync has all committed records, and counts like any other. An unassigned one does not count. */
  private rejoined(state: PartitionImage, image: MetadataImage): void {
    const unclean = this.unclean.get(partitionName(state));
    for (const [id, { brokerEpoch }] of unclean ?? []) {
      const rejoined = state.isr.includes(id) && (image.brokers.get(id)?.epoch ?? -1n) > brokerEpoch;
      if (rejoined || !state.replicas.includes(id)) unclean?.delete(id);
    }
  }

  private replica(machine: Machine, known: Map<Partition, Seen>, partition: Partition): void {
    const { leaderEpoch, log } = partition;
    const { highWatermark } = log;
    const leads = partition.role === 'leader';
    const before = known.get(partition);
    // After most events nothing has changed.
    if (before?.leaderEpoch === leaderEpoch && before.highWatermark === highWatermark && before.leads === leads) return;
    const seen = before ?? { key: partition.name, leaderEpoch, highWatermark, leads };
    if (before === undefined) known.set(partition, seen);
    const { key } = seen;
    if (leaderEpoch < seen.leaderEpoch) {
      this.violate('leader epoch went back', `${key} at ${machine.name}: from ${seen.leaderEpoch} to ${leaderEpoch}`, key);
    }
    if (highWatermark < seen.highWatermark && !this.voidSince.has(key) && !this.isCutAtHole(machine.id, key, partition)) {
      this.violate('high watermark went back', `${key} at ${machine.name}: from ${seen.highWatermark} to ${highWatermark}`, key);
    }
    const newTerm = leaderEpoch !== seen.leaderEpoch;
    seen.leaderEpoch = leaderEpoch;
    seen.highWatermark = highWatermark;
    seen.leads = leads;
    if (!leads) return;
    const term = `${key} ${leaderEpoch}`;
    const other = this.leaders.get(term);
    if (other !== undefined && other !== machine.name) {
      this.violate('two leaders in an epoch', `${key}: ${other} and ${machine.name} in epoch ${leaderEpoch}`, key);
    }
    if (other === undefined || newTerm) {
      this.leaders.set(term, machine.name);
      this.termStarted(key, leaderEpoch, log.logEndOffset);
      const committed = this.committedBefore(key, leaderEpoch);
      if (log.logEndOffset < committed && !this.voidSince.has(key)) {
        const text = `${key}: ${machine.name} leads in epoch ${leaderEpoch} with a log up to ${log.logEndOffset}; ${committed} was committed`;
        this.violate('leader lacks committed records', text, key);
      }
    }
    let committed = this.committed.get(key);
    if (committed === undefined) this.committed.set(key, (committed = new Map<number, bigint>()));
    if (highWatermark > (committed.get(leaderEpoch) ?? 0n)) committed.set(leaderEpoch, highWatermark);
  }

  /** A follower that is neither in sync nor eligible, truncated within its hole, ends where the hole begins, and fetches those records again. */
  private isCutAtHole(id: number, key: string, { role, log, isr, elr }: Partition): boolean {
    const hole = this.holes.get(key);
    const end = log.logEndOffset;
    if (isr.includes(id) || elr.includes(id)) return false;
    return role !== 'leader' && hole?.id === id && end >= hole.from && end < hole.to && log.highWatermark === end;
  }

  /** A node that reads the metadata late begins a leadership that has ended; it need not have the records that its successors committed. */
  private committedBefore(key: string, leaderEpoch: number): bigint {
    let most = 0n;
    for (const [epoch, offset] of this.committed.get(key) ?? []) if (epoch < leaderEpoch && offset > most) most = offset;
    return most;
  }

  private violate(kind: string, text: string, place = ''): void {
    this.history.violation(kind, this.world.time, text, place);
  }
}
