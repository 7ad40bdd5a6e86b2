/**
 * A network with faults between this node and chosen others: links that are cut, one way or both, and links that are
 * slow. What a cut holds back is not lost: as with TCP over a dead link, it arrives after the link is healed, unless a
 * side gave up in between; closes and resets are held back as well. A cut is never seen as an error, only as silence.
 *
 * Between nodes, faults are laid over the streams that this node opened, in both directions of each. A stream that a
 * fellow node opened is that node's to fault, since it alone knows where the stream leads. So a fault between two nodes
 * is told to both: `cut(b, 'out')` at a and `cut(a, 'in')` at b.
 *
 * Between this node and clients, faults are laid over the streams that it accepted from anybody but a fellow node, on all
 * its listeners. Who opened a stream is asked (`isFellow`) when the first byte arrives on it: by then a fellow node has said
 * that the port is its own. The kernel goes on accepting, so a client that is cut off connects and then hears nothing.
 */
import type { Clock } from '../lib/clock.ts';
import { NetworkError, type Address, type Listener, type Network, type Stream } from '../lib/network.ts';
import type { Random } from '../lib/random.ts';
import type { Direction, LinkFault, LinkRule, Peer } from '../lib/node-faults.ts';
import { combined, HEALTHY, Link } from './faulty-link.ts';
import { FaultyStream } from './faulty-stream.ts';

export type { Direction, LinkFault, LinkRule, Peer } from '../lib/node-faults.ts';

export interface FaultyNetworkOptions {
  inner: Network;
  clock: Clock;
  random: Random;
  /** The node that listens there; undefined for an address of no node. */
  nodeOf: (address: Address) => number | undefined;
  /** Whether an accepted stream, by its `remote`, comes from a node of the cluster. Absent: nobody can tell, and clients have no faults. */
  isFellow?: (remote: string) => boolean;
}

export class FaultyNetwork implements Network {
  private readonly options: FaultyNetworkOptions;
  private readonly links = new Map<Peer, Link>();
  /** Between fellow nodes on streams that the other one opened: never faulted here. */
  private readonly sound = new Link();
  private rules: readonly LinkRule[] = [];

  constructor(options: FaultyNetworkOptions) {
    this.options = options;
  }

  /** These rules and no others hold from now on: a link is cut if any says so, latencies and jitters add up, the least bandwidth counts. */
  set(rules: readonly LinkRule[]): void {
    this.rules = [...rules];
    for (const { peer } of rules) this.link(peer);
    for (const [peer, link] of this.links) {
      link.in.set(combined(rules, peer, 'in'));
      link.out.set(combined(rules, peer, 'out'));
      for (const listener of [...link.changed]) listener();
    }
  }

  /** From now on nothing passes between this node and `peer` in that direction, as seen from here. */
  cut(peer: Peer, direction: Direction = 'both'): void {
    this.set([...this.rules, { ...HEALTHY, peer, direction, cut: true }]);
  }

  /** Makes what passes late, or slow. */
  slow(peer: Peer, fault: Partial<Omit<LinkFault, 'cut'>>, direction: Direction = 'both'): void {
    this.set([...this.rules, { ...HEALTHY, ...fault, peer, direction }]);
  }

  /** Ends every fault of the link to `peer`, of all links without one. */
  heal(peer?: Peer): void {
    this.set(peer === undefined ? [] : this.rules.filter((rule) => rule.peer !== peer));
  }

  /** How the links with faults are, by peer. */
  faults(): { peer: Peer; in: LinkFault; out: LinkFault }[] {
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

  private link(peer: Peer): Link {
    let link = this.links.get(peer);
    if (link === undefined) this.links.set(peer, (link = new Link()));
    return link;
  }

  /** A handshake needs both directions: it is sent again and again, so it succeeds soon after the link is healed. */
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
