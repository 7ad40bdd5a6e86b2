import { describe, expect, it } from 'vitest';
import { ConnectionLimits, type ConnectionLimit, type LimitedConnection } from '../../../electron/cluster/network/connection-limits.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

interface Fake extends LimitedConnection {
  refused: boolean;
}

const SETTINGS: ConnectionLimit = { maxConnections: 2_147_483_647, maxPerIp: 2_147_483_647 };

class Rig {
  readonly clock = new VirtualClock();
  readonly limits: ConnectionLimits;

  private settings: ConnectionLimit;

  constructor(settings: Partial<ConnectionLimit>, share?: number) {
    this.settings = { ...SETTINGS, ...settings };
    this.limits = new ConnectionLimits(this.clock, () => this.settings, share);
  }

  change(settings: Partial<ConnectionLimit>): void {
    this.settings = { ...SETTINGS, ...settings };
    this.limits.enforce();
  }

  /** Opens one, or returns the reason of the refusal. */
  open(more: Partial<LimitedConnection> = {}, counted = true): Fake | string {
    const clientHost = more.clientHost ?? '/10.0.0.1';
    const reason = this.limits.refusal(clientHost, counted);
    if (reason !== undefined) return reason;
    const lastActiveAt = this.clock.monotonic();
    const one: Fake = {
      active: false,
      used: true,
      fromPeer: false,
      ...more,
      clientHost,
      lastActiveAt,
      refused: false,
      refuse: () => void (one.refused = true),
    };
    this.limits.add(one, counted);
    return one;
  }
}

const refused = (one: Fake | string): boolean | string => (typeof one === 'string' ? one : one.refused);

describe('ConnectionLimits', () => {
  it('refuses connections above max.connections.per.ip from one address, and none from another', () => {
    const rig = new Rig({ maxPerIp: 2 });
    const first = rig.open();
    rig.open();
    expect(rig.open()).toBe('max.connections.per.ip=2');
    expect(refused(rig.open({ clientHost: '/10.0.0.2' }))).toBe(false);
    if (typeof first !== 'string') rig.limits.remove(first);
    expect(refused(rig.open())).toBe(false);
  });

  it('closes the oldest connection without a request for a new one', async () => {
    const rig = new Rig({ maxConnections: 3 });
    const working = rig.open({ active: true });
    const silent = rig.open({ used: false });
    const younger = rig.open({ used: false });
    await rig.clock.advance(2_000);
    expect(refused(rig.open())).toBe(false);
    expect([working, silent, younger].map(refused)).toEqual([false, true, false]);
    expect(rig.limits.size).toBe(3);
  });

  it('closes no connection that had a request within the last minute, is processing one, or belongs to another node', async () => {
    const rig = new Rig({ maxConnections: 3 });
    const open = [rig.open(), rig.open({ active: true }), rig.open({ fromPeer: true })];
    await rig.clock.advance(30_000);
    expect(rig.open()).toBe('max.connections=3');
    await rig.clock.advance(31_000);
    expect(refused(rig.open())).toBe(false);
    expect(open.map(refused)).toEqual([true, false, false]);
  });

  it('reserves descriptors for other nodes above the share', () => {
    const rig = new Rig({}, 2);
    rig.open({ active: true });
    rig.open({ active: true });
    const client = rig.open({ used: false });
    const peer = rig.open({ used: false, fromPeer: true });
    for (const one of [client, peer]) if (typeof one !== 'string') rig.limits.settle(one);
    expect([client, peer].map(refused)).toEqual([true, false]);
  });

  it('applies the override of an address, which may be 0, and the common limit to others', () => {
    const rig = new Rig({
      maxPerIp: 1,
      perIp: new Map([
        ['10.0.0.1', 2],
        ['10.0.0.9', 0],
        ['::1', 0],
      ]),
    });
    expect([rig.open(), rig.open()].map(refused)).toEqual([false, false]);
    expect(rig.open()).toBe('max.connections.per.ip.overrides=10.0.0.1:2');
    expect(refused(rig.open({ clientHost: '/10.0.0.2' }))).toBe(false);
    expect(rig.open({ clientHost: '/10.0.0.2' })).toBe('max.connections.per.ip=1');
    expect(rig.open({ clientHost: '/10.0.0.9' })).toBe('max.connections.per.ip.overrides=10.0.0.9:0');
    expect(rig.open({ clientHost: '/::1' })).toBe('max.connections.per.ip.overrides=::1:0');
  });

  it('applies a changed limit to new connections', () => {
    const rig = new Rig({});
    const open = [rig.open(), rig.open(), rig.open()];
    rig.change({ maxPerIp: 2 });
    expect(open.map(refused)).toEqual([false, false, false]);
    expect(rig.open()).toBe('max.connections.per.ip=2');
    rig.change({ perIp: new Map([['10.0.0.1', 4]]) });
    expect(refused(rig.open())).toBe(false);
  });

  it('closes the least recently used connections above a lowered max.connections, but none that is processing a request or belongs to another node', async () => {
    const rig = new Rig({});
    const open = [rig.open({ active: true }), rig.open({ fromPeer: true })];
    for (let index = 0; index < 4; index++) {
      await rig.clock.advance(10);
      open.push(rig.open());
    }
    rig.change({ maxConnections: 4 });
    expect(open.map(refused)).toEqual([false, false, true, true, false, false]);
    rig.change({ maxConnections: 1 });
    expect(open.map(refused)).toEqual([false, false, true, true, true, true]);
    expect(rig.limits.size).toBe(2);
    rig.change({ maxConnections: 3 });
    expect(refused(rig.open())).toBe(false);
  });

  it('does not count the connections of the quorum, but for the share of the descriptors', () => {
    const rig = new Rig({ maxConnections: 1, maxPerIp: 1 }, 3);
    const quorum = [rig.open({ active: true }, false), rig.open({ active: true }, false)];
    expect(quorum.map(refused)).toEqual([false, false]);
    expect(refused(rig.open({ active: true }))).toBe(false);
    expect(rig.open()).toBe('max.connections.per.ip=1');
    expect(rig.open({ clientHost: '/10.0.0.2' })).toBe('max.connections=1');
    expect(rig.limits.size).toBe(3);
    rig.change({ maxConnections: 0 });
    expect(quorum.map(refused)).toEqual([false, false]);
  });
});
