/** Answers that did not change are the same objects. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AnswerMemo, oncePerAnswer, requestKey } from '../../electron/admin/answer-memo.ts';
import { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { committedOffsetsOf, describeGroupsOf } from '../../electron/admin/groups.ts';
import { LargeCluster } from '../helpers/large-cluster.ts';

const decode = (payload: Buffer) => ({ text: payload.toString() });

describe('AnswerMemo', () => {
  test('returns what it decoded while the bytes are the same, by request', () => {
    const memo = new AnswerMemo();
    const first = memo.decode('a', Buffer.from('one'), decode);
    expect(memo.decode('a', Buffer.from('one'), decode)).toBe(first);
    expect(memo.decode('b', Buffer.from('one'), decode)).not.toBe(first);
    expect(memo.decode('a', Buffer.from('two'), decode)).toEqual({ text: 'two' });
    expect(memo.decode('a', Buffer.from('one'), decode)).not.toBe(first);
  });

  test('keeps bytes of its own: a buffer that is used again changes nothing', () => {
    const memo = new AnswerMemo();
    const payload = Buffer.from('one');
    memo.decode('a', payload, decode);
    payload.write('two');
    expect(memo.decode('a', payload, decode)).toEqual({ text: 'two' });
    // Also where a value is a part of the bytes.
    const part = memo.decode('b', payload, (bytes) => bytes.subarray(1));
    payload.write('one');
    expect(part.toString()).toBe('wo');
  });

  test('drops an answer that no request asked for in five minutes', () => {
    let now = 0;
    const memo = new AnswerMemo(1_000, () => now);
    const read = (request: string): { text: string } => memo.decode(request, Buffer.from('1234'), decode);
    const [left, shown] = [read('left'), read('shown')];
    now = 200_000;
    expect(read('shown')).toBe(shown);
    now = 400_000;
    read('new');
    expect(read('shown')).toBe(shown);
    expect(read('left')).not.toBe(left);
  });

  test('is bounded: the answer that was used longest ago is dropped', () => {
    const memo = new AnswerMemo(8);
    const [a, b] = ['a', 'b'].map((request) => memo.decode(request, Buffer.from('1234'), decode));
    expect(memo.decode('a', Buffer.from('1234'), decode)).toBe(a);
    memo.decode('c', Buffer.from('1234'), decode);
    expect(memo.decode('a', Buffer.from('1234'), decode)).toBe(a);
    expect(memo.decode('b', Buffer.from('1234'), decode)).not.toBe(b);
    // One that is larger than the bound is decoded, and not kept.
    expect(memo.decode('d', Buffer.from('123456789'), decode)).toEqual({ text: '123456789' });
  });

  test('distinguishes requests by API, version and body', () => {
    const keys = [requestKey(1, 1, Buffer.from('x')), requestKey(1, 2, Buffer.from('x')), requestKey(2, 1, Buffer.from('x')), requestKey(1, 1, Buffer.from('y'))]; // prettier-ignore
    expect(new Set(keys).size).toBe(4);
  });

  test('makes a thing of an answer once for each broker', () => {
    const part = {};
    const made = oncePerAnswer(part, 1, () => ({}));
    expect(oncePerAnswer(part, 1, () => ({}))).toBe(made);
    expect(oncePerAnswer(part, 2, () => ({}))).not.toBe(made);
  });
});

describe('ClusterClient', () => {
  let cluster: LargeCluster;
  let client: ClusterClient;

  beforeEach(async () => {
    cluster = new LargeCluster({ brokers: 2, topics: 2, partitionsPerTopic: 2, groups: 2, topicsPerGroup: 1, activeTopics: 2, activeGroups: 1 }); // prettier-ignore
    client = new ClusterClient({ bootstrap: await cluster.start(), clientId: 'memo' });
    await client.metadata(null);
  });
  afterEach(async () => {
    client.close();
    await cluster.stop();
  });

  test('returns the same metadata whichever broker answers, as long as it is the same', async () => {
    const answers = [];
    for (let i = 0; i < 10; i++) answers.push(await client.metadata(null));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]?.topics).toHaveLength(2);
  });

  test('reads what changed between two answers', async () => {
    const offsets = async () => (await committedOffsetsOf(client, 1, ['group-000000'])).get('group-000000');
    const before = await offsets();
    expect(await offsets()).toBe(before);
    cluster.write(5n);
    expect((await offsets())?.map(({ offset }) => offset)).toEqual([10_005n, 10_005n]);
    const describe = () => describeGroupsOf(client, 1, [{ id: 'group-000000', coordinator: 1, protocolType: 'consumer', type: 'classic' }]);
    const [described] = await describe();
    expect((await describe())[0]).toBe(described);
    cluster.groupStates.set('group-000000', 'PreparingRebalance');
    expect((await describe())[0]?.state).toBe('PreparingRebalance');
  });
});
