import { afterEach, describe, expect, it } from 'vitest';
import { decodeAddress, encodeAddress } from '../../../electron/cluster/lib/addresses.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { describeQuorum } from '../../../electron/cluster/protocol/apis/describe-quorum.ts';
import { electLeaders } from '../../../electron/cluster/protocol/apis/elect-leaders.ts';
import { envelope } from '../../../electron/cluster/protocol/apis/envelope.ts';
import { vote } from '../../../electron/cluster/protocol/apis/vote.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { encodeResponse } from '../../../electron/cluster/protocol/frame.ts';
import type { RequestOf, ResponseOf } from '../../../electron/cluster/protocol/schema.ts';
import { ControllerChannel } from '../../../electron/cluster/quorum/controller-channel.ts';
import { wrapRequest } from '../../../electron/cluster/quorum/forwarding.ts';
import type { PeerRequest, Purpose } from '../../../electron/cluster/quorum/peer-channels.ts';
import { decodePrincipal, encodePrincipal } from '../../../electron/cluster/quorum/principal-data.ts';
import { ANONYMOUS, type Session } from '../../../electron/cluster/security/session.ts';
import { QuorumCluster, type QuorumClusterOptions } from '../../helpers/quorum-cluster.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const sessionOf = (name: string): Session => ({
  principal: { type: 'User', name },
  clientHost: '/10.1.2.3',
  listener: 'PLAINTEXT',
  authenticated: true,
});
const clientOf = (name: string) => ({ session: sessionOf(name), clientId: 'client of a test' });
const topicNamed = (name: string) => ({
  topics: [{ name, numPartitions: 1, replicationFactor: 3, assignments: [], configs: [] }],
  timeoutMs: 5000,
  validateOnly: false,
});

describe('a forwarded request', () => {
  let running: QuorumCluster | undefined;
  afterEach(() => {
    for (const id of running?.nodes.keys() ?? []) running?.kill(id);
    running = undefined;
  });

  async function start(options: QuorumClusterOptions = {}): Promise<QuorumCluster> {
    const cluster = (running = new QuorumCluster(3, options));
    await cluster.withBrokers();
    return cluster;
  }

  it('is authorized with the principal and the address of the client, at the controller itself and at another node', async () => {
    const seen: Session[] = [];
    const cluster = await start({
      authorizer: {
        authorize: (session) => {
          seen.push(session);
          return session.principal.name !== 'mallory';
        },
        authorizeAny: () => false,
      },
    });
    const controller = cluster.controller?.id ?? -1;
    for (const node of cluster.nodes.keys()) {
      seen.length = 0;
      const refused = await cluster.send(node, createTopics, topicNamed(`refused-${node}`), 5000, clientOf('mallory'));
      expect(refused.topics).toMatchObject([{ name: `refused-${node}`, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }]);
      const asking = seen.filter(({ principal }) => principal.name === 'mallory');
      expect(asking.length).toBeGreaterThan(0);
      for (const session of asking) expect(session).toMatchObject({ clientHost: '/10.1.2.3', authenticated: true });
      // The broker that forwards is authorized by itself.
      expect(seen.some(({ principal }) => principal.name === ANONYMOUS.name)).toBe(node !== controller);
      const taken = await cluster.send(node, createTopics, topicNamed(`taken-${node}`), 5000, clientOf('alice'));
      expect(taken.topics).toMatchObject([{ errorCode: ErrorCode.NONE }]);
    }
    const topics = [...(cluster.controller?.quorum.image().topics.keys() ?? [])];
    expect(topics.sort()).toEqual([...cluster.nodes.keys()].map((node) => `taken-${node}`));
    const described = await cluster.send(controller, describeQuorum, { topics: [] }, 5000, clientOf('mallory'));
    expect(described.errorCode).toBe(ErrorCode.CLUSTER_AUTHORIZATION_FAILED);
  });

  it('is refused where its API is not forwarded, or it cannot be decoded', async () => {
    const cluster = await start();
    const { quorum, id } = cluster.controller ?? { quorum: undefined, id: -1 };
    const ask = async (body: RequestOf<typeof envelope>) => (await quorum?.answer(envelope.key, 0, body)) as ResponseOf<typeof envelope>;
    const voting = wrapRequest(vote, 2, { topics: [] }, clientOf('alice'));
    expect(await ask(voting as RequestOf<typeof envelope>)).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST });
    const request = wrapRequest(createTopics, 7, topicNamed('cut'), clientOf('alice')) as RequestOf<typeof envelope>;
    const cut = { ...request, requestData: request.requestData.subarray(0, 20) };
    expect(await ask(cut)).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST });
    const unknown = Buffer.from(request.requestData);
    unknown.writeInt16BE(99, 2);
    expect(await ask({ ...request, requestData: unknown })).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION });
    expect(await ask({ ...request, requestPrincipal: Buffer.from([0, 9, 0]) })).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST });
    expect(cluster.node(id).quorum.image().topics.size).toBe(0);
  });
});

