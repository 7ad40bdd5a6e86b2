import { expect, test } from 'vitest';
import { encodeSubscription } from '../../../../electron/cluster/protocol/records/consumer-protocol.ts';
import { GroupBench, type Client } from '../../../helpers/group-bench.ts';
import { settle } from '../../../helpers/virtual-clock.ts';

const offering = (partitions: number[], generationId: number) => ({
  protocols: [
    {
      name: 'cooperative-sticky',
      metadata: encodeSubscription({
        topics: ['orders'],
        ownedPartitions: partitions.length ? [{ topic: 'orders', partitions }] : [],
        generationId,
      }),
    },
  ],
});

/** KIP-429: partitions move in two generations; the receiver has an empty assignment in the first. */
test('a cooperative rebalance: revokes first, with an empty assignment for the new member, then assigns', async () => {
  const b = new GroupBench();
  await b.elect();
  const [a, c] = [b.client('a'), b.client('c')];
  const first = b.join(a, offering([], -1));
  await b.clock.advance(3000);
  await first;
  await b.sync(a, { [a.memberId]: '0 1' });

  const together = async (mine: number[], given: (leader: Client) => Record<string, string>): Promise<string[]> => {
    const joining = b.join(c, offering([], -1));
    await settle();
    await Promise.all([b.join(a, offering(mine, a.generation)), joining]);
    const leader = b.status()?.leader === a.memberId ? a : c;
    const answers = await Promise.all([a, c].map((client) => b.sync(client, client === leader ? given(leader) : {})));
    expect(answers.map(({ errorCode }) => errorCode)).toEqual([0, 0]);
    return answers.map(({ assignment }) => assignment);
  };
  expect(await together([0, 1], () => ({ [a.memberId]: '0', [c.memberId]: '' }))).toEqual(['0', '']);
  expect(b.status()).toMatchObject({ state: 'Stable', generation: 2 });
  // The old owner has revoked and rejoins: its metadata has changed, so a rebalance follows at once.
  const rejoin = b.join(a, offering([0], a.generation));
  await settle();
  expect(b.status()?.state).toBe('PreparingRebalance');
  await b.join(c, offering([], c.generation));
  await rejoin;
  const answers = await Promise.all([b.sync(a, { [a.memberId]: '0', [c.memberId]: '1' }), b.sync(c)]);
  expect(answers.map(({ assignment }) => assignment)).toEqual(['0', '1']);
  expect(b.status()).toMatchObject({ state: 'Stable', generation: 3 });
});
