import { describe, expect, it } from 'vitest';
import { handleMetadata } from '../../../../electron/cluster/broker/handlers/metadata.ts';
import { metadata } from '../../../../electron/cluster/protocol/apis/metadata.ts';
import { ErrorCode } from '../../../../electron/cluster/protocol/error-codes.ts';
import type { RequestOf, ResponseOf } from '../../../../electron/cluster/protocol/schema.ts';
import { Reader } from '../../../../electron/cluster/protocol/reader.ts';
import { Writer } from '../../../../electron/cluster/protocol/writer.ts';
import { ZERO_UUID } from '../../../../electron/cluster/protocol/uuid.ts';
import { fakeBroker, imageOf, registration, requestContext, topic, type FakeBroker } from '../../../helpers/fake-broker.ts';

const ORDERS = 'AAAAAAAAAAAAAAAAAAAAAQ';
const OFFSETS = 'AAAAAAAAAAAAAAAAAAAAAg';
const ABSENT = 'AAAAAAAAAAAAAAAAAAAAAw';

type Request = RequestOf<typeof metadata>;
type Response = ResponseOf<typeof metadata>;

/** Sends a request in a version and decodes the response as a client of that version would. */
async function ask(broker: FakeBroker, version: number, names: readonly string[] | null, more: Partial<Request> = {}): Promise<Response> {
  const request: Request = {
    topics: names === null ? null : names.map((name) => ({ name, topicId: ZERO_UUID })),
    allowAutoTopicCreation: true,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
    ...more,
  };
  const answer = await handleMetadata(request, requestContext(version), broker);
  const writer = new Writer();
  metadata.response.codec(version).encode(writer, answer as never);
  return metadata.response.codec(version).decode(new Reader(writer.finishBuffer()));
}

const image = imageOf({
  brokers: [registration(3, { fenced: true }), registration(2, { rack: 'r2' }), registration(1)],
  topics: [
    topic('orders', ORDERS, [{}, { leader: 3, isr: [3] }, { leader: -1, isr: [3], leaderEpoch: 8 }, { leader: 2, isr: [2, 1] }]),
    topic('__consumer_offsets', OFFSETS, [{}]),
  ],
});

