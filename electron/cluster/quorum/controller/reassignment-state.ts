/**
 * A partition on its way to other brokers (KIP-455). Its replicas are the wanted ones, in their order, and behind them those that leave;
 * which are which stands in `addingReplicas` and `removingReplicas`. It has arrived once everyone who came is in sync.
 */
export interface Assignment {
  readonly replicas: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly removingReplicas: readonly number[];
}

export function isReassigning({ addingReplicas, removingReplicas }: Assignment): boolean {
  return addingReplicas.length > 0 || removingReplicas.length > 0;
}

/** The replicas there will be. */
export function targetReplicas({ replicas, removingReplicas }: Assignment): number[] {
  return replicas.filter((broker) => !removingReplicas.includes(broker));
}

/** The replicas there were before. */
export function originalReplicas({ replicas, addingReplicas }: Assignment): number[] {
  return replicas.filter((broker) => !addingReplicas.includes(broker));
}

/**
 * From where a partition is to the wanted replicas. A move that is under way is given up for this one: who was on its way and is not
 * wanted goes at once.
 */
export function reassign(current: Assignment, wanted: readonly number[]): Assignment {
  const original = originalReplicas(current);
  const removingReplicas = original.filter((broker) => !wanted.includes(broker));
  const addingReplicas = wanted.filter((broker) => !original.includes(broker));
  return { replicas: [...wanted, ...removingReplicas], addingReplicas, removingReplicas };
}

/**
 * The end of a reassignment, once it can end: everyone who came is in the ISR, one of those who stay can lead, and enough of them have all
 * records for min.insync.replicas. While there are fewer, those who are to leave may be the only ones that have them beside, in the ISR
 * or eligible. Undefined while it cannot, or where there is none.
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
