/** What flows along each link now, measured over the last seconds of the view. */
import { computed } from 'vue';
import { flowsBetween, ratesBetween, snapshotOffsets, type Flow, type OffsetSnapshot } from '../lab/flow.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useSampledChange } from './useSampledChange.ts';

/** Long enough to hold two rounds of polling. */
const OVER_MS = 4_000;

export function useFlows() {
  return useMeasured().flows;
}

interface Measured {
  flows: ReadonlyMap<string, Flow>;
  rates: ReadonlyMap<string, number>;
}

/** By link, and by partition. */
export function useMeasured() {
  const cluster = useClusterStore();
  const measured = useSampledChange<OffsetSnapshot, Measured>(
    OVER_MS,
    (at) => snapshotOffsets(cluster.topics.values(), at),
    (before, after) => ({ flows: flowsBetween(before, after), rates: ratesBetween(before, after) }),
    { flows: new Map(), rates: new Map() },
  );
  return { flows: computed(() => measured.value.flows), rates: computed(() => measured.value.rates) };
}
