import { describe, expect, test, vi } from 'vitest';
import { createInvoke, type Handlers } from '../../electron/ipc/handle.ts';
import { ServiceError } from '../../electron/services/errors.ts';
import { EventBus } from '../../electron/services/event-bus.ts';
import { requestSchemas } from '../../shared/ipc.ts';
import { fakeSession } from '../helpers/fake-session.ts';

/** Only what a test asks for is there; anything else would be a bug in the test. */
function invokeWith(handlers: Partial<Handlers>) {
  const report = vi.fn();
  const client = fakeSession(new EventBus());
  const invokeFor = createInvoke(handlers as Handlers, report);
  const raw = (channel: string, payload: unknown) => invokeFor(client, channel, payload);
  /** About the connection that the client has selected. */
  const invoke = (channel: string, payload: object | null | undefined) =>
    raw(channel, payload === null || payload === undefined ? payload : { connectionId: 'embedded', ...payload });
  return { report, raw, invoke };
}

describe('createInvoke', () => {
  test('answers with the value', async () => {
    const { invoke } = invokeWith({ 'message/tail': ({ topic }) => ({ tailId: `tail of ${topic}` }) });
    expect(await invoke('message/tail', { topic: 'a', partitions: null })).toEqual({ ok: true, value: { tailId: 'tail of a' } });
  });

  test('waits for a promise', async () => {
    const { invoke } = invokeWith({ 'lab/kill': () => Promise.resolve(null) });
    expect(await invoke('lab/kill', { node: 1 })).toEqual({ ok: true, value: null });
  });

  test.each(['no/such', 'constructor', '__proto__', 'toString', ''])('%j is no channel', async (channel) => {
    const { invoke, report } = invokeWith({});
    expect(await invoke(channel, {})).toMatchObject({ ok: false, error: { code: 'INVALID_PAYLOAD' } });
    expect(report).not.toHaveBeenCalled();
  });

  test.each([
    ['lab/kill', undefined],
    ['lab/kill', null],
    ['lab/kill', { node: '1' }],
    ['lab/kill', { node: -1 }],
    ['lab/kill', { node: 1.5 }],
    ['topic/delete', { name: '', topicId: null, typedName: '' }],
    ['message/browse', { topic: 'a', partitions: null, from: { kind: 'offset', offset: '12n' }, limit: 10 }],
    ['message/browse', { topic: 'a', partitions: null, from: { kind: 'newest' }, limit: 1_000_000 }],
    // To Kafka −1 is the end: every record would go.
    ['topic/deleteRecords', { name: 'a', topicId: null, places: [{ partition: 0, before: '-1' }] }],
    ['group/reset', { group: 'g', shown: { state: 'Empty', members: 0 }, topic: 'a', to: { kind: 'offset', offset: '-2' } }],
    [
      'message/produce',
      {
        topic: 'a',
        partition: null,
        key: { encoding: 'null', text: '' },
        value: { encoding: 'null', text: '' },
        headers: [],
        acks: 1,
        idempotent: true,
      },
    ],
  ] as const)('%s refuses %j before any service sees it', async (channel, payload) => {
    const never = vi.fn();
    const { invoke, report } = invokeWith({ [channel]: never });
    expect(await invoke(channel, payload)).toMatchObject({ ok: false, error: { code: 'INVALID_PAYLOAD' } });
    expect(never).not.toHaveBeenCalled();
    expect(report).not.toHaveBeenCalled();
  });

  test('names the field that does not fit', async () => {
    const { invoke } = invokeWith({});
    const result = await invoke('message/produce', { topic: 'a', partition: null, key: { encoding: 'utf8', text: 5 } });
    expect(result).toMatchObject({ ok: false, error: { field: 'key.text' } });
  });

  test('keys that the schema does not name do not get through', async () => {
    const seen = vi.fn<(payload: object) => null>(() => null);
    const { invoke } = invokeWith({ 'lab/stop': seen });
    await invoke('lab/stop', { node: 2, force: true });
    expect(seen.mock.calls[0]?.[0]).toEqual({ connectionId: 'embedded', node: 2 });
  });

  test("a service's refusal crosses as data and is not reported", async () => {
    const error = { code: 'NOT_FOUND', message: 'That connection is gone.', subject: 'x', advice: 'Choose another.' };
    const { invoke, report } = invokeWith({
      'connection/use': () => {
        throw new ServiceError(error);
      },
    });
    expect(await invoke('connection/use', { id: 'x' })).toEqual({ ok: false, error });
    expect(report).not.toHaveBeenCalled();
  });

  test('a bug of ours is INTERNAL, and its stack is reported', async () => {
    const bug = new TypeError('x is not a function');
    const { invoke, report } = invokeWith({ 'cluster/refresh': () => Promise.reject(bug) });
    expect(await invoke('cluster/refresh', {})).toEqual({
      ok: false,
      error: {
        code: 'INTERNAL',
        message: 'The request failed because of an internal error of Brokerdesk.',
        advice: 'The log of Brokerdesk has the cause.',
      },
    });
    expect(report).toHaveBeenCalledWith('cluster/refresh', bug);
  });
});

describe('a request about a cluster', () => {
  const channels = Object.keys(requestSchemas).filter((channel) => !/^(app|connection|embedded)\//.test(channel));

  test.each(channels)('%s without a connection is refused before any service sees it', async (channel) => {
    const never = vi.fn();
    const { raw } = invokeWith({ [channel]: never });
    for (const payload of [{}, { connectionId: '' }, { connectionId: null }, { connectionId: 7 }]) {
      expect(await raw(channel, payload)).toMatchObject({ ok: false, error: { code: 'INVALID_PAYLOAD' } });
    }
    expect(never).not.toHaveBeenCalled();
  });

  test.each([
    ['topic/delete', { name: 'a', topicId: null, typedName: 'a' }],
    ['cluster/view', {}],
    ['lab/kill', { node: 1 }],
    ['message/untail', { tailId: 'x' }],
  ] as const)('%s for another connection than the selected one is refused', async (channel, payload) => {
    const never = vi.fn();
    const { raw } = invokeWith({ [channel]: never });
    expect(await raw(channel, { connectionId: 'other', ...payload })).toMatchObject({
      ok: false,
      error: { code: 'CONNECTION_NOT_SELECTED', subject: 'other' },
    });
    expect(never).not.toHaveBeenCalled();
  });

  test.each([
    ['topic/delete', { name: 'a', typedName: 'a' }],
    ['topic/delete', { name: 'a', topicId: 'short', typedName: 'a' }],
    ['topic/addPartitions', { name: 'a', total: 3 }],
    ['topic/deleteRecords', { name: 'a', places: [{ partition: 0, before: '1' }] }],
    ['topic/setConfigs', { name: 'a', configs: {} }],
    ['group/delete', { group: 'g', typedName: 'g' }],
    ['group/delete', { group: 'g', shown: { state: 'Empty' }, typedName: 'g' }],
    ['group/reset', { group: 'g', topic: 'a', to: { kind: 'earliest' } }],
  ] as const)('%s %j does not say what was shown, and is refused', async (channel, payload) => {
    const { invoke } = invokeWith({});
    expect(await invoke(channel, payload)).toMatchObject({ ok: false, error: { code: 'INVALID_PAYLOAD' } });
  });
});
