/** The quorum is read from any broker of the cluster, also from those that the bootstrap list does not name. */
import { expect, test } from 'vitest';
import { ClusterClient } from '../../../electron/admin/cluster-client.ts';
import { ClusterMonitor } from '../../../electron/services/view/monitor.ts';
import { LargeCluster } from '../../helpers/large-cluster.ts';

const SOON = { timeout: 20_000, interval: 50 };
const OPTIONS = { brokers: 2, topics: 1, partitionsPerTopic: 1, groups: 1, topicsPerGroup: 1, activeTopics: 0, activeGroups: 0 };

test('the leader of the quorum stays known while the only bootstrap broker is down', async () => {
  const cluster = new LargeCluster(OPTIONS);
  const [bootstrap = ''] = (await cluster.start()).split(',');
  const clients = [1, 2].map(() => new ClusterClient({ bootstrap, clientId: 'quorum' })) as [ClusterClient, ClusterClient];
  const [client, quorumClient] = clients;
  const errors: unknown[] = [];
  const monitor = new ClusterMonitor({
    connection: { id: 'r', name: 'r', kind: 'remote', bootstrap, colour: 'flow' },
    client,
    quorumClient,
    onPatch: () => undefined,
    onLag: () => undefined,
    onError: (_what, error) => void errors.push(error),
  });
  const leader = (): number | null | undefined => monitor.snapshot().view.quorum?.leaderId;
  try {
    monitor.start();
    monitor.watch('tab', { topics: 'all', groups: 'none' });
    await expect.poll(leader, SOON).toBe(1);
    await cluster.stopBroker(1);
    cluster.resetRequests();
    await expect.poll(() => (monitor.refresh(), cluster.requests.get('DescribeQuorum') ?? 0), SOON).toBeGreaterThan(2);
    await expect.poll(leader, SOON).toBe(1);
    expect(errors).toEqual([]);
  } finally {
    monitor.close();
    for (const one of clients) one.close();
    await cluster.stop();
  }
});
