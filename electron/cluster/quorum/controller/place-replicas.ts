import type { Random } from '../../lib/random.ts';
import type { BrokerRegistration } from '../image.ts';

/**
 * Spreads replicas as Apache Kafka does: the first replica goes round the brokers from a random start, the others follow at a
 * distance that grows with every round, so that the load of a dead broker falls on many; and as long as there are racks without a
 * replica, the next goes to one of them. `replicationFactor` must not exceed the number of brokers.
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
      // One full round looks for a fresh rack, after that any broker will do.
      if (step < count - 1 && usedRacks.size < racks && usedRacks.has(broker.rack)) continue;
      replicas.push(broker.id);
      usedRacks.add(broker.rack);
    }
    placed.push(replicas);
  }
  return placed;
}

/** Brokers such that neighbours are in different racks where they can be: one of each rack in turn. */
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
