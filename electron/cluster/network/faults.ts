/**
 * A network with faults between this node and chosen peers: links that are cut, in one direction or both, and slow
 * links. Bytes on a cut link are not lost: as with TCP over a dead link, they arrive after the link is repaired, unless one
 * side gave up in between; closes and resets are held back as well. A cut never causes an error, only silence.
 *
 * Between nodes, faults apply to the streams that this node opened, in both directions of each. A stream that a
 * peer node opened is faulted there, since only that node knows the other end. So a fault between two nodes is applied at
 * both: `cut(b, 'out')` at a and `cut(a, 'in')` at b.
 *
 * Between this node and clients, faults apply to accepted streams, except those of peer nodes, on all listeners. The owner of a
 * stream is looked up (`isFellow`) when the first byte arrives on it: by then a peer node has published its port. The kernel still
 * accepts connections, so a client that is cut off connects and then receives nothing.
 */
import type { Clock } from '../lib/clock.ts';
import { NetworkError, type Address, type Listener, type Network, type Stream } from '../lib/network.ts';
import type { Random } from '../lib/random.ts';
import type { LinkDirection, LinkEnd } from '#shared/models/lab';
import type { LinkFault, LinkRule } from '../lib/node-faults.ts';
import { combined, HEALTHY, Link } from './faulty-link.ts';
import { FaultyStream } from './faulty-stream.ts';

export type { LinkFault, LinkRule } from '../lib/node-faults.ts';

export interface FaultyNetworkOptions {
  inner: Network;
  clock: Clock;
  random: Random;
  /** The node at that address; undefined for an address of no node. */
  nodeOf: (address: Address) => number | undefined;
  /** Whether an accepted stream, by its `remote`, comes from a node of the cluster. Absent: unknown, and clients have no faults. */
  isFellow?: (remote: string) => boolean;
}

export class FaultyNetwork implements Network {
  private readonly options: FaultyNetworkOptions;
  private readonly links = new Map<LinkEnd, Link>();
  /** Streams that a peer node opened: never faulted here. */
  private readonly sound = new Link();
  private rules: readonly LinkRule[] = [];

  constructor(options: FaultyNetworkOptions) {
    this.options = options;
  }

  /** Replaces all rules: a link is cut if any rule cuts it, latencies and jitters add up, the least bandwidth counts. */
  set(rules: readonly LinkRule[]): void {
    this.rules = [...rules];
    for (const { peer } of rules) this.link(peer);
    for (const [peer, link] of this.links) {
      link.in.set(combined(rules, peer, 'in'));
      link.out.set(combined(rules, peer, 'out'));
      for (const listener of [...link.changed]) listener();
    }
  }

  /** Blocks traffic between this node and `peer` in that direction, as seen from here. */
  cut(peer: LinkEnd, direction: LinkDirection = 'both'): void {
    this.set([...this.rules, { ...HEALTHY, peer, direction, cut: true }]);
  }

  /** Adds latency or a bandwidth limit. */
  slow(peer: LinkEnd, fault: Partial<Omit<LinkFault, 'cut'>>, direction: LinkDirection = 'both'): void {
    this.set([...this.rules, { ...HEALTHY, ...fault, peer, direction }]);
  }

  /** Ends every fault of the link to `peer`, or of all links if it is absent. */
  heal(peer?: LinkEnd): void {
    this.set(peer === undefined ? [] : this.rules.filter((rule) => rule.peer !== peer));
  }

  /** The state of links with faults, by peer. */
  faults(): { peer: LinkEnd; in: LinkFault; out: LinkFault }[] {
    return [...this.links]
      .filter(([, link]) => link.in.fault !== HEALTHY || link.out.fault !== HEALTHY)
      .map(([peer, link]) => ({ peer, in: link.in.fault, out: link.out.fault }));
  }

  listen(address: Address, accept: (stream: Stream) => void): Promise<Listener> {
    const { inner, clock, random, isFellow } = this.options;
    if (isFellow === undefined) return inner.listen(address, accept);
    return inner.listen(address, (stream) => {
      const linkOf = (): Link => (isFellow(stream.remote) ? this.sound : this.link('clients'));
      accept(new FaultyStream(stream, linkOf, clock, random, () => isFellow(stream.remote)));
    });
  }

  async connect(address: Address, timeoutMs: number): Promise<Stream> {
    const { inner, clock, random, nodeOf } = this.options;
    const peer = nodeOf(address);
    if (peer === undefined) return inner.connect(address, timeoutMs);
    const link = this.link(peer);
    const from = clock.monotonic();
    await this.passable(link, address, timeoutMs);
    const stream = await inner.connect(address, Math.max(1, timeoutMs - (clock.monotonic() - from)));
    return new FaultyStream(stream, link, clock, random);
  }

  private link(peer: LinkEnd): Link {
    let link = this.links.get(peer);
    if (link === undefined) this.links.set(peer, (link = new Link()));
    return link;
  }

  /** A handshake needs both directions: the kernel repeats it, so it succeeds soon after the link is repaired. */
  private passable(link: Link, address: Address, timeoutMs: number): Promise<void> {
    if (!link.cut) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.options.clock.setTimer(timeoutMs, () => {
        link.changed.delete(check);
        reject(new NetworkError('ETIMEDOUT', `${address.host}:${address.port} did not answer within ${timeoutMs} ms`));
      });
      const check = (): void => {
        if (link.cut) return;
        link.changed.delete(check);
        timer.cancel();
        resolve();
      };
      link.changed.add(check);
    });
  }
}