describe('Metadata', () => {
  it('returns all topics for an empty list in v0 only, and for null from v1 on', async () => {
    const broker = fakeBroker({ image });
    expect((await ask(broker, 0, [])).topics.map(({ name }) => name)).toEqual(['orders', '__consumer_offsets']);
    for (const version of [1, 4, 9, 13]) {
      expect((await ask(broker, version, [])).topics).toEqual([]);
      expect((await ask(broker, version, null)).topics.map(({ name }) => name)).toEqual(['orders', '__consumer_offsets']);
    }
    expect(broker.created).toEqual([]);
  });

  it('returns live brokers by id, and the controller among them', async () => {
    const answer = await ask(fakeBroker({ image, controllerId: 2 }), 9, []);
    expect(answer.brokers).toEqual([
      { nodeId: 1, host: 'host1', port: 9091, rack: null },
      { nodeId: 2, host: 'host2', port: 9092, rack: 'r2' },
    ]);
    expect(answer.controllerId).toBe(2);
    expect(answer.clusterId).toBe('p8vRBjG1T0aqJvHCvtYbXg');
  });

  it('returns another live broker as the controller where that is fenced or unknown, since all forward requests', async () => {
    expect((await ask(fakeBroker({ image, controllerId: 3, nodeId: 2 }), 9, [])).controllerId).toBe(2);
    expect((await ask(fakeBroker({ image, controllerId: -1, nodeId: 3 }), 9, [])).controllerId).toBe(1);
    const noneLive = imageOf({ brokers: [registration(1, { fenced: true })] });
    expect((await ask(fakeBroker({ image: noneLive, controllerId: 1 }), 9, [])).controllerId).toBe(-1);
  });

  it('returns no leader for a partition without a live one, and its offline replicas', async () => {
    const answer = await ask(fakeBroker({ image }), 9, ['orders']);
    expect(answer.topics[0]?.partitions.map(({ errorCode, leaderId, leaderEpoch }) => ({ errorCode, leaderId, leaderEpoch }))).toEqual([
      { errorCode: 0, leaderId: 1, leaderEpoch: 5 },
      { errorCode: ErrorCode.LEADER_NOT_AVAILABLE, leaderId: -1, leaderEpoch: 5 },
      { errorCode: ErrorCode.LEADER_NOT_AVAILABLE, leaderId: -1, leaderEpoch: 8 },
      { errorCode: 0, leaderId: 2, leaderEpoch: 5 },
    ]);
    expect(answer.topics[0]?.partitions.every(({ offlineReplicas }) => offlineReplicas.join() === '3')).toBe(true);
    expect(answer.topics[0]?.partitions[0]).toMatchObject({ replicaNodes: [1, 2, 3], isrNodes: [1, 2, 3] });
  });

  it('returns only live replicas to clients of v0, with an error that some are missing', async () => {
    const [first, second, , fourth] = (await ask(fakeBroker({ image }), 0, ['orders'])).topics[0]?.partitions ?? [];
    expect(first).toMatchObject({ errorCode: ErrorCode.REPLICA_NOT_AVAILABLE, leaderId: 1, replicaNodes: [1, 2], isrNodes: [1, 2] });
    expect(second).toMatchObject({ errorCode: ErrorCode.LEADER_NOT_AVAILABLE, leaderId: -1, isrNodes: [] });
    expect(fourth).toMatchObject({ errorCode: ErrorCode.REPLICA_NOT_AVAILABLE, isrNodes: [2, 1] });
  });

  it('marks internal topics and returns ids from v10 on', async () => {
    const answer = await ask(fakeBroker({ image }), 10, ['__consumer_offsets', 'orders']);
    expect(answer.topics.map(({ isInternal, topicId }) => ({ isInternal, topicId }))).toEqual([
      { isInternal: true, topicId: OFFSETS },
      { isInternal: false, topicId: ORDERS },
    ]);
    expect((await ask(fakeBroker({ image }), 9, ['orders'])).topics[0]?.topicId).toBe(ZERO_UUID);
  });

  it('finds topics by id from v12 on', async () => {
    const byId = (topicId: string, name: string | null = null): Partial<Request> => ({ topics: [{ topicId, name }] });
    const broker = fakeBroker({ image });
    expect((await ask(broker, 12, null, byId(ORDERS))).topics[0]).toMatchObject({ name: 'orders', topicId: ORDERS, errorCode: 0 });
    expect((await ask(broker, 12, null, byId(ABSENT))).topics).toEqual([
      expect.objectContaining({ name: null, topicId: ABSENT, errorCode: ErrorCode.UNKNOWN_TOPIC_ID, partitions: [] }),
    ]);
    await expect(ask(broker, 11, null, byId(ORDERS, 'orders'))).rejects.toMatchObject({ code: ErrorCode.INVALID_REQUEST });
    await expect(ask(broker, 12, null, byId(ZERO_UUID))).rejects.toMatchObject({ code: ErrorCode.INVALID_REQUEST });
    expect(broker.created).toEqual([]);
  });

  it('refuses invalid topic names', async () => {
    const broker = fakeBroker({ image });
    const answer = await ask(broker, 9, ['a b', '', '..', 'x'.repeat(250)]);
    expect(answer.topics.map(({ errorCode }) => errorCode)).toEqual(Array(4).fill(ErrorCode.INVALID_TOPIC_EXCEPTION));
    expect(broker.created).toEqual([]);
  });

  it('creates missing topics where client and configuration allow it', async () => {
    const created = topic('fresh', ABSENT, [{}]);
    const broker = fakeBroker({
      image,
      onCreate: (names, self) => {
        self.setImage(imageOf({ topics: [created] }));
        return new Map(names.map((name) => [name, 0]));
      },
    });
    const answer = await ask(broker, 9, ['fresh', 'orders', 'fresh']);
    expect(broker.created).toEqual([['fresh']]);
    expect(answer.topics.find(({ name }) => name === 'fresh')).toMatchObject({ errorCode: 0, partitions: [{ leaderId: 1 }] });
    expect(answer.topics.filter(({ name }) => name === 'fresh')).toHaveLength(1);
  });

  it('returns LEADER_NOT_AVAILABLE while a topic is being created, and the reason when that fails', async () => {
    const onCreate = (): ReadonlyMap<string, number> =>
      new Map([
        ['fresh', ErrorCode.NONE],
        ['refused', ErrorCode.POLICY_VIOLATION],
      ]);
    const answer = await ask(fakeBroker({ image, onCreate }), 1, ['fresh', 'refused']);
    expect(answer.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['fresh', ErrorCode.LEADER_NOT_AVAILABLE],
      ['refused', ErrorCode.POLICY_VIOLATION],
    ]);
  });

  it('creates nothing where the client or the configuration forbids it', async () => {
    const forbidding = fakeBroker({ image, properties: { 'auto.create.topics.enable': 'false' } });
    expect((await ask(forbidding, 9, ['fresh'])).topics[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const broker = fakeBroker({ image });
    const answer = await ask(broker, 9, ['fresh'], { allowAutoTopicCreation: false });
    expect(answer.topics[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect([...forbidding.created, ...broker.created]).toEqual([]);
  });

  it('returns authorized operations only on request', async () => {
    const broker = fakeBroker({ image });
    const asked = await ask(broker, 8, ['orders'], { includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true });
    expect([asked.topics[0]?.topicAuthorizedOperations, asked.clusterAuthorizedOperations]).toEqual([3576, 8096]);
    const not = await ask(broker, 8, ['orders']);
    expect([not.topics[0]?.topicAuthorizedOperations, not.clusterAuthorizedOperations]).toEqual([-2147483648, -2147483648]);
  });
});
