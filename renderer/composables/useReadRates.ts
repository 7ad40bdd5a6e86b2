/** What flows to each group now, measured over the last seconds of the view. */
import { shallowRef, watch } from 'vue';
import { readRatesBetween, snapshotCommitted, type CommittedSnapshot } from '../format/read-rates.ts';
import { useClusterStore } from '../stores/cluster.ts';

const EVERY_MS = 1_000;
/** Long enough to hold two rounds of polling, and two commits of a consumer that commits every second. */
const OVER_MS = 5_000;

export function useReadRates() {
  const cluster = useClusterStore();
  const rates = shallowRef<ReadonlyMap<string, number>>(new Map());
  let taken: CommittedSnapshot[] = [];

  watch(
    () => cluster.version,
    () => {
      const at = cluster.scalars?.asOf ?? 0;
      const last = taken.at(-1);
      if (at === 0 || (last !== undefined && at - last.at < EVERY_MS && at >= last.at)) return;
      // Another connection, or a clock that went back.
      if (last !== undefined && at < last.at) taken = [];
      const next = snapshotCommitted(cluster.groups.values(), at);
      taken = [...taken.filter((one) => at - one.at <= OVER_MS), next];
      const first = taken[0];
      rates.value = first === undefined ? new Map() : readRatesBetween(first, next);
    },
    { immediate: true },
  );
  return rates;
}
