/** The link between this node and one peer, with the combination of all faults that apply to it. */

import type { LinkEnd } from '#shared/models/lab';
import type { LinkFault, LinkRule } from '../lib/node-faults.ts';

export const HEALTHY: LinkFault = { cut: false, latencyMs: 0, jitterMs: 0, bytesPerSecond: 0 };
/** One direction of a link. */
export class Way {
  fault: LinkFault = HEALTHY;
  /** Monotonic ms until which earlier bytes fill a link of limited bandwidth. */
  private busyUntil = 0;

  set(fault: LinkFault): void {
    this.fault = fault;
    if (fault.bytesPerSecond === 0) this.busyUntil = 0;
  }

  /** Monotonic ms at which the last of `size` bytes that are sent now has left. */
  sent(size: number, now: number): number {
    const { bytesPerSecond } = this.fault;
    if (bytesPerSecond === 0) return now;
    this.busyUntil = Math.max(this.busyUntil, now) + (size * 1000) / bytesPerSecond;
    return this.busyUntil;
  }
}

/** Both directions of the link to one peer, and the streams that wait on it. */
export class Link {
  readonly in = new Way();
  readonly out = new Way();
  readonly changed = new Set<() => void>();

  get cut(): boolean {
    return this.in.fault.cut || this.out.fault.cut;
  }
}

/** HEALTHY itself where no rule concerns that direction. */
export function combined(rules: readonly LinkRule[], peer: LinkEnd, way: 'in' | 'out'): LinkFault {
  let fault = HEALTHY;
  for (const rule of rules) {
    if (rule.peer !== peer || (rule.direction !== 'both' && rule.direction !== way)) continue;
    fault = {
      cut: fault.cut || rule.cut,
      latencyMs: fault.latencyMs + rule.latencyMs,
      jitterMs: fault.jitterMs + rule.jitterMs,
      bytesPerSecond: leastLimit(fault.bytesPerSecond, rule.bytesPerSecond),
    };
  }
  return fault;
}

/** The smaller of two limits, of which 0 is none. */
function leastLimit(a: number, b: number): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b);
}
