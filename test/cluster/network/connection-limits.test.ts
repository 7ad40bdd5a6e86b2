import { describe, expect, it } from 'vitest';
import { ConnectionLimits, type LimitedConnection } from '../../../electron/cluster/network/connection-limits.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

interface Fake extends LimitedConnection {
  refused: boolean;
}

const SETTINGS = { maxConnections: 2_147_483_647, maxPerIp: 2_147_483_647 };

class Rig {
  readonly clock = new VirtualClock();
  readonly limits: ConnectionLimits;

  constructor(settings: Partial<typeof SETTINGS>, share?: number) {
    this.limits = new ConnectionLimits(this.clock, () => ({ ...SETTINGS, ...settings }), share);
  }

  /** Opens one, or answers why not. */
  open(more: Partial<LimitedConnection> = {}): Fake | string {
    const clientHost = more.clientHost ?? '/10.0.0.1';
    const reason = this.limits.refusal(clientHost);
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
    this.limits.add(one);
    return one;
  }
}

const refused = (one: Fake | string): boolean | string => (typeof one === 'string' ? one : one.refused);

describe('ConnectionLimits', () => {
  it('refuses one connection more than max.connections.per.ip from one address, and none from another', () => {
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

  it('closes no connection that had a request within the last minute, is at work, or is of another node', async () => {
    const rig = new Rig({ maxConnections: 3 });
    const open = [rig.open(), rig.open({ active: true }), rig.open({ fromPeer: true })];
    await rig.clock.advance(30_000);
    expect(rig.open()).toBe('max.connections=3');
    await rig.clock.advance(31_000);
    expect(refused(rig.open())).toBe(false);
    expect(open.map(refused)).toEqual([true, false, false]);
  });

  it('keeps room for other nodes above the share of the descriptors', () => {
    const rig = new Rig({}, 2);
    rig.open({ active: true });
    rig.open({ active: true });
    const client = rig.open({ used: false });
    const peer = rig.open({ used: false, fromPeer: true });
    for (const one of [client, peer]) if (typeof one !== 'string') rig.limits.settle(one);
    expect([client, peer].map(refused)).toEqual([true, false]);
  });
});
