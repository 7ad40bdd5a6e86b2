/**
 * Replica placement of a new topic. It is computed here and sent with the request, so that the preview in the form is correct. Preferred
 * leaders rotate over the brokers, followers are on the next ones. Brokers that are down come last, so that every partition can have a
 * leader while one broker is up.
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
    // With every full turn the followers shift by one more, so that those of one leader spread over all other brokers.
    const turn = up.length === 0 ? 0 : Math.floor(partition / up.length);
    const ordered = [...rotate(up, start + partition, turn), ...rotate(down, start + partition, turn)];
    return ordered.slice(0, replicationFactor).map(({ id }) => id);
  });
}

/** `start` first; the others follow in order, rotated by `turn`. */
function rotate<T>(items: readonly T[], start: number, turn: number): T[] {
  if (items.length === 0) return [];
  const at = start % items.length;
  const [first, ...rest] = [...items.slice(at), ...items.slice(0, at)] as [T, ...T[]];
  if (rest.length === 0) return [first];
  const shift = turn % rest.length;
  return [first, ...rest.slice(shift), ...rest.slice(0, shift)];
}

/** FNV-1a; varies the first broker by the topic's name. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
