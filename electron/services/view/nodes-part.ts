/** Nodes of the embedded cluster as their supervisor reports them, and the traffic between two reports. */
import type { LabNode } from '../lab.ts';
import { elapsedSeconds, smooth, systemInstant, type Instant } from './elapsed.ts';
import { keepKnown } from './sameness.ts';
import type { ClusterState } from './state.ts';

type Target = Pick<ClusterState, 'nodes' | 'inBytesPerSecond' | 'outBytesPerSecond'>;
type Counters = ReadonlyMap<number, Pick<LabNode, 'inBytes' | 'outBytes'>>;

export class NodesPart {
  private readonly state: Target;
  private readonly read: () => Promise<readonly LabNode[]>;
  private readonly onMembership: () => void;
  private readonly now: () => Instant;
  private last: { at: Instant; counters: Counters } | undefined;

  constructor(options: {
    state: Target;
    read: () => Promise<readonly LabNode[]>;
    /** A node came, left or changed its state. */
    onMembership: () => void;
    now?: () => Instant;
  }) {
    this.state = options.state;
    this.read = options.read;
    this.onMembership = options.onMembership;
    this.now = options.now ?? systemInstant;
  }

  async round(): Promise<void> {
    const { state } = this;
    const before = state.nodes;
    const nodes = await this.read();
    state.nodes = keepKnown(before ?? undefined, nodes);
    this.measureTraffic(nodes);
    if (membershipKey(before ?? []) !== membershipKey(nodes)) this.onMembership();
  }

  private measureTraffic(nodes: readonly LabNode[]): void {
    const { state, last } = this;
    const at = this.now();
    const counters = new Map(nodes.map(({ id, inBytes, outBytes }) => [id, { inBytes, outBytes }]));
    this.last = { at, counters };
    const seconds = last === undefined ? null : elapsedSeconds(last.at, at);
    const rateOf = (field: 'inBytes' | 'outBytes'): number | null =>
      last === undefined || seconds === null ? null : bytesBetween(last.counters, counters, field) / seconds;
    state.inBytesPerSecond = smooth(state.inBytesPerSecond, rateOf('inBytes'));
    state.outBytesPerSecond = smooth(state.outBytesPerSecond, rateOf('outBytes'));
  }
}

/** Node by node: one that was restarted counts from 0, and one that was added has counted since its start. */
function bytesBetween(before: Counters, after: Counters, field: 'inBytes' | 'outBytes'): number {
  let bytes = 0;
  for (const [id, counter] of after) {
    const known = before.get(id)?.[field] ?? 0;
    bytes += counter[field] >= known ? counter[field] - known : counter[field];
  }
  return bytes;
}

function membershipKey(nodes: readonly LabNode[]): string {
  return nodes.map(({ id, state }) => `${id}${state}`).join();
}
