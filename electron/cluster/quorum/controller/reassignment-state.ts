/**
 * A partition under reassignment (KIP-455). Its replicas are the target replicas, in their order, followed by those to be removed;
 * `addingReplicas` and `removingReplicas` name them. It is complete once all added replicas are in sync.
 */
export interface Assignment {
  readonly replicas: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly removingReplicas: readonly number[];
}

export function isReassigning({ addingReplicas, removingReplicas }: Assignment): boolean {
  return addingReplicas.length > 0 || removingReplicas.length > 0;
}

/** The target replicas. */
export function targetReplicas({ replicas, removingReplicas }: Assignment): number[] {
  return replicas.filter((broker) => !removingReplicas.includes(broker));
}

/** The replicas before the reassignment. */
export function originalReplicas({ replicas, addingReplicas }: Assignment): number[] {
  return replicas.filter((broker) => !addingReplicas.includes(broker));
}

/**
 * Starts a reassignment to the target replicas. It replaces one in progress: added replicas that are no longer targets are removed at once.
 */
export function reassign(current: Assignment, wanted: readonly number[]): Assignment {
  const original = originalReplicas(current);
  const removingReplicas = original.filter((broker) => !wanted.includes(broker));
  const addingReplicas = wanted.filter((broker) => !original.includes(broker));
  return { replicas: [...wanted, ...removingReplicas], addingReplicas, removingReplicas };
}

/**
 * Completes a reassignment when possible: all added replicas are in the ISR, one of the remaining replicas can lead, and enough of them have
 * all records for min.insync.replicas. With fewer, only the replicas to be removed may have those records besides, in the ISR or as eligible
 * replicas. Undefined while it cannot be completed, or without a reassignment.
 */
export function completed(
  assignment: Assignment,
  isr: readonly number[],
  acceptable: (broker: number) => boolean,
  minInsyncReplicas: (replicas: readonly number[]) => number,
): { assignment: Assignment; isr: number[] } | undefined {
  if (!isReassigning(assignment)) return undefined;
  const replicas = targetReplicas(assignment);
  const staying = isr.filter((broker) => replicas.includes(broker));
  if (!assignment.addingReplicas.every((broker) => isr.includes(broker)) || !staying.some(acceptable)) return undefined;
  if (staying.length < minInsyncReplicas(replicas)) return undefined;
  return { assignment: { replicas, addingReplicas: [], removingReplicas: [] }, isr: staying };
}
