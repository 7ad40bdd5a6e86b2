import { expect, test } from 'vitest';
import { pullTrigger } from '../../../electron/cluster/quorum/zookeeper-state/triggers.ts';
import { EMPTY_COORDINATION } from '../../../electron/cluster/quorum/zookeeper-state/state.ts';
import type { ZooKeeperContext } from '../../../electron/cluster/quorum/zookeeper-state/view.ts';
import { testContext, testImage } from '../../helpers/metadata-image.ts';

const contextOf = (image: ReturnType<typeof testImage>): ZooKeeperContext => ({ ...testContext(image), zookeeper: EMPTY_COORDINATION });

const reassignment = Buffer.from('{"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[2,3]}]}');

test.each([
  ['/admin/delete_topics/a', null, 'topic/deleted'],
  ['/admin/reassign_partitions', reassignment, 'partition/reassignmentStarted'],
])('the event of %s names the node, not a Kafka request', (path, data, type) => {
  const context = contextOf(testImage([1, 2, 3], { a: [{ replicas: [1, 2] }] }));
  expect(pullTrigger(context, path, data).events).toContainEqual(expect.objectContaining({ type, reason: `ZooKeeper node ${path}` }));
});

test('an election by /admin/preferred_replica_election keeps its reason', () => {
  const context = contextOf(testImage([1, 2], { a: [{ replicas: [1, 2], leader: 2 }] }));
  const [event] = pullTrigger(context, '/admin/preferred_replica_election', null).events;
  expect(event).toMatchObject({ type: 'partition/leadersElected', reason: 'preferred leader election' });
});
