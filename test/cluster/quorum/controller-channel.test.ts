import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { alterPartition } from '../../../electron/cluster/protocol/apis/alter-partition.ts';
import { brokerHeartbeat } from '../../../electron/cluster/protocol/apis/broker-heartbeat.ts';
import { brokerRegistration } from '../../../electron/cluster/protocol/apis/broker-registration.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { deleteTopics } from '../../../electron/cluster/protocol/apis/delete-topics.ts';
import type { Api } from '../../../electron/cluster/protocol/schema.ts';
import { ControllerChannel } from '../../../electron/cluster/quorum/controller-channel.ts';
import { PeerChannels, type Peer } from '../../../electron/cluster/quorum/peer-channels.ts';
import { coordinationTouch, coordinationSession, coordinationWrite } from '../../../electron/cluster/quorum/zookeeper-state/apis.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

interface Asked {
  names: string[];
  bodies: unknown[];
  silentMs: number;
}

/** A channel of node 1 to controller 2, with the requests on each of its connections. */
function setup(): { channel: ControllerChannel; asked: Asked[]; clock: VirtualClock } {
  const clock = new VirtualClock();
  const asked: Asked[] = [];
  const peers = new PeerChannels({
    addressOf: () => ({ host: 'b', port: 2 }),
    connectPeer: (_address, options): Peer => {
      const connection: Asked = { names: [], bodies: [], silentMs: options?.silentMs ?? 0 };
      asked.push(connection);
      return {
        send: (api, _version, body) => {
          connection.names.push(api.name);
          connection.bodies.push(body);
          return new Promise(() => undefined);
        },
        close: () => undefined,
      };
    },
  });
  const channel = new ControllerChannel({
    nodeId: 1,
    peers,
    leaderId: () => 2,
    local: () => Promise.reject(new Error('not here')),
    clock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  return { channel, asked, clock };
}

describe('ControllerChannel', () => {
  it('keeps heartbeats, ISR changes, ZooKeeper sessions and client requests on separate connections', async () => {
    const { channel, asked, clock } = setup();
    const apis = [createTopics, brokerRegistration, brokerHeartbeat, alterPartition, deleteTopics, coordinationTouch, coordinationWrite];
    const outcomes = apis.map((api) => channel.send(api as unknown as Api<unknown, object, unknown, never>, 1, {}, { timeoutMs: 50 }));
    const settled = Promise.allSettled(outcomes);
    await clock.advance(100);
    await settled;
    expect(asked.map(({ names }) => names)).toEqual([
      ['CreateTopics', 'DeleteTopics', 'CoordinationWrite'],
      ['BrokerRegistration', 'BrokerHeartbeat'],
      ['AlterPartition'],
      ['CoordinationTouch'],
    ]);
    // A client's request may time out long before the controller has finished it.
    expect(asked[0]?.silentMs).toBeGreaterThan(asked[1]?.silentMs ?? Infinity);
  });

  it('gives the controller the remaining time of a request, and changes no other timeout', async () => {
    const { channel, asked, clock } = setup();
    const topics = { topics: [], timeoutMs: 10_000, validateOnly: false };
    const session = { nodeId: 1, sessions: [{ action: 0, sessionId: 0n, holder: 1n, timeoutMs: 40_000, password: null }] };
    const outcomes = [
      channel.send(createTopics, 7, topics, { timeoutMs: 300 }),
      channel.send(createTopics, 7, topics, { timeoutMs: 30_000 }),
      channel.send(coordinationSession, 0, session, { timeoutMs: 300 }),
    ];
    const settled = Promise.allSettled(outcomes);
    await clock.advance(30_000);
    await settled;
    const timeouts = asked[0]?.bodies.map((body) => {
      const { timeoutMs, sessions } = body as { timeoutMs?: number; sessions?: { timeoutMs: number }[] };
      return timeoutMs ?? sessions?.[0]?.timeoutMs;
    });
    expect(timeouts).toEqual([300, 10_000, 40_000]);
  });
});
