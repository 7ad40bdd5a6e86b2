/**
 * Where the partitions of a new topic go. Chosen here and sent along, so that what the form shows before is what happens
 * after. Leaders go round the brokers, replicas to the ones that follow; brokers that are down come last, so that every
 * partition can start as long as one broker is up.
 */
export interface PlacementBroker {
  id: number;
  up: boolean;
}

/** Broker ids by partition, preferred leader first; null when there are fewer brokers than replicas. `seed` turns the start. */
export function placePartitions(
  brokers: readonly PlacementBroker[],
  partitions: number,
  replicationFactor: number,
  seed: string,
): number[][] | null {
  if (replicationFactor < 1 || replicationFactor > brokers.length || partitions < 1) return null;
  const byId = (a: PlacementBroker, b: PlacementBroker): number => a.id - b.id;
  const up = brokers.filter((broker) => broker.up).sort(byId);
  const down = brokers.filter((broker) => !broker.up).sort(byId);
  const start = hash(seed);
  return Array.from({ length: partitions }, (_, partition) => {
    // Every full turn the followers shift by one more, so that one broker's followers spread over all others.
    const turn = up.length === 0 ? 0 : Math.floor(partition / up.length);
    const ordered = [...rotate(up, start + partition, turn), ...rotate(down, start + partition, turn)];
    return ordered.slice(0, replicationFactor).map(({ id }) => id);
  });
}

/** Starts at `start`; the rest follows, turned by `turn` among itself. */
function rotate<T>(items: readonly T[], start: number, turn: number): T[] {
  if (items.length === 0) return [];
  const at = start % items.length;
  const [first, ...rest] = [...items.slice(at), ...items.slice(0, at)] as [T, ...T[]];
  if (rest.length === 0) return [first];
  const shift = turn % rest.length;
  return [first, ...rest.slice(shift), ...rest.slice(0, shift)];
}

/** FNV-1a, only to vary the first broker by the topic's name. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
