import { beforeEach, describe, expect, test } from 'vitest';
import { ClientSession } from '../../electron/services/client-session.ts';
import { EventBus } from '../../electron/services/event-bus.ts';
import { EVERYTHING, NOTHING, unionOf } from '../../electron/services/view/interest.ts';
import { FakeConnections } from '../helpers/fake-session.ts';

let events: EventBus;
let host: FakeConnections;
let received: Record<string, string[]>;

function connect(name: string): ClientSession {
  received[name] = [];
  return new ClientSession(
    host,
    events,
    (event) => received[name]?.push(event),
    () => void received[name]?.push('ended'),
  );
}

beforeEach(() => {
  events = new EventBus();
  host = new FakeConnections('a', 'b');
  received = {};
});

const interestsOf = (id: string) => [...(host.connections.get(id)?.interests.values() ?? [])];

describe('ClientSession', () => {
  test('accepts requests about its selected connection only', () => {
    const session = connect('one');
    expect(() => session.connection('a')).toThrow('not selected');
    session.use('a');
    expect(session.connection('a')).toBe(host.opened('a'));
    session.use('b');
    expect(() => session.connection('a')).toThrow('not selected');
    expect(host.released).toEqual(['a']);
    expect(() => session.use('none')).toThrow('removed');
    expect(session.connection('b')).toBe(host.opened('b'));
  });

  test('refuses requests about its connection once that was removed, and does not move to another', () => {
    const session = connect('one');
    session.use('a');
    host.connections.delete('a');
    expect(() => session.connection('a')).toThrow('was removed');
    expect(() => session.connection('b')).toThrow('not selected');
    expect(session.selectedId).toBe('a');
  });

  test('holds its connection again once that was restored, beside another client that was first', () => {
    const [one, two] = [connect('one'), connect('two')];
    for (const session of [one, two]) session.use('a');
    two.watch({ topics: ['t'], groups: 'none' });
    const restored = new FakeConnections('a').connections.get('a');
    if (restored === undefined) throw new Error('the fixture made no connection');
    host.connections.set('a', restored);
    one.use('a');
    two.use('a');
    expect(interestsOf('a')).toEqual([EVERYTHING, { topics: ['t'], groups: 'none' }]);
    expect(host.released).toEqual([]);
  });

  test('shows everything until its page says what it shows, and nothing once it has left', () => {
    const [one, two] = [connect('one'), connect('two')];
    one.use('a');
    two.use('a');
    expect(interestsOf('a')).toEqual([EVERYTHING, EVERYTHING]);
    one.watch({ topics: 'none', groups: ['g'] });
    two.watch({ topics: ['t'], groups: 'none' });
    expect(unionOf(interestsOf('a'))).toEqual({ topics: ['t'], groups: ['g'] });
    two.use('b');
    expect(interestsOf('a')).toEqual([{ topics: 'none', groups: ['g'] }]);
    one.end();
    expect([interestsOf('a'), interestsOf('b')]).toEqual([[], [EVERYTHING]]);
  });

  test('receives events of its connection and its own, and none after its end', () => {
    const [one, two] = [connect('one'), connect('two')];
    const idle = connect('idle');
    one.use('a');
    two.use('b');
    events.publish('lab/faultsChanged', { faults: [] }, { connectionId: 'a' });
    events.publish('load/changed', { loads: [] }, { connectionId: 'b' });
    events.publish('app/commanded', { command: 'refresh' }, { clientId: two.id });
    events.publish('connection/changed', { connections: [] }, 'all');
    idle.end();
    one.reset();
    events.publish('lab/faultsChanged', { faults: [] }, { connectionId: 'a' });
    events.publish('connection/changed', { connections: [] }, 'all');
    expect(received).toEqual({
      one: ['lab/faultsChanged', 'connection/changed', 'connection/changed'],
      two: ['load/changed', 'app/commanded', 'connection/changed', 'connection/changed'],
      idle: ['connection/changed', 'ended'],
    });
  });
});

describe('unionOf', () => {
  test.each([
    [[], NOTHING],
    [[NOTHING, NOTHING], NOTHING],
    [[NOTHING, EVERYTHING], EVERYTHING],
    [[EVERYTHING, { topics: ['a'], groups: ['g'] }], EVERYTHING],
    [
      [
        { topics: ['a'], groups: 'none' },
        { topics: 'none', groups: ['g'] },
      ],
      { topics: ['a'], groups: ['g'] },
    ],
    [
      [
        { topics: ['a', 'b'], groups: 'all' },
        { topics: ['b', 'c'], groups: ['g'] },
      ],
      { topics: ['a', 'b', 'c'], groups: 'all' },
    ],
  ] as const)('of %j is %j', (interests, union) => {
    expect(unionOf(interests)).toEqual(union);
  });
});
