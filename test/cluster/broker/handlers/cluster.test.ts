import { describe, expect, it } from 'vitest';
import { handleDescribeCluster } from '../../../../electron/cluster/broker/handlers/describe-cluster.ts';
import { handleDescribeTopicPartitions } from '../../../../electron/cluster/broker/handlers/describe-topic-partitions.ts';
import { handleListConfigResources } from '../../../../electron/cluster/broker/handlers/list-config-resources.ts';
import { forwardedDeleteTopicsApi } from '../../../../electron/cluster/broker/handlers/delete-topics.ts';
import { ErrorCode } from '../../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../../electron/cluster/protocol/kafka-error.ts';
import { forward } from '../../../../electron/cluster/broker/forward.ts';
import { createTopicsApi } from '../../../../electron/cluster/quorum/apis/create-topics.ts';
import { describeQuorumApi } from '../../../../electron/cluster/quorum/apis/describe-quorum.ts';
import { fakeBroker, imageOf, registration, requestContext, topic } from '../../../helpers/fake-broker.ts';

const image = imageOf({
  brokers: [registration(2, { fenced: true }), registration(1), registration(3)],
  topics: [topic('b', 'AAAAAAAAAAAAAAAAAAAAAg', [{}, { elr: [3], lastKnownElr: [2] }, {}]), topic('a', 'AAAAAAAAAAAAAAAAAAAAAQ', [{}, {}])],
});

describe('DescribeCluster', () => {
  const ask = { includeClusterAuthorizedOperations: false, endpointType: 1, includeFencedBrokers: false };

  it('returns fenced brokers only on request', async () => {
    const broker = fakeBroker({ image, controllerId: 3 });
    const alive = await handleDescribeCluster(ask, requestContext(2), broker);
    expect(alive).toMatchObject({
      errorCode: 0,
      endpointType: 1,
      controllerId: 3,
      brokers: [{ brokerId: 1 }, { brokerId: 3, host: 'host3' }],
    });
    const all = await handleDescribeCluster({ ...ask, includeFencedBrokers: true }, requestContext(2), broker);
    expect(all?.brokers.map(({ brokerId, isFenced }) => [brokerId, isFenced])).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ]);
  });

  it('does not answer for controllers', () => {
    const refuse = (endpointType: number) => () =>
      handleDescribeCluster({ ...ask, endpointType }, requestContext(1), fakeBroker({ image }));
    expect(refuse(2)).toThrow(expect.objectContaining({ code: ErrorCode.MISMATCHED_ENDPOINT_TYPE }));
    expect(refuse(9)).toThrow(expect.objectContaining({ code: ErrorCode.UNSUPPORTED_ENDPOINT_TYPE }));
  });
});

describe('DescribeTopicPartitions', () => {
  const broker = fakeBroker({ image, properties: { 'max.request.partition.size.limit': '4' } });
  const ask = async (
    topics: string[],
    responsePartitionLimit = 2000,
    cursor: { topicName: string; partitionIndex: number } | null = null,
  ) => {
    const request = { topics: topics.map((name) => ({ name })), responsePartitionLimit, cursor };
    const answer = await handleDescribeTopicPartitions(request, requestContext(0), broker);
    return {
      pages: answer?.topics.map(({ name, errorCode, partitions }) => [
        name,
        errorCode,
        partitions.map(({ partitionIndex }) => partitionIndex),
      ]),
      next: answer?.nextCursor,
      topics: answer?.topics,
    };
  };

  it('returns all topics by name, page by page', async () => {
    const first = await ask([]);
    expect(first.pages).toEqual([
      ['a', 0, [0, 1]],
      ['b', 0, [0, 1]],
    ]);
    expect(first.next).toEqual({ topicName: 'b', partitionIndex: 2 });
    const second = await ask([], 2000, first.next ?? null);
    expect(second).toMatchObject({ pages: [['b', 0, [2]]], next: null });
  });

  it('ends a page between topics too', async () => {
    const page = await ask([], 2);
    expect(page).toMatchObject({ pages: [['a', 0, [0, 1]]], next: { topicName: 'b', partitionIndex: 0 } });
    expect((await ask([], 0)).pages).toEqual([['a', 0, [0]]]);
  });

  it("continues at the topic after the cursor where the cursor's topic was deleted", async () => {
    expect((await ask([], 2000, { topicName: 'aa', partitionIndex: 7 })).pages).toEqual([['b', 0, [0, 1, 2]]]);
  });

  it('returns an error for unknown topics', async () => {
    expect((await ask(['b', 'zz', 'no no', 'b'])).pages).toEqual([
      ['b', 0, [0, 1, 2]],
      ['no no', ErrorCode.INVALID_TOPIC_EXCEPTION, []],
      ['zz', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, []],
    ]);
  });

  it('returns eligible leader replicas', async () => {
    const { topics } = await ask(['b']);
    expect(topics?.[0]?.partitions[1]).toMatchObject({ eligibleLeaderReplicas: [3], lastKnownElr: [2], offlineReplicas: [2] });
  });

  it('refuses a cursor before the first partition', async () => {
    await expect(ask([], 10, { topicName: 'a', partitionIndex: -1 })).rejects.toMatchObject({ code: ErrorCode.INVALID_REQUEST });
  });
});

