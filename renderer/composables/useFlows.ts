/** What flows along each link now, measured over the last seconds of the view. */
import { shallowRef, watch } from 'vue';
import { flowsBetween, ratesBetween, snapshotOffsets, type Flow, type OffsetSnapshot } from '../format/flow.ts';
import { useClusterStore } from '../stores/cluster.ts';

const EVERY_MS = 1_000;
/** Long enough to hold two rounds of polling. */
const OVER_MS = 4_000;

export function useFlows() {
  return useMeasured().flows;
}

/** By link, and by partition. */
export function useMeasured() {
  const cluster = useClusterStore();
  const flows = shallowRef<ReadonlyMap<string, Flow>>(new Map());
  const rates = shallowRef<ReadonlyMap<string, number>>(new Map());
  let taken: OffsetSnapshot[] = [];

  watch(
    () => cluster.version,
    () => {
      const at = cluster.scalars?.asOf ?? 0;
      const last = taken.at(-1);
      if (at === 0 || (last !== undefined && at - last.at < EVERY_MS && at >= last.at)) return;
      // Another connection, or a clock that went back.
      if (last !== undefined && at < last.at) taken = [];
      const next = snapshotOffsets(cluster.topics.values(), at);
      taken = [...taken.filter((one) => at - one.at <= OVER_MS), next];
      const first = taken[0];
      flows.value = first === undefined ? new Map() : flowsBetween(first, next);
      rates.value = first === undefined ? new Map() : ratesBetween(first, next);
    },
    { immediate: true },
  );
  return { flows, rates };
}
