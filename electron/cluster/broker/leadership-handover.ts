/** Records that a leader cannot read and that no live replica sends: which replica may lead instead, and what a user can do. */
import { CorruptBatchError } from '../log/corruption.ts';
import type { Log } from '../log/log.ts';
import type { MetadataImage } from '../quorum/image.ts';
import type { FollowerState } from './partition-follower.ts';
import type { Partition } from './partition.ts';

type Leader = Pick<Partition, 'isr' | 'elr' | 'replicas' | 'follower' | 'log'>;

export type Handover =
  /** No follower needs the records. */
  | { readonly kind: 'none' }
  | { readonly kind: 'handOver'; readonly successor: number }
  /** These followers cannot catch up, and none of them is known to have every committed record. */
  | { readonly kind: 'wait'; readonly blocked: readonly number[] };

/**
 * A leader never truncates its own log: in one leader epoch an offset has one record. It hands the leadership over instead, and is truncated
 * as a follower, where the epochs diverge (KIP-101).
 *
 * No committed record is lost by that:
 * 1. The high watermark is the least log end of the maximal ISR, and does not move while the ISR is smaller than min.insync.replicas. So each
 *    member of the ISR has every committed record, and so has each eligible replica, which left an ISR that became too small (KIP-966).
 * 2. A broker that may have lost records leaves ISR and ELR with the very record that registers its new epoch. So a live member whose last
 *    fetch has the epoch of the image is one of those of 1.
 * 3. Such a follower fetches at `end`, and the leader cannot read there. By 1 nothing from `end` on is committed: no `acks=all` write in it
 *    was acknowledged, and no consumer has read it.
 * 4. The member with the longest log is proposed. The controller checks 1 and 2 against its own, newest metadata and elects it.
 *
 * Where no blocked follower is in ISR or ELR there is no such proof: an empty log may be one that lost what was acknowledged, as it is with
 * min.insync.replicas=1 after the ISR shrank to the leader. Ruled out: to count all live replicas as proof because each lacks the records.
 */
export function findHandover(leader: Leader, brokerId: number, image: MetadataImage): Handover {
  const { isr, elr, replicas, log } = leader;
  const live = replicas.flatMap((id) => {
    const state = id === brokerId ? undefined : leader.follower(id);
    return state !== undefined && isCurrent(state, image) ? [state] : [];
  });
  const blocked = live.filter(({ logEndOffset }) => !isReadable(log, logEndOffset));
  const isTrusted = ({ brokerId: id }: FollowerState): boolean => isr.includes(id) || elr.includes(id);
  if (!blocked.some(isTrusted)) {
    return blocked.length === 0 ? { kind: 'none' } : { kind: 'wait', blocked: blocked.map(({ brokerId: id }) => id) };
  }
  const successor = live.filter(isTrusted).reduce((most, one) => (one.logEndOffset > most.logEndOffset ? one : most));
  return { kind: 'handOver', successor: successor.brokerId };
}

/** Whether the follower is live, and its last fetch came from the process that is registered in the image. */
function isCurrent({ brokerId, brokerEpoch, logEndOffset }: FollowerState, image: MetadataImage): boolean {
  const broker = image.brokers.get(brokerId);
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown && brokerEpoch === broker.epoch && logEndOffset >= 0n;
}

function isReadable(log: Log, offset: bigint): boolean {
  if (offset < log.logStartOffset || offset >= log.logEndOffset) return true;
  try {
    log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true });
    return true;
  } catch (error) {
    if (error instanceof CorruptBatchError) return false;
    throw error;
  }
}

/** The problem and the remedy, for a corrupt segment `[baseOffset, endOffset)` that followers wait for. */
export function describeWait(
  partition: Pick<Partition, 'replicas' | 'log'>,
  {
    brokerId,
    image,
    blocked,
    baseOffset,
    endOffset,
  }: { brokerId: number; image: MetadataImage; blocked: readonly number[]; baseOffset: bigint; endOffset: bigint },
): string {
  const down = partition.replicas.filter((id) => image.brokers.get(id)?.fenced !== false);
  const what = `broker ${brokerId} leads and cannot read offsets ${baseOffset} to ${endOffset - 1n}, and no live replica has all of them`;
  const effect = `${name(blocked)} cannot catch up`;
  if (down.length > 0) return `${what}; ${effect}. Start ${name(down)}, which may have them`;
  const unclean = `stop broker ${brokerId} and run an unclean leader election, which loses what only broker ${brokerId} has`;
  if (endOffset > partition.log.highWatermark) return `${what}; ${effect}. To give them up, ${unclean}`;
  return `${what}; ${effect}. To give them up, delete the records before offset ${endOffset}, or ${unclean}`;
}

function name(brokers: readonly number[]): string {
  return `${brokers.length === 1 ? 'broker' : 'brokers'} ${brokers.join(' and ')}`;
}
