/** Text about the effect of a replication factor and min.insync.replicas. Source: Kafka's acks=all and min.insync.replicas. */
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
  if (copies === 1) return 'Single replica: while its broker is down, reads and writes fail; a lost disk is a lost partition.';
  const writable = copies - min;
  const readable = copies - 1;
  if (min === 1) {
    return `Stays writable after ${plural(writable, 'broker failure')}. A write that only one replica stored can be lost; min.insync.replicas=2 prevents that.`;
  }
  if (writable === 0) {
    return `Any broker failure stops acks=all writes; reads tolerate ${plural(readable, 'broker failure')}. No acknowledged write is lost.`;
  }
  const readOnly = readable > writable ? `, ${readable} with reads only` : '';
  return `Tolerates ${plural(writable, 'broker failure')} with writes${readOnly}.`;
}

function now(copies: number, min: number, alive: number): string {
  const down = copies - alive;
  if (down <= 0 || copies === 1) return '';
  if (alive < min)
    return `With ${plural(down, 'broker')} down it refuses acks=all writes until ${alive === 0 ? 'they return' : 'one returns'}.`;
  const left = alive - min;
  return left === 0 ? 'Now one more failure stops writes.' : `Now it tolerates ${plural(left, 'more failure')}.`;
}

/** The line under the replication-factor field. */
export function describeReplicationFactor(factor: number, brokers: number, alive: number): string {
  if (brokers === 0) return 'The number of brokers that store each partition.';
  if (factor > brokers) return `Only ${plural(brokers, 'broker')}: ${brokers} is the most.`;
  const fleet = alive === brokers ? plural(brokers, 'broker') : `${plural(brokers, 'broker')}, ${alive} online`;
  if (factor > alive) return `${fleet}: starts under-replicated.`;
  if (factor === 1) return `${fleet}. Single replica, no fault tolerance.`;
  return `${fleet}. ${plural(factor, 'replica')} of every partition.`;
}