describe('ListConfigResources', () => {
  it('lists only client metrics in v0, an empty list', async () => {
    expect(await handleListConfigResources({ resourceTypes: [] }, requestContext(0), fakeBroker({ image }))).toEqual({
      errorCode: 0,
      configResources: [],
    });
  });

  it('lists the requested types in v1, all for an empty list', async () => {
    const broker = fakeBroker({ image });
    const topics = await handleListConfigResources({ resourceTypes: [2] }, requestContext(1), broker);
    expect(topics?.configResources.map(({ resourceName }) => resourceName)).toEqual(['b', 'a']);
    const all = await handleListConfigResources({ resourceTypes: [] }, requestContext(1), broker);
    expect(all?.configResources).toHaveLength(2 + 3 + 3);
    const unknown = await handleListConfigResources({ resourceTypes: [3] }, requestContext(1), broker);
    expect(unknown?.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
  });
});

describe('a request for the controller', () => {
  const request = { topics: [], timeoutMs: 5000, validateOnly: false };

  it("is forwarded in the client's version with the remaining timeout, and its response is returned", async () => {
    const broker = fakeBroker();
    await broker.clock.advance(1000);
    const answer = { topics: [{ name: 'x', errorCode: 0 }] };
    broker.answers.push(answer);
    expect(await forward(broker, createTopicsApi, request, requestContext(3))).toBe(answer);
    expect(broker.sent).toEqual([{ api: 'CreateTopics', version: 3, body: request, timeoutMs: 4000 }]);
  });

  it('never waits longer than request.timeout.ms', async () => {
    const broker = fakeBroker({ properties: { 'request.timeout.ms': '700' } });
    await forward(broker, createTopicsApi, request, requestContext(3));
    await forward(broker, describeQuorumApi, { topics: [] }, requestContext(1));
    expect(broker.sent.map(({ timeoutMs }) => timeoutMs)).toEqual([700, 700]);
  });

  it('times out where no controller answers', async () => {
    const broker = fakeBroker();
    broker.answers.push(new Error('connection reset'), new KafkaError(ErrorCode.NOT_CONTROLLER));
    await expect(forward(broker, createTopicsApi, request, requestContext(7))).rejects.toMatchObject({
      code: ErrorCode.REQUEST_TIMED_OUT,
      message: 'The controller did not answer: connection reset.',
    });
    await expect(forward(broker, createTopicsApi, request, requestContext(7))).rejects.toMatchObject({ code: ErrorCode.NOT_CONTROLLER });
  });

  it('is not forwarded when it deletes topics and delete.topic.enable is false', () => {
    const broker = fakeBroker({ properties: { 'delete.topic.enable': 'false' } });
    const ask = (version: number) => () =>
      forwardedDeleteTopicsApi.handle({ topics: [], topicNames: ['a'], timeoutMs: 1 }, requestContext(version), broker);
    expect(ask(2)).toThrow(expect.objectContaining({ code: ErrorCode.INVALID_REQUEST }));
    expect(ask(3)).toThrow(expect.objectContaining({ code: ErrorCode.TOPIC_DELETION_DISABLED }));
    expect(broker.sent).toEqual([]);
  });
});
