import { expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { NetworkError, type Network, type Stream } from '../../../electron/cluster/lib/network.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { StallAwareClock } from '../../../electron/cluster/lib/running-time.ts';
import { ConnectionLimits } from '../../../electron/cluster/network/connection-limits.ts';
import { ZooKeeperServer } from '../../../electron/cluster/zookeeper/server.ts';
import { QuorumCluster } from '../../helpers/quorum-cluster.ts';

test('a new connection does not replace one that was opened just now, after a stall of the process', async () => {
  const quorum = new QuorumCluster(1);
  await quorum.ready();
  const clock = new StallAwareClock(quorum.clock);
  clock.start();
  let accept: (stream: Stream) => void = () => undefined;
  const network: Network = {
    listen: (_, accepts) => {
      accept = accepts;
      return Promise.resolve({ port: 2181, close: () => undefined });
    },
    connect: () => Promise.reject(new NetworkError('ECONNREFUSED', 'this network only listens')),
  };
  const server = new ZooKeeperServer({
    nodeId: 1,
    network,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    address: { host: '127.0.0.1', port: 2181 },
    coordination: quorum.node(1).quorum,
    voters: 1,
    limits: new ConnectionLimits(clock, () => ({ maxConnections: 1, maxPerIp: 10 })),
  });
  await server.start();
  const destroyed: string[] = [];
  const open = (port: number): Stream => {
    const remote = `10.0.0.1:${port}`;
    const stream: Stream = {
      remote,
      write: () => true,
      pause: () => undefined,
      resume: () => undefined,
      end: () => undefined,
      destroy: () => void destroyed.push(remote),
      handlers: { data: () => undefined, drain: () => undefined, close: () => undefined },
    };
    accept(stream);
    return stream;
  };
  quorum.clock.stall(90_000);
  await quorum.clock.advance(200);
  expect(clock.monotonic() - clock.running()).toBeGreaterThan(80_000);
  const first = open(1);
  open(2);
  expect(destroyed).toEqual(['10.0.0.1:2']);
  // The first bytes of a length.
  await quorum.clock.advance(900);
  first.handlers.data(Buffer.alloc(2));
  first.handlers.data(Buffer.alloc(2, 1));
  await quorum.clock.advance(900);
  open(3);
  expect(destroyed).toEqual(['10.0.0.1:2', '10.0.0.1:3']);
  await quorum.clock.advance(1_100);
  open(4);
  expect(destroyed).toEqual(['10.0.0.1:2', '10.0.0.1:3', '10.0.0.1:1']);
  await quorum.clock.settled(server.stop());
  clock.stop();
  quorum.kill(1);
});
