/** The end of a rebalance on a remote cluster is seen after the page that showed its group was left. */
import { expect, test } from 'vitest';
import { ClusterClient } from '../../../electron/admin/cluster-client.ts';
import { ObservedTimeline } from '../../../electron/services/incidents/observed-timeline.ts';
import { ClusterMonitor } from '../../../electron/services/view/monitor.ts';
import type { TimelineEvent } from '../../../shared/models/timeline.ts';
import { LargeCluster } from '../../helpers/large-cluster.ts';

const SOON = { timeout: 20_000, interval: 50 };
const OPTIONS = { brokers: 1, topics: 2, partitionsPerTopic: 1, groups: 2, topicsPerGroup: 1, activeTopics: 0, activeGroups: 0 };

test('a rebalance that was seen to start is read to its end, and other groups are not read', async () => {
  const cluster = new LargeCluster(OPTIONS);
  const bootstrap = await cluster.start();
  const [client, quorumClient] = [1, 2].map(() => new ClusterClient({ bootstrap, clientId: 'rebalance' })) as [
    ClusterClient,
    ClusterClient,
  ];
  const events: TimelineEvent[] = [];
  const observed = new ObservedTimeline({ monotonic: () => performance.now(), onEvents: (added) => events.push(...added) });
  const errors: unknown[] = [];
  const published = new Map<string, string>();
  let groupsAsOf = 0;
  const monitor = new ClusterMonitor({
    connection: { id: 'r', name: 'r', kind: 'remote', bootstrap, colour: 'flow' },
    client,
    quorumClient,
    onPatch(patch) {
      observed.take(patch);
      groupsAsOf = patch.scalars.groupsAsOf ?? groupsAsOf;
      // A row that was not read in full is no reading: the first whole one would be the rebalance.
      for (const { id, state, error, asOf } of patch.groups.set) if (error === null && (asOf ?? groupsAsOf) > 0) published.set(id, state);
    },
    onLag: () => undefined,
    onError: (_what, error) => void errors.push(error),
  });
  const types = (): string[] => {
    monitor.refresh();
    return events.filter(({ group }) => group !== undefined).map(({ type, group }) => `${type} ${group}`);
  };
  try {
    monitor.start();
    monitor.watch('tab', { topics: 'none', groups: 'all' });
    // A difference needs a reading before it: a whole round, offsets included, that was published.
    await expect.poll(() => (monitor.refresh(), [...published.values()]), SOON).toEqual(['Stable', 'Stable']);
    cluster.groupStates.set('group-000000', 'PreparingRebalance');
    await expect.poll(types, SOON).toEqual(['group/rebalanceStarted group-000000']);
    monitor.watch('tab', { topics: 'none', groups: 'none' });
    cluster.groupStates.delete('group-000000');
    await expect.poll(types, SOON).toEqual(['group/rebalanceStarted group-000000', 'group/rebalanced group-000000']);
    cluster.groupStates.set('group-000001', 'PreparingRebalance');
    cluster.resetRequests();
    await expect.poll(() => (monitor.refresh(), cluster.requests.get('Metadata') ?? 0), SOON).toBeGreaterThan(5);
    expect(types()).toHaveLength(2);
    expect(errors).toEqual([]);
  } finally {
    monitor.close();
    for (const one of [client, quorumClient]) one.close();
    await cluster.stop();
  }
});
