import { beforeEach, describe, expect, it } from 'vitest';
import { AutoTopics } from '../../../electron/cluster/broker/auto-topics.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { brokerSettings } from '../../../electron/cluster/quorum/config-definitions.ts';
import { fakeBroker, imageOf, topic, type FakeBroker } from '../../helpers/fake-broker.ts';

const ID = 'AAAAAAAAAAAAAAAAAAAAAQ';

describe('AutoTopics', () => {
  let broker: FakeBroker;
  const autoTopics = (properties: Record<string, string> = {}): AutoTopics =>
    new AutoTopics({ ...broker, settings: brokerSettings(properties, 3), nodes: 3 });
  const answer = (...topics: [name: string, errorCode: number][]) => ({
    topics: topics.map(([name, errorCode]) => ({ name, errorCode, errorMessage: null })),
  });
  const appear = (creator: AutoTopics, ...names: string[]): void => {
    broker.setImage(imageOf({ topics: names.map((name) => topic(name, ID, [{}])) }));
    creator.onImage();
  };

  beforeEach(() => {
    broker = fakeBroker();
  });

  it('requests a topic once, however many clients name it, until it is visible', async () => {
    const creator = autoTopics({ 'num.partitions': '4' });
    broker.answers.push(answer(['a', 0]), answer(['b', 0]));
    const first = creator.create(['a']);
    const second = creator.create(['a', 'b']);
    await broker.clock.advance(10);
    expect(broker.sent.map(({ body }) => (body as { topics: { name: string }[] }).topics.map(({ name }) => name))).toEqual([['a'], ['b']]);
    expect(broker.sent[0]).toMatchObject({
      api: 'CreateTopics',
      body: { topics: [{ numPartitions: 4, replicationFactor: 3 }], validateOnly: false },
    });
    appear(creator, 'a', 'b');
    expect([...(await second)]).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
    expect([...(await first)]).toEqual([['a', 0]]);
    expect(broker.clock.monotonic()).toBe(10);
    broker.answers.push(answer(['a', 0]));
    await creator.create(['a']);
    expect(broker.sent).toHaveLength(3);
  });

  it('holds a response back for at most a second', async () => {
    const creator = autoTopics();
    broker.answers.push(answer(['a', 0]));
    const pending = creator.create(['a']);
    expect([...(await broker.clock.settled(pending))]).toEqual([['a', 0]]);
    expect(broker.clock.monotonic()).toBeGreaterThanOrEqual(1000);
  });

  it('accepts a topic that another client has created, and reports a refusal', async () => {
    const creator = autoTopics();
    broker.answers.push(answer(['a', ErrorCode.TOPIC_ALREADY_EXISTS], ['b', ErrorCode.POLICY_VIOLATION]));
    const pending = creator.create(['a', 'b']);
    await broker.clock.advance(1);
    appear(creator, 'a');
    expect([...(await pending)]).toEqual([
      ['a', 0],
      ['b', ErrorCode.POLICY_VIOLATION],
    ]);
  });

  it('returns a retriable error while nodes have yet to register, and a final one for more replicas than nodes', async () => {
    broker.answers.push(answer(['a', ErrorCode.INVALID_REPLICATION_FACTOR]), answer(['a', ErrorCode.INVALID_REPLICATION_FACTOR]));
    expect((await autoTopics().create(['a'])).get('a')).toBe(ErrorCode.LEADER_NOT_AVAILABLE);
    expect((await autoTopics({ 'default.replication.factor': '4' }).create(['a'])).get('a')).toBe(ErrorCode.INVALID_REPLICATION_FACTOR);
  });

  it('requests a topic again after the controller was unreachable', async () => {
    const creator = autoTopics();
    broker.answers.push(new KafkaError(ErrorCode.REQUEST_TIMED_OUT), new Error('bug'));
    expect((await creator.create(['a'])).get('a')).toBe(ErrorCode.LEADER_NOT_AVAILABLE);
    expect((await creator.create(['a'])).get('a')).toBe(ErrorCode.UNKNOWN_SERVER_ERROR);
    expect(broker.sent).toHaveLength(2);
  });

  it('creates the offsets topic, compacted and with its own number of partitions', async () => {
    broker.answers.push(answer(['__consumer_offsets', ErrorCode.POLICY_VIOLATION]));
    await autoTopics({ 'offsets.topic.num.partitions': '7' }).create(['__consumer_offsets']);
    expect(broker.sent[0]?.body).toMatchObject({
      topics: [
        {
          name: '__consumer_offsets',
          numPartitions: 7,
          replicationFactor: 3,
          configs: [
            { name: 'cleanup.policy', value: 'compact' },
            { name: 'compression.type', value: 'producer' },
            { name: 'segment.bytes', value: '104857600' },
          ],
        },
      ],
    });
  });

  it('limits the number of requested topics', async () => {
    const creator = autoTopics();
    const names = Array.from({ length: 1001 }, (_, index) => `t${index}`);
    broker.answers.push(answer(...names.slice(0, 1000).map((name): [string, number] => [name, ErrorCode.POLICY_VIOLATION])));
    const codes = await creator.create(names);
    expect(codes.get('t999')).toBe(ErrorCode.POLICY_VIOLATION);
    expect(codes.get('t1000')).toBe(ErrorCode.LEADER_NOT_AVAILABLE);
  });
});
