/** What a replication factor and min.insync.replicas buy, in words. Source: Kafka's acks=all and min.insync.replicas. */
import { plural } from '../format/numbers.ts';

export interface Durability {
  replicationFactor: number;
  minInsyncReplicas: number;
  /** Replicas whose brokers are alive now, in the partition that has the fewest. */
  alive: number;
}

/** One or two sentences: what the topic survives by design, and what is left of that now. */
export function describeDurability(plan: Durability): string {
  const { replicationFactor: copies, minInsyncReplicas: min, alive } = plan;
  if (copies < 1 || min < 1) return '';
  if (min > copies) {
    return `Every acks=all write would be refused: ${min} replicas must be in sync, there ${copies === 1 ? 'is 1' : `are ${copies}`}.`;
  }
  return [byDesign(copies, min), now(copies, min, alive)].filter((sentence) => sentence !== '').join(' ');
}

function byDesign(copies: number, min: number): string {
  if (copies === 1) return 'One copy: while its broker is down nothing can be read or written, and a lost disk is a lost partition.';
  const writable = copies - min;
  const readable = copies - 1;
  if (min === 1) {
    return `Takes writes through the loss of ${plural(writable, 'broker')}. A write that only one replica had can be lost with it; 2 in sync would prevent that.`;
  }
  if (writable === 0) {
    return `Any broker lost stops acks=all writes; reading goes on through the loss of ${plural(readable, 'broker')}. No acknowledged write is lost.`;
  }
  const readOnly = readable > writable ? `, of ${readable} read-only` : '';
  return `Survives the loss of ${plural(writable, 'broker')} without losing a write${readOnly}.`;
}

function now(copies: number, min: number, alive: number): string {
  const down = copies - alive;
  if (down <= 0 || copies === 1) return '';
  if (alive < min)
    return `With ${plural(down, 'broker')} down it refuses acks=all writes until ${alive === 0 ? 'they return' : 'one returns'}.`;
  const left = alive - min;
  return left === 0
    ? 'As things stand, one more loss stops writes.'
    : `As things stand, ${plural(left, 'more loss', 'more losses')} can be taken.`;
}

/** The line under the replication-factor field. */
export function describeReplicationFactor(factor: number, brokers: number, alive: number): string {
  if (brokers === 0) return 'How many brokers keep a copy.';
  if (factor > brokers) return `Only ${plural(brokers, 'broker')}: ${brokers} is the most.`;
  const fleet = alive === brokers ? plural(brokers, 'broker') : `${plural(brokers, 'broker')}, ${alive} alive`;
  if (factor > alive) return `${fleet}: starts under-replicated.`;
  if (factor === 1) return `${fleet}. One copy, none to spare.`;
  return `${fleet}. ${plural(factor, 'copy', 'copies')} of every record.`;
}
