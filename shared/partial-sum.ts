/** Sums of which parts may be unknown. A sum never passes for less than it is: it is unknown, or a lower bound. */

export interface PartialSum {
  /** Null where no part is known; a lower bound while `unknown` is not 0. */
  readonly known: bigint | null;
  /** Parts that are unknown. */
  readonly unknown: number;
}

/** Of decimal strings; null is an unknown part. Of no parts: 0. */
export function sumOfKnown(parts: Iterable<string | null>): PartialSum {
  let sum = 0n;
  let known = 0;
  let unknown = 0;
  for (const part of parts) {
    if (part === null) unknown++;
    else {
      sum += BigInt(part);
      known++;
    }
  }
  return { known: known === 0 && unknown > 0 ? null : sum, unknown };
}

/** Of partial sums; one that is unknown as a whole counts as at least one unknown part. */
export function addSums(sums: Iterable<PartialSum>): PartialSum {
  let total = 0n;
  let isSomeKnown = false;
  let isSomeUnknown = false;
  let unknown = 0;
  for (const { known, unknown: missing } of sums) {
    if (known === null) {
      isSomeUnknown = true;
      unknown += Math.max(1, missing);
      continue;
    }
    total += known;
    unknown += missing;
    isSomeKnown = true;
  }
  return { known: isSomeUnknown && !isSomeKnown ? null : total, unknown };
}
