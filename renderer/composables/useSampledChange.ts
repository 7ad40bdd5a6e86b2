/** A result computed from two samples of the view some seconds apart, about once a second: rates and flows. */
import { shallowRef, watch, type ShallowRef } from 'vue';
import { useClusterStore } from '../stores/cluster.ts';

const EVERY_MS = 1_000;

/** `overMs`: the greatest age of the first sample. `none` until there are two samples. */
export function useSampledChange<Sample extends { at: number }, Result>(
  overMs: number,
  take: (at: number) => Sample,
  compare: (before: Sample, after: Sample) => Result,
  none: Result,
): ShallowRef<Result> {
  const cluster = useClusterStore();
  const result = shallowRef(none);
  let samples: Sample[] = [];

  watch(
    () => cluster.version,
    () => {
      const at = cluster.scalars?.asOf ?? 0;
      const last = samples.at(-1);
      if (at === 0 || (last !== undefined && at - last.at < EVERY_MS && at >= last.at)) return;
      // Another connection, or a clock that went back.
      if (last !== undefined && at < last.at) samples = [];
      const next = take(at);
      samples = [...samples.filter((one) => at - one.at <= overMs), next];
      const first = samples[0];
      result.value = first === undefined ? none : compare(first, next);
    },
    { immediate: true },
  );
  return result;
}