/** A channel to node 2, which gives these responses to envelopes, in order. */
function channelOf(responses: ResponseOf<typeof envelope>[]) {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const channel = new ControllerChannel({
    nodeId: 1,
    peers: {
      send: <Q, S>(_id: number, _purpose: Purpose, { api }: PeerRequest<Q, S>) => {
        sent.push(api.name);
        return Promise.resolve(responses.shift() as S);
      },
    },
    leaderId: () => 2,
    local: () => Promise.reject(new Error('not here')),
    clock,
    random: seededRandom(1),
    logger: silentLogger,
  });
  return { channel, clock, sent };
}

describe('ControllerChannel', () => {
  // The response of v0 has no code of its own: a request to a node that is no longer the controller looked like a success.
  it('sends ElectLeaders v0 again after a node that is not the active controller', async () => {
    const answer = {
      errorCode: 0,
      replicaElectionResults: [{ topic: 't', partitionResult: [{ partitionId: 0, errorCode: 84, errorMessage: null }] }],
    };
    const responseData = Buffer.concat(encodeResponse(electLeaders, 0, 0, answer)).subarray(4);
    const { channel, clock, sent } = channelOf([
      { errorCode: ErrorCode.NOT_CONTROLLER, responseData: null },
      { errorCode: ErrorCode.NONE, responseData },
    ]);
    const body = { topicPartitions: null, timeoutMs: 1000 };
    const response = await clock.settled(channel.send(electLeaders, 0, body, { timeoutMs: 1000, client: clientOf('alice') }));
    expect(sent).toEqual(['Envelope', 'Envelope']);
    expect(response.replicaElectionResults).toMatchObject([{ topic: 't', partitionResult: [{ errorCode: 84 }] }]);
  });

  it('fails at once where the controller does not authorize the broker', async () => {
    const { channel, clock, sent } = channelOf([{ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, responseData: null }]);
    const answer = channel.send(createTopics, 7, topicNamed('t'), { timeoutMs: 1000, client: clientOf('alice') });
    await expect(clock.settled(answer)).rejects.toMatchObject({ code: ErrorCode.UNKNOWN_SERVER_ERROR });
    expect(sent).toEqual(['Envelope']);
  });
});

describe('the data of a forwarded client', () => {
  it('keeps its principal, in the form of Apache Kafka', () => {
    const principal = { type: 'User', name: 'größe' };
    expect(decodePrincipal(encodePrincipal(principal))).toEqual(principal);
    expect(encodePrincipal({ type: 'User', name: 'bob' }).toString('hex')).toBe('0000' + '05' + '55736572' + '04' + '626f62' + '00' + '00');
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['2001:db8::7:ff', '2001:db8:0:0:0:0:7:ff'],
    ['::', '0:0:0:0:0:0:0:0'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['host', '?'],
    ['1:2', '?'],
    ['1::2::3', '?'],
  ])('keeps its address %s', (address, expected) => {
    expect(decodeAddress(encodeAddress(address))).toBe(expected);
  });
});
