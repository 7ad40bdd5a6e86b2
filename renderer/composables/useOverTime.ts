/** What two looks at the view say together, some seconds apart: rates and flows, measured anew about once a second. */
import { shallowRef, watch, type ShallowRef } from 'vue';
import { useClusterStore } from '../stores/cluster.ts';

const EVERY_MS = 1_000;

/** `overMs`: how far back the first of the two looks lies at most. Until there are two, `none`. */
export function useOverTime<Look extends { at: number }, Result>(
  overMs: number,
  look: (at: number) => Look,
  between: (before: Look, after: Look) => Result,
  none: Result,
): ShallowRef<Result> {
  const cluster = useClusterStore();
  const result = shallowRef(none);
  let taken: Look[] = [];

  watch(
    () => cluster.version,
    () => {
      const at = cluster.scalars?.asOf ?? 0;
      const last = taken.at(-1);
      if (at === 0 || (last !== undefined && at - last.at < EVERY_MS && at >= last.at)) return;
      // Another connection, or a clock that went back.
      if (last !== undefined && at < last.at) taken = [];
      const next = look(at);
      taken = [...taken.filter((one) => at - one.at <= overMs), next];
      const first = taken[0];
      result.value = first === undefined ? none : between(first, next);
    },
    { immediate: true },
  );
  return result;
}
