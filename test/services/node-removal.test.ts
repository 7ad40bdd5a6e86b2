import { describe, expect, it } from 'vitest';
import { planMoves } from '../../electron/services/node-removal.ts';

type Metadata = Parameters<typeof planMoves>[0];

/** Only what placement looks at. */
function metadata(brokers: number[], topics: Record<string, number[][]>): Metadata {
  return {
    brokers: brokers.map((nodeId) => ({ nodeId })),
    topics: Object.entries(topics).map(([name, partitions]) => ({
      name,
      partitions: partitions.map((replicaNodes, partitionIndex) => ({ partitionIndex, replicaNodes })),
    })),
  } as unknown as Metadata;
}

describe('where the partitions of a broker that leaves go', () => {
  it('puts the broker with the fewest replicas in its place, and keeps the order', () => {
    const moves = planMoves(
      metadata([1, 2, 3, 4], {
        a: [
          [4, 1],
          [2, 4],
          [1, 2],
        ],
        b: [[4, 1]],
      }),
      4,
    );
    expect(moves).toEqual([
      { topic: 'a', partition: 0, replicas: [3, 1] },
      { topic: 'a', partition: 1, replicas: [2, 3] },
      { topic: 'b', partition: 0, replicas: [2, 1] },
    ]);
  });

  it('leaves a reassignment alone that already moves the replica off the broker', () => {
    expect(planMoves(metadata([1, 2, 3], { a: [[2, 1, 3]] }), 3, new Map([['a/0', [2, 1]]]))).toEqual([]);
  });

  it('replaces a reassignment that moves a replica onto the broker', () => {
    // While it is under way the partition has a replica on every broker.
    const moves = planMoves(metadata([1, 2, 3, 4], { a: [[4, 2, 3, 1]] }), 4, new Map([['a/0', [4, 2, 3]]]));
    expect(moves).toEqual([{ topic: 'a', partition: 0, replicas: [1, 2, 3] }]);
  });

  it('refuses when a partition would have one replica too few', () => {
    expect(() => planMoves(metadata([1, 2, 3], { a: [[1, 2, 3]] }), 3)).toThrow(/a-0 has a replica on every broker/);
  });
});
