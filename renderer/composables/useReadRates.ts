/** Records per second that each group consumes, measured over the last seconds of the view. */
import type { ShallowRef } from 'vue';
import { readRatesBetween, snapshotCommitted } from '../lab/read-rates.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useSampledChange } from './useSampledChange.ts';

/** Long enough to hold two rounds of polling, and two commits of a consumer that commits every second. */
const OVER_MS = 5_000;

export function useReadRates(): ShallowRef<ReadonlyMap<string, number>> {
  const cluster = useClusterStore();
  return useSampledChange<ReturnType<typeof snapshotCommitted>, ReadonlyMap<string, number>>(
    OVER_MS,
    (at) => snapshotCommitted(cluster.groups.values(), at),
    readRatesBetween,
    new Map(),
  );
}
