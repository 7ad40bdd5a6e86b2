import { expect, test } from 'vitest';
import { brokerRows } from '../../../electron/services/view/broker-rows.ts';
import { ReplicaCounts } from '../../../electron/services/view/replica-counts.ts';
import { emptyState } from '../../../electron/services/view/state.ts';
import type { TopicRow } from '../../../shared/models/cluster.ts';
import type { ClusterMetadata } from '../../../electron/admin/cluster-client.ts';

const TOPIC = { partitions: [{ leader: 1, isr: [1], replicas: [{ broker: 1 }, { broker: 3 }] }] } as unknown as TopicRow;
const COUNTS = new ReplicaCounts();
COUNTS.replace(undefined, TOPIC);
const metadata = { brokers: [{ nodeId: 1, host: 'h', port: 9_092, rack: null }] } as unknown as ClusterMetadata;

test('lists a remote broker that was down before the first answer, by its replicas', () => {
  const rows = brokerRows({ ...emptyState(), metadata }, COUNTS, new Set());
  expect(rows).toMatchObject([
    { id: 1, state: 'online', replicas: 1 },
    { id: 3, state: 'down', host: null, port: null, since: null, leaders: 0, replicas: 1, inSync: 0 },
  ]);
});

test('lists no broker of the embedded cluster that its supervisor has removed', () => {
  const rows = brokerRows({ ...emptyState(), metadata, nodes: [] }, COUNTS, new Set());
  expect(rows.map(({ id }) => id)).toEqual([1]);
});
