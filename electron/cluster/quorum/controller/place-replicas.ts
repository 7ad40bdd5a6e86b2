import type { Random } from '../../lib/random.ts';
import type { BrokerRegistration } from '../image.ts';

/**
 * Spreads replicas as Apache Kafka does: first replicas are assigned round-robin from a random broker, the others at a distance that grows
 * with every round, so that the load of a failed broker spreads over many; racks without a replica come first. `replicationFactor` must not
 * exceed the number of brokers.
 */
export function placeReplicas(
  brokers: readonly BrokerRegistration[],
  partitions: number,
  replicationFactor: number,
  random: Random,
  firstPartition = 0,
): number[][] {
  const arranged = byAlternatingRack(brokers);
  const count = arranged.length;
  const racks = new Set(arranged.map((broker) => broker.rack)).size;
  const start = random.int(count);
  let shift = random.int(count);
  const placed: number[][] = [];
  for (let partition = firstPartition; partition < firstPartition + partitions; partition++) {
    if (partition > 0 && partition % count === 0) shift++;
    const first = (partition + start) % count;
    const leader = arranged[first] as BrokerRegistration;
    const replicas = [leader.id];
    const usedRacks = new Set([leader.rack]);
    for (let step = 0; replicas.length < replicationFactor; step++) {
      const broker = arranged[(first + 1 + ((shift + step) % (count - 1))) % count] as BrokerRegistration;
      if (replicas.includes(broker.id)) continue;
      // The first round looks for an unused rack, later rounds take any broker.
      if (step < count - 1 && usedRacks.size < racks && usedRacks.has(broker.rack)) continue;
      replicas.push(broker.id);
      usedRacks.add(broker.rack);
    }
    placed.push(replicas);
  }
  return placed;
}

/** Brokers in an order in which neighbours are in different racks where possible: one of each rack in turn. */
function byAlternatingRack(brokers: readonly BrokerRegistration[]): BrokerRegistration[] {
  const racks = new Map<string | null, BrokerRegistration[]>();
  for (const broker of brokers.toSorted((a, b) => a.id - b.id)) {
    const rack = racks.get(broker.rack);
    if (rack === undefined) racks.set(broker.rack, [broker]);
    else rack.push(broker);
  }
  const inOrder = [...racks.entries()].sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1)).map(([, members]) => members);
  const arranged: BrokerRegistration[] = [];
  for (let turn = 0; arranged.length < brokers.length; turn++) {
    for (const members of inOrder) {
      const broker = members[turn];
      if (broker !== undefined) arranged.push(broker);
    }
  }
  return arranged;
}
