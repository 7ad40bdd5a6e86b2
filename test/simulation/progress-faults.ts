/** Faults under which a majority continues to work, and the required progress while each of them lasts. */
import type { Random } from '../../electron/cluster/lib/random.ts';

export type Place = 'controller' | 'leader' | 'follower' | 'coordinator';

export type ProgressFault =
  | { readonly kind: 'none' }
  /** Every write is delayed; delays overlap, as in `FaultyDisk`. */
  | { readonly kind: 'slowDisk'; readonly node: Place; readonly latencyMs: number }
  | { readonly kind: 'slowDisks'; readonly latencyMs: number }
  /** Between a node and the one so many places after it, each way, while topics are created so often. */
  | { readonly kind: 'slowLink'; readonly between: readonly [Place, number]; readonly latencyMs: number; readonly createEveryMs: number }
  | { readonly kind: 'freeze' | 'isolate' | 'kill'; readonly node: Place }
  | { readonly kind: 'clockSkew'; readonly node: Place; readonly skewMs: number }
  /** Nodes pause briefly again and again, each by itself, as on a busy machine. */
  | { readonly kind: 'stutter'; readonly longestMs: number }
  /** The whole process is suspended, as on a laptop that sleeps. */
  | { readonly kind: 'suspend'; readonly forMs: number }
  /** Five requests a second at each broker that time out at once (timeoutMs=1), while links between nodes take a little longer. */
  | { readonly kind: 'impatientClient'; readonly linkMs: number };

export interface Expectation {
  /** Longest time without an acknowledged write to any partition, or a created topic, ms. */
  readonly progressMs: number;
  /** Longest time without a committed offset, ms; a group may have to rebalance. */
  readonly commitMs: number;
  /** No broker is fenced, no controller elected, and no replica leaves an ISR. */
  readonly quiet: boolean;
}

const PLACES: readonly Place[] = ['controller', 'leader', 'follower', 'coordinator'];

/** Kinds alternate, so that any range of seeds has all of them. */
export function drawProgressFault(seed: number, random: Random): ProgressFault {
  const node = PLACES[random.int(PLACES.length)] as Place;
  const latencyMs = Math.round(5 * 40 ** random.next());
  switch (seed % 11) {
    case 0:
      return { kind: 'none' };
    case 1:
    case 2:
      return { kind: 'slowDisk', node, latencyMs };
    case 3:
      return { kind: 'slowDisks', latencyMs };
    case 4:
    case 5:
      return { kind: 'slowLink', between: [node, 1 + random.int(2)], latencyMs, createEveryMs: 100 + random.int(200) };
    case 6:
      return { kind: (['freeze', 'isolate', 'kill'] as const)[random.int(3)] ?? 'freeze', node };
    case 7:
      return { kind: 'clockSkew', node, skewMs: Math.round((random.next() - 0.5) * 3_000_000) };
    case 8:
      return { kind: 'stutter', longestMs: 250 };
    case 9:
      return { kind: 'suspend', forMs: 2_000 + random.int(60_000) };
    default:
      return { kind: 'impatientClient', linkMs: 1 + random.int(10) };
  }
}

/** Maximum time, in ms, until a decision that was made in time is visible. */
export function commitSlackMs(fault: ProgressFault): number {
  if (fault.kind === 'slowLink') return 500 + 6 * fault.latencyMs;
  if (fault.kind === 'slowDisks') return 500 + 3 * fault.latencyMs;
  return fault.kind === 'stutter' ? 2_000 : 500;
}

export function expectationOf(fault: ProgressFault): Expectation {
  switch (fault.kind) {
    case 'slowDisk':
    case 'slowDisks':
      return { progressMs: 2_500 + 8 * fault.latencyMs, commitMs: 4_000 + 12 * fault.latencyMs, quiet: true };
    case 'slowLink':
      return { progressMs: 2_500 + 10 * fault.latencyMs, commitMs: 4_000 + 15 * fault.latencyMs, quiet: true };
    // A session has to expire first, and clients have to learn of it.
    case 'freeze':
    case 'isolate':
    case 'kill':
      return { progressMs: 10_000, commitMs: 18_000, quiet: false };
    case 'stutter':
      return { progressMs: 3_500, commitMs: 6_000, quiet: true };
    case 'none':
    case 'clockSkew':
    case 'suspend':
    case 'impatientClient':
      return { progressMs: 2_500, commitMs: 4_000, quiet: true };
  }
}

/** A fault as one line of text. */
export function describeProgressFault({ kind, ...rest }: ProgressFault): string {
  const more = Object.entries(rest).map(([key, value]) => `${key} ${Array.isArray(value) ? value.join('-') : String(value)}`);
  return [kind, ...more].join(', ');
}
